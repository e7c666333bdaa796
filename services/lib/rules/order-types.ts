// What the types of orders have in common (TYP-1 to TYP-4): which wait outside the book, which
// have a limit, which may rest, and in which direction a waiting one is triggered.
import type { OrderTerms, OrderType, Side, TimeInForce } from './terms.ts';

/** Whether orders of the type wait outside the book until they are triggered (TYP-3, TYP-4). */
export function isWaitingType(type: OrderType): boolean {
  return type !== 'LIMIT' && type !== 'MARKET';
}

/** Whether orders of the type have a limit price; all others trade as market orders (TYP-2). */
export function hasLimit(type: OrderType): boolean {
  return type === 'LIMIT' || type === 'STOP_LIMIT' || type === 'TAKE_PROFIT_LIMIT';
}

/** Whether what is left of an order after its arrival is canceled at once. */
export function endsOnArrival(timeInForce: TimeInForce): boolean {
  return timeInForce === 'IOC' || timeInForce === 'FOK';
}

/** Whether what is left of an order after its arrival rests in the book. */
export function mayRest(terms: Pick<OrderTerms, 'type' | 'timeInForce'>): boolean {
  return hasLimit(terms.type) && !endsOnArrival(terms.timeInForce);
}

/** Whether a waiting order triggers at last ≥ stop price; the others do at last ≤ (TYP-3). */
export function triggersAbove(type: OrderType, side: Side): boolean {
  const takesProfit = type === 'TAKE_PROFIT' || type === 'TAKE_PROFIT_LIMIT';
  return (side === 'BUY') !== takesProfit;
}
