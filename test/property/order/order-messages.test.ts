// What the flow of an order writes and reads by hand is what the generated schemas would have
// written and read, whatever it holds.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  CommittedSchema as LedgerCommittedSchema,
  ProposeRequestSchema as LedgerRequestSchema,
} from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { OrderTermsSchema } from '../../../gen/bourse/matching/v1/command_pb.ts';
import {
  CommittedSchema as MatchingCommittedSchema,
  ProposeRequestSchema as MatchingRequestSchema,
} from '../../../gen/bourse/matching/v1/service_pb.ts';
import {
  PlaceOrderRequestSchema,
  PlaceOrderResponseSchema,
} from '../../../gen/bourse/order/v1/service_pb.ts';
import { RejectReason, SelfTradePrevention } from '../../../gen/bourse/type/v1/order_pb.ts';
import {
  answerMessage,
  eventMessage as ledgerEvent,
} from '../../../services/account/adapter/codec/event-codec.ts';
import { encodeTerms } from '../../../services/lib/platform/codec/terms-codec.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { eventMessage as matchingEvent } from '../../../services/matching/adapter/codec/event-codec.ts';
import { encodePlacement } from '../../../services/order/adapter/codec/answer-writer.ts';
import { readBookAnswer } from '../../../services/order/adapter/codec/events-reader.ts';
import { readNewHold } from '../../../services/order/adapter/codec/hold-reader.ts';
import { encodeOrder, encodeOwnFill } from '../../../services/order/adapter/codec/order-codec.ts';
import { readPlacement } from '../../../services/order/adapter/codec/placement-reader.ts';
import {
  encodeLedgerBatch,
  encodeMatchingBatch,
  type HoldRequest,
  type LedgerContent,
  type MatchingContent,
} from '../../../services/order/adapter/codec/proposals.ts';
import { decodeEvents, decodeRecord } from '../../../services/order/adapter/codec/record-codec.ts';
import { decodePlacement } from '../../../services/order/adapter/codec/request-codec.ts';
import { hashBody } from '../../../services/order/domain/canonical.ts';
import type { OrderFill, OrderRecord } from '../../../services/order/domain/order-record.ts';
import { FORM, INSTRUMENT, RECORD } from '../../unit/order/sample.ts';
import { answer, event as ledgerEvents } from '../account/ledger-arbitraries.ts';
import { event as matchingEvents, safe, terms, uint32 } from '../matching-arbitraries.ts';

const id = fc.stringMatching(/^[A-Za-z0-9._:-]{1,64}$/);
const amount = fc.bigInt({ min: 0n, max: 2n ** 62n - 1n });
const fee = fc.bigInt({ min: -(2n ** 62n) + 1n, max: 2n ** 62n - 1n });
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const head = fc.record({
  number: safe,
  identity: id,
  validUntilUs: safe,
  traceContext: fc.constantFrom('', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),
  orderingGroup: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
});

const hold = fc
  .record({
    accountId: id,
    clientOrderId: id,
    terms: terms.map((value) => ({ ...value, selfTradeGroup: 0 })),
    selfTradePrevention: fc.constantFrom(
      SelfTradePrevention.UNSPECIFIED,
      SelfTradePrevention.DECREMENT,
    ),
    body: fc.record({
      clientOrderId: fc.constantFrom('', 'one'),
      price: fc.constantFrom('1', '2.50'),
    }),
    assetNumber: uint32,
    amountUnits: amount,
    validUntilUs: safe,
    declineReason: fc.constantFrom(undefined, 'INSTRUMENT_STATE', 'TOO_LATE'),
    refuseWhenShort: fc.boolean(),
  })
  .map(({ body, ...rest }) => ({
    ...rest,
    body: { ...FORM, ...body },
  })) as fc.Arbitrary<HoldRequest>;

const delivery = fc.record({ accountNumber: uint32, placement: safe, terms });

function sent<C>({ orderingGroup, ...rest }: Record<string, unknown>, content: C) {
  const command = { ...rest, orderingGroup, slot: 1, insists: true, sent: false };
  return { ...command, settle: () => {}, content } as never;
}

