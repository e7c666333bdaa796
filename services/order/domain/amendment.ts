// An amend, from its text to units: the checks of the edge and the money it may need on top.

import { type Decimal, parseSafeUnits } from '../../lib/base/decimal.ts';
import { feeOfSum } from '../../lib/base/fee.ts';
import { amendRuleOf } from '../../lib/rules/admission.ts';
import { type AmendChange, checkAmend } from '../../lib/rules/check-amend.ts';
import { highestRatePpm, notionalOf, worstPrice } from '../../lib/rules/cost.ts';
import type { TradedInstrument } from './instrument.ts';
import type { OrderRecord } from './order-record.ts';
import { type PlacementProblem, problemOf, type SentTime, timeUsOf } from './placement.ts';

/** What an amend asks for, in units; absent is unchanged. */
export type ReadAmend = {
  readonly change: AmendChange;
  readonly problem: PlacementProblem | undefined;
};

/** An amend's texts; absent ones are unchanged. */
export type AmendTexts = {
  readonly quantity: string | undefined;
  readonly price: string | undefined;
  readonly stopPrice: string | undefined;
  readonly displayQuantity: string | undefined;
  readonly expireTime: SentTime | undefined;
};

/** Reads the texts of an amend that has good form. */
export function readAmend(texts: AmendTexts, instrument: TradedInstrument): ReadAmend {
  const quantity = readUnits(texts.quantity, instrument.quantityUnit);
  const price = readUnits(texts.price, instrument.priceUnit);
  const stopPrice = readUnits(texts.stopPrice, instrument.priceUnit);
  const display = readUnits(texts.displayQuantity, instrument.quantityUnit);
  const { expireTime } = texts;
  const change = {
    quantityUnits: quantity.units,
    priceUnits: price.units,
    stopPriceUnits: stopPrice.units,
    displayUnits: display.units,
    expireTimeUs: expireTime === undefined ? undefined : timeUsOf(expireTime),
  };
  const problem =
    unitProblem(price, 'price', 'PRICE_OFF_TICK') ??
    unitProblem(stopPrice, 'stop_price', 'PRICE_OFF_TICK') ??
    unitProblem(quantity, 'quantity', 'QUANTITY_OFF_LOT') ??
    unitProblem(display, 'display_quantity', 'QUANTITY_OFF_LOT');
  return { change, problem };
}

/**
 * A stop that trades as a market order and gets another stop price gets the worst price that
 * belongs to it, unless the amend states one (TYP-2).
 */
export function withWorstPrice(
  read: ReadAmend,
  instrument: TradedInstrument,
  { terms }: OrderRecord,
): ReadAmend {
  const { change } = read;
  const { stopPriceUnits, priceUnits } = change;
  const isGiven = stopPriceUnits === undefined || priceUnits !== undefined;
  if (isGiven || (terms.type !== 'STOP' && terms.type !== 'TAKE_PROFIT')) return read;
  const fixed = worstPrice(instrument.rules, terms.side, stopPriceUnits);
  return { ...read, change: { ...change, priceUnits: fixed } };
}

type Units = { readonly units: number | undefined; readonly fault: 'none' | 'step' | 'range' };

function readUnits(text: string | undefined, unit: Decimal): Units {
  if (text === undefined) return { units: undefined, fault: 'none' };
  const parsed = parseSafeUnits(text, unit, 1);
  if (parsed.ok) return { units: parsed.value, fault: 'none' };
  const fault = parsed.problem === 'DECIMAL_OUT_OF_RANGE' ? 'range' : 'step';
  return { units: undefined, fault };
}

function unitProblem(
  { fault }: Units,
  field: string,
  step: 'PRICE_OFF_TICK' | 'QUANTITY_OFF_LOT',
): PlacementProblem | undefined {
  if (fault === 'none') return undefined;
  return { kind: 'error', reason: fault === 'range' ? 'DECIMAL_OUT_OF_RANGE' : step, field };
}

/** Checks an amend against its order and instrument: state, rules of the type, tick, limits. */
export function checkAmendment(
  instrument: TradedInstrument,
  record: OrderRecord,
  change: AmendChange,
): PlacementProblem | undefined {
  const { terms, filledUnits } = record;
  const isOnlyLess = amendRuleOf(instrument.state) === 'LESS_QUANTITY';
  if (isOnlyLess && !asksOnlyForLess(record, change)) {
    return { kind: 'declined', reason: 'INSTRUMENT_STATE' };
  }
  const conflict = entryConflict(record, change);
  if (conflict !== undefined) return { kind: 'error', reason: 'FIELDS_CONFLICT', field: conflict };
  const isWaiting = record.status === 'UNTRIGGERED';
  const problem = checkAmend(instrument.rules, { ...terms, filledUnits, isWaiting }, change);
  return problem === undefined ? undefined : problemOf(problem.reason, problem.field);
}

function asksOnlyForLess({ terms }: OrderRecord, change: AmendChange): boolean {
  const { quantityUnits = terms.quantityUnits, priceUnits = terms.priceUnits } = change;
  const { stopPriceUnits = terms.stopPriceUnits, displayUnits = terms.displayUnits } = change;
  const { expireTimeUs = terms.expireTimeUs } = change;
  return (
    quantityUnits <= terms.quantityUnits &&
    priceUnits === terms.priceUnits &&
    stopPriceUnits === terms.stopPriceUnits &&
    displayUnits === terms.displayUnits &&
    expireTimeUs === terms.expireTimeUs
  );
}

/**
 * What a bracket's entry that sells cannot be amended to: the exits are covered by what it brings,
 * and what they cost beyond that was held at its placement (HLD-6).
 */
function entryConflict(record: OrderRecord, change: AmendChange): string | undefined {
  const { terms, groupType, groupPlacement, placement } = record;
  const isEntry = groupType === 'BRACKET' && placement === groupPlacement;
  if (!isEntry || terms.side === 'BUY') return undefined;
  if ((change.quantityUnits ?? 0) > terms.quantityUnits) return 'quantity';
  return (change.priceUnits ?? terms.priceUnits) < terms.priceUnits ? 'price' : undefined;
}

/**
 * The most that the amended order may cost more than it may cost now, in smallest units of the
 * asset it holds; 0 when it is no more (HLD-6). Never less than the exact difference: a fee is
 * rounded up once more than it may have to be.
 */
export function additionalHold(
  instrument: TradedInstrument,
  record: OrderRecord,
  change: AmendChange,
): bigint {
  const { terms, filledUnits } = record;
  const quantityUnits = Math.max(change.quantityUnits ?? terms.quantityUnits, filledUnits);
  const priceUnits = change.priceUnits ?? terms.priceUnits;
  const openAfter = quantityUnits - filledUnits;
  const openBefore = terms.quantityUnits - filledUnits;
  if (terms.side === 'SELL') {
    const more = BigInt(openAfter - openBefore) * BigInt(instrument.rules.baseFactor);
    return more > 0n ? more : 0n;
  }
  const more =
    notionalOf(instrument.rules, priceUnits, openAfter) -
    notionalOf(instrument.rules, terms.priceUnits, openBefore);
  return more > 0n ? more + feeOfSum(more * BigInt(highestRatePpm(terms))) : 0n;
}
