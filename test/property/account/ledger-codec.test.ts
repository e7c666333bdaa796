// Commands, events and answers of an account shard survive their encoding, whatever they hold, and
// bytes that are no message are refused.
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CommandSchema } from '../../../gen/bourse/ledger/v1/command_pb.ts';
import { EventSchema } from '../../../gen/bourse/ledger/v1/event_pb.ts';
import { ProposeResponseSchema } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { commandMessage } from '../../../services/account/adapter/codec/command-codec.ts';
import {
  answerMessage,
  eventMessage,
} from '../../../services/account/adapter/codec/event-codec.ts';
import { ledgerCodec } from '../../../services/account/adapter/codec/ledger-codec.ts';
import { hexOf } from '../../../services/account/adapter/codec/record-codec.ts';
import { encodeResults } from '../../../services/account/adapter/propose-answers.ts';
import type { Command } from '../../../services/account/domain/command.ts';
import type { Answer, Event } from '../../../services/account/domain/event.ts';
import type { ProposalResult } from '../../../services/lib/shard/proposal.ts';

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const safe = fc.maxSafeNat();
const amount = fc.bigInt({ min: 0n, max: 2n ** 62n - 1n });
const signed = fc.bigInt({ min: -(2n ** 62n) + 1n, max: 2n ** 62n - 1n });
const rate = fc.integer({ min: -1_000_000, max: 1_000_000 });
const text = fc.string({ unit: 'grapheme', maxLength: 64 });
const hash = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((b) => Buffer.from(b).toString('hex'));
const side = fc.constantFrom('BUY', 'SELL');
const mode = fc.constantFrom('CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT', 'NONE');
const rejectReason = fc.constantFrom('BOOK_FULL', 'INSUFFICIENT_FUNDS', 'NOT_DELIVERED');
const cancelReason = fc.constantFrom('OWNER', 'MASS', 'FOK', 'WORST_PRICE');
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const or = <T, U>(value: fc.Arbitrary<T>, other: U) => fc.option(value, { nil: other });

const termsFields = {
  instrumentNumber: uint32,
  side,
  type: fc.constantFrom('LIMIT', 'MARKET'),
  timeInForce: fc.constantFrom('GTC', 'IOC', 'FOK'),
  postOnly: fc.boolean(),
  quantityUnits: safe,
  quoteBudgetUnits: amount,
  priceUnits: safe,
  makerRatePpm: rate,
  takerRatePpm: rate,
  instrumentVersion: safe,
};
const terms = fc.record({ ...termsFields, selfTradePrevention: mode });
const placementTerms = fc.record({ ...termsFields, selfTradePrevention: maybe(mode) });

const rules = fc.record({
  instrumentNumber: uint32,
  instrumentId: text,
  version: safe,
  baseAssetNumber: uint32,
  quoteAssetNumber: uint32,
  notionalFactor: safe,
  baseFactor: safe,
  tickUnits: safe,
  lotUnits: safe,
  minimumQuantityUnits: safe,
  maximumQuantityUnits: safe,
  maximumPriceUnits: safe,
  minimumNotionalUnits: amount,
  collarPpm: uint32,
  maximumOpenOrders: uint32,
  makerRatePpm: rate,
  takerRatePpm: rate,
});

const order = { accountNumber: uint32, placement: safe };
const party = fc.record({ ...order, remainingUnits: safe, feeUnits: signed });
const place = { instrumentNumber: uint32, instrumentSequence: safe };
const matchingEvent = fc.oneof(
  fc.record({ kind: fc.constantFrom('orderAccepted', 'orderFilled'), ...place, ...order }),
  fc.record({ kind: fc.constant('orderRejected'), ...place, ...order, reason: rejectReason }),
  fc.record({ kind: fc.constant('orderCanceled'), ...place, ...order, reason: cancelReason }),
  fc.record({
    kind: fc.constant('traded'),
    ...place,
    priceUnits: safe,
    quantityUnits: safe,
    aggressorSide: side,
    maker: party,
    taker: party,
  }),
  fc.record({
    kind: fc.constant('matchPrevented'),
    ...place,
    makerAccountNumber: uint32,
    makerPlacement: safe,
    takerAccountNumber: uint32,
    takerPlacement: safe,
    decrementedUnits: safe,
  }),
  fc.record({
    kind: fc.constant('orderAmended'),
    ...place,
    ...order,
    version: safe,
    quantityUnits: safe,
    remainingUnits: safe,
    priceUnits: safe,
    amendHoldId: text,
  }),
  fc.record({
    kind: fc.constantFrom('amendRejected', 'orderForbidden'),
    ...place,
    ...order,
    amendHoldId: text,
  }),
);