describe('what comes in a batch', () => {
  const enumeration = fc.integer({ min: 0, max: 9 });
  const decimal = fc.constantFrom('', '1', '0.25', 'x');
  const time = fc.record({ seconds: fc.bigInt({ min: 0n, max: 2n ** 40n }), nanos: fc.nat() });
  const none = fc.constant(undefined);
  const often = { freq: 3, nil: undefined };
  const placement = fc.record({
    accountId: fc.oneof(id, fc.string({ unit: 'grapheme' })),
    clientOrderId: id,
    instrumentId: fc.constantFrom('BTC-USD', 'ETH-USD', ''),
    side: enumeration,
    type: enumeration,
    orderQuantity: fc.oneof(
      fc.record({ case: fc.constant('quantity' as const), value: decimal }),
      fc.record({ case: fc.constant('quoteQuantity' as const), value: decimal }),
      fc.constant({ case: undefined }),
    ),
    price: decimal,
    timeInForce: enumeration,
    postOnly: fc.boolean(),
    selfTradePrevention: enumeration,
    acceptBeforeTime: fc.oneof(none, fc.option(time, often)),
    stopPrice: fc.constantFrom('', '', '', '5'),
    displayQuantity: fc.constantFrom('', '', '', '5'),
  });

  test('TYP-1 a placement is read as the generated code reads it', () => {
    fc.assert(
      fc.property(placement, (drawn) => {
        const message = create(PlaceOrderRequestSchema, drawn as never);
        const bytes = toBinary(PlaceOrderRequestSchema, message);
        expect(readPlacement(bytes)).toEqual(decodePlacement(message));
        expect(readPlacement(message)).toEqual(decodePlacement(message));
      }),
      { numRuns: 500 },
    );
  });

  test('bytes that are no placement are refused, none of them is taken for another', () => {
    fc.assert(
      fc.property(placement, fc.nat(), fc.nat({ max: 255 }), (drawn, place, byte) => {
        const bytes = toBinary(
          PlaceOrderRequestSchema,
          create(PlaceOrderRequestSchema, drawn as never),
        );
        if (bytes.length > 0) bytes[place % bytes.length] = byte;
        let expected: unknown;
        try {
          expected = decodePlacement(fromBinary(PlaceOrderRequestSchema, bytes));
        } catch {
          expect(() => readPlacement(bytes)).toThrow(OperatingError);
          return;
        }
        expect(readPlacement(bytes)).toEqual(expected);
      }),
      { numRuns: 800 },
    );
  });
});

describe('what goes to shards', () => {
  test('LOG-11 holds, and other commands beside them, have the bytes of the generated code', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(head, hold, fc.boolean()), { maxLength: 5 }), (asked) => {
        const contents = asked.map(([, value, isHold]): LedgerContent => {
          const { accountId, clientOrderId } = value;
          if (isHold) return { case: 'placeHold', value };
          return { case: 'prepareCancel', value: { accountId, clientOrderId } };
        });
        const batch = asked.map(([of], index) =>
          sent({ ...of, orderingGroup: 0n }, contents[index]),
        );
        const proposals = asked.map(([of], index) => ({
          number: BigInt(of.number),
          identity: of.identity,
          validUntilUs: BigInt(of.validUntilUs),
          traceContext: of.traceContext,
          command: { kind: plain(contents[index] as LedgerContent) },
        }));
        const request = create(LedgerRequestSchema, { shardId: 'account-1', proposals } as never);
        const expected = toBinary(LedgerRequestSchema, request);
        expect(hex(encodeLedgerBatch('account-1', batch))).toBe(hex(expected));
      }),
    );
  });

  test('LOG-11 MOV-9 orders, and other commands beside them, do as well', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(head, delivery, fc.boolean()), { maxLength: 5 }), (asked) => {
        const batch = asked.map(([of, { terms: wanted, ...key }, isOrder]) => {
          const termsBytes = toBinary(
            OrderTermsSchema,
            create(OrderTermsSchema, encodeTerms(wanted)),
          );
          const content: MatchingContent = isOrder
            ? { case: 'placeOrder', value: { ...key, termsBytes } }
            : { case: 'cancelOrder', value: { ...key, placement: BigInt(key.placement) } };
          return sent(of, content);
        });
        const proposals = asked.map(([of, { terms: wanted, ...key }, isOrder]) => ({
          number: BigInt(of.number),
          identity: of.identity,
          validUntilUs: BigInt(of.validUntilUs),
          traceContext: of.traceContext,
          orderingGroup: of.orderingGroup,
          command: {
            kind: {
              case: isOrder ? ('placeOrder' as const) : ('cancelOrder' as const),
              value: {
                accountNumber: key.accountNumber,
                placement: BigInt(key.placement),
                ...(isOrder ? { terms: encodeTerms(wanted) } : {}),
              },
            },
          },
        }));
        const request = create(MatchingRequestSchema, {
          shardId: 'matching-1',
          proposals,
        } as never);
        const expected = toBinary(MatchingRequestSchema, request);
        expect(hex(encodeMatchingBatch('matching-1', batch))).toBe(hex(expected));
      }),
    );
  });
});

/** The same as the generated code takes it. */
function plain(content: LedgerContent): unknown {
  if (content.case !== 'placeHold') return content;
  const { body, ...value } = content.value;
  const { declineReason } = value;
  const isNamed = body.clientOrderId !== '';
  return {
    case: 'placeHold',
    value: {
      ...value,
      bodyHash: isNamed ? hashBody(body).slice() : new Uint8Array(16),
      terms: { ...encodeTerms(value.terms), selfTradePrevention: value.selfTradePrevention },
      validUntilUs: BigInt(value.validUntilUs),
      declineReason: declineReason === undefined ? 0 : RejectReason[declineReason],
    },
  };
}

/** The event of a new hold with the record that an event has, if it has one. */
function asPlaced(drawn: unknown): unknown {
  const { record, ...rest } = drawn as Record<string, unknown>;
  if (typeof record !== 'object' || record === null) return drawn;
  const { accountNumber, accountSequence, balances } = rest;
  const placed = { ...record, holdState: 'PLACED' };
  return { accountNumber, accountSequence, balances, kind: 'holdPlaced', record: placed };
}

