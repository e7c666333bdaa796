// Who leads a shard by the cluster table, and waiting for another leader: by the table's change,
// never by asking again and again (CON-2, MOV-9).

import { assert } from '../../base/assert.ts';
import { type ClusterTable, findShardOfAccount, type ShardLeader } from './cluster-table.ts';
import type { ClusterWorld } from './cluster-world.ts';

/** A leader that serves, and the epoch that it leads. */
export type LeaderPlace = ShardLeader & { readonly epoch: number };

/** The part of a watch that says when the table changes. */
export type TableWatch = {
  table(): ClusterTable | undefined;
  /** Calls back with every table, the present one included; returns what ends it. */
  onChange(listener: (table: ClusterTable) => void): () => void;
};

/** The shard's leader; undefined while none serves. */
export function findLeader(
  table: ClusterTable | undefined,
  shardId: string,
): LeaderPlace | undefined {
  const shard = table?.shards.get(shardId);
  return shard?.leader === undefined ? undefined : { ...shard.leader, epoch: shard.epoch };
}

/** Epoch of a leader that is none: any leader is a newer one. */
export const NO_EPOCH = -1;

/**
 * Calls back once when a leader of a higher epoch serves the shard, perhaps at once.
 *
 * @returns what ends the wait
 */
export function onNewerLeader(
  watch: TableWatch,
  { shardId, epoch }: { readonly shardId: string; readonly epoch: number },
  run: () => void,
): () => void {
  return onceTable(watch, (table) => (findLeader(table, shardId)?.epoch ?? NO_EPOCH) > epoch, run);
}

/**
 * Calls back once when an account is served elsewhere: its shard is led in a higher epoch, or
 * another shard owns it and has a leader; perhaps at once.
 *
 * @returns what ends the wait
 */
export function onAccountElsewhere(
  watch: TableWatch,
  { accountId, shardId, epoch }: AccountPlace,
  run: () => void,
): () => void {
  const isElsewhere = (table: ClusterTable): boolean => {
    const owner = findShardOfAccount(table, accountId)?.shardId;
    if (owner === undefined) return false;
    const known = owner === shardId ? epoch : NO_EPOCH;
    return (findLeader(table, owner)?.epoch ?? NO_EPOCH) > known;
  };
  return onceTable(watch, isElsewhere, run);
}

/** Where an account was served. */
export type AccountPlace = {
  readonly accountId: string;
  readonly shardId: string;
  readonly epoch: number;
};

function onceTable(
  watch: TableWatch,
  isDue: (table: ClusterTable) => boolean,
  run: () => void,
): () => void {
  let isOver = false;
  let unwatch: (() => void) | undefined;
  const end = (): void => {
    isOver = true;
    unwatch?.();
  };
  unwatch = watch.onChange((table) => {
    if (isOver || !isDue(table)) return;
    end();
    run();
  });
  // It may have run before there was anything to unsubscribe.
  if (isOver) unwatch();
  return end;
}

/**
 * Resolves after a while, or at once when the table has changed or the signal is aborted.
 *
 * @param delayMs how long at most, above 0
 */
export function pauseForChange(
  watch: TableWatch,
  world: Pick<ClusterWorld, 'setTimer'>,
  { delayMs, signal }: { readonly delayMs: number; readonly signal?: AbortSignal },
): Promise<void> {
  assert(delayMs > 0, 'a pause lasts');
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      timer.cancel();
      unwatch();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = world.setTimer(delayMs, finish);
    const present = watch.table();
    const unwatch = watch.onChange((table) => {
      if (table !== present) finish();
    });
    signal?.addEventListener('abort', finish);
  });
}
