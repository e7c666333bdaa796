// An amend, from its text to units: the checks of the edge and the money it may need on top.

import { type Decimal, parseSafeUnits } from '../../lib/base/decimal.ts';
import { feeOfSum } from '../../lib/base/fee.ts';
import { type AmendChange, checkAmend } from '../../lib/rules/check-order.ts';
import { highestRatePpm, notionalOf } from '../../lib/rules/cost.ts';
import type { RejectReason } from '../../lib/rules/terms.ts';
import type { TradedInstrument } from './instrument.ts';
import type { OrderRecord } from './order-record.ts';
import { type PlacementProblem, problemOf } from './placement.ts';

/** What an amend asks for, in units; absent is unchanged. */
export type ReadAmend = {
  readonly change: AmendChange;
  readonly problem: PlacementProblem | undefined;
};

/** Reads the texts of an amend that has good form. */
export function readAmend(
  texts: { readonly quantity: string | undefined; readonly price: string | undefined },
  instrument: TradedInstrument,
): ReadAmend {
  const quantity = readUnits(texts.quantity, instrument.quantityUnit);
  const price = readUnits(texts.price, instrument.priceUnit);
  const change = { quantityUnits: quantity.units, priceUnits: price.units };
  const problem =
    unitProblem(price, 'price', 'PRICE_OFF_TICK') ??
    unitProblem(quantity, 'quantity', 'QUANTITY_OFF_LOT');
  return { change, problem };
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

/** Checks an amend against its order and instrument: state, tick and lot, limits. */
export function checkAmendment(
  instrument: TradedInstrument,
  record: OrderRecord,
  change: AmendChange,
): PlacementProblem | undefined {
  const { quantityUnits, priceUnits } = change;
  const { terms, filledUnits } = record;
  const onlyLess =
    (priceUnits === undefined || priceUnits === terms.priceUnits) &&
    (quantityUnits === undefined || quantityUnits <= terms.quantityUnits);
  if (instrument.state !== 'CONTINUOUS' && !onlyLess) {
    return { kind: 'declined', reason: 'INSTRUMENT_STATE' };
  }
  const problem = checkAmend(instrument.rules, { ...terms, filledUnits }, change);
  return problem === undefined
    ? undefined
    : problemOf(problem.reason as RejectReason, problem.field);
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
