// What is wrong with an order, an amend or a state, in the order in which reasons take
// precedence. `FORM` is an error of the call, which the book refuses without an event.

import type {
  InstrumentRules,
  InstrumentState,
  OrderTerms,
  RejectReason,
} from '../../../services/matching/domain/rules.ts';
import { isLimited, isWaitingType, notionalOf } from './naive-order.ts';

export type Problem = 'FORM' | RejectReason | undefined;

/** Numbers of the terms that count something. */
const COUNTS = [
  'priceUnits',
  'quantityUnits',
  'stopPriceUnits',
  'trailingOffsetUnits',
  'trailingOffsetBps',
  'expireTimeUs',
  'displayUnits',
  'minimumUnits',
] as const;

const LARGEST_AMOUNT = 2n ** 62n;

/** STA-1: which orders a state admits. */
export function isAdmitted(state: InstrumentState, terms: OrderTerms): boolean {
  const { type, timeInForce } = terms;
  switch (state) {
    case 'CONTINUOUS':
      return true;
    case 'PRE_OPEN':
    case 'AUCTION':
      if (isWaitingType(type)) return true;
      if (type === 'MARKET' || terms.minimumUnits > 0) return false;
      return timeInForce !== 'IOC' && timeInForce !== 'FOK';
    case 'POST_ONLY':
      return type === 'LIMIT' && terms.postOnly;
    default:
      return false;
  }
}

/** Which fields go together. The exits of a bracket get their quantity from its entry. */
export function hasForm(terms: OrderTerms, isExit: boolean): boolean {
  const { type, timeInForce, quoteBudgetUnits: budget, quantityUnits } = terms;
  if (COUNTS.some((field) => !Number.isSafeInteger(terms[field]) || terms[field] < 0)) return false;
  if (budget < 0n || budget > LARGEST_AMOUNT) return false;
  if (isExit) {
    if (budget !== 0n || quantityUnits !== 0) return false;
    if (terms.displayUnits > 0 || terms.minimumUnits > 0) return false;
  } else if (budget > 0n === quantityUnits > 0) return false;
  if (budget > 0n && (type !== 'MARKET' || timeInForce !== 'IOC' || terms.minimumUnits > 0)) {
    return false;
  }
  return hasPrices(terms) && hasTime(terms) && hasOptions(terms);
}

function hasPrices(terms: OrderTerms): boolean {
  const { type, trailingOffsetUnits: offset, trailingOffsetBps: bps } = terms;
  if (isLimited(type) && terms.priceUnits === 0) return false;
  const isTrailing = type === 'TRAILING_STOP';
  if (isWaitingType(type) && !isTrailing !== terms.stopPriceUnits > 0) return false;
  if (!isWaitingType(type) && terms.stopPriceUnits > 0) return false;
  if (!isTrailing) return offset === 0 && bps === 0;
  return offset > 0 !== bps > 0 && bps < 10_000;
}

function hasTime(terms: OrderTerms): boolean {
  const { type, timeInForce } = terms;
  if ((timeInForce === 'GTD') !== terms.expireTimeUs > 0) return false;
  const isAtOnce = timeInForce === 'IOC' || timeInForce === 'FOK';
  if (type === 'MARKET') return isAtOnce;
  return isLimited(type) || !isAtOnce;
}

function hasOptions(terms: OrderTerms): boolean {
  const { type, timeInForce, displayUnits, minimumUnits, quantityUnits } = terms;
  const mayRest = isLimited(type) && timeInForce !== 'IOC' && timeInForce !== 'FOK';
  if (terms.postOnly && (!mayRest || minimumUnits > 0)) return false;
  if (displayUnits > 0 && (!mayRest || displayUnits >= quantityUnits)) return false;
  return minimumUnits <= quantityUnits;
}

/** BND-2: an order of good form against the rules of the instrument. */
export function checkRules(rules: InstrumentRules, terms: OrderTerms, isExit: boolean): Problem {
  const { tickUnits, lotUnits } = rules;
  const { type, priceUnits, stopPriceUnits, quantityUnits, displayUnits } = terms;
  if (terms.timeInForce === 'DAY' && !rules.hasSessions) return 'NO_SESSIONS';
  const prices = [stopPriceUnits, terms.trailingOffsetUnits, isLimited(type) ? priceUnits : 0];
  if (prices.some((price) => price % tickUnits !== 0)) return 'PRICE_OFF_TICK';
  const quantities = [quantityUnits, displayUnits, terms.minimumUnits];
  if (quantities.some((quantity) => quantity % lotUnits !== 0)) return 'QUANTITY_OFF_LOT';
  if (quantityUnits > 0) {
    if (quantityUnits < rules.minimumQuantityUnits) return 'QUANTITY_BELOW_MINIMUM';
    if (quantityUnits > rules.maximumQuantityUnits) return 'QUANTITY_ABOVE_MAXIMUM';
  }
  const { quoteBudgetUnits: budget } = terms;
  if (budget > 0n && budget < rules.minimumNotionalUnits) return 'NOTIONAL_BELOW_MINIMUM';
  if (displayUnits > 0 && displayUnits * 100 < quantityUnits) return 'DISPLAY_QUANTITY_TOO_SMALL';
  if (Math.max(priceUnits, stopPriceUnits) > rules.maximumPriceUnits) return 'PRICE_ABOVE_MAXIMUM';
  const paid = notionalOf(rules, priceUnits, quantityUnits);
  const isShort = isLimited(type) && !isExit && paid < rules.minimumNotionalUnits;
  if (isShort) return 'NOTIONAL_BELOW_MINIMUM';
  const { makerRatePpm, takerRatePpm, auctionRatePpm } = terms;
  const rate = BigInt(Math.max(makerRatePpm, takerRatePpm, auctionRatePpm, 0));
  return paid + (paid * rate) / 1_000_000n > LARGEST_AMOUNT ? 'AMOUNT_TOO_LARGE' : undefined;
}
