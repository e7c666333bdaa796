// Snapshots of the toy machine, written inside a simulated world.

import type { SnapshotPlan } from '../../../services/lib/shard/snapshot-keeper.ts';
import { type SnapshotEnd, writeSnapshot } from '../../../services/lib/shard/snapshot-writer.ts';
import type { SimulatedSnapshot } from './simulated-snapshots.ts';
import type { SimulatedDatabase } from './simulated-world.ts';
import { SimulatedWorld } from './simulated-world.ts';
import { TOY_SHARD } from './toy-host.ts';
import { TOY_CODEC, ToyMachine } from './toy-machine.ts';

export const TOY_REPLICA = {
  shardId: TOY_SHARD,
  createMachine: () => new ToyMachine(),
  codec: TOY_CODEC,
  maximumIdentities: 100_000,
};

/** A plan whose writers live in worlds of their own on the same database. */
export type ToyPlan = SnapshotPlan & {
  /** What became of every writing so far. */
  readonly ends: SnapshotEnd[];
  /** Kills the writers that run and all that come. */
  readonly kill: () => void;
};

export function planToySnapshots(
  database: SimulatedDatabase,
  when: { readonly everyCommands: number; readonly everyMs: number },
): ToyPlan {
  const ends: SnapshotEnd[] = [];
  const worlds: SimulatedWorld[] = [];
  let isKilled = false;
  const kill = (): void => {
    isKilled = true;
    for (const world of worlds) world.killed = true;
  };
  const start: SnapshotPlan['start'] = (order) => {
    const world = new SimulatedWorld(database);
    worlds.push(world);
    world.killed = isKilled;
    let isStopped = false;
    const ended = writeSnapshot({
      world,
      log: world.openLog(TOY_SHARD),
      openSnapshots: () => world.openSnapshots(TOY_SHARD),
      replica: TOY_REPLICA,
      order,
      isStopped: () => isStopped,
    });
    void ended.then((end) => ends.push(end));
    const stop = (): void => {
      isStopped = true;
    };
    return { ended, stop };
  };
  return { ...when, start, ends, kill };
}

/** The snapshots that are complete, oldest first. */
export function wholeSnapshots(database: SimulatedDatabase): readonly SimulatedSnapshot[] {
  return database
    .snapshotsOf(TOY_SHARD)
    .filter(({ head }) => head !== undefined)
    .sort((one, other) => one.beginning.point.entryIndex - other.beginning.point.entryIndex);
}
