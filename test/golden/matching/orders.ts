// Orders and groups of orders in the language of the goldens: `a1 buy 5 @ 100 post-only`.

import type { GroupType, OrderTerms, Side } from '../../../services/lib/rules/terms.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { Floor } from './floor.ts';
import { mistake, Words } from './words.ts';

const MODES = ['CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT', 'NONE'] as const;

/** What an order asks for when nothing is said. */
const PLAIN: OrderTerms = {
  instrumentNumber: 1,
  side: 'BUY',
  type: 'LIMIT',
  timeInForce: 'GTC',
  postOnly: false,
  quantityUnits: 0,
  quoteBudgetUnits: 0n,
  priceUnits: 0,
  stopPriceUnits: 0,
  trailingOffsetUnits: 0,
  trailingOffsetBps: 0,
  expireTimeUs: 0,
  displayUnits: 0,
  minimumUnits: 0,
  selfTradePrevention: 'CANCEL_TAKER',
  selfTradeGroup: 0,
  makerRatePpm: 0,
  takerRatePpm: 0,
  auctionRatePpm: 0,
  instrumentVersion: 1,
};

/** `ann: a1 buy 5 @ 100 …`, `ann: oco a1 … | a2 …`, `ann: bracket e … | t … | s …`. */
export function readPlacing(floor: Floor, words: Words): MatchingCommand {
  const account = words.next('an account');
  if (!account.endsWith(':')) mistake(`no command begins with "${account}"`);
  const owner = account.slice(0, -1);
  if (words.takes('oco')) return readGroup(floor, owner, 'OCO', words);
  if (words.takes('bracket')) return readGroup(floor, owner, 'BRACKET', words);
  const id = floor.nameOrder(words.next('the name of an order'), owner);
  const terms = readTerms(floor, owner, words, false);
  return { kind: 'placeOrder', ...id, terms };
}

function readGroup(
  floor: Floor,
  owner: string,
  groupType: GroupType,
  words: Words,
): MatchingCommand {
  const texts = words.rest().split('|');
  const count = groupType === 'OCO' ? 2 : 3;
  if (texts.length !== count) mistake(`this group has ${count} orders, with "|" between them`);
  const ids: { accountNumber: number; placement: number }[] = [];
  const legs: OrderTerms[] = [];
  for (const text of texts) {
    const leg = new Words(text);
    ids.push(floor.nameOrder(leg.next('the name of an order'), owner));
    const isExit = groupType === 'BRACKET' && legs.length > 0;
    legs.push(readTerms(floor, owner, leg, isExit));
  }
  const [first] = ids;
  const areNext = ids.every((id, leg) => id.placement === (first?.placement ?? 0) + leg);
  if (first === undefined || !areNext) mistake('the orders of a group have names of their own');
  return { kind: 'placeOrderGroup', ...first, groupType, legs };
}

function readTerms(floor: Floor, owner: string, words: Words, isExit: boolean): OrderTerms {
  const side: Side = words.oneOf(['BUY', 'SELL'] as const, 'the side');
  const selfTradeGroup = floor.selfTradeGroupOf(owner);
  let terms: OrderTerms = {
    ...PLAIN,
    side,
    selfTradeGroup,
    instrumentVersion: floor.rules.version,
  };
  if (words.takes('for')) terms = { ...terms, quoteBudgetUnits: words.amount('the budget') };
  else if (!isExit || words.isNumberNext)
    terms = { ...terms, quantityUnits: words.number('the quantity') };
  terms = { ...terms, ...readType(words) };
  while (!words.isEmpty) terms = { ...terms, ...readTerm(words) };
  return terms;
}

/** `@ 100`, `market`, `stop 95`, `stop 95 @ 94`, `take-profit 105`, `trailing 5`. */
function readType(words: Words): Partial<OrderTerms> {
  const word = words.next('"@", "market", "stop", "take-profit" or "trailing"');
  switch (word) {
    case '@':
      return { type: 'LIMIT', priceUnits: words.number('the price') };
    case 'market':
      return { type: 'MARKET', timeInForce: 'IOC', ...readWorst(words) };
    case 'stop':
    case 'take-profit': {
      const stopPriceUnits = words.number('the stop price');
      const type = word === 'stop' ? 'STOP' : 'TAKE_PROFIT';
      if (!words.takes('@')) return { type, stopPriceUnits, ...readWorst(words) };
      return { type: `${type}_LIMIT`, stopPriceUnits, priceUnits: words.number('the price') };
    }
    case 'trailing': {
      const distance = words.number('the distance');
      const offset = words.takes('bps')
        ? { trailingOffsetBps: distance }
        : { trailingOffsetUnits: distance };
      return { type: 'TRAILING_STOP', ...offset, ...readWorst(words) };
    }
    default:
      return mistake(`"${word}" is no type of an order`);
  }
}

function readWorst(words: Words): Partial<OrderTerms> {
  return words.takes('worst') ? { priceUnits: words.number('the worst price') } : {};
}

function readTerm(words: Words): Partial<OrderTerms> {
  const word = words.next('a term');
  switch (word) {
    case 'gtc':
      return { timeInForce: 'GTC' };
    case 'ioc':
      return { timeInForce: 'IOC' };
    case 'fok':
      return { timeInForce: 'FOK' };
    case 'day':
      return { timeInForce: 'DAY' };
    case 'until':
      return { timeInForce: 'GTD', expireTimeUs: words.seconds('the time of its end') };
    case 'post-only':
      return { postOnly: true };
    case 'show':
      return { displayUnits: words.number('what is shown') };
    case 'at-least':
      return { minimumUnits: words.number('the minimum quantity') };
    case 'stp':
      return { selfTradePrevention: words.oneOf(MODES, 'the mode') };
    case 'fees-ppm':
      return {
        makerRatePpm: words.number('the rate as maker'),
        takerRatePpm: words.number('the rate as taker'),
      };
    case 'auction-fee-ppm':
      return { auctionRatePpm: words.number('the rate in an auction') };
    case 'version':
      return { instrumentVersion: words.number('a version') };
    // What no edge lets through, to see that the book does not either.
    case 'stop-price':
      return { stopPriceUnits: words.number('the stop price') };
    case 'budget':
      return { quoteBudgetUnits: words.amount('the budget') };
    default:
      return mistake(`"${word}" is no term of an order`);
  }
}
