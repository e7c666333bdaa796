// What the goldens do not show of the state machine: what is due, the state checksum, the bounds
// of a step, many instruments in one shard.

import { describe, expect, test } from '@jest/globals';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import type { OrderTerms } from '../../../services/matching/domain/rules.ts';
import { openBook, PLAIN_TERMS, submit, WIDE_RULES } from '../../support/matching/one-book.ts';

/** Takes no events. */
const nobody = (): void => undefined;

function place(placement: number, terms: Partial<OrderTerms> = {}): MatchingCommand {
  const all = { ...PLAIN_TERMS, priceUnits: 100, quantityUnits: 10, ...terms };
  return { kind: 'placeOrder', accountNumber: 1, placement, terms: all };
}

function forbid(placement: number, forbiddenValidUntilUs: number): MatchingCommand {
  const order = { instrumentNumber: 1, accountNumber: 1, placement };
  return { kind: 'forbidOrder', ...order, amendHoldId: '', forbiddenValidUntilUs };
}

describe('due work', () => {
  test('LOG-15 the earliest forbid to forget is due, and nothing else is', () => {
    const machine = openBook();
    expect(machine.nextDueTimeUs()).toBeUndefined();
    submit(machine, forbid(1, 5_000_000));
    submit(machine, forbid(2, 3_000_000));
    submit(machine, forbid(3, 4_000_000));
    expect(machine.nextDueTimeUs()).toBe(63_000_000);
    machine.advance(63_999_999, nobody);
    expect(machine.nextDueTimeUs()).toBe(64_000_000);
    machine.advance(65_000_000, nobody);
    expect(machine.nextDueTimeUs()).toBeUndefined();
  });

  test('HLD-3 a forbid that is repeated for a later time is kept until then', () => {
    const machine = openBook();
    submit(machine, forbid(1, 3_000_000));
    submit(machine, forbid(1, 9_000_000));
    machine.advance(63_000_000, nobody);
    expect(submit(machine, place(1))).toMatchObject([{ reason: 'NOT_DELIVERED' }]);
    machine.advance(69_000_000, nobody);
    expect(submit(machine, place(1))).toMatchObject([{ kind: 'orderAccepted' }]);
  });
});

test('STA-1 TIF-6 auctions end by time, then in the order of their slots', () => {
  const machine = new MatchingMachine({ eventsPerStep: 7 });
  const count = 40;
  for (let number = 1; number <= count; number += 1) {
    const rules = { ...WIDE_RULES, instrumentNumber: number, instrumentId: `I-${number}` };
    const slots = [slotOf(rules.instrumentId)];
    submit(machine, { kind: 'acquireSlots', slots, generation: 1 });
    submit(machine, { kind: 'setInstrument', rules, initialState: 'PRE_OPEN' });
    const state = { kind: 'setInstrumentState', state: 'AUCTION', comment: '' } as const;
    const after = { stateAfterAuction: 'CONTINUOUS', instrumentNumber: number } as const;
    submit(machine, { ...state, ...after, auctionEndTimeUs: 100 });
    // Another end in place of the first.
    submit(machine, { ...state, ...after, auctionEndTimeUs: 20 + (number % 3) });
  }
  const ended: number[] = [];
  let steps = 0;
  while ((machine.nextDueTimeUs() ?? Number.POSITIVE_INFINITY) <= 30) {
    machine.advance(30, (event) => ended.push(event.instrumentNumber));
    steps += 1;
  }
  const all = Array.from({ length: count }, (_, index) => index + 1);
  const slotOfNumber = (number: number): number => slotOf(`I-${number}`);
  all.sort((a, b) => (a % 3) - (b % 3) || slotOfNumber(a) - slotOfNumber(b));
  expect(ended).toEqual(all);
  expect(steps).toBe(Math.ceil(count / 7));
  expect(machine.nextDueTimeUs()).toBeUndefined();
});

describe('SNAP-3 the state checksum', () => {
  const base = (): MatchingMachine => {
    const machine = openBook();
    submit(machine, place(1));
    submit(machine, place(2));
    return machine;
  };

  test('is the same for the same commands', () => {
    expect(base().stateChecksum()).toBe(base().stateChecksum());
    expect(base().stateChecksum()).toMatch(/^[0-9a-f]{32}$/);
  });

  test('tells states apart that differ in one thing only', () => {
    const variants: MatchingCommand[][] = [
      [],
      [place(1, { quantityUnits: 11 })],
      [place(1, { priceUnits: 101 })],
      [place(1, { side: 'SELL' })],
      [place(1, { postOnly: true })],
      [place(1, { selfTradePrevention: 'DECREMENT' })],
      [place(1, { makerRatePpm: 1 })],
      [place(1, { takerRatePpm: -1 })],
      [place(2)],
      [place(2 ** 40)],
      [place(1), place(2)],
      [place(2), place(1)],
      [forbid(1, 1)],
      [forbid(1, 2)],
      [{ kind: 'acquireSlots', slots: [9], generation: 1 }],
      [{ kind: 'acquireSlots', slots: [9], generation: 2 }],
      [{ kind: 'setInstrument', rules: { ...WIDE_RULES, version: 2 }, initialState: 'CONTINUOUS' }],
    ];
    const checksums = variants.map((commands) => {
      const machine = openBook();
      for (const command of commands) submit(machine, command);
      return machine.stateChecksum();
    });
    expect(new Set(checksums).size).toBe(variants.length);
  });

  test('covers the place in the queue and what an order has paid', () => {
    const swapped = openBook();
    submit(swapped, place(2));
    submit(swapped, place(1));
    expect(swapped.stateChecksum()).not.toBe(base().stateChecksum());
    const paid = (takerRatePpm: number): string => {
      const machine = openBook();
      submit(machine, place(1, { makerRatePpm: 7, takerRatePpm: 7 }));
      submit(machine, place(2, { side: 'SELL', quantityUnits: 3, takerRatePpm }));
      return machine.stateChecksum();
    };
    // The taker is gone: what it paid changes nothing that is still to come.
    expect(paid(0)).toBe(paid(5));
  });

  test('is the same again when everything in the book is gone but the numberings differ not', () => {
    const canceled = (placement: number): string => {
      const machine = openBook();
      submit(machine, place(placement));
      const order = { instrumentNumber: 1, accountNumber: 1, placement };
      submit(machine, { kind: 'cancelOrder', ...order });
      return machine.stateChecksum();
    };
    expect(canceled(1)).toBe(canceled(77));
  });

  test('covers unfinished work', () => {
    const interrupted = (quantityUnits: number): MatchingMachine => {
      const machine = openBook(WIDE_RULES, { eventsPerStep: 2 });
      for (let placement = 1; placement <= 5; placement += 1) submit(machine, place(placement));
      const command = place(9, { side: 'SELL', quantityUnits });
      const context = { logTimeUs: 1, identity: 'x', validUntilUs: 1 };
      const outcome = machine.apply(command, context, () => undefined);
      expect(outcome.kind).toBe('unfinished');
      return machine;
    };
    expect(interrupted(40).stateChecksum()).toBe(interrupted(40).stateChecksum());
    expect(interrupted(40).stateChecksum()).not.toBe(interrupted(41).stateChecksum());
  });
});