describe('what shards answer', () => {
  test('HLD-1 a new hold is read as the generated code reads it; nothing else is one', () => {
    let count = 0;
    const answers = fc.tuple(
      fc.array(fc.oneof(ledgerEvents, ledgerEvents.map(asPlaced)), { minLength: 1, maxLength: 2 }),
      fc.option(answer, { nil: undefined, freq: 2 }),
    );
    fc.assert(
      fc.property(answers, ([events, told]) => {
        const messages = events.map((value) => ledgerEvent(value as never));
        const committed = create(LedgerCommittedSchema, {
          entryIndex: 7n,
          logTimeUs: 9n,
          events: messages,
          ...(told === undefined ? {} : { answer: answerMessage(told as never) }),
        });
        const bytes = toBinary(LedgerCommittedSchema, committed);
        const found = readNewHold(bytes);
        const [first, second] = messages;
        const placed = first?.kind.case === 'holdPlaced' ? first.kind.value.record : undefined;
        const isNew = placed?.terms !== undefined && second === undefined && told === undefined;
        const record = isNew ? decodeRecord(placed) : undefined;
        if (record?.holdState !== 'PLACED') {
          expect(found).toBeUndefined();
          return;
        }
        count += 1;
        expect(found?.record).toEqual(record);
      }),
      { numRuns: 1_500 },
    );
    expect(count).toBeGreaterThan(5);
  });

  test('MAT-2 the events of a book are read as the generated code reads them', () => {
    fc.assert(
      fc.property(fc.array(matchingEvents, { maxLength: 4 }), fc.boolean(), (events, waits) => {
        const messages = events.map((value) => matchingEvent(value as never));
        const parts = { logTimeUs: 9n, eventsLeftOut: 2, events: messages };
        const committed = create(MatchingCommittedSchema, parts);
        const bytes = toBinary(MatchingCommittedSchema, committed);
        const expected = decodeEvents(messages).map((event) =>
          // An order that does not wait is told nothing by its acceptance.
          event.kind === 'accepted' && !waits ? { ...event, waiting: undefined } : event,
        );
        const read = readBookAnswer(bytes, waits);
        const told = read.events.map((event) =>
          event.kind === 'accepted' && !waits ? { ...event, waiting: undefined } : event,
        );
        expect(told).toEqual(expected);
        expect({ ...read, events: [] }).toEqual({ logTimeUs: 9, eventsLeftOut: 2, events: [] });
      }),
      { numRuns: 500 },
    );
  });
});

describe('the answer to a placement', () => {
  const fills: fc.Arbitrary<readonly OrderFill[]> = fc.array(
    fc.record({
      sequence: safe,
      priceUnits: fc.integer({ min: 1, max: 1_000_000 }),
      quantityUnits: fc.integer({ min: 1, max: 1_000_000 }),
      liquidity: fc.constantFrom('MAKER', 'TAKER', 'AUCTION'),
      feeUnits: fee,
      aggressorSide: fc.constant('BUY'),
    }),
    { maxLength: 3 },
  );
  const record = fc.record({
    accountNumber: fc.integer({ min: 1, max: 0xffffffff }),
    placement: safe,
    accountId: id,
    clientOrderId: id,
    terms: fc.oneof(
      terms.map((value) => ({
        ...value,
        stopPriceUnits: 0,
        trailingOffsetUnits: 0,
        trailingOffsetBps: 0,
        expireTimeUs: 0,
        displayUnits: 0,
        minimumUnits: 0,
      })),
      terms,
    ),
    status: fc.constantFrom('ACTIVE', 'FILLED', 'REJECTED'),
    version: safe,
    filledUnits: fc.nat(),
    remainingUnits: safe,
    filledNotionalUnits: amount,
    feeUnits: fc.oneof(fc.constant(0n), fee),
    rejectReason: fc.constantFrom(undefined, 'INSUFFICIENT_FUNDS'),
    cancelReason: fc.constantFrom(undefined, 'IOC_REMAINDER'),
    placedTimeUs: safe,
    updatedTimeUs: safe,
    instrumentSequence: safe,
    groupType: fc.constantFrom(undefined, undefined, 'OCO'),
  });

  test('has the bytes of the generated code', () => {
    fc.assert(
      fc.property(record, fills, safe, fc.boolean(), (drawn, own, timeUs, duplicate) => {
        const order = { ...RECORD, ...drawn } as OrderRecord;
        const bytes = encodePlacement(INSTRUMENT, { record: order, fills: own, timeUs, duplicate });
        const response = create(PlaceOrderResponseSchema, {
          order: encodeOrder(INSTRUMENT, order),
          fills: own.map((fill) => encodeOwnFill(INSTRUMENT, order, { fill, timeUs })),
          sequence: BigInt(order.instrumentSequence),
          duplicate,
        });
        expect(hex(bytes)).toBe(hex(toBinary(PlaceOrderResponseSchema, response)));
      }),
      { numRuns: 300 },
    );
  });
});
