// Verifies a shard's log as it stands: that its entries form a chain, that epochs and log time
// never go back, and that repeating it gives the recorded events and state checksums (LOG-6,
// LOG-7). A log whose beginning was cut off is repeated from its newest snapshot (SNAP-4).

import { decodeOutcomeBatch } from './entry-codec.ts';
import { chainChecksum, genesisPoint, type LogEntry, type LogPoint } from './log-entry.ts';
import { Replica, type ReplicaOptions } from './replica.ts';
import { SnapshotLoader } from './snapshot-loader.ts';
import { LogNotDurable, type LogStore, LogUnreachable, type World } from './world.ts';

export type VerifyOptions<C, E, A> = {
  readonly world: Pick<World, 'monotonicUs' | 'nextTurn' | 'openSnapshots' | 'openUpkeep'>;
  readonly log: LogStore;
  readonly replica: ReplicaOptions<C, E, A>;
  /** Told now and then how far it has come. */
  readonly onProgress: (progress: VerifyProgress) => void;
  /** Told about every entry, in order. */
  readonly onEntry?: ((entry: LogEntry) => void) | undefined;
};

export type VerifyProgress = { readonly entryIndex: number; readonly lastEntryIndex: number };

export type VerifyResult = {
  /** What is wrong, and where; undefined when nothing is. */
  readonly problem: string | undefined;
  readonly firstEntryIndex: number;
  /** The last entry that is sound. */
  readonly last: LogPoint;
  readonly epoch: number;
  readonly entries: number;
  readonly commands: number;
  readonly events: number;
  /** The entry behind which repeating began; 0: the beginning. */
  readonly repeatedBehind: number;
  /** State checksums that were recorded and came out again. */
  readonly checksums: number;
  readonly version: number;
};

/** @throws LogUnreachable, LogNotDurable; what is wrong with the log is in the result. */
export async function verifyLog<C, E, A>(options: VerifyOptions<C, E, A>): Promise<VerifyResult> {
  const { log, world } = options;
  const upkeep = world.openUpkeep(options.replica.shardId);
  const first = await upkeep.fetchStart().finally(() => upkeep.close());
  const end = await log.fetchEnd();
  return new Verifier(options, first).run(end.entryIndex);
}

class Verifier<C, E, A> {
  readonly #options: VerifyOptions<C, E, A>;
  readonly #first: number;
  #replica: Replica<C, E, A>;
  #repeatedBehind = 0;
  #last: LogPoint;
  #epoch = 0;
  #logTimeUs = 0;
  readonly #counts = { entries: 0, commands: 0, events: 0, checksums: 0 };

  constructor(options: VerifyOptions<C, E, A>, first: number) {
    this.#options = options;
    this.#first = first;
    this.#replica = new Replica(options.replica);
    this.#last = genesisPoint(options.replica.shardId);
  }

  async run(endIndex: number): Promise<VerifyResult> {
    let problem: string | undefined;
    try {
      if (this.#first > 1) await this.#startFromSnapshot();
      await this.#repeat(endIndex);
    } catch (error) {
      if (error instanceof LogUnreachable || error instanceof LogNotDurable) throw error;
      problem = (error as Error).message;
    }
    const { formatVersion: version } = this.#replica.machine;
    return {
      ...{ problem, firstEntryIndex: this.#first, last: this.#last, epoch: this.#epoch, version },
      ...this.#counts,
      repeatedBehind: this.#repeatedBehind,
    };
  }
  async #startFromSnapshot(): Promise<void> {
    const { log, world, replica } = this.#options;
    let reason = 'there is none';
    const loader = new SnapshotLoader({
      log,
      openSnapshots: () => world.openSnapshots(replica.shardId),
      replica,
      onPassedOver: (passed) => {
        reason = passed.reason;
      },
    });
    const loaded = await loader.load(() => this.#nextTurn());
    if (loaded.kind !== 'restored') {
      throw new Error(`the log begins at entry ${this.#first} and no snapshot counts: ${reason}`);
    }
    this.#replica = loaded.replica;
    this.#repeatedBehind = loaded.replica.point.entryIndex;
  }

  async #repeat(endIndex: number): Promise<void> {
    const { log, onProgress } = this.#options;
    for (let next = Math.max(1, this.#first); next <= endIndex; ) {
      const entries = await log.fetchEntries(next, endIndex);
      if (entries.length === 0) throw new Error(`entry ${next} is missing`);
      for (const entry of entries) this.#take(entry, next++);
      onProgress({ entryIndex: this.#last.entryIndex, lastEntryIndex: endIndex });
      await this.#nextTurn();
    }
  }

  #take(entry: LogEntry, expectedIndex: number): void {
    if (entry.entryIndex !== expectedIndex) throw new Error(`entry ${expectedIndex} is missing`);
    if (entry.entryIndex > this.#repeatedBehind) this.#replica.repeat(entry, entry.logTimeUs);
    else this.#checkOnly(entry);
    this.#last = { entryIndex: entry.entryIndex, chainChecksum: entry.chainChecksum };
    this.#epoch = entry.epoch;
    this.#logTimeUs = entry.logTimeUs;
    this.#counts.entries += 1;
    this.#counts.commands += entry.commandCount;
    this.#counts.events += entry.eventCount;
    const isRepeated = entry.entryIndex > this.#repeatedBehind;
    if (isRepeated && decodeOutcomeBatch(entry.outcomes).stateChecksum !== '') {
      this.#counts.checksums += 1;
    }
    this.#options.onEntry?.(entry);
  }

  /** Of what lies before the snapshot only the chain can be checked. */
  #checkOnly(entry: LogEntry): void {
    const name = `entry ${entry.entryIndex} of shard ${this.#options.replica.shardId}`;
    const isFirst = entry.entryIndex === this.#first;
    if (!isFirst && chainChecksum(this.#last.chainChecksum, entry) !== entry.chainChecksum) {
      throw new Error(`${name} does not have the chain checksum of its content`);
    }
    if (entry.epoch < this.#epoch) throw new Error(`${name} goes back in epochs`);
    if (entry.logTimeUs < this.#logTimeUs) throw new Error(`${name} goes back in log time`);
    const isOfSnapshot = entry.entryIndex === this.#repeatedBehind;
    if (isOfSnapshot && entry.chainChecksum !== this.#replica.point.chainChecksum) {
      throw new Error(`${name} is not the one of the snapshot`);
    }
  }

  #nextTurn(): Promise<void> {
    return new Promise((resolve) => this.#options.world.nextTurn(resolve));
  }
}
