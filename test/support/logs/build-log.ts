// Makes the log that a leader would have written of a list of commands, without a database.

import type { LogEntry } from '../../../services/lib/shard/log-entry.ts';
import { Replica, type ReplicaOptions } from '../../../services/lib/shard/replica.ts';

/** A command, or undefined for time that passes, at a log time. */
export type TimedCommand<C> = { readonly command: C | undefined; readonly logTimeUs: number };

export type BuildLogOptions<C, E, A> = {
  readonly replica: ReplicaOptions<C, E, A>;
  readonly commands: Iterable<TimedCommand<C>>;
  /** Commands with equal log time go into one entry, but not more than these. */
  readonly commandsPerEntry: number;
  /** Every so many entries have the state checksum. */
  readonly entriesPerChecksum: number;
  readonly onEntry: (entry: LogEntry) => void;
};

const VALIDITY_US = 30_000_000;
const IDENTITY_KEY = new Uint8Array(16).fill(7);

/** @returns the replica that stands behind the last entry */
export function buildLog<C, E, A>(options: BuildLogOptions<C, E, A>): Replica<C, E, A> {
  return new Builder(options).run();
}

class Builder<C, E, A> {
  readonly #options: BuildLogOptions<C, E, A>;
  readonly #replica: Replica<C, E, A>;
  #isOpen = false;
  #entries = 0;
  #count = 0;
  #openTimeUs = 0;

  constructor(options: BuildLogOptions<C, E, A>) {
    this.#options = options;
    this.#replica = new Replica(options.replica);
  }

  run(): Replica<C, E, A> {
    const { commands } = this.#options;
    for (const { command, logTimeUs } of commands) {
      if (this.#entries === 0 && !this.#isOpen) this.#startEpoch(logTimeUs);
      this.#moveTo(logTimeUs);
      if (command !== undefined) this.#apply(command, logTimeUs);
    }
    while (this.#replica.unfinished !== undefined || this.#isOpen) {
      if (this.#isOpen) this.#seal();
      if (this.#replica.unfinished !== undefined) this.#open(this.#replica.logTimeUs);
    }
    return this.#replica;
  }

  #startEpoch(logTimeUs: number): void {
    const replica = this.#replica;
    replica.setIdentityKey(IDENTITY_KEY);
    replica.beginNext(logTimeUs);
    const leader = { nodeId: 'node-1', incarnation: 'first', identityKey: IDENTITY_KEY };
    replica.builder.startEpoch({ epoch: 1, ...leader });
    this.#isOpen = true;
    this.#seal();
  }

  /** Ends the entry that is open when it cannot take what comes next. */
  #moveTo(logTimeUs: number): void {
    const { builder } = this.#replica;
    const isFull = builder.closed || builder.commandCount >= this.#options.commandsPerEntry;
    if (this.#isOpen && (isFull || logTimeUs > this.#openTimeUs)) this.#seal();
  }

  #apply(command: C, logTimeUs: number): void {
    const replica = this.#replica;
    if (!this.#isOpen) this.#open(logTimeUs);
    while (replica.builder.closed) {
      this.#seal();
      this.#open(logTimeUs);
    }
    this.#count += 1;
    const [identity, validUntilUs] = [`${this.#count}`, logTimeUs + VALIDITY_US];
    const position = {
      entryIndex: replica.point.entryIndex + 1,
      record: replica.builder.commandCount,
    };
    const applied = replica.builder.apply({ identity, validUntilUs, traceContext: '', command });
    replica.remember({ identity, validUntilUs, command }, applied.outcome, position);
  }

  #open(logTimeUs: number): void {
    this.#openTimeUs = Math.max(logTimeUs, this.#replica.logTimeUs);
    this.#replica.beginNext(this.#openTimeUs);
    this.#isOpen = true;
  }

  #seal(): void {
    const replica = this.#replica;
    this.#entries += 1;
    const { machine } = replica;
    const isAtChecksum = this.#entries % this.#options.entriesPerChecksum === 0;
    const withStateChecksum = isAtChecksum && machine.hasUnfinishedWork !== true;
    this.#isOpen = false;
    this.#options.onEntry(replica.sealNext({ epoch: 1, withStateChecksum }).entry);
  }
}
