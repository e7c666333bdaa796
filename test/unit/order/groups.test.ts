// Groups of orders at the edge: their form, their terms and costs, and what becomes of their legs
// by the events of a command.

import { describe, expect, test } from '@jest/globals';
import { groupCost } from '../../../services/lib/rules/group-cost.ts';
import type { GroupType, OrderTerms } from '../../../services/lib/rules/terms.ts';
import { additionalHold, checkAmendment } from '../../../services/order/domain/amendment.ts';
import type { BookEvent } from '../../../services/order/domain/book-event.ts';
import { readGroup } from '../../../services/order/domain/group-placement.ts';
import {
  checkCancelAfterForm,
  checkGroupRequest,
  type GroupForm,
} from '../../../services/order/domain/group-requests.ts';
import { groupIdentity, parseCause } from '../../../services/order/domain/identity.ts';
import { formatGroupId, parseGroupId } from '../../../services/order/domain/order-id.ts';
import { applyGroupEvents, type OrderRecord } from '../../../services/order/domain/order-record.ts';
import type { PlacementForm } from '../../../services/order/domain/placement.ts';
import { FORM, INSTRUMENT, RECORD, RULES, TERMS } from './sample.ts';

const NOW_US = 1_790_000_000_000_000;
const LEG = { ...FORM, clientOrderId: '' };
const STOP: PlacementForm = { ...LEG, type: 'STOP_LIMIT', stopPrice: '110' };
const EXIT = { ...STOP, side: 'SELL', quantity: undefined } as const;

function groupOf(groupType: GroupType, legs: readonly (PlacementForm | undefined)[]): GroupForm {
  const named = legs.map((form, leg) => ({ name: `leg${leg}`, form }));
  return {
    accountId: 'alice',
    instrumentId: 'BTC-USD',
    acceptBefore: undefined,
    groupType,
    legs: named,
  };
}

function read(groupType: GroupType, legs: readonly PlacementForm[]) {
  const checked = checkGroupRequest(groupOf(groupType, legs));
  if ('violations' in checked) return { violations: checked.violations };
  return readGroup(checked, INSTRUMENT, NOW_US);
}

describe('the form of a group', () => {
  test('TYP-7 names each absent or bad leg by its field', () => {
    const checked = checkGroupRequest(groupOf('OCO', [undefined, { ...LEG, price: 'x' }]));
    const found = 'violations' in checked ? checked.violations : [];
    expect(found.map(({ field, reason }) => [field, reason])).toEqual([
      ['leg0', 'FIELD_REQUIRED'],
      ['leg1.price', 'DECIMAL_INVALID'],
    ]);
  });

  test('TYP-7 an OCO has one side and orders that stay; a bracket its exits', () => {
    expect(read('OCO', [LEG, STOP])).toMatchObject({ problem: undefined });
    expect(read('OCO', [LEG, { ...STOP, side: 'SELL' }])).toMatchObject({
      problem: { kind: 'error', reason: 'FIELDS_CONFLICT', field: 'side', leg: 1 },
    });
    expect(read('OCO', [LEG, { ...LEG, type: 'MARKET' }])).toMatchObject({
      problem: { reason: 'FIELDS_CONFLICT', field: 'type', leg: 1 },
    });
    const profit = { ...EXIT, type: 'TAKE_PROFIT_LIMIT' } as const;
    expect(read('BRACKET', [LEG, profit, EXIT])).toMatchObject({ problem: undefined });
    expect(read('BRACKET', [LEG, EXIT, profit])).toMatchObject({
      problem: { reason: 'FIELDS_CONFLICT', field: 'type', leg: 1 },
    });
    const sized = { ...profit, quantity: '0.01' };
    expect(read('BRACKET', [LEG, sized, EXIT])).toMatchObject({
      problem: { reason: 'FIELDS_CONFLICT', field: 'quantity', leg: 1 },
    });
  });

  test('CXL-2 a switch is set for 1 s to 24 h, or ended by 0', () => {
    const reasonsOf = (timeout: { seconds: bigint; nanos: number } | undefined) =>
      checkCancelAfterForm({ accountId: 'a', timeout, clientRequestId: '' }).map(
        ({ reason }) => reason,
      );
    expect(reasonsOf(undefined)).toEqual(['FIELD_REQUIRED']);
    for (const seconds of [0n, 1n, 86_400n]) expect(reasonsOf({ seconds, nanos: 0 })).toEqual([]);
    expect(reasonsOf({ seconds: 86_400n, nanos: 1 })).toEqual(['NUMBER_OUT_OF_RANGE']);
    expect(reasonsOf({ seconds: 0n, nanos: 999_000_000 })).toEqual(['NUMBER_OUT_OF_RANGE']);
    expect(reasonsOf({ seconds: -1n, nanos: 0 })).toEqual(['NUMBER_OUT_OF_RANGE']);
  });
});

