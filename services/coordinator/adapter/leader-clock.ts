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
 * A leader that has not reached its log for so long, while this coordinator reached the same
 * database, is cut off from it: longer than it pauses between attempts.
 */
const CUT_OFF_MS = 700;
/** A question to the database that takes longer says nothing of how well others reach it. */
const SLOW_ANSWER_MS = 300;
/** The last answer is not to be older than this: one question and two pauses. */
const OLDEST_ANSWER_MS = 600;

type Told = { sinceUs: number; readonly patienceMs: number };

export class LeaderClock {
  readonly #world: Pick<ClusterWorld, 'monotonicUs'>;
  readonly #told = new Map<string, Told>();
  readonly #servingSinceUs = new Map<string, number>();
  readonly #troubledSinceUs = new Map<string, number>();
  /** Since when every question of this coordinator was answered soon. */
  #reachesSinceUs: number;
  #answeredUs: number;

  constructor(world: Pick<ClusterWorld, 'monotonicUs'>) {
    this.#world = world;
    this.#reachesSinceUs = world.monotonicUs();
    this.#answeredUs = this.#reachesSinceUs;
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

  /**
   * This coordinator has asked the database something, and was answered or was not. Everyone loses
   * a database that only starts again: until it answers nobody is cut off from it (REP-6).
   */
  heardDatabase({ askedUs, isAnswered }: { askedUs: number; isAnswered: boolean }): void {
    const nowUs = this.#world.monotonicUs();
    const isSlow = nowUs - askedUs >= SLOW_ANSWER_MS * 1_000;
    if (isSlow || !isAnswered) this.#reachesSinceUs = nowUs;
    if (isAnswered) this.#answeredUs = nowUs;
  }

  /** Whether a shard's leader has been without its log for too long, and this coordinator not. */
  isCutOff(shardId: string): boolean {
    const nowUs = this.#world.monotonicUs();
    const troubledSinceUs = this.#troubledSinceUs.get(shardId);
    if (troubledSinceUs === undefined) return false;
    if (nowUs - this.#answeredUs >= OLDEST_ANSWER_MS * 1_000) return false;
    const sinceUs = Math.max(troubledSinceUs, this.#reachesSinceUs);
    return nowUs - sinceUs >= CUT_OFF_MS * 1_000;
  }

  /** Time in which this process itself was late does not count. */
  forgive(lateUs: number): void {
    for (const told of this.#told.values()) told.sinceUs += lateUs;
    for (const [shardId, sinceUs] of this.#troubledSinceUs) {
      this.#troubledSinceUs.set(shardId, sinceUs + lateUs);
    }
  }
}
