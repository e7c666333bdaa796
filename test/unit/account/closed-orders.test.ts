// Final orders in their compact form.
import { describe, expect, test } from '@jest/globals';
import { ClosedOrders } from '../../../services/account/domain/closed-orders.ts';
import { StateDigest } from '../../../services/account/domain/digest.ts';
import type { OrderRecord } from '../../../services/account/domain/order.ts';
import { PLAIN_TERMS } from '../../support/plain.ts';

/** What most orders do not say, and a compact record leaves out. */
const RARE_TERMS = {
  type: 'STOP_LIMIT',
  timeInForce: 'GTD',
  stopPriceUnits: 2 ** 53 - 1,
  trailingOffsetUnits: 3,
  trailingOffsetBps: 9_999,
  expireTimeUs: 1_700_000_000_000_003,
  displayUnits: 5,
  minimumUnits: 6,
} as const;

function record(placement: number): OrderRecord {
  return {
    accountNumber: 4097,
    accountId: 'alice',
    placement,
    clientOrderId: `order-${placement}`,
    terms:
      placement % 3 === 0
        ? undefined
        : {
            instrumentNumber: 7,
            side: placement % 2 === 0 ? 'BUY' : 'SELL',
            type: 'LIMIT',
            timeInForce: 'GTC',
            postOnly: placement % 2 === 0,
            quantityUnits: 2 ** 53 - 1,
            quoteBudgetUnits: 2n ** 62n - 1n,
            priceUnits: placement,
            selfTradePrevention: 'DECREMENT',
            makerRatePpm: -150,
            takerRatePpm: 2000,
            instrumentVersion: 3,
            ...PLAIN_TERMS,
            ...(placement % 5 === 0 ? RARE_TERMS : {}),
          },
    bodyHash: placement % 3 === 0 ? '' : '00ff112233445566778899aabbccddee',
    holdState: 'CLOSED',
    status: 'CANCELED',
    version: 4,
    filledUnits: 12,
    remainingUnits: 0,
    filledNotionalUnits: 123456789012345678n,
    feeUnits: -5n,
    rejectReason: 'NONE',
    cancelReason: 'SELF_TRADE',
    holdAssetNumber: 2,
    heldUnits: 0n,
    validUntilUs: 1_700_000_000_000_000,
    placedTimeUs: 1_700_000_000_000_001,
    updatedTimeUs: 1_700_000_000_000_002,
    instrumentSequence: 99,
    accountSequence: 100,
    groupPlacement: placement % 4 === 1 ? placement - 1 : 0,
    groupType: placement % 4 === 1 ? 'OCO' : undefined,
    groupHeldUnits: 0n,
  };
}

describe('closed orders', () => {
  test('HLD-2 give back every field, and are forgotten in the order in which they closed', () => {
    const digest = new StateDigest();
    const empty = digest.toText();
    const closed = new ClosedOrders(digest);
    // More than fit into one chunk.
    const count = 8_000;
    const positions: number[] = [];
    for (let placement = 1; placement <= count; placement += 1) {
      positions.push(closed.append(record(placement), placement));
    }
    expect(digest.toText()).not.toBe(empty);
    const placements = positions.map((position) => closed.get(position).placement);
    expect(placements.every((placement, index) => placement === index + 1)).toBe(true);
    expect(closed.get(positions[10] as number)).toEqual(record(11));
    expect(closed.get(positions[11] as number)).toEqual(record(12));
    const order: number[] = [];
    for (let placement = 1; placement <= count; placement += 1) {
      order.push(closed.oldest()?.closedWindowUs ?? 0);
      closed.dropOldest();
    }
    expect(order.every((closedUs, index) => closedUs === index + 1)).toBe(true);
    expect(closed.oldest()).toBeUndefined();
    expect(digest.toText()).toBe(empty);
    const again = closed.append(record(5), 1);
    expect(closed.get(again)).toEqual(record(5));
  });
});