describe('what a group holds', () => {
  const exit = (priceUnits: number): OrderTerms => {
    return { ...TERMS, side: 'BUY', type: 'STOP_LIMIT', quantityUnits: 0, priceUnits };
  };

  test('HLD-6 an OCO its dearest leg', () => {
    const dear = { ...TERMS, priceUnits: 20_000 };
    const { entryUnits, groupUnits } = groupCost(RULES, 'OCO', [TERMS, dear]);
    // 100 × 20,000 and the fee of a taker, 0.02 %.
    expect([entryUnits, groupUnits]).toEqual([0n, 2_000_400n]);
  });

  test('HLD-6 a bracket that buys first nothing for its exits', () => {
    const legs = [
      TERMS,
      { ...exit(1), side: 'SELL' as const },
      { ...exit(2), side: 'SELL' as const },
    ];
    const { entryUnits, groupUnits } = groupCost(RULES, 'BRACKET', legs);
    expect([entryUnits, groupUnits]).toEqual([1_001_201n, 0n]);
  });

  test('HLD-6 a bracket that sells first what its dearest exit costs beyond the proceeds', () => {
    const entry = { ...TERMS, side: 'SELL' as const, priceUnits: 10_000 };
    const dear = groupCost(RULES, 'BRACKET', [entry, exit(9_000), exit(12_000)]);
    // 1,200,000 + 240 fee − (1,000,000 − 200 fee), and two for rounding.
    expect(dear).toEqual({ entryUnits: 1_000_000n, groupUnits: 200_442n });
    const cheap = groupCost(RULES, 'BRACKET', [entry, exit(9_000), exit(8_000)]);
    expect(cheap.groupUnits).toBe(2n);
  });
});

