// Any command, event and answer of an account shard, as far as their types allow.
import fc from 'fast-check';
import type { Command } from '../../../services/account/domain/command.ts';
import type { Answer, Event } from '../../../services/account/domain/event.ts';
import { slotCommands, slotEvents } from '../slot-arbitraries.ts';
import { settingCommands, settingEvents, trade } from './setting-arbitraries.ts';
import { beginSource, settle } from './settle-arbitraries.ts';

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
export const safe = fc.maxSafeNat();
export const amount = fc.bigInt({ min: 0n, max: 2n ** 62n - 1n });
const signed = fc.bigInt({ min: -(2n ** 62n) + 1n, max: 2n ** 62n - 1n });
const rate = fc.integer({ min: -1_000_000, max: 1_000_000 });
export const text = fc.string({ unit: 'grapheme', maxLength: 64 });
const hash = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((b) => Buffer.from(b).toString('hex'));
const side = fc.constantFrom('BUY', 'SELL');
const mode = fc.constantFrom('CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT', 'NONE');
const rejectReason = fc.constantFrom('BOOK_FULL', 'NOT_DELIVERED', 'PRICE_BAND', 'GROUP_REJECTED');
const cancelReason = fc.constantFrom('OWNER', 'FOK', 'OCO', 'GROUP', 'DEAD_MAN_SWITCH', 'OPERATOR');
const groupType = fc.constantFrom('OCO', 'BRACKET');
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const or = <T, U>(value: fc.Arbitrary<T>, other: U) => fc.option(value, { nil: other });

const termsFields = {
  instrumentNumber: uint32,
  side,
  type: fc.constantFrom('LIMIT', 'MARKET', 'STOP', 'STOP_LIMIT', 'TAKE_PROFIT', 'TRAILING_STOP'),
  timeInForce: fc.constantFrom('GTC', 'IOC', 'FOK', 'GTD', 'DAY'),
  postOnly: fc.boolean(),
  quantityUnits: safe,
  quoteBudgetUnits: amount,
  priceUnits: safe,
  makerRatePpm: rate,
  takerRatePpm: rate,
  auctionRatePpm: rate,
  instrumentVersion: safe,
  stopPriceUnits: safe,
  trailingOffsetUnits: safe,
  trailingOffsetBps: fc.nat({ max: 9_999 }),
  expireTimeUs: safe,
  displayUnits: safe,
  minimumUnits: safe,
};
export const terms = fc.record({
  ...termsFields,
  selfTradePrevention: mode,
  selfTradeGroup: uint32,
});
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
  auctionRatePpm: rate,
  referencePriceUnits: safe,
  staticBandPpm: uint32,
  farBandPpm: uint32,
  dynamicBandPpm: uint32,
  volatilityAuctionUs: safe,
  hasSessions: fc.boolean(),
});

const slots = fc.array(fc.integer({ min: 0, max: 4095 }), { maxLength: 20 });
const acquire = fc.record({ kind: fc.constant('acquireSlots' as const), slots, generation: safe });
const asset = { assetNumber: uint32, assetId: text, scale: fc.nat({ max: 9 }), version: safe };

export const command = fc.oneof(
  ...settingCommands,
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
    kind: fc.constant('placeGroupHold'),
    accountId: text,
    groupType,
    legs: fc.array(
      fc.record({
        clientOrderId: text,
        terms: placementTerms,
        declineReason: or(rejectReason, 'NONE'),
      }),
      { maxLength: 3 },
    ),
    bodyHash: hash,
    entryUnits: amount,
    groupUnits: amount,
    validUntilUs: safe,
    refuseWhenShort: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('setSelfTradeGroup'),
    accountId: text,
    selfTradeGroup: uint32,
  }),
  fc.record({ kind: fc.constant('cancelAllAfter'), accountId: text, timeoutUs: safe }),
  fc.record({
    kind: fc.constant('finishCancelAfter'),
    accountNumber: uint32,
    dueSequence: safe,
    instrumentNumber: uint32,
  }),
  fc.record({
    kind: fc.constant('amendHold'),
    accountNumber: uint32,
    placement: safe,
    amendHoldId: text,
    amountUnits: amount,
    validUntilUs: safe,
  }),
  fc.record({ kind: fc.constant('prepareCancel'), accountId: text, clientOrderId: text }),
  fc.record({ kind: fc.constant('settleSlot'), slot: uint32, range: settle }),
  beginSource,
  settle,
  fc.record({ kind: fc.constant('setAsset'), ...asset }),
  fc.record({ kind: fc.constant('setInstrument'), rules }),
  acquire,
  fc.record({ kind: fc.constant('moveSlot'), move: slotCommands(acquire) }),
) as fc.Arbitrary<Command>;

