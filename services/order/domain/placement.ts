// A request to place an order, from its text to terms in units: every check of the edge, in the
// order in which their reasons take precedence (contracts: Errors).

import {
  type Decimal,
  MAXIMUM_AMOUNT_UNITS,
  type Parsed,
  parseAmount,
  parseSafeUnits,
} from '../../lib/base/decimal.ts';
import { checkCombination, checkOrder, checkState } from '../../lib/rules/check-order.ts';
import { FormCheck, type FormReason, type Sent, type Violation } from '../../lib/rules/form.ts';
import type {
  InstrumentRules,
  OrderTerms,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../lib/rules/terms.ts';
import type { TradedInstrument } from './instrument.ts';

/** A placement as it was asked for. Absent texts are undefined. */
export type PlacementForm = {
  readonly accountId: string;
  /** Empty: the server makes one. */
  readonly clientOrderId: string;
  readonly instrumentId: string;
  readonly side: Sent<Side>;
  readonly type: Sent<OrderType>;
  readonly quantity: string | undefined;
  readonly quoteQuantity: string | undefined;
  readonly price: string | undefined;
  readonly timeInForce: Sent<TimeInForce>;
  readonly postOnly: boolean;
  readonly selfTradePrevention: Sent<SelfTradePrevention>;
  readonly acceptBefore: { readonly seconds: bigint; readonly nanos: number } | undefined;
};

/** What is wrong with each field by itself, in the order of the fields. */
export function checkPlacementForm(form: PlacementForm): readonly Violation[] {
  const check = new FormCheck();
  check.requiredId('account_id', form.accountId);
  check.optionalId('client_order_id', form.clientOrderId);
  check.requiredId('instrument_id', form.instrumentId);
  check.requiredEnum('side', form.side);
  check.requiredEnum('type', form.type);
  if (form.quantity !== undefined) check.positiveDecimal('quantity', form.quantity);
  if (form.quoteQuantity !== undefined) check.positiveDecimal('quote_quantity', form.quoteQuantity);
  if (form.quantity === undefined && form.quoteQuantity === undefined) {
    check.add('quantity', 'FIELD_REQUIRED', 'quantity or quote_quantity is required');
  }
  if (form.price !== undefined) check.positiveDecimal('price', form.price);
  else if (form.type === 'LIMIT') check.add('price', 'FIELD_REQUIRED', 'a limit order has a price');
  check.optionalEnum('time_in_force', form.timeInForce);
  check.optionalEnum('self_trade_prevention', form.selfTradePrevention);
  if (form.acceptBefore !== undefined) {
    check.timestamp('accept_before_time', form.acceptBefore.seconds, form.acceptBefore.nanos);
  }
  return check.violations;
}

/** The first thing that keeps an order from being placed. */
export type PlacementProblem =
  /** Not an order at all: an error of the call, and the client order id stays free. */
  | { readonly kind: 'error'; readonly reason: PlacementErrorReason; readonly field: string }
  /** The venue declines it: it is recorded as REJECTED and its client order id is used (HLD-1). */
  | { readonly kind: 'declined'; readonly reason: RejectReason };

export type PlacementErrorReason =
  | FormReason
  | 'PRICE_OFF_TICK'
  | 'QUANTITY_OFF_LOT'
  | 'SCALE_EXCEEDED';

/** Terms in units with what is wrong with them; what cannot be said in units is 0 in them. */
export type ReadPlacement = {
  readonly terms: OrderTerms;
  readonly problem: PlacementProblem | undefined;
};

/**
 * Reads a form that has passed `checkPlacementForm` and checks it against its instrument: state,
 * rules of the type, tick and lot, limits.
 *
 * @param nowUs when the request was read, in microseconds since the Unix epoch
 */
export function readPlacement(
  form: PlacementForm,
  instrument: TradedInstrument,
  nowUs: number,
): ReadPlacement {
  const { rules } = instrument;
  const price = form.price === undefined ? ABSENT : readUnits(form.price, instrument.priceUnit);
  const quantity =
    form.quantity === undefined ? ABSENT : readUnits(form.quantity, instrument.quantityUnit);
  const budget = readBudget(form.quoteQuantity, instrument.quoteScale);
  const terms: OrderTerms = {
    instrumentNumber: rules.instrumentNumber,
    side: form.side as Side,
    type: form.type as OrderType,
    timeInForce: timeInForceOf(form),
    postOnly: form.postOnly,
    quantityUnits: quantity.ok ? quantity.value : 0,
    quoteBudgetUnits: budget.ok ? budget.value : 0n,
    priceUnits: price.ok ? price.value : 0,
    selfTradePrevention: preventionOf(form),
    makerRatePpm: rules.makerRatePpm,
    takerRatePpm: rules.takerRatePpm,
    instrumentVersion: rules.version,
  };
  const problem =
    checkArrival(form, instrument, nowUs) ??
    typeProblem(form, terms) ??
    unitProblem('price', price) ??
    unitProblem('quantity', quantity) ??
    budgetProblem(budget) ??
    orderProblem(rules, terms);
  return { terms, problem };
}

/** Unspecified is the account's setting: its shard puts it in. Nothing is checked by it here. */
function preventionOf(form: PlacementForm): SelfTradePrevention {
  const { selfTradePrevention: sent } = form;
  return sent === 'UNSPECIFIED' || sent === 'UNKNOWN' ? 'CANCEL_TAKER' : sent;
}

const ABSENT = { ok: true, value: 0 } as const;

function readUnits(text: string, unit: Decimal): Parsed<number> {
  return parseSafeUnits(text, unit, 1);
}

function readBudget(text: string | undefined, quoteScale: number): Parsed<bigint> {
  if (text === undefined) return { ok: true, value: 0n };
  const bounds = { minimumUnits: 1n, maximumUnits: MAXIMUM_AMOUNT_UNITS };
  return parseAmount(text, quoteScale, bounds);
}

function timeInForceOf(form: PlacementForm): TimeInForce {
  if (form.timeInForce !== 'UNSPECIFIED') return form.timeInForce as TimeInForce;
  return form.type === 'MARKET' ? 'IOC' : 'GTC';
}

function checkArrival(
  form: PlacementForm,
  instrument: TradedInstrument,
  nowUs: number,
): PlacementProblem | undefined {
  const state = checkState(instrument.state);
  if (state !== undefined) return { kind: 'declined', reason: 'INSTRUMENT_STATE' };
  const { acceptBefore } = form;
  if (acceptBefore === undefined) return undefined;
  const acceptBeforeUs = Number(acceptBefore.seconds) * 1_000_000 + acceptBefore.nanos / 1000;
  return nowUs > acceptBeforeUs ? { kind: 'declined', reason: 'TOO_LATE' } : undefined;
}

const PROBLEM_FIELDS = { price: 'PRICE_OFF_TICK', quantity: 'QUANTITY_OFF_LOT' } as const;

function unitProblem(
  field: 'price' | 'quantity',
  parsed: Parsed<number>,
): PlacementProblem | undefined {
  if (parsed.ok) return undefined;
  const reason = parsed.problem === 'DECIMAL_OUT_OF_RANGE' ? parsed.problem : PROBLEM_FIELDS[field];
  return { kind: 'error', reason, field };
}

function budgetProblem(parsed: Parsed<bigint>): PlacementProblem | undefined {
  if (parsed.ok) return undefined;
  const reason = parsed.problem === 'SCALE_EXCEEDED' ? parsed.problem : 'DECIMAL_OUT_OF_RANGE';
  return { kind: 'error', reason, field: 'quote_quantity' };
}

/** Rules of the type, which come before tick and lot and hold for any quantity and price. */
function typeProblem(form: PlacementForm, terms: OrderTerms): PlacementProblem | undefined {
  const problem = checkCombination({
    ...terms,
    priceUnits: form.price === undefined ? 0 : 1,
    quantityUnits: form.quantity === undefined ? 0 : 1,
    quoteBudgetUnits: form.quoteQuantity === undefined ? 0n : 1n,
  });
  return problem === undefined ? undefined : problemOf(problem.reason, problem.field);
}

function orderProblem(rules: InstrumentRules, terms: OrderTerms): PlacementProblem | undefined {
  const problem = checkOrder(rules, terms);
  return problem === undefined ? undefined : problemOf(problem.reason, problem.field);
}

/** What an error of the call is, and what the venue declines (contracts: Errors). */
export function problemOf(reason: FormReason | RejectReason, field: string): PlacementProblem {
  switch (reason) {
    case 'PRICE_OFF_TICK':
    case 'QUANTITY_OFF_LOT':
    case 'FIELD_REQUIRED':
    case 'FIELDS_CONFLICT':
    case 'ENUM_VALUE_UNKNOWN':
    case 'ID_INVALID':
    case 'DECIMAL_INVALID':
    case 'DECIMAL_OUT_OF_RANGE':
    case 'NUMBER_OUT_OF_RANGE':
    case 'TEXT_INVALID':
    case 'TIME_INVALID':
    case 'TOO_MANY_ITEMS':
      return { kind: 'error', reason, field };
    default:
      return { kind: 'declined', reason };
  }
}
