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
import { hasLimit } from '../../lib/rules/order-types.ts';
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
  readonly acceptBefore: SentTime | undefined;
  readonly stopPrice: string | undefined;
  readonly trailing:
    | { readonly kind: 'offset'; readonly value: string }
    | { readonly kind: 'bps'; readonly value: number }
    | undefined;
  readonly expireTime: SentTime | undefined;
  readonly displayQuantity: string | undefined;
  readonly minimumQuantity: string | undefined;
};

/** A time as it was sent. */
export type SentTime = { readonly seconds: bigint; readonly nanos: number };

/** In microseconds since the Unix epoch, rounded down. */
export function timeUsOf({ seconds, nanos }: SentTime): number {
  return Number(seconds) * 1_000_000 + Math.floor(nanos / 1000);
}

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
  checkPrices(check, form);
  check.optionalEnum('time_in_force', form.timeInForce);
  check.optionalEnum('self_trade_prevention', form.selfTradePrevention);
  if (form.acceptBefore !== undefined) {
    check.timestamp('accept_before_time', form.acceptBefore.seconds, form.acceptBefore.nanos);
  }
  checkRareFields(check, form);
  return check.violations;
}

function checkPrices(check: FormCheck, form: PlacementForm): void {
  const { price, type } = form;
  if (price !== undefined) check.positiveDecimal('price', price);
  else if (isKnown(type) && hasLimit(type)) {
    check.add('price', 'FIELD_REQUIRED', 'an order with a limit has a price');
  }
}

function isKnown(type: Sent<OrderType>): type is OrderType {
  return type !== 'UNSPECIFIED' && type !== 'UNKNOWN';
}

/** Highest distance of a trailing stop in basis points: below the whole price. */
const HIGHEST_OFFSET_BPS = 9_999;

/** What most orders do not say. */
function checkRareFields(check: FormCheck, form: PlacementForm): void {
  const { stopPrice, trailing, expireTime, displayQuantity, minimumQuantity } = form;
  if (stopPrice !== undefined) check.positiveDecimal('stop_price', stopPrice);
  if (trailing?.kind === 'offset') check.positiveDecimal('trailing_offset', trailing.value);
  if (trailing?.kind === 'bps' && (trailing.value < 1 || trailing.value > HIGHEST_OFFSET_BPS)) {
    check.add('trailing_offset_bps', 'NUMBER_OUT_OF_RANGE', 'must be 1 to 9,999');
  }
  if (expireTime !== undefined) {
    check.timestamp('expire_time', expireTime.seconds, expireTime.nanos);
  }
  if (displayQuantity !== undefined) check.positiveDecimal('display_quantity', displayQuantity);
  if (minimumQuantity !== undefined) check.positiveDecimal('minimum_quantity', minimumQuantity);
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
  const read = readTerms(form, instrument);
  const { terms } = read;
  const problem =
    checkArrival(form, instrument, { terms, nowUs }) ??
    typeProblem(form, terms) ??
    read.problem ??
    orderProblem(instrument.rules, terms);
  return { terms, problem };
}

/**
 * Reads the numbers of a form that has passed `checkPlacementForm`; the problem is the first text
 * that cannot be said in units.
 */
export function readTerms(form: PlacementForm, instrument: TradedInstrument): ReadPlacement {
  const { rules, priceUnit, quantityUnit } = instrument;
  const { trailing, expireTime } = form;
  const price = readUnits(form.price, priceUnit);
  const quantity = readUnits(form.quantity, quantityUnit);
  const budget = readBudget(form.quoteQuantity, instrument.quoteScale);
  const stopPrice = readUnits(form.stopPrice, priceUnit);
  const offset = readUnits(trailing?.kind === 'offset' ? trailing.value : undefined, priceUnit);
  const display = readUnits(form.displayQuantity, quantityUnit);
  const minimum = readUnits(form.minimumQuantity, quantityUnit);
  const terms: OrderTerms = {
    instrumentNumber: rules.instrumentNumber,
    side: form.side as Side,
    type: form.type as OrderType,
    timeInForce: timeInForceOf(form),
    postOnly: form.postOnly,
    quantityUnits: quantity.ok ? quantity.value : 0,
    quoteBudgetUnits: budget.ok ? budget.value : 0n,
    priceUnits: price.ok ? price.value : 0,
    stopPriceUnits: stopPrice.ok ? stopPrice.value : 0,
    trailingOffsetUnits: offset.ok ? offset.value : 0,
    trailingOffsetBps: trailing?.kind === 'bps' ? trailing.value : 0,
    expireTimeUs: expireTime === undefined ? 0 : timeUsOf(expireTime),
    displayUnits: display.ok ? display.value : 0,
    minimumUnits: minimum.ok ? minimum.value : 0,
    selfTradePrevention: preventionOf(form),
    // The account's shard puts in its group.
    selfTradeGroup: 0,
    makerRatePpm: rules.makerRatePpm,
    takerRatePpm: rules.takerRatePpm,
    auctionRatePpm: rules.auctionRatePpm,
    instrumentVersion: rules.version,
  };
  const problem =
    unitProblem('price', price) ??
    unitProblem('stop_price', stopPrice) ??
    unitProblem('trailing_offset', offset) ??
    unitProblem('quantity', quantity) ??
    unitProblem('display_quantity', display) ??
    unitProblem('minimum_quantity', minimum) ??
    budgetProblem(budget);
  return { terms, problem };
}