const slots = fc.array(fc.integer({ min: 0, max: 4095 }), { maxLength: 20 });
const asset = { assetNumber: uint32, assetId: text, scale: fc.nat({ max: 9 }), version: safe };
const command = fc.oneof(
  fc.record({
    kind: fc.constant('createAccount'),
    accountId: text,
    defaultSelfTradePrevention: mode,
  }),
  fc.record({
    kind: fc.constantFrom('deposit', 'withdraw'),
    accountId: text,
    assetNumber: uint32,
    amountUnits: amount,
    clientTransferId: text,
  }),
  fc.record({
    kind: fc.constant('placeHold'),
    accountId: text,
    clientOrderId: text,
    terms: placementTerms,
    bodyHash: hash,
    assetNumber: uint32,
    amountUnits: amount,
    validUntilUs: safe,
    declineReason: or(rejectReason, 'NONE'),
    refuseWhenShort: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('amendHold'),
    ...order,
    amendHoldId: text,
    amountUnits: amount,
    validUntilUs: safe,
  }),
  fc.record({ kind: fc.constant('prepareCancel'), accountId: text, clientOrderId: text }),
  fc.record({
    kind: fc.constant('settle'),
    sourceShardId: text,
    fromSequence: safe,
    throughSequence: safe,
    sourceEntryIndex: safe,
    sourceChainChecksum: hash,
    entries: fc.array(
      fc.record({
        logTimeUs: safe,
        commands: fc.array(
          fc.record({ identity: text, events: fc.array(matchingEvent, { maxLength: 4 }) }),
          { maxLength: 3 },
        ),
      }),
      { maxLength: 3 },
    ),
  }),
  fc.record({ kind: fc.constant('setAsset'), ...asset }),
  fc.record({ kind: fc.constant('setInstrument'), rules }),
  fc.record({ kind: fc.constant('acquireSlots'), slots, generation: safe }),
) as fc.Arbitrary<Command>;

const record = fc.record({
  accountNumber: uint32,
  accountId: text,
  placement: safe,
  clientOrderId: text,
  terms: maybe(terms),
  bodyHash: hash,
  holdState: fc.constantFrom('PLACED', 'CONFIRMED', 'CLOSED'),
  status: fc.constantFrom(
    'PENDING',
    'ACTIVE',
    'PARTIALLY_FILLED',
    'FILLED',
    'CANCELED',
    'REJECTED',
  ),
  version: safe,
  filledUnits: safe,
  remainingUnits: safe,
  filledNotionalUnits: amount,
  feeUnits: signed,
  rejectReason: or(rejectReason, 'NONE'),
  cancelReason: or(cancelReason, 'NONE'),
  holdAssetNumber: uint32,
  heldUnits: amount,
  validUntilUs: safe,
  placedTimeUs: safe,
  updatedTimeUs: safe,
  instrumentSequence: safe,
  accountSequence: safe,
});
const balance = fc.record({ assetNumber: uint32, totalUnits: amount, heldUnits: amount });
const fill = fc.record({
  priceUnits: safe,
  quantityUnits: safe,
  liquidity: fc.constantFrom('MAKER', 'TAKER'),
  notionalUnits: amount,
  feeUnits: signed,
  aggressorSide: side,
});
const transfer = { assetNumber: uint32, amountUnits: signed, clientTransferId: text };
const head = {
  accountNumber: uint32,
  accountSequence: safe,
  balances: fc.array(balance, { maxLength: 3 }),
};
const event = fc.oneof(
  fc.record({
    ...head,
    kind: fc.constant('accountCreated'),
    accountId: text,
    defaultSelfTradePrevention: mode,
  }),
  fc.record({ ...head, kind: fc.constant('transferPosted'), ...transfer }),
  fc.record({ ...head, kind: fc.constant('holdPlaced'), record }),
  fc.record({
    ...head,
    kind: fc.constant('orderDeclined'),
    record,
    previousAccountSequence: safe,
  }),
  fc.record({
    ...head,
    kind: fc.constantFrom('amendHoldPlaced', 'amendHoldReleased'),
    placement: safe,
    amendHoldId: text,
    amountUnits: amount,
    heldUnits: amount,
  }),
  fc.record({
    ...head,
    kind: fc.constant('amendDeclined'),
    placement: safe,
    amendHoldId: text,
    reason: rejectReason,
  }),
  fc.record({ ...head, kind: fc.constant('cancelRecorded'), clientOrderId: text }),
  fc.record({
    ...head,
    kind: fc.constant('orderExecuted'),
    executionType: fc.constantFrom('NEW', 'TRADE', 'REPLACED', 'CANCELED', 'REJECTED', 'RESTATED'),
    record,
    instrumentSequence: safe,
    previousInstrumentSequence: safe,
    fill: maybe(fill),
    eventTimeUs: safe,
    releasedUnits: amount,
    cause: text,
  }),
  fc.record({
    ...head,
    kind: fc.constant('suspensePosted'),
    assetNumber: uint32,
    amountUnits: amount,
    placement: safe,
  }),
  fc.record({
    ...head,
    kind: fc.constant('rangeSettled'),
    sourceShardId: text,
    throughSequence: safe,
  }),
  fc.record({ ...head, kind: fc.constant('assetSet'), ...asset }),
  fc.record({ ...head, kind: fc.constant('instrumentSet'), rules }),
  fc.record({ ...head, kind: fc.constant('slotsAcquired'), slots, generation: safe }),
) as fc.Arbitrary<Event>;

