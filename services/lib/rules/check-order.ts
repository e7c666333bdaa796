// The check of an order against the rules of its instrument (BND-2): one pure function, called at
// the edge with the rules that it has and again in the engine with the rules that the log gave it.
import { MAXIMUM_AMOUNT_UNITS } from '../base/decimal.ts';
import { safeProduct, safeProductOfThree } from '../base/product.ts';
import { highestRatePpm, notionalOf, placementCost } from './cost.ts';
import type { InstrumentRules, InstrumentState, OrderTerms, RejectReason } from './terms.ts';

/** Form of an order that no client library can produce by accident: an error of the call. */
export type FormReason = 'FIELDS_CONFLICT' | 'FIELD_REQUIRED' | 'NUMBER_OUT_OF_RANGE';

/** The first thing that is wrong with an order, and the field at fault. */
export type OrderProblem = {
  readonly reason: FormReason | RejectReason;
  readonly field: string;
};

/** Up to this rate the fee of a notional below 2^53 stays far below the amount bound. */
const SAFE_RATE_PPM = 1_000_000;

function problem(reason: FormReason | RejectReason, field: string): OrderProblem {
  return { reason, field };
}

/** Whether the state admits a new order (STA-1). */
export function checkState(state: InstrumentState): OrderProblem | undefined {
  return state === 'CONTINUOUS' ? undefined : problem('INSTRUMENT_STATE', 'instrument_id');
}

/**
 * Checks an order in the order of precedence: rules of the type, tick and lot, limits. State,
 * money and book are the callers' own.
 *
 * @returns the first problem; undefined when there is none
 */
export function checkOrder(rules: InstrumentRules, terms: OrderTerms): OrderProblem | undefined {
  return (
    checkCombination(terms) ??
    (terms.type === 'LIMIT' ? checkPrice(rules, terms.priceUnits) : undefined) ??
    checkQuantity(rules, terms.quantityUnits) ??
    checkLimits(rules, terms)
  );
}

/** Which fields of an order go together (TYP-1, TYP-2, TYP-6). */
export function checkCombination(terms: OrderTerms): OrderProblem | undefined {
  const byBudget = terms.quoteBudgetUnits !== 0n;
  if (!isUnits(terms.priceUnits)) return problem('NUMBER_OUT_OF_RANGE', 'price');
  if (!isUnits(terms.quantityUnits)) return problem('NUMBER_OUT_OF_RANGE', 'quantity');
  if (terms.quoteBudgetUnits < 0n || terms.quoteBudgetUnits > MAXIMUM_AMOUNT_UNITS) {
    return problem('NUMBER_OUT_OF_RANGE', 'quote_quantity');
  }
  if (byBudget && terms.quantityUnits !== 0) return problem('FIELDS_CONFLICT', 'quote_quantity');
  if (!byBudget && terms.quantityUnits === 0) return problem('FIELD_REQUIRED', 'quantity');
  if (terms.type === 'LIMIT') {
    if (byBudget) return problem('FIELDS_CONFLICT', 'quote_quantity');
    if (terms.priceUnits === 0) return problem('FIELD_REQUIRED', 'price');
    if (terms.postOnly && terms.timeInForce !== 'GTC') {
      return problem('FIELDS_CONFLICT', 'post_only');
    }
    return undefined;
  }
  if (terms.postOnly) return problem('FIELDS_CONFLICT', 'post_only');
  if (terms.timeInForce === 'GTC') return problem('FIELDS_CONFLICT', 'time_in_force');
  if (byBudget && terms.timeInForce === 'FOK') return problem('FIELDS_CONFLICT', 'time_in_force');
  return undefined;
}

/** A limit price against tick and highest price. */
export function checkPrice(rules: InstrumentRules, priceUnits: number): OrderProblem | undefined {
  return priceUnits % rules.tickUnits === 0 ? undefined : problem('PRICE_OFF_TICK', 'price');
}

/** A quantity against the lot. */
export function checkQuantity(
  rules: InstrumentRules,
  quantityUnits: number,
): OrderProblem | undefined {
  if (quantityUnits % rules.lotUnits === 0) return undefined;
  return problem('QUANTITY_OFF_LOT', 'quantity');
}

