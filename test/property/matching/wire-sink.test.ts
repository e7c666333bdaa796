// Events written straight into the outgoing buffer have the bytes that the generated code gives to
// the same events as objects, whatever numbers they hold.

import { toBinary } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EventSchema } from '../../../gen/bourse/matching/v1/event_pb.ts';
import {
  CancelReason,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  TimeInForce,
} from '../../../gen/bourse/type/v1/order_pb.ts';
import { WireReader } from '../../../services/lib/shard/wire.ts';
import { eventMessage } from '../../../services/matching/adapter/codec/event-codec.ts';
import { Book } from '../../../services/matching/domain/book.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import { ObjectSink } from '../../../services/matching/domain/object-sink.ts';
import {
  ACCOUNT,
  OrderStore,
  PLACEMENT,
  REMAINING,
  VERSION,
} from '../../../services/matching/domain/order-store.ts';
import { OutgoingEvents } from '../../../services/matching/domain/outgoing-events.ts';
import { RestingOrders } from '../../../services/matching/domain/resting-orders.ts';
import {
  CANCEL_REASON_NUMBERS,
  ORDER_TYPE_NUMBERS,
  PREVENTION_NUMBERS,
  REJECT_REASON_NUMBERS,
  TIME_IN_FORCE_NUMBERS,
} from '../../../services/matching/domain/wire-numbers.ts';
import { WireSink } from '../../../services/matching/domain/wire-sink.ts';
import { PLAIN_TERMS, WIDE_RULES } from '../../support/matching/one-book.ts';

type Numbers = Readonly<Record<string, number>>;

/** The names of an enum of the contract with their numbers, without UNSPECIFIED. */
function numbersOf(values: Readonly<Record<string, number | string>>): Numbers {
  const named = Object.entries(values).filter(([name]) => /^[A-Z]/.test(name));
  const known = named.filter(([name]) => name !== 'UNSPECIFIED');
  return Object.fromEntries(known) as Numbers;
}

test('every value has the number that the contract gives it', () => {
  expect(ORDER_TYPE_NUMBERS).toEqual(numbersOf(OrderType));
  expect(TIME_IN_FORCE_NUMBERS).toEqual(numbersOf(TimeInForce));
  expect(PREVENTION_NUMBERS).toEqual(numbersOf(SelfTradePrevention));
  expect(REJECT_REASON_NUMBERS).toEqual(numbersOf(RejectReason));
  expect(CANCEL_REASON_NUMBERS).toEqual(numbersOf(CancelReason));
});

const uint32 = fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
/** Of every length that a number has in its wire form, and at the ends of each. */
const units = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(),
  fc.nat(1_000),
  fc
    .record({ bits: fc.nat(52), less: fc.nat(1) })
    .map(({ bits, less }) => Math.max(2 ** bits - less, 0)),
);
const positive = units.map((value) => Math.max(value, 1));
const half = units.map((value) => Math.floor(value / 2));
const fee = fc.oneof(
  half,
  half.map((value) => -value),
  fc.bigInt(-(2n ** 62n), 2n ** 62n),
);
const rate = fc.integer({ min: -1_000_000, max: 1_000_000 });
const seldom = fc.oneof({ arbitrary: fc.constant(0), weight: 12 }, { arbitrary: units, weight: 1 });
const side = fc.constantFrom('BUY' as const, 'SELL' as const);
const nameOf = <N extends string>(numbers: Readonly<Record<N, number>>) =>
  fc.constantFrom(...(Object.keys(numbers) as N[]));

const terms = fc.record({
  instrumentNumber: uint32.map((value) => Math.max(value, 1)),
  side,
  type: nameOf(ORDER_TYPE_NUMBERS),
  timeInForce: nameOf(TIME_IN_FORCE_NUMBERS),
  postOnly: fc.boolean(),
  quantityUnits: units,
  quoteBudgetUnits: fc.constantFrom(0n, 5n),
  priceUnits: units,
  stopPriceUnits: seldom,
  trailingOffsetUnits: fc.constant(0),
  trailingOffsetBps: fc.constant(0),
  expireTimeUs: seldom,
  displayUnits: seldom,
  minimumUnits: seldom,
  selfTradePrevention: nameOf(PREVENTION_NUMBERS),
  selfTradeGroup: fc.oneof(fc.constant(0), uint32),
  makerRatePpm: rate,
  takerRatePpm: rate,
  auctionRatePpm: fc.oneof(fc.constant(0), rate),
  instrumentVersion: units,
});
// A budget comes without a quantity (TYP-2).
const fitting = terms.map((made) => ({
  ...made,
  quoteBudgetUnits: made.quantityUnits === 0 ? made.quoteBudgetUnits : 0n,
}));

