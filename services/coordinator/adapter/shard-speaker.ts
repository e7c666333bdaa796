// Tells the shards what they lack, until their logs agree with the tables (CRD-5). Each command is
// idempotent, so an unknown outcome is simply tried again.

import type { ClusterWorld } from '../../lib/platform/cluster/cluster-world.ts';
import { pause } from '../../lib/platform/cluster/cluster-world.ts';
import { outsideOfTrace } from '../../lib/platform/rpc/client.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import { holdingsAfter, missingCommands, type ShardCommand } from '../domain/agreement.ts';
import type { ReferenceTables } from '../domain/reference-tables.ts';
import type { ClusterRegistry } from './cluster-registry.ts';
import type { ShardConnections } from './shard-connections.ts';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** Commands in one proposal. */
const BATCH_LIMIT = 100;

export type SpeakerOptions = {
  readonly registry: ClusterRegistry;
  readonly reference: () => ReferenceTables;
  readonly world: ClusterWorld;
  readonly log: Logger;
  readonly connections: ShardConnections;
};

export class ShardSpeaker {
  readonly #options: SpeakerOptions;
  readonly #busy = new Set<string>();
  readonly #abort = new AbortController();
  /** What was compared when a shard lacked nothing, by shard. */
  readonly #agreed = new Map<string, readonly unknown[]>();

  constructor(options: SpeakerOptions) {
    this.#options = options;
  }

  /** Looks at every shard; call it after every change of tables or holdings. */
  speakSoon(): void {
    for (const shardId of this.#options.registry.tables.shards.keys()) {
      if (this.#busy.has(shardId) || this.#nextFor(shardId) === undefined) continue;
      this.#busy.add(shardId);
      void outsideOfTrace(() => this.#speak(shardId));
    }
  }

  stop(): void {
    this.#abort.abort();
  }

  async #speak(shardId: string): Promise<void> {
    const { connections, log, registry, world } = this.#options;
    const { signal } = this.#abort;
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const next = this.#nextFor(shardId);
      if (next === undefined || signal.aborted) break;
      try {
        const committed = await connections.propose(next.target, next.commands, signal);
        registry.updateHoldings(shardId, (holdings) => committed.reduce(holdingsAfter, holdings));
        if (committed.length === next.commands.length) {
          pauseMs = FIRST_PAUSE_MS;
          continue;
        }
        log.warn({ shard_id: shardId }, `${shardId} did not take all commands, trying again`);
      } catch (error) {
        if (signal.aborted) break;
        log.warn({ shard_id: shardId, error }, `${shardId} cannot be told, trying again`);
      }
      await pause(world, pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
    this.#busy.delete(shardId);
  }

  /** What a shard must be told next and where; undefined when nothing, or nobody can be told. */
  #nextFor(shardId: string):
    | {
        readonly target: {
          readonly shardId: string;
          readonly kind: 'matching' | 'account';
          readonly address: string;
        };
        readonly commands: readonly ShardCommand[];
      }
    | undefined {
    const { registry, reference } = this.#options;
    const shard = registry.tables.shards.get(shardId);
    const holdings = registry.holdings.get(shardId);
    if (shard?.leader === undefined || holdings === undefined) return undefined;
    if (shard.servingEpoch !== shard.epoch) return undefined;
    const node = registry.tables.nodes.get(shard.leader.nodeId);
    if (node === undefined) return undefined;
    // Tables and holdings are replaced, never changed. Every heartbeat leads here.
    const { slots, moves } = registry.tables;
    const compared = [slots.matching, slots.account, moves, reference(), holdings];
    const before = this.#agreed.get(shardId);
    if (before?.every((part, at) => part === compared[at])) return undefined;
    const commands = missingCommands(registry.tables, reference(), shard, holdings);
    if (commands.length === 0) {
      this.#agreed.set(shardId, compared);
      return undefined;
    }
    const target = { shardId, kind: shard.kind, address: node.address };
    return { target, commands: commands.slice(0, BATCH_LIMIT) };
  }
}
