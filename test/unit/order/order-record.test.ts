// What the events of a command make of an order.

import { describe, expect, test } from '@jest/globals';
import type { BookEvent } from '../../../services/order/domain/book-event.ts';
import { applyEvents, type OrderRecord } from '../../../services/order/domain/order-record.ts';
import { RECORD, TERMS } from './sample.ts';

const KEY = { accountNumber: 4097, placement: 7 };
const OTHER = { accountNumber: 4098, placement: 1 };

function orderAfter(events: BookEvent[], record: OrderRecord = RECORD) {
  return applyEvents(record, events, { notionalFactor: 1, logTimeUs: 11_000_000 });
}

function traded(sequence: number, quantityUnits: number, remaining: number): BookEvent {
  return {
    kind: 'traded',
    sequence,
    priceUnits: 10_000,
    quantityUnits,
    aggressorSide: 'BUY',
    maker: { ...OTHER, remainingUnits: 0n, feeUnits: 1n },
    taker: { ...KEY, remainingUnits: BigInt(remaining), feeUnits: 3n },
  };
}

const ACCEPTED: BookEvent = { kind: 'accepted', sequence: 5, ...KEY, waiting: undefined };

describe('an order after the events of its command', () => {
  test('accepted and not traded it is active', () => {
    const { record, fills } = orderAfter([ACCEPTED]);
    expect(record).toMatchObject({
      status: 'ACTIVE',
      holdState: 'CONFIRMED',
      remainingUnits: 100,
      instrumentSequence: 5,
      updatedTimeUs: 11_000_000,
    });
    expect(fills).toEqual([]);
  });

  test('MAT-3 partly traded it is partially filled, with exact notional and fees', () => {
    const { record, fills } = orderAfter([ACCEPTED, traded(6, 30, 70), traded(7, 10, 60)]);
    expect(record).toMatchObject({
      status: 'PARTIALLY_FILLED',
      filledUnits: 40,
      remainingUnits: 60,
      filledNotionalUnits: 400_000n,
      feeUnits: 6n,
      instrumentSequence: 7,
    });
    expect(fills.map(({ sequence, liquidity }) => [sequence, liquidity])).toEqual([
      [6, 'TAKER'],
      [7, 'TAKER'],
    ]);
  });

  test('traded to the end it is filled', () => {
    const { record } = orderAfter([ACCEPTED, traded(6, 100, 0)]);
    expect(record).toMatchObject({ status: 'FILLED', holdState: 'CLOSED', remainingUnits: 0 });
  });

  test('the rest of an IOC is canceled with its reason', () => {
    const canceled: BookEvent = {
      kind: 'canceled',
      sequence: 7,
      ...KEY,
      reason: 'IOC_REMAINDER',
      canceledUnits: 70,
      version: 1,
    };
    const { record } = orderAfter([ACCEPTED, traded(6, 30, 70), canceled]);
    expect(record).toMatchObject({
      status: 'CANCELED',
      cancelReason: 'IOC_REMAINDER',
      filledUnits: 30,
      remainingUnits: 0,
    });
  });

  test('rejected it has the reason', () => {
    const rejected: BookEvent = { kind: 'rejected', sequence: 5, ...KEY, reason: 'BOOK_FULL' };
    expect(orderAfter([rejected]).record).toMatchObject({
      status: 'REJECTED',
      rejectReason: 'BOOK_FULL',
    });
  });

  test('TYP-2 a budget that buys no further lot is filled', () => {
    const terms = { ...TERMS, quantityUnits: 0, quoteBudgetUnits: 500_000n };
    const record = { ...RECORD, terms, remainingUnits: 0 };
    const filled: BookEvent = { kind: 'filled', sequence: 7, ...KEY };
    const done = orderAfter([ACCEPTED, traded(6, 30, 199_997), filled], record).record;
    expect(done).toMatchObject({ status: 'FILLED', filledUnits: 30, remainingUnits: 0 });
  });

  test('STP-2 a decrement takes quantity off the order', () => {
    const reduced: BookEvent = { kind: 'reduced', sequence: 6, ...KEY, byUnits: 40 };
    const { record } = orderAfter([ACCEPTED, reduced]);
    expect(record).toMatchObject({ remainingUnits: 60, terms: { quantityUnits: 60 } });
  });

  test('AMD-2 an amend to what is filled ends the order as filled', () => {
    const open = orderAfter([ACCEPTED, traded(6, 30, 70)]).record;
    const amended: BookEvent = {
      kind: 'amended',
      sequence: 8,
      ...KEY,
      version: 2,
      quantityUnits: 30,
      remainingUnits: 0,
      priceUnits: 10_010,
      ...{ stopPriceUnits: 0, displayUnits: 0, expireTimeUs: 0 },
    };
    expect(orderAfter([amended], open).record).toMatchObject({ status: 'FILLED', version: 2 });
  });

  test('events of other orders are passed over', () => {
    const others: BookEvent[] = [
      {
        kind: 'canceled',
        sequence: 6,
        ...OTHER,
        reason: 'SELF_TRADE',
        canceledUnits: 1,
        version: 1,
      },
      { kind: 'filled', sequence: 7, ...OTHER },
    ];
    const { record } = orderAfter([ACCEPTED, ...others]);
    expect(record).toMatchObject({ status: 'ACTIVE', instrumentSequence: 5 });
  });

  test('events that the record has already are not applied twice', () => {
    const once = orderAfter([ACCEPTED, traded(6, 30, 70)]).record;
    const twice = orderAfter([ACCEPTED, traded(6, 30, 70), traded(7, 10, 60)], once);
    expect(twice.record.filledUnits).toBe(40);
    expect(twice.fills).toHaveLength(1);
  });
});