describe('LOG-17 steps', () => {
  test('a step has a bounded number of events, and other commands wait for its end', () => {
    const machine = openBook(WIDE_RULES, { eventsPerStep: 100 });
    for (let placement = 1; placement <= 1_000; placement += 1) submit(machine, place(placement));
    const steps: number[] = [];
    const context = { logTimeUs: 1, identity: 'x', validUntilUs: 1 };
    let count = 0;
    const emit = (): void => {
      count += 1;
    };
    const sweep = place(5_000, { side: 'SELL', quantityUnits: 20_000 });
    let outcome = machine.apply(sweep, context, emit);
    expect(() => machine.apply(place(6_000), context, emit)).toThrow('LOG-17');
    while (outcome.kind === 'unfinished') {
      steps.push(count);
      count = 0;
      outcome = machine.proceed(context, emit);
    }
    expect(outcome).toEqual({ kind: 'done' });
    expect(steps.length).toBe(10);
    expect(Math.max(...steps)).toBeLessThanOrEqual(100);
    expect(machine.openOrders(1)).toMatchObject([{ placement: 5_000, remainingUnits: 10_000 }]);
  });
});

describe('many instruments in one shard', () => {
  test('MAT-5 books, numberings and owners do not touch each other', () => {
    const machine = openBook();
    const other = { ...WIDE_RULES, instrumentNumber: 2, instrumentId: 'Y' };
    submit(machine, { kind: 'acquireSlots', slots: [slotOf('Y')], generation: 1 });
    submit(machine, { kind: 'setInstrument', rules: other, initialState: 'CONTINUOUS' });
    submit(machine, place(1));
    const events: MatchingEvent[] = submit(
      machine,
      place(2, { instrumentNumber: 2, side: 'SELL', priceUnits: 90 }),
    );
    expect(events).toMatchObject([{ instrumentNumber: 2, instrumentSequence: 2 }]);
    expect(machine.openOrders(1).length).toBe(1);
    expect(machine.openOrders(2).length).toBe(1);
    const wrongBook = { instrumentNumber: 2, accountNumber: 1, placement: 1 };
    expect(submit(machine, { kind: 'cancelOrder', ...wrongBook })).toMatchObject([
      { kind: 'cancelRejected', reason: 'ORDER_UNKNOWN' },
    ]);
    const all = { instrumentNumber: 2, accountNumber: 1, side: undefined, comment: '' };
    submit(machine, { kind: 'cancelAllOrders', ...all, reason: 'MASS' });
    expect(machine.openOrders(1).length).toBe(1);
    expect(machine.openOrders(2)).toEqual([]);
    expect(machine.viewBook(3, 1)).toBeUndefined();
    machine.assertSound();
  });

  test('MOV-1 what the shard owns is told', () => {
    const machine = openBook();
    expect(machine.ownedSlots()).toEqual([slotOf('X')]);
    expect(machine.instruments()).toEqual([WIDE_RULES]);
  });
});

test('MAT-7 a full book with many prices stays sound while orders come and go', () => {
  const machine = openBook(WIDE_RULES, { ordersPerBook: 50_000 });
  const context = { logTimeUs: 1, identity: 'x', validUntilUs: 1 };
  const emit = (): void => undefined;
  for (let placement = 1; placement <= 50_000; placement += 1) {
    // Far-apart and near prices, so that the ladder splits and merges.
    const priceUnits = 1 + ((placement * 7_919) % 30_011);
    machine.apply(place(placement, { priceUnits }), context, emit);
  }
  machine.assertSound();
  expect(submit(machine, place(60_000))).toMatchObject([{ reason: 'BOOK_FULL' }]);
  for (let placement = 1; placement <= 50_000; placement += 3) {
    const order = { instrumentNumber: 1, accountNumber: 1, placement };
    machine.apply({ kind: 'cancelOrder', ...order }, context, emit);
  }
  machine.assertSound();
});