/** Quantity, price, notional and amount bounds. An order by budget has no quantity. */
function checkLimits(rules: InstrumentRules, terms: OrderTerms): OrderProblem | undefined {
  if (terms.quantityUnits !== 0) {
    if (terms.quantityUnits < rules.minimumQuantityUnits) {
      return problem('QUANTITY_BELOW_MINIMUM', 'quantity');
    }
    if (terms.quantityUnits > rules.maximumQuantityUnits) {
      return problem('QUANTITY_ABOVE_MAXIMUM', 'quantity');
    }
  } else if (terms.quoteBudgetUnits < rules.minimumNotionalUnits) {
    return problem('NOTIONAL_BELOW_MINIMUM', 'quote_quantity');
  }
  if (terms.priceUnits > rules.maximumPriceUnits) return problem('PRICE_ABOVE_MAXIMUM', 'price');
  return checkNotional(rules, terms);
}

function checkNotional(rules: InstrumentRules, terms: OrderTerms): OrderProblem | undefined {
  const { priceUnits, quantityUnits } = terms;
  const byBudget = quantityUnits === 0;
  const isBounded = terms.type === 'LIMIT' && rules.minimumNotionalUnits !== 0n;
  // Nearly always everything stays below 2^53 and needs no bigint.
  const notional = safeProductOfThree(priceUnits, quantityUnits, rules.notionalFactor);
  const base = safeProduct(quantityUnits, rules.baseFactor);
  if (!byBudget && base >= 0 && notional >= 0 && highestRatePpm(terms) <= SAFE_RATE_PPM) {
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

/** What an amend changes; absent is unchanged. */
export type AmendChange = {
  readonly quantityUnits: number | undefined;
  readonly priceUnits: number | undefined;
};

/** What an amend changes it from. */
export type AmendedOrder = Pick<
  OrderTerms,
  'side' | 'quantityUnits' | 'priceUnits' | 'makerRatePpm' | 'takerRatePpm'
> & { readonly filledUnits: number };

/**
 * Checks an amend like a new order, but only what it changes: what rests may stay although tick,
 * lot or limits have changed since. A quantity at or below what is filled ends the order (AMD-2)
 * and needs no further check.
 */
export function checkAmend(
  rules: InstrumentRules,
  order: AmendedOrder,
  change: AmendChange,
): OrderProblem | undefined {
  const quantityUnits = change.quantityUnits ?? order.quantityUnits;
  const priceUnits = change.priceUnits ?? order.priceUnits;
  if (!isUnits(quantityUnits) || quantityUnits === 0) {
    return problem('NUMBER_OUT_OF_RANGE', 'quantity');
  }
  if (!isUnits(priceUnits) || priceUnits === 0) return problem('NUMBER_OUT_OF_RANGE', 'price');
  if (quantityUnits <= order.filledUnits) return undefined;
  const priceChanges = priceUnits !== order.priceUnits;
  const quantityChanges = quantityUnits !== order.quantityUnits;
  if (!priceChanges && !quantityChanges) return undefined;
  const stepProblem =
    (priceChanges ? checkPrice(rules, priceUnits) : undefined) ??
    (quantityChanges ? checkQuantity(rules, quantityUnits) : undefined);
  if (stepProblem !== undefined) return stepProblem;
  return checkAmendLimits(rules, order, { quantityUnits, priceUnits });
}

type Amended = { readonly quantityUnits: number; readonly priceUnits: number };

function checkAmendLimits(
  rules: InstrumentRules,
  order: AmendedOrder,
  amended: Amended,
): OrderProblem | undefined {
  const { quantityUnits, priceUnits } = amended;
  if (quantityUnits < order.quantityUnits && quantityUnits < rules.minimumQuantityUnits) {
    return problem('QUANTITY_BELOW_MINIMUM', 'quantity');
  }
  if (quantityUnits > order.quantityUnits && quantityUnits > rules.maximumQuantityUnits) {
    return problem('QUANTITY_ABOVE_MAXIMUM', 'quantity');
  }
  if (priceUnits > order.priceUnits && priceUnits > rules.maximumPriceUnits) {
    return problem('PRICE_ABOVE_MAXIMUM', 'price');
  }
  const { side, makerRatePpm, takerRatePpm } = order;
  return checkNotional(rules, {
    instrumentNumber: rules.instrumentNumber,
    side,
    type: 'LIMIT',
    timeInForce: 'GTC',
    postOnly: false,
    quantityUnits,
    quoteBudgetUnits: 0n,
    priceUnits,
    selfTradePrevention: 'NONE',
    makerRatePpm,
    takerRatePpm,
    instrumentVersion: rules.version,
  });
}

function isUnits(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