const group = fc.oneof(
  fc.constant({ groupPlacement: 0, groupType: undefined, groupHeldUnits: 0n }),
  fc.record({ groupPlacement: safe, groupType, groupHeldUnits: amount }),
);
const ungrouped = fc.record({
  accountNumber: uint32,
  accountId: text,
  placement: safe,
  clientOrderId: text,
  terms: maybe(terms),
  bodyHash: hash,
  holdState: fc.constantFrom('PLACED', 'CONFIRMED', 'CLOSED'),
  status: fc.constantFrom(
    'PENDING',
    'UNTRIGGERED',
    'EXPIRED',
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
const record = fc.tuple(ungrouped, group).map(([one, of]) => ({ ...one, ...of }));
const balance = fc.record({ assetNumber: uint32, totalUnits: amount, heldUnits: amount });
const fill = fc.record({
  priceUnits: safe,
  quantityUnits: safe,
  liquidity: fc.constantFrom('MAKER', 'TAKER', 'AUCTION'),
  notionalUnits: amount,
  feeUnits: signed,
  aggressorSide: maybe(side),
});
const transfer = {
  assetNumber: uint32,
  amountUnits: signed,
  clientTransferId: text,
  otherAccountId: text,
  byClearing: fc.boolean(),
  accountId: text,
};
const head = {
  accountNumber: uint32,
  accountSequence: safe,
  balances: fc.array(balance, { maxLength: 3 }),
};
export const event = fc.oneof(
  ...settingEvents(head),
  fc.record({
    ...head,
    kind: fc.constant('tradeBusted'),
    trade: fc.record(trade),
    side,
    missingUnits: amount,
    byClearing: fc.boolean(),
    accountId: text,
    record: maybe(record),
    previousAccountSequence: safe,
  }),
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
    kind: fc.constant('groupHoldPlaced'),
    groupType,
    records: fc.array(record, { maxLength: 3 }),
  }),
  fc.record({ ...head, kind: fc.constant('selfTradeGroupSet'), selfTradeGroup: uint32 }),
  fc.record({ ...head, kind: fc.constant('cancelAfterSet'), cancelTimeUs: safe }),
  fc.record({
    ...head,
    kind: fc.constant('cancelAfterDue'),
    instrumentNumbers: fc.array(uint32, { maxLength: 4 }),
  }),
  fc.record({
    ...head,
    kind: fc.constant('cancelAfterFinished'),
    instrumentNumber: uint32,
    dueSequence: safe,
  }),
  fc.record({
    ...head,
    kind: fc.constant('orderExecuted'),
    executionType: fc.constantFrom('NEW', 'TRIGGERED', 'TRADE', 'CANCELED', 'EXPIRED', 'RESTATED'),
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
  fc.record({ ...head, kind: fc.constant('slotMoved'), move: slotEvents }),
) as fc.Arbitrary<Event>;

export const answer = fc.oneof(
  fc.record({ existing: fc.boolean(), bust: fc.record({ comment: text, bustedTimeUs: safe }) }),
  fc.record({ existing: fc.boolean(), asked: fc.string({ minLength: 1, maxLength: 64 }) }),
  fc.record({ existing: fc.boolean(), record }),
  fc.record({ existing: fc.boolean(), records: fc.array(record, { minLength: 1, maxLength: 3 }) }),
  fc.record({ existing: fc.boolean(), selfTradeGroup: fc.integer({ min: 1, max: 0xffffffff }) }),
  fc.record({ existing: fc.boolean(), cancelTimeUs: fc.integer({ min: 1 }) }),
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
