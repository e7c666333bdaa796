// Any range of a book's events, and any place where one begins, as far as types allow.
import fc from 'fast-check';

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const safe = fc.maxSafeNat();
const signed = fc.bigInt({ min: -(2n ** 62n) + 1n, max: 2n ** 62n - 1n });
const text = fc.string({ unit: 'grapheme', maxLength: 64 });
const hash = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((b) => Buffer.from(b).toString('hex'));
const side = fc.constantFrom('BUY', 'SELL');
const rejectReason = fc.constantFrom('BOOK_FULL', 'NOT_DELIVERED', 'PRICE_BAND', 'GROUP_REJECTED');
const cancelReason = fc.constantFrom('OWNER', 'FOK', 'OCO', 'GROUP', 'DEAD_MAN_SWITCH', 'OPERATOR');
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const order = { accountNumber: uint32, placement: safe };
const party = fc.record({ ...order, remainingUnits: safe, feeUnits: signed });
const place = { instrumentNumber: uint32, instrumentSequence: safe };
export const matchingEvent = fc.oneof(
  fc.record({ kind: fc.constantFrom('orderFilled', 'orderExpired'), ...place, ...order }),
  fc.record({
    kind: fc.constant('orderAccepted'),
    ...place,
    ...order,
    waiting: maybe(fc.record({ quantityUnits: safe, stopPriceUnits: safe })),
  }),
  fc.record({
    kind: fc.constant('orderTriggered'),
    ...place,
    ...order,
    stopPriceUnits: safe,
    priceUnits: safe,
  }),
  fc.record({ kind: fc.constant('orderRejected'), ...place, ...order, reason: rejectReason }),
  fc.record({ kind: fc.constant('orderCanceled'), ...place, ...order, reason: cancelReason }),
  fc.record({
    kind: fc.constant('traded'),
    ...place,
    priceUnits: safe,
    quantityUnits: safe,
    aggressorSide: maybe(side),
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
    stopPriceUnits: safe,
    displayUnits: safe,
    expireTimeUs: safe,
    amendHoldId: text,
  }),
  fc.record({
    kind: fc.constantFrom('amendRejected', 'orderForbidden'),
    ...place,
    ...order,
    amendHoldId: text,
  }),
  fc.record({
    kind: fc.constant('slotImported'),
    ...place,
    sourceShardId: text,
    exportSequence: safe,
  }),
);

export const settle = fc.record({
  kind: fc.constant('settle'),
  slotsVersion: maybe(fc.integer({ min: 1 })),
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
});

export const beginSource = fc.record({
  kind: fc.constant('beginSource'),
  sourceShardId: text,
  sequence: safe,
  sourceEntryIndex: safe,
  sourceChainChecksum: hash,
});
