// What a shard had to do lately, by slot: counted with every committed entry, in ten buckets of a
// second (MOV-10).

import type { ClusterWorld } from './cluster-world.ts';
import type { ShardLoad } from './heartbeats.ts';

const BUCKETS = 10;
const BUCKET_US = 1_000_000;
/** The busiest slots that are named. */
const SLOTS_LIMIT = 256;

type Bucket = { second: number; commands: number; logBytes: number; slots: Map<number, number> };

export class LoadMeter {
  readonly #world: Pick<ClusterWorld, 'monotonicUs'>;
  readonly #buckets: Bucket[] = [];
  #shown: { readonly second: number; readonly load: ShardLoad } | undefined;

  constructor(world: Pick<ClusterWorld, 'monotonicUs'>) {
    this.#world = world;
  }

  /** Counts a committed entry. */
  countEntry(logBytes: number): void {
    this.#present().logBytes += logBytes;
  }

  /** Counts a committed command; of no slot when undefined. */
  countCommand(slot: number | undefined): void {
    const bucket = this.#present();
    bucket.commands += 1;
    if (slot !== undefined) bucket.slots.set(slot, (bucket.slots.get(slot) ?? 0) + 1);
  }

  /** Of the last ten seconds; the same object within a second. */
  view(): ShardLoad {
    const second = this.#second();
    if (this.#shown?.second !== second) this.#shown = { second, load: this.#sum(second) };
    return this.#shown.load;
  }

  #sum(second: number): ShardLoad {
    let commands = 0;
    let logBytes = 0;
    const slots = new Map<number, number>();
    for (const bucket of this.#buckets) {
      // Whole seconds only: the present one has just begun.
      if (bucket.second >= second || bucket.second < second - BUCKETS) continue;
      commands += bucket.commands;
      logBytes += bucket.logBytes;
      for (const [slot, count] of bucket.slots) slots.set(slot, (slots.get(slot) ?? 0) + count);
    }
    const busiest = [...slots]
      .map(([slot, count]) => ({ slot, commands: count }))
      .sort((one, other) => other.commands - one.commands || one.slot - other.slot)
      .slice(0, SLOTS_LIMIT);
    return { commands, logBytes, slots: busiest };
  }

  #present(): Bucket {
    const second = this.#second();
    const last = this.#buckets.at(-1);
    if (last?.second === second) return last;
    const bucket = { second, commands: 0, logBytes: 0, slots: new Map<number, number>() };
    this.#buckets.push(bucket);
    if (this.#buckets.length > BUCKETS + 1) this.#buckets.shift();
    return bucket;
  }

  #second(): number {
    return Math.floor(this.#world.monotonicUs() / BUCKET_US);
  }
}