const step = fc.record({
  kind: fc.nat(11),
  instrumentNumber: uint32.map((value) => Math.max(value, 1)),
  sequence: units,
  account: uint32,
  placement: units,
  other: uint32,
  otherPlacement: units,
  units: fc.tuple(units, units, positive, positive),
  version: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  fees: fc.tuple(fee, fee),
  aggressorSide: fc.option(side, { nil: undefined }),
  isSet: fc.boolean(),
  terms: fitting,
  rejectReason: nameOf(REJECT_REASON_NUMBERS),
  cancelReason: nameOf(CANCEL_REASON_NUMBERS),
  holdId: fc.oneof(fc.constant(''), fc.string({ maxLength: 80 })),
  seldom,
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** One event of a step, told to a sink. */
function tell(sink: ObjectSink, orders: OrderStore, made: Step): void {
  const resting = new RestingOrders();
  const rules = { ...WIDE_RULES, instrumentNumber: made.instrumentNumber };
  const book = new Book(rules, 'CONTINUOUS', { slot: 0, bookNumber: 0 }, resting.stores);
  book.sequence = Math.min(made.sequence, 2 ** 53 - 2);
  const [one, other] = [orders.allocate(), orders.allocate()];
  for (const [order, account, placement, left] of [
    [one, made.account, made.placement, made.units[0]],
    [other, made.other, made.otherPlacement, made.units[1]],
  ] as const) {
    orders.words[order + ACCOUNT] = account;
    orders.words[order + VERSION] = made.version;
    orders.floats[(order >>> 1) + PLACEMENT] = placement;
    orders.floats[(order >>> 1) + REMAINING] = left;
  }
  const name = { accountNumber: made.account, placement: made.placement, amendHoldId: made.holdId };
  if (made.kind > 8) {
    tellPlain(sink, book, made);
    return;
  }
  const [, , quantityUnits, priceUnits] = made.units;
  switch (made.kind) {
    case 0:
      sink.orderAccepted(book, name, made.terms, made.seldom);
      break;
    case 1:
      sink.orderRejected(book, name, made.rejectReason);
      break;
    case 2:
      sink.cancelRejected(book, name, made.rejectReason);
      break;
    case 3:
      sink.amendRejected(book, name, made.rejectReason);
      break;
    case 4:
      sink.orderCanceled(book, one, made.cancelReason, quantityUnits);
      break;
    case 5:
      sink.orderExpired(book, one, quantityUnits);
      break;
    case 6:
      sink.orderAmended(book, name, {
        version: made.version,
        quantityUnits,
        remainingUnits: made.units[0],
        priceUnits,
        stopPriceUnits: made.seldom,
        displayUnits: made.seldom,
        expireTimeUs: made.seldom,
        placeKept: made.isSet,
        amendHoldId: made.holdId,
      });
      break;
    case 7:
      sink.ordersCanceled(book, made.account, 5, made.cancelReason, made.holdId);
      break;
    default:
      sink.traded(book, one, other, {
        priceUnits,
        quantityUnits,
        aggressorSide: made.aggressorSide,
        sameOwner: made.isSet,
        makerFeeUnits: made.fees[0],
        takerFeeUnits: made.fees[1],
        unspentUnits: made.seldom === 0 ? 0n : BigInt(made.seldom),
      });
  }
}

/** One event of a plain order, told to a sink. */
function tellPlain(sink: ObjectSink, book: Book, made: Step): void {
  const { account: accountNumber, placement, version, isSet } = made;
  const name = { accountNumber, placement };
  const [, , quantityUnits, priceUnits] = made.units;
  if (made.kind === 9) {
    const { side, selfTradePrevention, makerRatePpm, takerRatePpm, auctionRatePpm } = made.terms;
    const rates = { makerRatePpm, takerRatePpm, auctionRatePpm };
    const timeInForce = isSet ? ('GTC' as const) : ('IOC' as const);
    const { instrumentNumber, instrumentVersion } = made.terms;
    const from = { instrumentNumber, instrumentVersion, selfTradePrevention, side, timeInForce };
    const order = { ...PLAIN_TERMS, ...rates, ...from, quantityUnits, priceUnits };
    sink.plainAccepted(book, name, order);
  } else if (made.kind === 10) sink.plainRemainder(book, name, quantityUnits);
  else {
    const remainingUnits = priceUnits;
    const amended = { version, quantityUnits, remainingUnits, priceUnits, placeKept: isSet };
    sink.plainAmended(book, name, amended);
  }
}

const encode = (event: MatchingEvent): Uint8Array => toBinary(EventSchema, eventMessage(event));

test('LOG-6 an event is written with the bytes that the generated code gives it', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const orders = new OrderStore();
      const objects = new ObjectSink(orders);
      const events: MatchingEvent[] = [];
      objects.begin((event) => events.push(event));
      for (const made of steps) tell(objects, orders, made);

      const outgoing = new OutgoingEvents();
      const wire = new WireSink(orders, outgoing, encode);
      for (const made of steps) tell(wire, orders, made);
      expect(wire.count).toBe(events.length);
      const reader = new WireReader(outgoing.bytes.subarray(0, outgoing.length));
      for (const event of events) {
        expect(reader.field()).toBe(1);
        expect(Buffer.from(reader.bytes()).toString('hex')).toBe(
          Buffer.from(encode(event)).toString('hex'),
        );
      }
      expect(reader.done).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('LOG-6 the buffer grows under a step of any size and keeps what was written', () => {
  const orders = new OrderStore();
  const outgoing = new OutgoingEvents();
  const wire = new WireSink(orders, outgoing, encode);
  const book = new Book(
    WIDE_RULES,
    'CONTINUOUS',
    { slot: 0, bookNumber: 0 },
    new RestingOrders().stores,
  );
  for (let placement = 1; placement <= 5_000; placement += 1) {
    wire.orderAccepted(book, { accountNumber: 1, placement }, PLAIN_TERMS);
  }
  const reader = new WireReader(outgoing.bytes.subarray(0, outgoing.length));
  let count = 0;
  for (; !reader.done; count += 1) {
    reader.field();
    reader.bytes();
  }
  expect(count).toBe(5_000);
  outgoing.clear();
  expect(outgoing.length).toBe(0);
});
