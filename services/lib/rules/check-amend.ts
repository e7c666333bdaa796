// The check of an amend against the rules of its instrument (AMD-1, AMD-2, BND-2): like a new
// order, but only what it changes. What rests or waits may stay although tick, lot or limits have
// changed since.
import {
  checkNotional,
  hasTooManyParts,
  isUnits,
  type OrderProblem,
  problem,
} from './check-order.ts';
import { hasLimit, isWaitingType, mayRest } from './order-types.ts';
import type { InstrumentRules, OrderTerms } from './terms.ts';

/** What an amend changes; absent or undefined is unchanged. */
export type AmendChange = {
  readonly quantityUnits?: number | undefined;
  readonly priceUnits?: number | undefined;
  readonly stopPriceUnits?: number | undefined;
  /** 0: shows all from now on. */
  readonly displayUnits?: number | undefined;
  readonly expireTimeUs?: number | undefined;
};

/** What it changes. The terms are those of the order as it is now. */
export type AmendedOrder = OrderTerms & {
  readonly filledUnits: number;
  /** It has not been triggered yet. */
  readonly isWaiting: boolean;
};

/** Whether the amend ends the order, all that it asks for being filled already (AMD-2). */
export function endsByAmend(
  order: Pick<AmendedOrder, 'filledUnits' | 'quantityUnits'>,
  change: AmendChange,
): boolean {
  return (change.quantityUnits ?? order.quantityUnits) <= order.filledUnits;
}

/** Checks an amend: its form, then the rules. An amend that ends the order needs no rules. */
export function checkAmend(
  rules: InstrumentRules,
  order: AmendedOrder,
  change: AmendChange,
): OrderProblem | undefined {
  const found = checkAmendNumbers(change) ?? checkAmendForm(order, change);
  if (found !== undefined || endsByAmend(order, change)) return found;
  return checkAmendRules(rules, order, change);
}

/** Whole numbers above zero, where something is given. */
export function checkAmendNumbers(change: AmendChange): OrderProblem | undefined {
  const { quantityUnits, priceUnits, stopPriceUnits, displayUnits, expireTimeUs } = change;
  if (!isPositive(quantityUnits)) return problem('NUMBER_OUT_OF_RANGE', 'quantity');
  if (!isPositive(priceUnits)) return problem('NUMBER_OUT_OF_RANGE', 'price');
  if (!isPositive(stopPriceUnits)) return problem('NUMBER_OUT_OF_RANGE', 'stop_price');
  if (displayUnits !== undefined && !isUnits(displayUnits)) {
    return problem('NUMBER_OUT_OF_RANGE', 'display_quantity');
  }
  if (!isPositive(expireTimeUs)) return problem('NUMBER_OUT_OF_RANGE', 'expire_time');
  return undefined;
}

/** Which fields an order has that could change (TYP-3 to TYP-5, TIF-4). */
export function checkAmendForm(order: AmendedOrder, change: AmendChange): OrderProblem | undefined {
  const isTrailing = order.isWaiting && order.type === 'TRAILING_STOP';
  if (change.stopPriceUnits !== undefined && (!order.isWaiting || isTrailing)) {
    return problem('FIELDS_CONFLICT', 'stop_price');
  }
  if (change.priceUnits !== undefined && isTrailing) return problem('FIELDS_CONFLICT', 'price');
  if (change.expireTimeUs !== undefined && order.timeInForce !== 'GTD') {
    return problem('FIELDS_CONFLICT', 'expire_time');
  }
  if (change.displayUnits === undefined) return undefined;
  const quantityUnits = change.quantityUnits ?? order.quantityUnits;
  if (!mayRest(order) || change.displayUnits >= quantityUnits) {
    return problem('FIELDS_CONFLICT', 'display_quantity');
  }
  return undefined;
}

/** The rules of what changes: steps, then bounds, then notional. */
export function checkAmendRules(
  rules: InstrumentRules,
  order: AmendedOrder,
  change: AmendChange,
): OrderProblem | undefined {
  const quantityUnits = change.quantityUnits ?? order.quantityUnits;
  const priceUnits = change.priceUnits ?? order.priceUnits;
  const stopPriceUnits = change.stopPriceUnits ?? order.stopPriceUnits;
  const displayUnits = change.displayUnits ?? order.displayUnits;
  const amended = { ...order, quantityUnits, priceUnits, stopPriceUnits, displayUnits };
  const changes =
    priceUnits !== order.priceUnits ||
    quantityUnits !== order.quantityUnits ||
    stopPriceUnits !== order.stopPriceUnits ||
    displayUnits !== order.displayUnits;
  if (!changes) return undefined;
  return (
    checkAmendSteps(rules, order, amended) ??
    checkAmendBounds(rules, order, amended) ??
    (priceUnits !== order.priceUnits || quantityUnits !== order.quantityUnits
      ? checkNotional(rules, amended)
      : undefined)
  );
}

function checkAmendSteps(
  rules: InstrumentRules,
  order: OrderTerms,
  amended: OrderTerms,
): OrderProblem | undefined {
  const { tickUnits, lotUnits } = rules;
  const { stopPriceUnits, priceUnits, quantityUnits, displayUnits } = amended;
  if (stopPriceUnits !== order.stopPriceUnits && stopPriceUnits % tickUnits !== 0) {
    return problem('PRICE_OFF_TICK', 'stop_price');
  }
  const hasNewLimit = priceUnits !== order.priceUnits && hasLimit(order.type);
  if (hasNewLimit && priceUnits % tickUnits !== 0) return problem('PRICE_OFF_TICK', 'price');
  if (quantityUnits !== order.quantityUnits && quantityUnits % lotUnits !== 0) {
    return problem('QUANTITY_OFF_LOT', 'quantity');
  }
  if (displayUnits !== order.displayUnits && displayUnits % lotUnits !== 0) {
    return problem('QUANTITY_OFF_LOT', 'display_quantity');
  }
  return undefined;
}

function checkAmendBounds(
  rules: InstrumentRules,
  order: OrderTerms,
  amended: OrderTerms,
): OrderProblem | undefined {
  const { quantityUnits, priceUnits, stopPriceUnits, displayUnits } = amended;
  if (quantityUnits < order.quantityUnits && quantityUnits < rules.minimumQuantityUnits) {
    return problem('QUANTITY_BELOW_MINIMUM', 'quantity');
  }
  if (quantityUnits > order.quantityUnits && quantityUnits > rules.maximumQuantityUnits) {
    return problem('QUANTITY_ABOVE_MAXIMUM', 'quantity');
  }
  const showsLess = displayUnits < order.displayUnits || order.displayUnits === 0;
  if (displayUnits !== 0 && (showsLess || quantityUnits > order.quantityUnits)) {
    if (hasTooManyParts(displayUnits, quantityUnits)) {
      return problem('DISPLAY_QUANTITY_TOO_SMALL', 'display_quantity');
    }
  }
  if (priceUnits > order.priceUnits && priceUnits > rules.maximumPriceUnits) {
    return problem('PRICE_ABOVE_MAXIMUM', 'price');
  }
  const waits = isWaitingType(order.type);
  if (waits && stopPriceUnits > order.stopPriceUnits && stopPriceUnits > rules.maximumPriceUnits) {
    return problem('PRICE_ABOVE_MAXIMUM', 'stop_price');
  }
  return undefined;
}

function isPositive(units: number | undefined): boolean {
  return units === undefined || (Number.isSafeInteger(units) && units > 0);
}
