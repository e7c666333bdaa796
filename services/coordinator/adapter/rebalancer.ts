// Has slots move by themselves when it is switched on (MOV-10): looks at the loads every second.

import type { ClusterWorld } from '../../lib/platform/cluster/cluster-world.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import type { LoadOfShard, PlannedMove } from '../../lib/routing/rebalance.ts';
import type { Timer } from '../../lib/shard/world.ts';
import { SHARD_KINDS, type ShardKind } from '../domain/cluster-tables.ts';
import {
  changesOfPlan,
  lookAtLoads,
  REBALANCE_PATIENCE,
  type RebalancePatience,
} from '../domain/rebalancing.ts';
import type { ClusterRegistry } from './cluster-registry.ts';
import { loadOf } from './shard-loads.ts';

const LOOK_MS = 1_000;

export type RebalancerOptions = {
  readonly registry: ClusterRegistry;
  readonly world: ClusterWorld;
  readonly log: Logger;
  readonly patience?: RebalancePatience | undefined;
};

export class Rebalancer {
  readonly #options: RebalancerOptions;
  readonly #unevenSinceUs = new Map<ShardKind, number>();
  #timer: Timer;

  constructor(options: RebalancerOptions) {
    this.#options = options;
    this.#timer = options.world.setTimer(LOOK_MS, () => this.#look());
  }

  stop(): void {
    this.#timer.cancel();
  }

  #look(): void {
    for (const kind of SHARD_KINDS) this.#lookAt(kind);
    this.#timer = this.#options.world.setTimer(LOOK_MS, () => this.#look());
  }

  #lookAt(kind: ShardKind): void {
    const { registry, world, patience = REBALANCE_PATIENCE } = this.#options;
    const nowUs = world.wallClockUs();
    const before = this.#unevenSinceUs.get(kind);
    const look = { loads: this.#loadsOf(kind), unevenSinceUs: before, nowUs };
    const { moves, unevenSinceUs } = lookAtLoads(registry.tables, kind, look, patience);
    if (unevenSinceUs === undefined) this.#unevenSinceUs.delete(kind);
    else this.#unevenSinceUs.set(kind, unevenSinceUs);
    if (moves.length > 0) this.#carryOut(kind, moves, nowUs);
  }

  /** Undefined while one of them has not said what it has to do. */
  #loadsOf(kind: ShardKind): readonly LoadOfShard[] | undefined {
    const { registry } = this.#options;
    const loads: LoadOfShard[] = [];
    for (const shard of registry.tables.shards.values()) {
      if (shard.kind !== kind) continue;
      const load = loadOf(registry, shard.shardId);
      if (load === undefined) return undefined;
      loads.push({ shardId: shard.shardId, ...load });
    }
    return loads;
  }

  #carryOut(kind: ShardKind, moves: readonly PlannedMove[], nowUs: number): void {
    const { registry, log } = this.#options;
    const clientRequestId = `rebalance-${kind}-${nowUs}`;
    const fields = { kind, moves: moves.length, client_request_id: clientRequestId };
    log.info(fields, `the ${kind} shards are uneven: ${moves.length} slots move (MOV-10)`);
    registry
      .change((tables) => changesOfPlan(tables, kind, moves, { clientRequestId, nowUs }))
      // It is looked at again in a second.
      .catch((error: unknown) => log.warn({ ...fields, error }, 'the moves were not stored'));
  }
}
