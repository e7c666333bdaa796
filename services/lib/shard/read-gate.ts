// Lets reads out when all that they saw is committed and this host has proved, after they came,
// that it leads (READ-1). Reads that wait share one proof.

import type { LogPoint } from './log-entry.ts';
import type { LogStore } from './world.ts';

/** What a read that waits needs. */
type WaitingRead = {
  /** Entry that must be committed. */
  readonly entryIndex: number;
  readonly release: () => void;
  readonly fail: (reason: ReadFailure) => void;
};

/** Why a read was not answered. */
export type ReadFailure = 'NOT_LEADER' | 'LOG_UNAVAILABLE';

export type ReadGateOptions = {
  readonly log: LogStore;
  /** True when this entry is one of the leader's: the last committed one, or a later one. */
  readonly isOurs: (end: LogPoint) => boolean;
  /** True when an append will be sent in any case, whose commit is proof enough. */
  readonly appendComes: () => boolean;
  /** Called when the proof shows that another leads. */
  readonly onDeposed: () => void;
};

export class ReadGate {
  readonly #options: ReadGateOptions;
  /** Reads for which no proof has been sent. */
  #unproved: WaitingRead[] = [];
  /** Reads whose proof is under way. */
  #proving: WaitingRead[] = [];
  /** Reads that are proved but have seen what is not committed yet. */
  #proved: WaitingRead[] = [];
  #proofRuns = false;
  #committedIndex: number;

  constructor(options: ReadGateOptions, committedIndex: number) {
    this.#options = options;
    this.#committedIndex = committedIndex;
  }

  /** Calls back when what was applied up to `entryIndex` may be shown. */
  wait(read: WaitingRead): void {
    this.#unproved.push(read);
    this.prove();
  }

  /** An append is sent now: its commit proves the reads that wait. */
  sent(entryIndex: number): void {
    for (const read of this.#unproved) {
      // Behind this append's commit the read is proved and all that it saw is committed.
      this.#proved.push({ ...read, entryIndex: Math.max(read.entryIndex, entryIndex) });
    }
    this.#unproved = [];
  }

  committed(entryIndex: number): void {
    this.#committedIndex = entryIndex;
    this.#releaseProved();
    this.prove();
  }

  /** Starts a proof by reading the log's end, if one is needed. */
  prove(): void {
    if (this.#proofRuns || this.#unproved.length === 0 || this.#options.appendComes()) return;
    this.#proofRuns = true;
    this.#proving = this.#unproved;
    this.#unproved = [];
    const leastIndex = this.#committedIndex;
    const isProof = (end: LogPoint): boolean =>
      end.entryIndex >= leastIndex && this.#options.isOurs(end);
    this.#options.log.fetchEnd().then(
      (end) => this.#endProof(isProof(end) ? undefined : 'NOT_LEADER'),
      () => this.#endProof('LOG_UNAVAILABLE'),
    );
  }

  #endProof(failure: ReadFailure | undefined): void {
    this.#proofRuns = false;
    const reads = this.#proving;
    this.#proving = [];
    if (failure === undefined) {
      this.#proved.push(...reads);
      this.#releaseProved();
    } else {
      for (const read of reads) read.fail(failure);
      if (failure === 'NOT_LEADER') this.#options.onDeposed();
    }
    this.prove();
  }

  #releaseProved(): void {
    if (this.#proved.length === 0) return;
    const waiting: WaitingRead[] = [];
    for (const read of this.#proved) {
      if (read.entryIndex <= this.#committedIndex) read.release();
      else waiting.push(read);
    }
    this.#proved = waiting;
  }

  /** Answers everything that waits with a failure. */
  fail(reason: ReadFailure): void {
    const reads = [...this.#unproved, ...this.#proving, ...this.#proved];
    this.#unproved = [];
    this.#proving = [];
    this.#proved = [];
    for (const read of reads) read.fail(reason);
  }
}
