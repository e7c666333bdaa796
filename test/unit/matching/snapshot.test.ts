// Snapshots of a matching shard (SNAP-1): a restored machine has the same checksum, the same bytes
// and does the same; bytes that are cut or changed give an error and never a machine.

import { describe, expect, test } from '@jest/globals';
import { crc32OfBytes } from '../../../services/lib/base/crc32.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import type { OrderTerms } from '../../../services/matching/domain/rules.ts';
import { SnapshotError } from '../../../services/matching/domain/snapshot-bytes.ts';
import { Random } from '../../model/matching/random.ts';
import type { Step } from '../../model/matching/steps.ts';
import { EngineVenue } from '../../support/matching/engine-venue.ts';
import { openBook, PLAIN_TERMS, submit, WIDE_RULES } from '../../support/matching/one-book.ts';
import { doStep, RandomRun } from './random-run.ts';

const RUNS = 12;
const STEPS = 120;
/** A restored machine makes its tables anew: not at every step. */
const STEPS_BETWEEN = 6;

/** A run of random steps; `before` sees the engine before each of them. */
function run(
  seed: number,
  before: (engine: MatchingMachine, step: Step, nowUs: number) => void,
): void {
  const random = new RandomRun(seed);
  const engine = new EngineVenue(random.limits);
  engine.open(random.settings.rules, random.settings.state);
  let events = 0;
  for (let done = 0; done < STEPS; done += 1) {
    const { step, nowUs } = random.next();
    before(engine.machine, step, nowUs);
    events += doStep(engine, step, nowUs).length;
  }
  expect(events).toBeGreaterThan(STEPS / 2);
}

describe('SNAP-1 a restored machine', () => {
  test('has the same checksum and is sound, whatever the state', () => {
    for (let seed = 1; seed <= RUNS; seed += 1) {
      let steps = 0;
      run(seed, (machine) => {
        steps += 1;
        if (steps % STEPS_BETWEEN !== 0) return;
        const bytes = machine.snapshot();
        const restored = MatchingMachine.restore(bytes);
        expect(restored.stateChecksum()).toBe(machine.stateChecksum());
        expect(restored.nextDueTimeUs()).toBe(machine.nextDueTimeUs());
        restored.assertSound();
      });
    }
  });

  test('does the same from there on, and its own snapshots have the same bytes', () => {
    for (let seed = 100; seed < 100 + RUNS; seed += 1) {
      const random = new Random(seed);
      const { limits } = new RandomRun(seed);
      const restore = (machine: MatchingMachine): EngineVenue =>
        new EngineVenue(limits, MatchingMachine.restore(machine.snapshot(), limits));
      let older: EngineVenue | undefined;
      run(seed, (machine, step, nowUs) => {
        // Machines that were restored at different times differ in handles and table sizes.
        if (older === undefined) {
          older = restore(machine);
        } else if (random.onceIn(STEPS_BETWEEN)) {
          expect(older.machine.snapshot()).toEqual(machine.snapshot());
          const newer = restore(machine);
          expect(doStep(newer, step, nowUs)).toEqual(doStep(older, step, nowUs));
          older = random.onceIn(2) ? newer : older;
          return;
        }
        doStep(older, step, nowUs);
      });
    }
  });
});

/** A state with something of everything in it. */
function richState(): MatchingMachine {
  const rules = { ...WIDE_RULES, staticBandPpm: 900_000, referencePriceUnits: 100 };
  const machine = openBook(rules);
  const limit = { ...PLAIN_TERMS, priceUnits: 100, quantityUnits: 9, makerRatePpm: 7 };
  const place = (placement: number, terms: Partial<OrderTerms>): void => {
    const all = { ...limit, ...terms };
    submit(machine, { kind: 'placeOrder', accountNumber: 7, placement, terms: all });
  };
  const stop = { type: 'STOP', priceUnits: 130, stopPriceUnits: 120 } as const;
  const exit = { ...limit, ...stop, side: 'SELL', quantityUnits: 0 } as const;
  const group = { kind: 'placeOrderGroup', accountNumber: 7 } as const;
  place(1, {});
  place(2, { side: 'SELL', quantityUnits: 4, takerRatePpm: 3 });
  place(3, { displayUnits: 2 });
  place(4, { timeInForce: 'GTD', expireTimeUs: 99, priceUnits: 98 });
  place(5, { timeInForce: 'DAY', priceUnits: 97, selfTradeGroup: 3 });
  place(6, { ...stop, minimumUnits: 2 });
  place(7, { type: 'TRAILING_STOP', priceUnits: 0, trailingOffsetBps: 700 });
  const legs = [
    { ...limit, priceUnits: 96 },
    { ...limit, ...stop },
  ];
  submit(machine, { ...group, placement: 10, groupType: 'OCO', legs });
  const profit = { ...exit, type: 'TAKE_PROFIT' } as const;
  const bracket = [{ ...limit, priceUnits: 95 }, profit, { ...exit, stopPriceUnits: 60 }];
  submit(machine, { ...group, placement: 20, groupType: 'BRACKET', legs: bracket });
  const order = { instrumentNumber: 1, accountNumber: 7, placement: 30 };
  submit(machine, { kind: 'forbidOrder', ...order, amendHoldId: 'h', forbiddenValidUntilUs: 5 });
  const state = { kind: 'setInstrumentState', instrumentNumber: 1, comment: '' } as const;
  const after = { auctionEndTimeUs: 77, stateAfterAuction: 'POST_ONLY' } as const;
  submit(machine, { ...state, state: 'AUCTION', ...after });
  submit(machine, { ...state, state: 'CANCEL_ONLY', ...after });
  return machine;
}

