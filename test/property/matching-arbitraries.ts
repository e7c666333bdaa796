// Commands and events of a matching shard with whatever they may hold, every value of every enum.

import fc from 'fast-check';
import { InstrumentState } from '../../gen/bourse/type/v1/instrument_pb.ts';
import {
  CancelReason,
  OrderType,
  RejectReason,
  TimeInForce,
} from '../../gen/bourse/type/v1/order_pb.ts';
import type { InstrumentRules, OrderTerms } from '../../services/lib/rules/terms.ts';
import type { MatchingCommand } from '../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../services/matching/domain/event.ts';
import { slotCommands, slotEvents } from './slot-arbitraries.ts';

export const uint32 = fc.integer({ min: 0, max: 0xffffffff });
export const safe = fc.maxSafeNat();
const amount = fc.bigInt({ min: 0n, max: 2n ** 62n - 1n });
const signedAmount = fc.bigInt({ min: -(2n ** 62n) + 1n, max: 2n ** 62n - 1n });
const rate = fc.integer({ min: -1_000_000, max: 1_000_000 });
const text = fc.string({ unit: 'grapheme', maxLength: 64 });
const slots = fc.array(fc.integer({ min: 0, max: 4095 }), { maxLength: 20 });
const acquire = fc.record({ kind: fc.constant('acquireSlots' as const), slots, generation: safe });
const side = fc.constantFrom('BUY', 'SELL');
const mode = fc.constantFrom('CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT', 'NONE');
const groupType = fc.constantFrom('OCO', 'BRACKET');
const state = nameOf(InstrumentState);
const rejectReason = nameOf(RejectReason);
const cancelReason = nameOf(CancelReason);

/** Every name of an enum of the contract but UNSPECIFIED. */
function nameOf(values: Readonly<Record<string, number | string>>): fc.Arbitrary<string> {
  const names = Object.keys(values).filter((name) => /^[A-Z]/.test(name));
  return fc.constantFrom(...names.filter((name) => name !== 'UNSPECIFIED'));
}

const present = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

export const terms = fc.record({
  instrumentNumber: uint32,
  side,
  type: nameOf(OrderType),
  timeInForce: nameOf(TimeInForce),
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
  selfTradePrevention: mode,
  selfTradeGroup: uint32,
  makerRatePpm: rate,
  takerRatePpm: rate,
  auctionRatePpm: rate,
  instrumentVersion: safe,
}) as fc.Arbitrary<OrderTerms>;

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
}) as fc.Arbitrary<InstrumentRules>;

const order = { accountNumber: uint32, placement: safe };
const orderInInstrument = { instrumentNumber: uint32, ...order };

export const command = fc.oneof(
  fc.record({ kind: fc.constant('placeOrder'), ...order, terms }),
  fc.record({
    kind: fc.constant('placeOrderGroup'),
    ...order,
    groupType,
    legs: fc.array(terms, { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constantFrom('cancelOrder', 'cancelOrderGroup'), ...orderInInstrument }),
  fc.record({
    kind: fc.constant('amendOrder'),
    ...orderInInstrument,
    quantityUnits: present(safe),
    priceUnits: present(safe),
    stopPriceUnits: present(safe),
    displayUnits: present(safe),
    expireTimeUs: present(safe),
    expectedVersion: present(safe),
    instrumentVersion: safe,
    amendHoldUnits: amount,
    amendHoldId: text,
  }),
  fc.record({
    kind: fc.constant('cancelAllOrders'),
    instrumentNumber: uint32,
    accountNumber: uint32,
    side: present(side),
    reason: cancelReason,
    comment: text,
  }),
  fc.record({
    kind: fc.constant('forbidOrder'),
    ...orderInInstrument,
    amendHoldId: text,
    forbiddenValidUntilUs: safe,
  }),
  fc.record({ kind: fc.constant('setInstrument'), rules, initialState: state }),
  fc.record({
    kind: fc.constant('setInstrumentState'),
    instrumentNumber: uint32,
    state,
    comment: text,
    auctionEndTimeUs: safe,
    stateAfterAuction: fc.constantFrom('CONTINUOUS', 'POST_ONLY', 'CLOSED'),
  }),
  fc.record({ kind: fc.constant('retireInstrument'), instrumentNumber: uint32, comment: text }),
  acquire,
  fc.record({ kind: fc.constant('moveSlot'), move: slotCommands(acquire) }),
) as fc.Arbitrary<MatchingCommand>;

const place = { instrumentNumber: uint32, instrumentSequence: safe };
const party = fc.record({
  ...order,
  remainingUnits: safe,
  unspentUnits: amount,
  feeUnits: signedAmount,
});

export const event = fc.oneof(
  fc.record({
    kind: fc.constant('orderAccepted'),
    ...place,
    ...order,
    terms,
    groupPlacement: safe,
  }),
  fc.record({
    kind: fc.constant('orderGroupAccepted'),
    ...place,
    ...order,
    groupType,
    legs: fc.array(terms, { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('orderRejected'), ...place, ...order, reason: rejectReason }),
  fc.record({ kind: fc.constant('cancelRejected'), ...place, ...order, reason: rejectReason }),
  fc.record({
    kind: fc.constant('traded'),
    ...place,
    priceUnits: safe,
    quantityUnits: safe,
    aggressorSide: present(side),
    sameOwner: fc.boolean(),
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
    mode,
    decrementedUnits: safe,
  }),
  fc.record({
    kind: fc.constant('orderCanceled'),
    ...place,
    ...order,
    reason: cancelReason,
    canceledUnits: safe,
    version: safe,
  }),
  fc.record({
    kind: fc.constant('orderExpired'),
    ...place,
    ...order,
    expiredUnits: safe,
    version: safe,
  }),
  fc.record({
    kind: fc.constant('orderTriggered'),
    ...place,
    ...order,
    stopPriceUnits: safe,
    lastPriceUnits: safe,
    priceUnits: safe,
  }),
  fc.record({ kind: fc.constant('orderFilled'), ...place, ...order, unspentUnits: amount }),
  fc.record({
    kind: fc.constant('orderAmended'),
    ...place,
    ...order,
    version: safe,
    quantityUnits: safe,
    remainingUnits: safe,
    priceUnits: safe,
    stopPriceUnits: safe,
    displayUnits: safe,
    expireTimeUs: safe,
    placeKept: fc.boolean(),
    amendHoldId: text,
  }),
  fc.record({
    kind: fc.constant('amendRejected'),
    ...place,
    ...order,
    reason: rejectReason,
    amendHoldId: text,
  }),
  fc.record({ kind: fc.constant('orderForbidden'), ...place, ...order, amendHoldId: text }),
  fc.record({
    kind: fc.constant('forbidRefused'),
    ...place,
    ...order,
    amendHoldId: text,
    open: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('ordersCanceled'),
    ...place,
    accountNumber: uint32,
    canceledCount: uint32,
    reason: cancelReason,
    comment: text,
  }),
  fc.record({ kind: fc.constant('instrumentSet'), ...place, rules, state }),
  fc.record({
    kind: fc.constant('instrumentStateChanged'),
    ...place,
    state,
    comment: text,
    auctionEndTimeUs: safe,
  }),
  fc.record({
    kind: fc.constant('uncrossed'),
    ...place,
    priceUnits: safe,
    volumeUnits: safe,
    surplusUnits: safe,
    surplusSide: present(side),
  }),
  fc.record({ kind: fc.constant('slotsAcquired'), ...place, slots, generation: safe }),
  fc.record({ kind: fc.constant('slotMoved'), ...place, move: slotEvents }),
) as fc.Arbitrary<MatchingEvent>;
