// The decoders of frequent commands, written by hand, say of any bytes what the generated code
// says: of commands as a log holds them (LOG-6), and of bytes that somebody has damaged.

import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CommandSchema as LedgerSchema } from '../../../gen/bourse/ledger/v1/command_pb.ts';
import { CommandSchema as MatchingSchema } from '../../../gen/bourse/matching/v1/command_pb.ts';
import { commandOf as ledgerCommandOf } from '../../../services/account/adapter/codec/command-codec.ts';
import { decodeFrequentCommand as decodeFrequentLedger } from '../../../services/account/adapter/codec/frequent-decoder.ts';
import { ledgerCodec } from '../../../services/account/adapter/codec/ledger-codec.ts';
import type { Command } from '../../../services/account/domain/command.ts';
import { commandOf as matchingCommandOf } from '../../../services/matching/adapter/codec/command-codec.ts';
import { decodeFrequentCommand as decodeFrequentMatching } from '../../../services/matching/adapter/codec/frequent-decoder.ts';
import { matchingCodec } from '../../../services/matching/adapter/codec/matching-codec.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import { settle } from '../account/settle-arbitraries.ts';

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const safe = fc.maxSafeNat();
const present = fc.option(safe, { nil: undefined });
const amount = fc.bigInt({ min: 0n, max: 2n ** 62n - 1n });
const rate = fc.integer({ min: -1_000_000, max: 1_000_000 });
const text = fc.string({ unit: 'grapheme-ascii', maxLength: 64 });
const hash = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((b) => Buffer.from(b).toString('hex'));
const side = fc.constantFrom('BUY', 'SELL');
const reason = fc.constantFrom('INSUFFICIENT_FUNDS', 'BOOK_FULL', 'PRICE_OFF_TICK');
const mode = fc.constantFrom('CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT', 'NONE');

const placementTerms = {
  instrumentNumber: uint32,
  side,
  type: fc.constantFrom('LIMIT', 'MARKET', 'STOP', 'TRAILING_STOP'),
  timeInForce: fc.constantFrom('GTC', 'IOC', 'FOK', 'GTD'),
  postOnly: fc.boolean(),
  quantityUnits: safe,
  quoteBudgetUnits: amount,
  priceUnits: safe,
  stopPriceUnits: safe,
  trailingOffsetUnits: safe,
  trailingOffsetBps: uint32,
  expireTimeUs: safe,
  displayUnits: safe,
  minimumUnits: safe,
  makerRatePpm: rate,
  takerRatePpm: rate,
  auctionRatePpm: rate,
  instrumentVersion: safe,
};

const matchingCommand = fc.oneof(
  fc.record({
    kind: fc.constant('placeOrder'),
    accountNumber: uint32,
    placement: safe,
    terms: fc.record({ ...placementTerms, selfTradePrevention: mode, selfTradeGroup: uint32 }),
  }),
  fc.record({
    kind: fc.constant('cancelOrder'),
    instrumentNumber: uint32,
    accountNumber: uint32,
    placement: safe,
  }),
  fc.record({
    kind: fc.constant('amendOrder'),
    instrumentNumber: uint32,
    accountNumber: uint32,
    placement: safe,
    quantityUnits: present,
    priceUnits: present,
    stopPriceUnits: present,
    displayUnits: present,
    expireTimeUs: present,
    expectedVersion: present,
    instrumentVersion: safe,
    amendHoldUnits: amount,
    amendHoldId: text,
  }),
) as fc.Arbitrary<MatchingCommand>;

const ledgerCommand = fc.oneof(
  fc.record({
    kind: fc.constant('placeHold'),
    accountId: text,
    clientOrderId: text,
    terms: fc.record({
      ...placementTerms,
      selfTradePrevention: fc.option(mode, { nil: undefined }),
    }),
    bodyHash: hash,
    assetNumber: uint32,
    amountUnits: amount,
    validUntilUs: safe,
    declineReason: fc.oneof(reason, fc.constant('NONE')),
    refuseWhenShort: fc.boolean(),
  }),
  settle,
) as fc.Arbitrary<Command>;

/** What becomes of bytes: one is changed, some are cut out, some are put in. */
const damage = fc.record({
  at: fc.nat({ max: 400 }),
  removed: fc.nat({ max: 3 }),
  added: fc.uint8Array({ maxLength: 3 }),
});

function damaged(
  bytes: Uint8Array,
  { at, removed, added }: typeof damage extends fc.Arbitrary<infer T> ? T : never,
): Uint8Array {
  const place = at % (bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, place), added, bytes.subarray(place + removed)]);
}

/** The command, or that there is none. */
function outcomeOf<C>(decode: () => C): { readonly command: C } | 'refused' {
  try {
    return { command: decode() };
  } catch {
    return 'refused';
  }
}

const DECODERS = {
  matching: {
    command: matchingCommand as fc.Arbitrary<unknown>,
    codec: matchingCodec,
    decodeFrequent: decodeFrequentMatching,
    decodeGenerated: (bytes: Uint8Array) => matchingCommandOf(fromBinary(MatchingSchema, bytes)),
  },
  account: {
    command: ledgerCommand as fc.Arbitrary<unknown>,
    codec: ledgerCodec,
    decodeFrequent: decodeFrequentLedger,
    decodeGenerated: (bytes: Uint8Array) => ledgerCommandOf(fromBinary(LedgerSchema, bytes)),
  },
} as const;

describe.each(['matching', 'account'] as const)('LOG-6: frequent commands of %s shards', (kind) => {
  const { command, codec, decodeFrequent, decodeGenerated } = DECODERS[kind];

  test('are read by hand as by the generated code', () => {
    fc.assert(
      fc.property(command, (value) => {
        const bytes = codec.encodeCommand(value as never);
        expect(decodeFrequent(bytes)).toEqual(decodeGenerated(bytes));
      }),
      { numRuns: 400 },
    );
  });

  test('have one meaning, or none, when they are damaged', () => {
    fc.assert(
      fc.property(command, damage, (value, harm) => {
        const bytes = damaged(codec.encodeCommand(value as never), harm);
        expect(outcomeOf(() => codec.decodeCommand(bytes))).toEqual(
          outcomeOf(() => decodeGenerated(bytes)),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});
