// Leaderships that were told to end, and who shall lead by an operator's wish (REP-5).

import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import type { ClusterTables, ShardRow } from '../domain/cluster-tables.ts';
import { decideHandOvers, epochAbove, type Situation } from '../domain/leaders.ts';
import type { HandOver, Reports } from '../domain/placement.ts';

export class HandOvers {
  readonly #log: Logger;
  /** By shard id; forgotten with the leadership that it ends. */
  readonly #begun = new Map<string, HandOver>();
  readonly #wishes = new Map<string, string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  get begun(): ReadonlyMap<string, HandOver> {
    return this.#begun;
  }

  /**
   * Wants a node to lead a shard, until another one has to lead it, or the returned function takes
   * the wish back.
   */
  wish(shardId: string, nodeId: string): () => void {
    this.#wishes.set(shardId, nodeId);
    return () => this.#wishes.delete(shardId);
  }

  /**
   * Begins those that are due; what was told once holds.
   *
   * @returns true when any has begun: its promise is to be stored
   */
  begin(tables: ClusterTables, reports: Reports, situation: Situation): boolean {
    let hasBegun = false;
    for (const [shardId, handOver] of decideHandOvers(tables, reports, situation, this.#wishes)) {
      const { epoch, target } = handOver;
      if (this.#begun.get(shardId)?.epoch === epoch) continue;
      const place =
        target === undefined ? undefined : { nodeId: target.nodeId, address: target.address };
      const shard = tables.shards.get(shardId);
      const isPromised = shard !== undefined && target !== undefined;
      const nextEpoch = isPromised ? epochAbove(shard, reports) : 0;
      this.#begun.set(shardId, { epoch, target: place, nextEpoch });
      hasBegun = true;
      const fields = { shard_id: shardId, epoch, target: target?.nodeId };
      this.#log.info(fields, `${shardId} is handed over to ${target?.nodeId ?? 'nobody'}`);
    }
    return hasBegun;
  }

  /** A shard has another leader. */
  changed({ shardId, leader }: ShardRow): void {
    this.#begun.delete(shardId);
    if (leader?.nodeId !== this.#wishes.get(shardId)) this.#wishes.delete(shardId);
  }
}
