// The check of an order against the rules of its instrument (BND-2): one pure function, called at
// the edge with the rules that it has and again in the engine with the rules that the log gave it.
import { MAXIMUM_AMOUNT_UNITS } from '../base/decimal.ts';
import { safeProduct, safeProductOfThree } from '../base/product.ts';
import { type AdmittedTerms, admitsOrder } from './admission.ts';
import { highestRatePpm, notionalOf, placementCost } from './cost.ts';
import { endsOnArrival, hasLimit, isWaitingType, mayRest } from './order-types.ts';
import type {
  InstrumentRules,
  InstrumentState,
  OrderTerms,
  OrderType,
  RejectReason,
  Side,
  TimeInForce,
} from './terms.ts';

/** Form of an order that no client library can produce by accident: an error of the call. */
export type FormReason = 'FIELDS_CONFLICT' | 'FIELD_REQUIRED' | 'NUMBER_OUT_OF_RANGE';

/** The first thing that is wrong with an order, and the field at fault. */
export type OrderProblem = {
  readonly reason: FormReason | RejectReason;
  readonly field: string;
};

/** Up to this rate the fee of a notional below 2^53 stays far below the amount bound. */
const MAXIMUM_RATE_PPM = 1_000_000;
/** Most parts that an iceberg is traded in (TYP-5). */
export const MAXIMUM_PARTS = 100;
/** A trailing distance in basis points stays below the whole price. */
const MAXIMUM_OFFSET_BPS = 9_999;

const SIDES: readonly Side[] = ['BUY', 'SELL'];
const TYPES: readonly OrderType[] = [
  'LIMIT',
  'MARKET',
  'STOP',
  'STOP_LIMIT',
  'TAKE_PROFIT',
  'TAKE_PROFIT_LIMIT',
  'TRAILING_STOP',
];
const TIMES_IN_FORCE: readonly TimeInForce[] = ['GTC', 'IOC', 'FOK', 'GTD', 'DAY'];

export function problem(reason: FormReason | RejectReason, field: string): OrderProblem {
  return { reason, field };
}

/** Whether a reason is an error of the call, which has no event. */
export function isFormReason(reason: FormReason | RejectReason): reason is FormReason {
  return (
    reason === 'FIELDS_CONFLICT' || reason === 'FIELD_REQUIRED' || reason === 'NUMBER_OUT_OF_RANGE'
  );
}

/** Whether the state admits a new order (STA-1); without terms: one of any kind. */
export function checkState(
  state: InstrumentState,
  terms?: AdmittedTerms,
): OrderProblem | undefined {
  const isAdmitted = terms === undefined ? state === 'CONTINUOUS' : admitsOrder(state, terms);
  return isAdmitted ? undefined : problem('INSTRUMENT_STATE', 'instrument_id');
}

/**
 * Checks an order in the order of precedence: rules of the type, tick and lot, limits. State,
 * bands, money and book are the callers' own.
 *
 * @returns the first problem; undefined when there is none
 */
export function checkOrder(rules: InstrumentRules, terms: OrderTerms): OrderProblem | undefined {
  return checkCombination(terms) ?? checkRulesOf(rules, terms);
}

/** As `checkOrder`, for an order whose form is known to be good. */
export function checkRulesOf(rules: InstrumentRules, terms: OrderTerms): OrderProblem | undefined {
  if (terms.timeInForce === 'DAY' && !rules.hasSessions) {
    return problem('NO_SESSIONS', 'time_in_force');
  }
  return checkSteps(rules, terms) ?? checkLimits(rules, terms);
}

/** Which fields of an order go together (TYP-1 to TYP-8). */
export function checkCombination(terms: OrderTerms): OrderProblem | undefined {
  const found = checkNumbers(terms);
  if (found !== undefined) return found;
  const byBudget = terms.quoteBudgetUnits !== 0n;
  if (byBudget && terms.quantityUnits !== 0) return problem('FIELDS_CONFLICT', 'quote_quantity');
  if (!byBudget && terms.quantityUnits === 0) return problem('FIELD_REQUIRED', 'quantity');
  if (byBudget && terms.type !== 'MARKET') return problem('FIELDS_CONFLICT', 'quote_quantity');
  return checkKind(terms);
}

/** Everything of the form but quantity and budget, which a bracket's exits do not have. */
export function checkKind(terms: OrderTerms): OrderProblem | undefined {
  return checkPrices(terms) ?? checkTime(terms) ?? checkOptions(terms);
}

/** Known names, and whole numbers within the bounds that a record has for them. */
export function checkNumbers(terms: OrderTerms): OrderProblem | undefined {
  return checkNames(terms) ?? checkAmounts(terms) ?? checkExtraAmounts(terms);
}