describe('the legs after the events of their command', () => {
  const leg = (offset: number, change: Partial<OrderRecord> = {}): OrderRecord => ({
    ...RECORD,
    placement: 7 + offset,
    groupPlacement: 7,
    groupType: 'BRACKET',
    ...change,
  });
  const exits = [1, 2].map((offset) =>
    leg(offset, { terms: { ...TERMS, type: 'STOP_LIMIT', side: 'SELL', quantityUnits: 0 } }),
  );
  const key = (offset: number) => ({ accountNumber: 4097, placement: 7 + offset });
  const accepted: BookEvent = { kind: 'accepted', sequence: 1, ...key(0), waiting: undefined };
  const traded: BookEvent = {
    kind: 'traded',
    sequence: 2,
    priceUnits: 10_000,
    quantityUnits: 40,
    aggressorSide: undefined,
    maker: { ...key(0), remainingUnits: 60n, feeUnits: 1n },
    taker: { accountNumber: 1, placement: 1, remainingUnits: 0n, feeUnits: 1n },
  };
  const canceled = (reason: 'OWNER' | 'GROUP'): BookEvent => {
    return { kind: 'canceled', sequence: 3, ...key(0), reason, canceledUnits: 60, version: 1 };
  };
  const apply = (events: readonly BookEvent[]) =>
    applyGroupEvents([leg(0), ...exits], events, { notionalFactor: 1, logTimeUs: 9 }).map(
      ({ record }) => record,
    );

  test('TYP-7 exits wait with what the entry has filled; STA-2 in an uncross nobody is maker', () => {
    const appear = [1, 2].map((offset): BookEvent => {
      const waiting = { quantityUnits: 40, stopPriceUnits: 5 };
      return { kind: 'accepted', sequence: 3 + offset, ...key(offset), waiting };
    });
    const legs = apply([accepted, traded, canceled('OWNER'), ...appear]);
    expect(legs.map(({ status }) => status)).toEqual(['CANCELED', 'UNTRIGGERED', 'UNTRIGGERED']);
    expect(legs[1]).toMatchObject({ remainingUnits: 40, terms: { stopPriceUnits: 5 } });
    const events = [accepted, traded];
    const [entry] = applyGroupEvents([leg(0)], events, { notionalFactor: 1, logTimeUs: 9 });
    expect(entry?.fills).toMatchObject([{ liquidity: 'AUCTION' }]);
  });

  test('TYP-7 with nothing filled, or canceled as a group, they never appear', () => {
    for (const events of [
      [accepted, canceled('OWNER')],
      [accepted, traded, canceled('GROUP')],
    ]) {
      const [, profit, loss] = apply(events);
      for (const exit of [profit, loss]) {
        expect(exit).toMatchObject({
          status: 'CANCELED',
          cancelReason: 'GROUP',
          instrumentSequence: 3,
        });
      }
    }
  });

  test('TYP-3 TIF-4 a triggered leg is active with its price, an expired one is final', () => {
    const triggered: BookEvent = {
      kind: 'triggered',
      sequence: 4,
      ...key(0),
      stopPriceUnits: 6,
      priceUnits: 8,
    };
    const expired: BookEvent = { kind: 'expired', sequence: 5, ...key(0), expiredUnits: 100 };
    expect(apply([triggered])[0]).toMatchObject({ status: 'ACTIVE', terms: { priceUnits: 8 } });
    expect(apply([triggered, expired])[0]).toMatchObject({
      status: 'EXPIRED',
      holdState: 'CLOSED',
      remainingUnits: 0,
    });
  });
});

describe('amends of groups', () => {
  const entry: OrderRecord = {
    ...RECORD,
    groupPlacement: 7,
    groupType: 'BRACKET',
    terms: { ...TERMS, side: 'SELL' },
  };
  const conflict = (field: string) => ({ kind: 'error', reason: 'FIELDS_CONFLICT', field });

  test('HLD-6 an entry that sells is not amended to more or to a lower price', () => {
    expect(checkAmendment(INSTRUMENT, entry, { quantityUnits: 200 })).toEqual(conflict('quantity'));
    expect(checkAmendment(INSTRUMENT, entry, { priceUnits: 10_000 })).toEqual(conflict('price'));
    expect(checkAmendment(INSTRUMENT, entry, { priceUnits: 10_020 })).toBeUndefined();
    const buy = { ...entry, terms: TERMS };
    expect(checkAmendment(INSTRUMENT, buy, { quantityUnits: 200 })).toBeUndefined();
    expect(additionalHold(INSTRUMENT, buy, { quantityUnits: 200 })).toBe(1_001_201n);
  });
});

describe('ids of groups', () => {
  test('tell a group from an order, and are the cause of what its placement did', () => {
    const first = { accountNumber: 4097, placement: 7 };
    expect(formatGroupId(first)).toBe('4097-g7');
    expect(parseGroupId('4097-g7')).toEqual(first);
    for (const other of ['4097-7', 'g-7', '4097-g', '4097-gg7', '']) {
      expect(parseGroupId(other)).toBeUndefined();
    }
    expect(parseCause(groupIdentity(first))).toEqual({ kind: 'group', first });
  });
});
