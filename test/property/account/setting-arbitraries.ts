// Any transfer between accounts and any setting of accounts and fees, as far as types allow.
import fc from 'fast-check';

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const amount = fc.bigInt({ min: 0n, max: 2n ** 62n - 1n });
const rate = fc.integer({ min: -1_000_000, max: 1_000_000 });
const text = fc.string({ unit: 'grapheme', maxLength: 64 });

const limits = fc.record({
  maximumOpenOrders: uint32,
  assets: fc.array(
    fc.record({
      assetNumber: uint32,
      maximumNotionalUnits: amount,
      maximumWithdrawalUnits: amount,
    }),
    { maxLength: 3 },
  ),
});
const tiers = fc.array(
  fc.record({
    minimumVolume: amount,
    makerRatePpm: rate,
    takerRatePpm: rate,
    auctionRatePpm: rate,
  }),
  { maxLength: 3 },
);
const scope = fc.record({ accountId: text, instrumentNumber: uint32 });
const accountState = fc.constantFrom('ACTIVE', 'FROZEN', 'CLOSED');
const safe = fc.maxSafeNat();
const hash = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((b) => Buffer.from(b).toString('hex'));

const signed = fc.bigInt({ min: -(2n ** 62n) + 1n, max: 2n ** 62n - 1n });
const party = fc.record({ accountNumber: uint32, placement: safe, feeUnits: signed });

/** A trade that is taken back. */
export const trade = {
  instrumentNumber: uint32,
  instrumentSequence: safe,
  priceUnits: safe,
  quantityUnits: safe,
  buyer: party,
  seller: party,
  tradeTimeUs: safe,
  comment: text,
};

export const settingCommands = [
  fc.record({
    kind: fc.constant('transfer'),
    accountId: text,
    assetNumber: uint32,
    amountUnits: amount,
    clientTransferId: text,
    toAccountId: text,
  }),
  fc.record({
    kind: fc.constant('settleTransfers'),
    sourceShardId: text,
    fromSequence: safe,
    throughSequence: safe,
    sourceEntryIndex: safe,
    sourceChainChecksum: hash,
    transfers: fc.array(
      fc.record({
        fromAccountId: text,
        clientTransferId: text,
        toAccountId: text,
        assetNumber: uint32,
        amountUnits: amount,
      }),
      { maxLength: 3 },
    ),
    busts: fc.array(fc.record(trade), { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('bustTrade'), ...trade }),
  fc.record({
    kind: fc.constant('setAccountState'),
    accountId: text,
    accountState,
    comment: text,
    asked: text,
  }),
  fc.record({ kind: fc.constant('setAccountLimits'), accountId: text, limits, asked: text }),
  fc.record({ kind: fc.constant('setFeeSchedule'), scope, tiers, asked: text }),
];

export const settingEvents = <Head extends Record<string, fc.Arbitrary<unknown>>>(head: Head) => [
  fc.record({ ...head, kind: fc.constant('accountStateSet'), accountState, comment: text }),
  fc.record({ ...head, kind: fc.constant('accountLimitsSet'), limits }),
  fc.record({ ...head, kind: fc.constant('feeScheduleSet'), scope, tiers }),
];