/** No codec lets another name through; a program that embeds the engine may. */
function checkNames(terms: OrderTerms): OrderProblem | undefined {
  if (!SIDES.includes(terms.side)) return problem('FIELD_REQUIRED', 'side');
  if (!TYPES.includes(terms.type)) return problem('FIELD_REQUIRED', 'type');
  if (!TIMES_IN_FORCE.includes(terms.timeInForce)) {
    return problem('FIELD_REQUIRED', 'time_in_force');
  }
  return undefined;
}

function checkAmounts(terms: OrderTerms): OrderProblem | undefined {
  if (!isUnits(terms.priceUnits)) return problem('NUMBER_OUT_OF_RANGE', 'price');
  if (!isUnits(terms.quantityUnits)) return problem('NUMBER_OUT_OF_RANGE', 'quantity');
  if (terms.quoteBudgetUnits < 0n || terms.quoteBudgetUnits > MAXIMUM_AMOUNT_UNITS) {
    return problem('NUMBER_OUT_OF_RANGE', 'quote_quantity');
  }
  if (!isRate(terms.makerRatePpm) || !isRate(terms.takerRatePpm) || !isRate(terms.auctionRatePpm)) {
    return problem('NUMBER_OUT_OF_RANGE', 'rates');
  }
  if (terms.selfTradeGroup >>> 0 !== terms.selfTradeGroup) {
    return problem('NUMBER_OUT_OF_RANGE', 'self_trade_group');
  }
  if (!isUnits(terms.instrumentVersion)) {
    return problem('NUMBER_OUT_OF_RANGE', 'instrument_version');
  }
  return undefined;
}

function checkExtraAmounts(terms: OrderTerms): OrderProblem | undefined {
  if (!isUnits(terms.stopPriceUnits)) return problem('NUMBER_OUT_OF_RANGE', 'stop_price');
  if (!isUnits(terms.trailingOffsetUnits)) return problem('NUMBER_OUT_OF_RANGE', 'trailing_offset');
  if (!isUnits(terms.trailingOffsetBps) || terms.trailingOffsetBps > MAXIMUM_OFFSET_BPS) {
    return problem('NUMBER_OUT_OF_RANGE', 'trailing_offset_bps');
  }
  if (!isUnits(terms.expireTimeUs)) return problem('NUMBER_OUT_OF_RANGE', 'expire_time');
  if (!isUnits(terms.displayUnits)) return problem('NUMBER_OUT_OF_RANGE', 'display_quantity');
  if (!isUnits(terms.minimumUnits)) return problem('NUMBER_OUT_OF_RANGE', 'minimum_quantity');
  return undefined;
}

function checkPrices(terms: OrderTerms): OrderProblem | undefined {
  const { type } = terms;
  if (hasLimit(type) && terms.priceUnits === 0) return problem('FIELD_REQUIRED', 'price');
  const isTrailing = type === 'TRAILING_STOP';
  const hasStop = isWaitingType(type) && !isTrailing;
  if (hasStop && terms.stopPriceUnits === 0) return problem('FIELD_REQUIRED', 'stop_price');
  if (!hasStop && terms.stopPriceUnits !== 0) return problem('FIELDS_CONFLICT', 'stop_price');
  const { trailingOffsetUnits: offset, trailingOffsetBps: bps } = terms;
  if (isTrailing && offset === 0 && bps === 0) return problem('FIELD_REQUIRED', 'trailing_offset');
  const isGiven = offset !== 0 || bps !== 0;
  if (isTrailing ? offset !== 0 && bps !== 0 : isGiven) {
    return problem('FIELDS_CONFLICT', 'trailing_offset');
  }
  return undefined;
}

function checkTime(terms: OrderTerms): OrderProblem | undefined {
  const { type, timeInForce } = terms;
  const ends = endsOnArrival(timeInForce);
  if (type === 'MARKET' && !ends) return problem('FIELDS_CONFLICT', 'time_in_force');
  if (type !== 'MARKET' && !hasLimit(type) && ends) {
    return problem('FIELDS_CONFLICT', 'time_in_force');
  }
  if (terms.quoteBudgetUnits !== 0n && timeInForce === 'FOK') {
    return problem('FIELDS_CONFLICT', 'time_in_force');
  }
  if (timeInForce === 'GTD' && terms.expireTimeUs === 0) {
    return problem('FIELD_REQUIRED', 'expire_time');
  }
  if (timeInForce !== 'GTD' && terms.expireTimeUs !== 0) {
    return problem('FIELDS_CONFLICT', 'expire_time');
  }
  return undefined;
}

function checkOptions(terms: OrderTerms): OrderProblem | undefined {
  const { postOnly, displayUnits, minimumUnits, quantityUnits } = terms;
  if (postOnly && !mayRest(terms)) return problem('FIELDS_CONFLICT', 'post_only');
  if (minimumUnits !== 0) {
    if (postOnly || minimumUnits > quantityUnits) {
      return problem('FIELDS_CONFLICT', 'minimum_quantity');
    }
  }
  if (displayUnits !== 0 && (!mayRest(terms) || displayUnits >= quantityUnits)) {
    return problem('FIELDS_CONFLICT', 'display_quantity');
  }
  return undefined;
}