/** Unspecified is the account's setting: its shard puts it in. Nothing is checked by it here. */
function preventionOf(form: PlacementForm): SelfTradePrevention {
  const { selfTradePrevention: sent } = form;
  return sent === 'UNSPECIFIED' || sent === 'UNKNOWN' ? 'CANCEL_TAKER' : sent;
}

const ABSENT = { ok: true, value: 0 } as const;

function readUnits(text: string | undefined, unit: Decimal): Parsed<number> {
  if (text === undefined) return ABSENT;
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

/** What the present moment says: the instrument's state and the times in the order. */
export function checkArrival(
  { acceptBefore }: Pick<PlacementForm, 'acceptBefore'>,
  instrument: TradedInstrument,
  { terms, nowUs }: { readonly terms: OrderTerms; readonly nowUs: number },
): PlacementProblem | undefined {
  // The book itself ends an auction, so that only the book knows whether it is still on.
  const isKnown = instrument.state !== 'AUCTION';
  const state = isKnown ? checkState(instrument.state, terms) : undefined;
  if (state !== undefined) return { kind: 'declined', reason: 'INSTRUMENT_STATE' };
  const isExpired = terms.expireTimeUs > 0 && terms.expireTimeUs <= nowUs;
  const isLate = acceptBefore !== undefined && nowUs > timeUsOf(acceptBefore);
  return isExpired || isLate ? { kind: 'declined', reason: 'TOO_LATE' } : undefined;
}

const PROBLEM_FIELDS = {
  price: 'PRICE_OFF_TICK',
  stop_price: 'PRICE_OFF_TICK',
  trailing_offset: 'PRICE_OFF_TICK',
  quantity: 'QUANTITY_OFF_LOT',
  display_quantity: 'QUANTITY_OFF_LOT',
  minimum_quantity: 'QUANTITY_OFF_LOT',
} as const;

function unitProblem(
  field: keyof typeof PROBLEM_FIELDS,
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

/** Whether each of the rare fields is there, before their numbers matter. */
export function placeholders(form: PlacementForm) {
  return {
    stopPriceUnits: form.stopPrice === undefined ? 0 : 1,
    trailingOffsetUnits: form.trailing?.kind === 'offset' ? 1 : 0,
    displayUnits: form.displayQuantity === undefined ? 0 : 1,
    minimumUnits: form.minimumQuantity === undefined ? 0 : 1,
  };
}

/** Whether it is a limit order with nothing to go together with: nearly all are. */
function isPlain(form: PlacementForm, { type, timeInForce, postOnly }: OrderTerms): boolean {
  return (
    type === 'LIMIT' &&
    (timeInForce === 'GTC' || (timeInForce === 'IOC' && !postOnly)) &&
    form.price !== undefined &&
    form.quantity !== undefined &&
    form.quoteQuantity === undefined &&
    form.stopPrice === undefined &&
    form.trailing === undefined &&
    form.expireTime === undefined &&
    form.displayQuantity === undefined &&
    form.minimumQuantity === undefined
  );
}

/** Rules of the type, which come before tick and lot and hold for any quantity and price. */
function typeProblem(form: PlacementForm, terms: OrderTerms): PlacementProblem | undefined {
  if (isPlain(form, terms)) return undefined;
  const problem = checkCombination({
    ...terms,
    priceUnits: form.price === undefined ? 0 : 1,
    // More than a part of it may be shown.
    quantityUnits: form.quantity === undefined ? 0 : 2,
    quoteBudgetUnits: form.quoteQuantity === undefined ? 0n : 1n,
    ...placeholders(form),
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