describe('SNAP-1 wrong bytes', () => {
  const whole = (): Uint8Array => {
    const machine = openBook();
    const placed = { kind: 'placeOrder', accountNumber: 7, placement: 1 } as const;
    const terms = { ...PLAIN_TERMS, priceUnits: 100, quantityUnits: 9 };
    submit(machine, { ...placed, terms });
    submit(machine, { ...placed, placement: 2, terms: { ...terms, displayUnits: 3 } });
    return machine.snapshot();
  };

  test('that are cut anywhere give an error', () => {
    const bytes = whole();
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => MatchingMachine.restore(bytes.slice(0, length))).toThrow(SnapshotError);
    }
  });

  test('of which one is changed give an error', () => {
    const bytes = whole();
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ 0x10;
      expect(() => MatchingMachine.restore(changed)).toThrow(SnapshotError);
    }
  });

  test('SNAP-3 that are changed under a checksum that is right again give an error, too', () => {
    const bytes = richState().snapshot();
    for (let at = 12; at < bytes.length - 4; at += 1) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ 0x01;
      const view = new DataView(changed.buffer);
      view.setUint32(bytes.length - 4, crc32OfBytes(changed.subarray(0, bytes.length - 4)), true);
      // The state checksum covers everything that a snapshot holds: only bytes that mean the same
      // (a truth that is 257 in place of 1) lead to a machine, and to the one that was meant.
      let again: Uint8Array | undefined;
      try {
        again = MatchingMachine.restore(changed).snapshot();
      } catch (error) {
        expect(error).toBeInstanceOf(SnapshotError);
      }
      if (again !== undefined) expect([at, again]).toEqual([at, bytes]);
    }
  });

  test('with more behind them, or of another kind or version, give an error that says so', () => {
    const bytes = whole();
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    expect(() => MatchingMachine.restore(longer)).toThrow('checksum');
    expect(() => MatchingMachine.restore(new Uint8Array(64))).toThrow('no snapshot');
    const newer = bytes.slice();
    newer[4] = 3;
    expect(() => MatchingMachine.restore(newer)).toThrow('version 3');
  });
});

test('LOG-17 a snapshot is taken between commands only', () => {
  const machine = openBook(undefined, { eventsPerStep: 2 });
  const terms = { ...PLAIN_TERMS, priceUnits: 100 };
  for (let placement = 1; placement <= 5; placement += 1) {
    submit(machine, { kind: 'placeOrder', accountNumber: 1, placement, terms });
  }
  const sweep: MatchingCommand = {
    kind: 'placeOrder',
    accountNumber: 2,
    placement: 1,
    terms: { ...terms, side: 'SELL', quantityUnits: 5 },
  };
  const events: MatchingEvent[] = [];
  const context = { logTimeUs: 1, identity: 'x', validUntilUs: 1 };
  let outcome = machine.apply(sweep, context, (event) => events.push(event));
  expect(machine.hasUnfinishedWork).toBe(true);
  expect(() => machine.snapshot()).toThrow('LOG-17');
  while (outcome.kind === 'unfinished') {
    outcome = machine.proceed(context, (event) => events.push(event));
  }
  expect(machine.hasUnfinishedWork).toBe(false);
  expect(machine.snapshot().length).toBeGreaterThan(0);
});
