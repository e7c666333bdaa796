// Brings one entry into the log and finds out for certain whether it is there, however often the
// connection breaks (LOG-1, LOG-4, REP-6).

import type { LogEntry, LogPoint } from './log-entry.ts';
import {
  type AppendResult,
  type Fence,
  type Inspection,
  LogNotDurable,
  type LogStore,
  LogUnreachable,
  type World,
} from './world.ts';

/** How an append ended. */
export type AppendEnd =
  | { readonly kind: 'committed' }
  /**
   * Another leader has the log: nothing of this entry is or will be in it. The epoch is lower than
   * the fence's when an earlier leader's last entry took the place.
   */
  | { readonly kind: 'deposed'; readonly epoch: number }
  /** The log has lost or changed an entry that was committed (LOG-12). */
  | { readonly kind: 'forked'; readonly known: LogPoint; readonly found: LogPoint | undefined }
  /** The owner gave up waiting; the outcome is unknown. */
  | { readonly kind: 'abandoned' };

/** Why an append waits. */
export type LogTrouble = { readonly message: string };

const FIRST_RETRY_MS = 10;
/** Whoever waits for a database that starts again waits this much longer than it takes. */
const LONGEST_RETRY_MS = 100;
/** An append that is not answered for so long is told of, though it may still be. */
const STUCK_MS = 500;
/** An append whose outcome is not known after so long was not refused: it was not heard. */
const UNHEARD_US = 1_000_000;
/** How far log time may be ahead of the database's clock (LOG-15). */
export const CLOCK_TOLERANCE_US = 1_000_000;

export type AppenderOptions = {
  readonly world: World;
  readonly log: LogStore;
  /** Told when the log becomes unreachable, and `undefined` when it is reachable again. */
  readonly onTrouble: (trouble: LogTrouble | undefined) => void;
  /** Told when an append takes so long that it may never be answered, `undefined` when it was. */
  readonly onStuck?: (trouble: LogTrouble | undefined) => void;
};

export class Appender {
  readonly #world: World;
  readonly #log: LogStore;
  readonly #onTrouble: (trouble: LogTrouble | undefined) => void;
  readonly #onStuck: AppenderOptions['onStuck'];
  #abandoned = false;
  /** The last append, or the one under way, was told to be stuck. */
  #isStuck = false;
  #wake: (() => void) | undefined;
  /** The trouble that was told of last, if it has not ended. */
  #told: string | undefined;

  constructor({ world, log, onTrouble, onStuck }: AppenderOptions) {
    this.#world = world;
    this.#log = log;
    this.#onTrouble = onTrouble;
    this.#onStuck = onStuck;
  }

  /** Ends every wait; a running `append` answers `abandoned` unless it already knows better. */
  abandon(): void {
    this.#abandoned = true;
    this.#wake?.();
  }

  /** Appends an entry whose previous entry this leader knows to be committed. */
  async append(entry: LogEntry, fence: Fence): Promise<AppendEnd> {
    const startUs = this.#world.monotonicUs();
    let result: AppendResult | LogTrouble = await this.#tryAppend(entry, fence);
    if (result === 'committed') return { kind: 'committed' };

    let retryMs = FIRST_RETRY_MS;
    // On a broken link the question that follows goes unheard as long again: nobody waits for it.
    const isUnheard = this.#isStuck || this.#world.monotonicUs() - startUs >= UNHEARD_US;
    let troubled = typeof result === 'object' && isUnheard;
    if (troubled) this.#tell(result as LogTrouble);
    for (;;) {
      if (this.#abandoned) return { kind: 'abandoned' };
      const step = await this.#resolve(entry, fence);
      if (step.kind === 'ended') {
        if (troubled) this.#tell(undefined);
        return step.end;
      }
      if (step.kind === 'send') {
        result = await this.#tryAppend(entry, fence);
        if (result === 'committed') {
          if (troubled) this.#tell(undefined);
          return { kind: 'committed' };
        }
      }
      const trouble = step.kind === 'wait' ? step.trouble : troubleAfter(result);
      troubled = true;
      this.#tell(trouble);
      await this.#pause(retryMs);
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    }
  }

  /** An attempt that ends like the one before is no news. */
  #tell(trouble: LogTrouble | undefined): void {
    if (trouble?.message === this.#told) return;
    this.#told = trouble?.message;
    this.#onTrouble(trouble);
  }

  async #tryAppend(entry: LogEntry, fence: Fence): Promise<AppendResult | LogTrouble> {
    this.#isStuck = false;
    const stuck = this.#world.setTimer(STUCK_MS, () => {
      this.#isStuck = true;
      const message = `an append was not answered for ${STUCK_MS} ms`;
      if (!this.#abandoned) this.#onStuck?.({ message });
    });
    try {
      const result = await this.#log.append(entry, fence);
      if (this.#isStuck && !this.#abandoned) this.#onStuck?.(undefined);
      return result;
    } catch (error) {
      return troubleOf(error);
    } finally {
      stuck.cancel();
    }
  }