const answer = fc.oneof(
  fc.record({ existing: fc.boolean(), record }),
  fc.record({ existing: fc.boolean(), accountNumber: fc.integer({ min: 1, max: 0xffffffff }) }),
  fc.record({
    existing: fc.boolean(),
    transfer: fc.record(transfer),
    balance,
    accountSequence: safe,
    postedTimeUs: safe,
    totalAfterUnits: amount,
  }),
) as fc.Arbitrary<Answer>;

describe('the codec of account shards', () => {
  test('LOG-6 a command decodes to what was encoded', () => {
    fc.assert(
      fc.property(command, (value) => {
        expect(ledgerCodec.decodeCommand(ledgerCodec.encodeCommand(value))).toEqual(value);
      }),
    );
  });

  test('LOG-6 an event decodes to what was encoded', () => {
    fc.assert(
      fc.property(event, (value) => {
        expect(ledgerCodec.decodeEvent(ledgerCodec.encodeEvent(value))).toEqual(value);
      }),
    );
  });

  test('LOG-6 what is written by hand has the bytes of the generated code', () => {
    fc.assert(
      fc.property(command, (value) => {
        const generated = toBinary(CommandSchema, commandMessage(value));
        expect(hexOf(ledgerCodec.encodeCommand(value))).toBe(hexOf(generated));
      }),
      { numRuns: 400 },
    );
    fc.assert(
      fc.property(event, (value) => {
        const generated = toBinary(EventSchema, eventMessage(value));
        expect(hexOf(ledgerCodec.encodeEvent(value))).toBe(hexOf(generated));
      }),
      { numRuns: 400 },
    );
  });

  test('LOG-6 an answer decodes to what was encoded', () => {
    fc.assert(
      fc.property(answer, (value) => {
        expect(ledgerCodec.decodeAnswer(ledgerCodec.encodeAnswer(value))).toEqual(value);
      }),
    );
  });

  test('answers of proposals are what the generated code reads', () => {
    const place = { entryIndex: safe, logTimeUs: safe, firstSequence: safe };
    const done = fc.record({ kind: fc.constant('done'), answer });
    const result = fc.oneof(
      fc.record({
        kind: fc.constant('applied'),
        duplicate: fc.boolean(),
        ...place,
        events: fc.array(event, { maxLength: 3 }),
        outcome: fc.oneof(done, fc.constant({ kind: 'done' })),
      }),
      fc.record({
        kind: fc.constant('notApplied'),
        reason: fc.constantFrom('NOT_LEADER', 'COMMAND_EXPIRED'),
        detail: fc.dictionary(text, text, { maxKeys: 2 }),
      }),
    ) as fc.Arbitrary<ProposalResult<Event, Answer>>;
    const numbered = fc.record({ number: amount, result });
    fc.assert(
      fc.property(fc.array(numbered, { maxLength: 4 }), (results) => {
        const bytes = encodeResults({ results, reserved: 0 });
        const read = fromBinary(ProposeResponseSchema, bytes).results;
        expect(read.map(({ number }) => number)).toEqual(results.map(({ number }) => number));
        read.forEach(({ kind, duplicate }, index) => {
          const wanted = results[index]?.result;
          if (wanted?.kind !== 'applied') {
            expect(kind.case).toBe('refusal');
            return;
          }
          if (kind.case !== 'committed') throw new Error('not committed');
          const { events, entryIndex, answer: given } = kind.value;
          expect([Number(entryIndex), duplicate]).toEqual([wanted.entryIndex, wanted.duplicate]);
          expect(events).toEqual(wanted.events.map(eventMessage));
          const wantedAnswer = wanted.outcome.kind === 'done' ? wanted.outcome.answer : undefined;
          expect(given).toEqual(wantedAnswer && answerMessage(wantedAnswer));
        });
      }),
    );
  });

  test('hostile bytes are refused, or mean a command that encodes to the same meaning', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        let decoded: Command;
        try {
          decoded = ledgerCodec.decodeCommand(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          return;
        }
        expect(ledgerCodec.decodeCommand(ledgerCodec.encodeCommand(decoded))).toEqual(decoded);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['nothing at all', {}],
    ['no terms', { kind: { case: 'placeHold', value: { accountId: 'a' } } }],
    ['an amount of 2^62', { kind: { case: 'deposit', value: { amountUnits: 2n ** 62n } } }],
    ['a version beyond 2^53', { kind: { case: 'setAsset', value: { version: 2n ** 53n } } }],
    ['no mode', { kind: { case: 'createAccount', value: { accountId: 'a' } } }],
  ] as const)('a command with %s is refused', (_what, shape) => {
    const bytes = toBinary(
      CommandSchema,
      create(CommandSchema, shape as MessageInitShape<typeof CommandSchema>),
    );
    expect(() => ledgerCodec.decodeCommand(bytes)).toThrow();
  });

  test('an event that says nothing is refused', () => {
    const bytes = toBinary(EventSchema, fromBinary(EventSchema, new Uint8Array()));
    expect(() => ledgerCodec.decodeEvent(bytes)).toThrow();
  });
});
