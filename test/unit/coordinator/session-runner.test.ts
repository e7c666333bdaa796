// Schedules are carried out when their time comes, once, whoever asks and however late (STA-1).

import { describe, expect, test } from '@jest/globals';
import { sessionCommand } from '../../../services/coordinator/adapter/session-commands.ts';
import { SessionRunner } from '../../../services/coordinator/adapter/session-runner.ts';
import type { InstrumentRow } from '../../../services/coordinator/domain/reference-tables.ts';
import type { DueChange, SessionSchedule } from '../../../services/coordinator/domain/sessions.ts';
import { createLogger } from '../../../services/lib/platform/telemetry/logger.ts';
import type { InstrumentState } from '../../../services/lib/rules/terms.ts';
import { Simulation } from '../../support/shard/simulated-world.ts';

const at = (text: string) => Date.parse(`${text}Z`) * 1_000;
const hours = (count: number) => count * 3_600;

const EVERY_DAY: SessionSchedule = {
  weekly: [
    {
      weekdays: [1, 2, 3, 4, 5, 6, 7],
      changes: [
        { secondOfDay: hours(8), state: 'AUCTION' },
        { secondOfDay: hours(9), state: 'CONTINUOUS' },
        { secondOfDay: hours(17), state: 'CLOSED' },
      ],
    },
  ],
  exceptions: [],
};

/** One instrument, a shard that does what it is told once an identity, a clock the test moves. */
class Day {
  readonly simulation = new Simulation(1);
  readonly done: [string, InstrumentState, number][] = [];
  readonly #identities = new Set<string>();
  row: InstrumentRow;
  /** The shard cannot be reached. */
  isAway = false;
  /** The shard answers, and the answer is lost. */
  losesAnswers = false;

  constructor(now: string, sessionTime = 0, state: InstrumentState = 'CONTINUOUS') {
    this.simulation.timeUs = at(now);
    const terms = {
      ...{ state, sessions: EVERY_DAY, sessionsVersion: 1, updateTimeUs: 1 },
      rules: { version: 1 } as InstrumentRow['wish']['rules'],
    };
    this.row = {
      ...{ instrumentNumber: 7, instrumentId: 'A-B', priceUnit: '1', quantityUnit: '1' },
      ...{ createHash: '', createTimeUs: 1, wish: terms, published: terms, publishedAt: 1 },
      sessionTimeUs: sessionTime,
    };
  }

  open(): SessionRunner {
    const { simulation } = this;
    const runner = new SessionRunner({
      world: {
        wallClockUs: () => simulation.timeUs,
        setTimer: (delayMs, callback) => simulation.after(delayMs * 1_000, callback),
      },
      log: createLogger({ service: 'test', node: 'test-1', level: 'silent' }),
      instruments: () => [this.row],
      carryOut: async (row, change) => this.#carryOut(row, change),
      remember: async (_row, timeUs) => {
        this.row = { ...this.row, sessionTimeUs: timeUs };
        runner.lookSoon();
      },
    });
    runner.lookSoon();
    return runner;
  }

  #carryOut(row: InstrumentRow, change: DueChange): undefined {
    if (this.isAway) throw new Error('nobody leads the shard');
    const { identity } = sessionCommand(row, change);
    if (!this.#identities.has(identity)) {
      this.#identities.add(identity);
      const time = new Date(this.simulation.timeUs / 1_000).toISOString().slice(5, 16);
      this.done.push([time, change.state, change.auctionEndTimeUs]);
      this.setState(change.state);
    }
    if (this.losesAnswers) throw new Error('the answer was lost');
  }

  setState(state: InstrumentState): void {
    if (this.row.published === undefined) throw new Error('the instrument is published');
    this.row = { ...this.row, published: { ...this.row.published, state } };
  }

  async passTo(text: string): Promise<void> {
    await this.simulation.run(at(text) - this.simulation.timeUs);
  }
}

describe('the runner of sessions', () => {
  test('STA-1 each change comes at its time, an auction with its end', async () => {
    const day = new Day('2026-11-23T07:00:00', at('2026-11-22T17:00:00'), 'CLOSED');
    const runner = day.open();
    await day.passTo('2026-11-24T08:30:00');
    runner.stop();
    expect(day.done).toEqual([
      ['11-23T08:00', 'AUCTION', at('2026-11-23T09:00:00')],
      ['11-23T09:00', 'CONTINUOUS', 0],
      ['11-23T17:00', 'CLOSED', 0],
      ['11-24T08:00', 'AUCTION', at('2026-11-24T09:00:00')],
    ]);
  });

  test('STA-1 a new schedule holds at once', async () => {
    const day = new Day('2026-11-23T12:00:00', 0, 'CLOSED');
    const runner = day.open();
    await day.passTo('2026-11-23T12:00:01');
    runner.stop();
    expect(day.done).toEqual([['11-23T12:00', 'CONTINUOUS', 0]]);
  });

  test('TIF-5 after an absence only the latest counts, and the end of a day before it', async () => {
    const day = new Day('2026-11-23T10:00:00', at('2026-11-20T09:00:00'));
    const runner = day.open();
    await day.passTo('2026-11-23T10:00:01');
    runner.stop();
    expect(day.done).toEqual([
      ['11-23T10:00', 'CLOSED', 0],
      ['11-23T10:00', 'CONTINUOUS', 0],
    ]);
  });

  test('LOG-11 two coordinators, and one that starts again, do each change once', async () => {
    const day = new Day('2026-11-23T08:30:00', at('2026-11-23T08:00:00'), 'AUCTION');
    day.losesAnswers = true;
    const first = day.open();
    const second = day.open();
    await day.passTo('2026-11-23T09:00:10');
    first.stop();
    day.losesAnswers = false;
    const third = day.open();
    await day.passTo('2026-11-23T10:00:00');
    second.stop();
    third.stop();
    expect(day.done).toEqual([['11-23T09:00', 'CONTINUOUS', 0]]);
    expect(day.row.sessionTimeUs).toBe(at('2026-11-23T09:00:00'));
  });

  test('STA-1 a shard that is away is told when it is back, and only what counts then', async () => {
    const day = new Day('2026-11-23T07:00:00', at('2026-11-22T17:00:00'), 'CLOSED');
    day.isAway = true;
    const runner = day.open();
    await day.passTo('2026-11-23T11:00:00');
    expect(day.done).toEqual([]);
    day.isAway = false;
    await day.passTo('2026-11-23T11:00:01');
    runner.stop();
    expect(day.done).toEqual([['11-23T11:00', 'CONTINUOUS', 0]]);
  });

  test('STA-1 what an operator has stopped the schedule does not start again', async () => {
    const day = new Day('2026-11-23T16:00:00', at('2026-11-23T09:00:00'), 'HALTED');
    const runner = day.open();
    await day.passTo('2026-11-24T08:30:00');
    expect(day.done).toEqual([]);
    // Once an operator has set another state, the next change comes as ever.
    day.setState('AUCTION');
    await day.passTo('2026-11-24T10:00:00');
    runner.stop();
    expect(day.done).toEqual([['11-24T09:00', 'CONTINUOUS', 0]]);
  });
});