  /** Looks at the log and decides what to do about an append that did not simply succeed. */
  async #resolve(
    entry: LogEntry,
    fence: Fence,
  ): Promise<
    | { readonly kind: 'ended'; readonly end: AppendEnd }
    | { readonly kind: 'send' }
    | { readonly kind: 'wait'; readonly trouble: LogTrouble }
  > {
    try {
      const inspection = await this.#log.inspect(entry.entryIndex);
      if (inspection.found?.chainChecksum === entry.chainChecksum) {
        // It is visible, but perhaps not replicated: only a later durable commit proves that.
        await this.#log.confirmDurable();
        return { kind: 'ended', end: { kind: 'committed' } };
      }
      return decide(entry, fence, inspection);
    } catch (error) {
      return { kind: 'wait', trouble: troubleOf(error) };
    }
  }

  #pause(delayMs: number): Promise<void> {
    if (this.#abandoned) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#world.setTimer(delayMs, () => this.#wake?.());
      this.#wake = () => {
        this.#wake = undefined;
        timer.cancel();
        resolve();
      };
    });
  }
}

function troubleAfter(result: AppendResult | LogTrouble): LogTrouble {
  if (typeof result === 'object') return result;
  return { message: 'the log refused an entry although nothing stands against it' };
}

/** What follows from a log in which our entry is not. */
function decide(
  entry: LogEntry,
  fence: Fence,
  { found, previous, end, shardEpoch, databaseTimeUs }: Inspection,
):
  | { readonly kind: 'ended'; readonly end: AppendEnd }
  | { readonly kind: 'send' }
  | { readonly kind: 'wait'; readonly trouble: LogTrouble } {
  const known = fence.previous;
  if (known.entryIndex > 0 && previous?.chainChecksum !== known.chainChecksum) {
    return { kind: 'ended', end: { kind: 'forked', known, found: previous ?? end } };
  }
  if (end.epoch > fence.epoch || shardEpoch > fence.epoch) {
    const epoch = Math.max(end.epoch, shardEpoch);
    return { kind: 'ended', end: { kind: 'deposed', epoch } };
  }
  if (found !== undefined) return { kind: 'ended', end: { kind: 'deposed', epoch: end.epoch } };
  const aheadUs = entry.logTimeUs - databaseTimeUs - CLOCK_TOLERANCE_US;
  if (aheadUs > 0) {
    const message = `log time is ${Math.ceil(aheadUs / 1000)} ms too far ahead of the database`;
    return { kind: 'wait', trouble: { message } };
  }
  return { kind: 'send' };
}

/** What went wrong with the log, for people; anything unexpected is thrown on. */
export function troubleOf(error: unknown): LogTrouble {
  if (error instanceof LogUnreachable || error instanceof LogNotDurable) {
    return { message: error.message };
  }
  throw error;
}
