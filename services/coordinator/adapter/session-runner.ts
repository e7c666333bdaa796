// Carries out the changes that the schedules of instruments ask for, when their time comes (STA-1).
// Each is a command whose identity is made of the instrument and the change's time, so that a
// coordinator that starts again, or two of them, do it once (LOG-11). What is due is found from the
// schedule and the time of the last change that was carried out, never from having been awake.

import type { ClusterWorld } from '../../lib/platform/cluster/cluster-world.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import type { InstrumentState } from '../../lib/rules/terms.ts';
import type { InstrumentRow } from '../domain/reference-tables.ts';
import { type DueChange, dueChanges, nextChangeTimeUs } from '../domain/sessions.ts';

const RETRY_MS = 500;
/** The wall clock may be set: it is looked at this often even when nothing is expected. */
const LONGEST_WAIT_MS = 10_000;

/** Looks that are asked for within this time are one. */
const COALESCE_MS = 20;
/** Changes that are carried out at a time; the others follow. */
const BUSY_LIMIT = 64;

/** States in which an operator has stopped an instrument; the schedule does not start it again. */
const STOPPED: ReadonlySet<InstrumentState> = new Set(['CANCEL_ONLY', 'HALTED', 'RETIRED']);

export type SessionRunnerOptions = {
  readonly world: Pick<ClusterWorld, 'wallClockUs' | 'setTimer'>;
  readonly log: Logger;
  /** The instruments that callers see. */
  readonly instruments: () => Iterable<InstrumentRow>;
  /**
   * Has the instrument's shard do it.
   *
   * @returns undefined when it is done, or the reason why the shard will never do it
   * @throws when it is not known; it is tried again
   */
  readonly carryOut: (row: InstrumentRow, change: DueChange) => Promise<string | undefined>;
  /** Remembers that everything up to this time was carried out, or passed over. */
  readonly remember: (row: InstrumentRow, timeUs: number) => Promise<void>;
};

export class SessionRunner {
  readonly #options: SessionRunnerOptions;
  readonly #busy = new Set<number>();
  #timer: { readonly atUs: number; readonly timer: { cancel(): void } } | undefined;
  #stopped = false;

  constructor(options: SessionRunnerOptions) {
    this.#options = options;
  }

  /** Looks at every schedule; call it at the beginning and after every change of instruments. */
  lookSoon(): void {
    if (!this.#stopped) this.#wakeBy(COALESCE_MS);
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#stopped) return;
    const { world, instruments } = this.#options;
    const nowUs = world.wallClockUs();
    let nextUs = nowUs + LONGEST_WAIT_MS * 1_000;
    for (const row of instruments()) {
      const sessions = row.published?.sessions;
      if (sessions === undefined || row.published?.state === 'RETIRED') continue;
      nextUs = Math.min(nextUs, nextChangeTimeUs(sessions, nowUs) ?? nextUs);
      const due = dueChanges(sessions, row.sessionTimeUs, nowUs);
      if (due.length === 0 || this.#busy.has(row.instrumentNumber)) continue;
      if (this.#busy.size >= BUSY_LIMIT) continue;
      this.#busy.add(row.instrumentNumber);
      void this.#run(row, due);
    }
    this.#wakeBy(Math.ceil((nextUs - nowUs) / 1_000));
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.timer.cancel();
  }

  /** Looks again after a while, or earlier when that is planned already. */
  #wakeBy(delayMs: number): void {
    const { world } = this.#options;
    const atUs = world.wallClockUs() + delayMs * 1_000;
    if (this.#timer !== undefined && this.#timer.atUs <= atUs) return;
    this.#timer?.timer.cancel();
    this.#timer = { atUs, timer: world.setTimer(Math.max(1, delayMs), () => this.#look()) };
  }

  async #run(row: InstrumentRow, due: readonly DueChange[]): Promise<void> {
    const { log, carryOut, remember } = this.#options;
    const fields = { instrument_id: row.instrumentId };
    let isDone = false;
    try {
      for (const change of due) {
        if (STOPPED.has(row.published?.state ?? 'CLOSED')) {
          const message = `${row.instrumentId} is stopped: its schedule's ${change.state} is passed over`;
          log.info(fields, message);
        } else {
          const refused = await carryOut(row, change);
          if (refused === undefined) {
            log.info(fields, `${row.instrumentId} is ${change.state} by its schedule`);
          } else {
            const message = `the shard of ${row.instrumentId} refused ${change.state} of its schedule: ${refused}`;
            log.warn(fields, message);
          }
        }
        await remember(row, change.timeUs);
      }
      isDone = true;
    } catch (error) {
      if (!this.#stopped) {
        log.warn(
          { ...fields, error },
          'a change of a schedule is not carried out yet, trying again',
        );
      }
    }
    this.#busy.delete(row.instrumentNumber);
    if (this.#stopped) return;
    this.#wakeBy(isDone ? COALESCE_MS : RETRY_MS);
  }
}