/** Tick and lot. A worst price is no limit: it need not lie on a tick. */
function checkSteps(rules: InstrumentRules, terms: OrderTerms): OrderProblem | undefined {
  const { tickUnits, lotUnits } = rules;
  const { type } = terms;
  if (terms.stopPriceUnits % tickUnits !== 0) return problem('PRICE_OFF_TICK', 'stop_price');
  if (terms.trailingOffsetUnits % tickUnits !== 0) {
    return problem('PRICE_OFF_TICK', 'trailing_offset');
  }
  if (hasLimit(type) && terms.priceUnits % tickUnits !== 0) {
    return problem('PRICE_OFF_TICK', 'price');
  }
  if (terms.quantityUnits % lotUnits !== 0) return problem('QUANTITY_OFF_LOT', 'quantity');
  if (terms.displayUnits % lotUnits !== 0) return problem('QUANTITY_OFF_LOT', 'display_quantity');
  if (terms.minimumUnits % lotUnits !== 0) return problem('QUANTITY_OFF_LOT', 'minimum_quantity');
  return undefined;
}

/** Quantity, price, notional and amount bounds. Budgets and exits have no quantity. */
function checkLimits(rules: InstrumentRules, terms: OrderTerms): OrderProblem | undefined {
  const { quantityUnits, quoteBudgetUnits, displayUnits } = terms;
  if (quantityUnits !== 0) {
    if (quantityUnits < rules.minimumQuantityUnits) {
      return problem('QUANTITY_BELOW_MINIMUM', 'quantity');
    }
    if (quantityUnits > rules.maximumQuantityUnits) {
      return problem('QUANTITY_ABOVE_MAXIMUM', 'quantity');
    }
  } else if (quoteBudgetUnits !== 0n && quoteBudgetUnits < rules.minimumNotionalUnits) {
    return problem('NOTIONAL_BELOW_MINIMUM', 'quote_quantity');
  }
  if (displayUnits !== 0 && hasTooManyParts(displayUnits, quantityUnits)) {
    return problem('DISPLAY_QUANTITY_TOO_SMALL', 'display_quantity');
  }
  if (terms.priceUnits > rules.maximumPriceUnits) return problem('PRICE_ABOVE_MAXIMUM', 'price');
  if (terms.stopPriceUnits > rules.maximumPriceUnits) {
    return problem('PRICE_ABOVE_MAXIMUM', 'stop_price');
  }
  return checkNotional(rules, terms);
}

/** Whether an iceberg would be traded in more parts than allowed (TYP-5). */
export function hasTooManyParts(displayUnits: number, quantityUnits: number): boolean {
  // Both are below 2^53; the quotient of whole numbers decides without rounding.
  return Math.ceil(quantityUnits / displayUnits) > MAXIMUM_PARTS;
}

/** Notional and amount bounds of an order with this price and quantity. */
export function checkNotional(rules: InstrumentRules, terms: OrderTerms): OrderProblem | undefined {
  const { priceUnits, quantityUnits } = terms;
  if (quantityUnits === 0 && terms.quoteBudgetUnits === 0n) return undefined;
  const byBudget = quantityUnits === 0;
  const isBounded = hasLimit(terms.type) && rules.minimumNotionalUnits !== 0n;
  // Nearly always everything stays below 2^53 and needs no bigint.
  const notional = safeProductOfThree(priceUnits, quantityUnits, rules.notionalFactor);
  const base = safeProduct(quantityUnits, rules.baseFactor);
  if (!byBudget && base >= 0 && notional >= 0 && highestRatePpm(terms) <= MAXIMUM_RATE_PPM) {
    if (!isBounded || notional >= rules.minimumNotionalUnits) return undefined;
    return problem('NOTIONAL_BELOW_MINIMUM', 'quantity');
  }
  const paid = notionalOf(rules, priceUnits, quantityUnits);
  if (isBounded && paid < rules.minimumNotionalUnits) {
    return problem('NOTIONAL_BELOW_MINIMUM', 'quantity');
  }
  if (priceUnits === 0) return undefined;
  if (paid > MAXIMUM_AMOUNT_UNITS || placementCost(rules, terms) > MAXIMUM_AMOUNT_UNITS) {
    return problem('AMOUNT_TOO_LARGE', 'quantity');
  }
  return undefined;
}

export function isUnits(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isRate(value: number): boolean {
  return (value | 0) === value && value <= MAXIMUM_RATE_PPM && value >= -MAXIMUM_RATE_PPM;
}
