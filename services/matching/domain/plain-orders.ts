// Nearly every order is a plain one: a limit order without any of the options, in continuous
// trading, that breaks no rule. Whether it is one is found in one look at its fields, with the same
// outcome as the checks of every rule, one after the other, have for it; of what is not plain,
// those checks say why, or what else it is.
import { isPlainAndGood } from '../../lib/rules/check-order.ts';
import type { Book } from './book.ts';
import type { PlaceOrder } from './command.ts';
import { preventionBits } from './incoming.ts';
import type { OrderLife } from './order-life.ts';
import { isOrderName, type PlacingContext } from './placing.ts';

/** Whether an order is accepted as a plain limit order, GTC or IOC. */
export function isPlainPlacement(
  { life, limits }: PlacingContext,
  book: Book,
  command: PlaceOrder,
): boolean {
  const { terms } = command;
  if (book.state !== 'CONTINUOUS' || book.staticReferenceUnits !== 0) return false;
  if (book.openBrackets !== 0 || terms.postOnly || !isPlainAndGood(book.rules, terms)) return false;
  if (preventionBits(terms.selfTradePrevention) < 0 || !isOrderName(command)) return false;
  const { index, holders } = life.resting;
  if (index.find(command.accountNumber, command.placement) !== 0) return false;
  if (terms.timeInForce !== 'GTC') return true;
  const { instrumentNumber, maximumOpenOrders } = book.rules;
  if (holders.openCount(command.accountNumber, instrumentNumber) >= maximumOpenOrders) return false;
  return book.orderCount < limits.ordersPerBook && hasRoomFor(life, book, terms);
}

/** Whether the sum of the order's side stays exact (MAT-7). */
function hasRoomFor(life: OrderLife, book: Book, terms: PlaceOrder['terms']): boolean {
  const side = book.sideOf(terms.side);
  const total = side.quantityUnits + life.hidden.onSide(side) + terms.quantityUnits;
  return total <= Number.MAX_SAFE_INTEGER;
}
