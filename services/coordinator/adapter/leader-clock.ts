// How long changes of leaders are allowed to take, and to keep apart (REP-3, REP-4), and how long a
// leader may be without its log (REP-6).

import type { ClusterWorld } from '../../lib/platform/cluster/cluster-world.ts';
import type { ShardRow } from '../domain/cluster-tables.ts';

/** After a completed change of leader none follows for this long unless the process died. */
const SETTLE_MS = 2_000;
/** Who was told to lead reports within this time, or another one is told. */
const FIRST_PATIENCE_MS = 300;
/** Of a shard that has never served: nobody waits for it, and everything else is starting, too. */
const NEW_SHARD_PATIENCE_MS = 3_000;
/** Each candidate after the first gets twice as long, up to this: the machine may be slow. */
const LONGEST_PATIENCE_MS = 5_000;
/**
 * A leader that has not reached its log for so long is cut off from it: longer than it pauses
 * between attempts, for everyone loses a database that only starts again.
 */
const CUT_OFF_MS = 1_000;

type Told = { sinceUs: number; readonly patienceMs: number };

export class LeaderClock {
  readonly #world: Pick<ClusterWorld, 'monotonicUs'>;
  readonly #told = new Map<string, Told>();
  readonly #servingSinceUs = new Map<string, number>();
  readonly #troubledSinceUs = new Map<string, number>();

  constructor(world: Pick<ClusterWorld, 'monotonicUs'>) {
    this.#world = world;
  }

  /** A shard has another leader to come. */
  told({ shardId, servingEpoch }: Pick<ShardRow, 'shardId' | 'servingEpoch'>): void {
    const before = this.#told.get(shardId);
    const first = servingEpoch === 0 ? NEW_SHARD_PATIENCE_MS : FIRST_PATIENCE_MS;
    const patienceMs =
      before === undefined ? first : Math.min(before.patienceMs * 2, LONGEST_PATIENCE_MS);
    this.#told.set(shardId, { sinceUs: this.#world.monotonicUs(), patienceMs });
    this.#troubledSinceUs.delete(shardId);
  }

  served(shardId: string): void {
    this.#told.delete(shardId);
    this.#servingSinceUs.set(shardId, this.#world.monotonicUs());
  }

  /** Whether the last completed change of leader is long enough ago for another one. */
  isSettled(shardId: string): boolean {
    const sinceUs = this.#servingSinceUs.get(shardId) ?? Number.NEGATIVE_INFINITY;
    return this.#world.monotonicUs() - sinceUs >= SETTLE_MS * 1_000;
  }

  /** Whether whoever was told to lead should have reported by now. */
  isOverdue(shardId: string): boolean {
    const told = this.#told.get(shardId);
    if (told === undefined) return false;
    return this.#world.monotonicUs() - told.sinceUs >= told.patienceMs * 1_000;
  }

  /** A shard's leader has said whether it reaches its log. */
  heard(shardId: string, isTroubled: boolean): void {
    if (!isTroubled) this.#troubledSinceUs.delete(shardId);
    else if (!this.#troubledSinceUs.has(shardId)) {
      this.#troubledSinceUs.set(shardId, this.#world.monotonicUs());
    }
  }

  /** Whether a shard's leader has been without its log for too long. */
  isCutOff(shardId: string): boolean {
    const sinceUs = this.#troubledSinceUs.get(shardId);
    return sinceUs !== undefined && this.#world.monotonicUs() - sinceUs >= CUT_OFF_MS * 1_000;
  }

  /** Time in which this process itself was late does not count. */
  forgive(lateUs: number): void {
    for (const told of this.#told.values()) told.sinceUs += lateUs;
    for (const [shardId, sinceUs] of this.#troubledSinceUs) {
      this.#troubledSinceUs.set(shardId, sinceUs + lateUs);
    }
  }
}
