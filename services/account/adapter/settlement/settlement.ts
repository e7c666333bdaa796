// Settlement of one account shard: a follower for every matching shard, and the waits for it
// (SET-4); and one for every other account shard, which may have sent something (LED-5).
import {
  findShardOfInstrument,
  shardsOfKind,
} from '../../../lib/platform/cluster/cluster-table.ts';
import type { FollowedPoint } from '../../../lib/platform/cluster/join-cluster.ts';
import { findLeader } from '../../../lib/platform/cluster/leader-place.ts';
import type { ClusterWatch } from '../../../lib/platform/cluster/watch-cluster.ts';
import type { Logger } from '../../../lib/platform/telemetry/logger.ts';
import type { Timer, World } from '../../../lib/shard/world.ts';
import { type BookSourceOptions, bookSource, type PlaceInSource } from './book-source.ts';
import type { LateSlot, SettledPlace } from './event-source.ts';
import { settleLateSlot } from './late-slots.ts';
import type { LedgerNodes } from './ledger-nodes.ts';
import type { MatchingNodes } from './matching-nodes.ts';
import { type SentSourceOptions, sentSource } from './sent-source.ts';
import { SourceFollower, type SourceFollowerOptions } from './source-follower.ts';

/** How long a read or a hold waits for settlement. */
const WAIT_LIMIT_MS = 250;
/** How long one source is waited for. */
const SOURCE_LIMIT_MS = 1_000;
/** New holds are refused beyond this lag (SNAP-5), and it is an alarm (SET-3). */
const LAG_LIMIT_MS = 5_000;
const LAG_CHECK_MS = 1_000;

export type SettlementOptions = {
  readonly watch: ClusterWatch;
  readonly nodes: MatchingNodes;
  readonly ledgers: LedgerNodes;
  /** The shard itself, which does not follow what it has sent. */
  readonly shardId: string;
  readonly world: World;
  readonly log: Logger;
  /** What is settled of a source, from the state. */
  readonly settledPlace: (sourceShardId: string) => SettledPlace;
  /** Whether the shard owns nothing and has not begun a source, from the state (MOV-8). */
  readonly isNew: (sourceShardId: string) => boolean;
  /** Owned slots that stand elsewhere than the shard for a source, from the state (MOV-7). */
  readonly slotPlaces: (sourceShardId: string) => readonly LateSlot[];
  /** Changes whenever a slot comes, from the state. */
  readonly slotsVersion: () => number;
  /** Last sequence of the shard's own events that is committed. */
  readonly ownSequence: () => Promise<number | undefined>;
} & Pick<BookSourceOptions, 'ownedSlots'> &
  Pick<SentSourceOptions, 'ownsSlot'> &
  Pick<SourceFollowerOptions<never>, 'propose'>;

type AnyFollower = Omit<SourceFollower, 'source'>;

export class Settlement {
  readonly #options: SettlementOptions;
  /** Of books: those that reads and holds wait for. */
  readonly #followers = new Map<string, AnyFollower>();
  /** Of other account shards. */
  readonly #sentFollowers = new Map<string, AnyFollower>();
  readonly #unsubscribe: () => void;
  #lagTimer: Timer;
  #isAlarmed = false;
  #isSettlingOwed = false;
  readonly #abort = new AbortController();

  constructor(options: SettlementOptions) {
    this.#options = options;
    this.#lagTimer = options.world.setTimer(LAG_CHECK_MS, () => this.#checkLag());
    this.#unsubscribe = options.watch.onChange((table) => {
      for (const { shardId } of shardsOfKind(table, 'matching')) this.#follow(shardId);
      for (const { shardId } of shardsOfKind(table, 'account')) this.#followSent(shardId);
    });
  }

  #follow(sourceShardId: string): void {
    if (this.#followers.has(sourceShardId)) return;
    const { nodes, world, ownedSlots, slotsVersion } = this.#options;
    const isSettled = this.#isSettled.bind(this);
    const slots = { ownedSlots, slotsVersion };
    const source = bookSource({ sourceShardId, nodes, world, ...slots, isSettled });
    const follower = new SourceFollower({ ...this.#surroundings(sourceShardId), source });
    this.#followers.set(sourceShardId, follower);
  }

  /**
   * Whether a source is settled up to a sequence on a slot, or on all that are owned, so that the
   * state knows it; if not, that is settled next.
   */
  #isSettled({ sourceShardId, sequence }: PlaceInSource, slot?: number): boolean {
    const { settledPlace, slotPlaces } = this.#options;
    const apart = slotPlaces(sourceShardId).filter(
      (one) => slot === undefined || one.slot === slot,
    );
    const places = apart.map(({ place }) => place);
    if (slot === undefined || places.length === 0) places.push(settledPlace(sourceShardId));
    if (places.every((place) => place.sequence >= sequence)) return true;
    this.#followers.get(sourceShardId)?.recordThrough(sequence);
    return false;
  }

  #followSent(sourceShardId: string): void {
    const { ledgers: nodes, ownsSlot, slotsVersion, shardId } = this.#options;
    if (sourceShardId === shardId || this.#sentFollowers.has(sourceShardId)) return;
    const source = sentSource({ sourceShardId, nodes, ownsSlot, slotsVersion });
    const follower = new SourceFollower({ ...this.#surroundings(sourceShardId), source });
    this.#sentFollowers.set(sourceShardId, follower);
  }

  #surroundings(sourceShardId: string) {
    const { watch, world, log, propose } = this.#options;
    const settledPlace = (): SettledPlace => this.#options.settledPlace(sourceShardId);
    const isNew = (): boolean => this.#options.isNew(sourceShardId);
    const slotPlaces = () => this.#options.slotPlaces(sourceShardId);
    const lateSlots = (): readonly LateSlot[] => {
      const slots = slotPlaces();
      if (slots.length === 0) return slots;
      return slots.filter(({ place }) => place.sequence < settledPlace().sequence);
    };
    const nextBoundary = (fromSequence: number): number => {
      const ahead = slotPlaces().map(({ place }) => place.sequence);
      return Math.min(Number.POSITIVE_INFINITY, ...ahead.filter((end) => end >= fromSequence));
    };
    const place = { settledPlace, isNew, lateSlots, nextBoundary };
    return { sourceShardId, watch, world, log, propose, ...place };
  }

  /** The follower of a source, of either kind. */
  follower(sourceShardId: string): AnyFollower | undefined {
    return this.#followers.get(sourceShardId) ?? this.#sentFollowers.get(sourceShardId);
  }

  /** Every follower, by its source. */
  followers(): ReadonlyMap<string, AnyFollower> {
    return new Map([...this.#followers, ...this.#sentFollowers]);
  }

  /** Last settled sequence by source. */
  settledSequences(): readonly (readonly [string, number])[] {
    return [...this.#followers].map(([id, follower]) => [id, follower.settledSequence] as const);
  }

  /** How far each source's log has been followed (LOG-12, MOV-8). */
  followed(): readonly FollowedPoint[] {
    const { shardId: followerShardId } = this.#options;
    return [...this.followers()].flatMap(([shardId, { seenPoint }]) =>
      seenPoint === undefined ? [] : [{ shardId, followerShardId, ...seenPoint }],
    );
  }

  /** Age of the oldest event that waits to be settled, by source, in milliseconds. */
  lagsMs(): readonly (readonly [string, number])[] {
    return [...this.#followers].map(([id, follower]) => [id, follower.lagMs()] as const);
  }

  /**
   * What this shard had sent to a slot by clearing before the slot came: it follows every other
   * shard, but not itself.
   */
  async #settleOwed(): Promise<void> {
    const { shardId, slotPlaces, ownSequence, ledgers, world, propose, watch } = this.#options;
    const owed = slotPlaces(shardId);
    const leader = findLeader(watch.table(), shardId);
    if (owed.length === 0 || leader === undefined || this.#isSettlingOwed) return;
    this.#isSettlingOwed = true;
    try {
      const sequence = (await ownSequence()) ?? 0;
      const end = { sequence, entryIndex: 0, chainChecksum: '' };
      const slots = { ownsSlot: () => false, slotsVersion: () => 0 };
      const source = sentSource({ sourceShardId: shardId, nodes: ledgers, ...slots });
      for (const { slot, place } of owed) {
        const { signal } = this.#abort;
        const { address } = leader;
        const reading = { source, sourceShardId: shardId, world, propose, address, signal };
        await settleLateSlot({ ...reading, slot, place, end, isWhole: true });
      }
    } finally {
      this.#isSettlingOwed = false;
    }
  }

  #checkLag(): void {
    const { log, world } = this.#options;
    this.#settleOwed().catch((err: unknown) => {
      log.warn({ err }, 'what a slot is owed cannot be settled now');
    });
    const isBehind = this.isTooFarBehind();
    if (isBehind && !this.#isAlarmed) {
      log.error({ lags_ms: Object.fromEntries(this.lagsMs()) }, 'settlement is far behind (SET-3)');
    } else if (!isBehind && this.#isAlarmed) {
      log.info('settlement has caught up');
    }
    this.#isAlarmed = isBehind;
    this.#lagTimer = world.setTimer(LAG_CHECK_MS, () => this.#checkLag());
  }

  /** True while settlement is so far behind that no new hold may be placed (SNAP-5). */
  isTooFarBehind(): boolean {
    for (const follower of this.#followers.values()) {
      if (follower.lagMs() > LAG_LIMIT_MS) return true;
    }
    return false;
  }

  /**
   * Waits until everything that the instruments' shards had committed by now is settled.
   *
   * @returns false when that takes longer than 250 ms, or a shard does not answer: SETTLEMENT_LAG
   */
  async waitFor(instrumentIds: readonly string[]): Promise<boolean> {
    const table = this.#options.watch.table();
    const shardIds = new Set<string>();
    for (const instrumentId of instrumentIds) {
      const shardId = table && findShardOfInstrument(table, instrumentId)?.shardId;
      if (shardId === undefined) return false;
      shardIds.add(shardId);
    }
    if (shardIds.size === 0) return true;
    const settled = Promise.all([...shardIds].map((shardId) => this.#waitForShard(shardId)));
    const { world } = this.#options;
    return new Promise((resolve) => {
      const timer = world.setTimer(WAIT_LIMIT_MS, () => resolve(false));
      const finish = (isSettled: boolean): void => {
        timer.cancel();
        resolve(isSettled);
      };
      settled.then(
        () => finish(true),
        () => finish(false),
      );
    });
  }

  /** Waits at most 1 s until a source, book or account shard, is settled up to a sequence. */
  async waitForSource(sourceShardId: string, sequence: number): Promise<boolean> {
    const follower = this.follower(sourceShardId);
    if (follower === undefined) return false;
    return new Promise((resolve) => {
      const timer = this.#options.world.setTimer(SOURCE_LIMIT_MS, () => resolve(false));
      void follower.waitFor(sequence).then(() => {
        timer.cancel();
        resolve(true);
      });
    });
  }

  async #waitForShard(shardId: string): Promise<void> {
    const sequence = await this.#options.nodes.fetchPosition(shardId, WAIT_LIMIT_MS);
    const follower = this.#followers.get(shardId);
    if (follower === undefined) throw new Error(`nobody follows shard ${shardId}`);
    await follower.waitFor(sequence);
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#abort.abort();
    this.#lagTimer.cancel();
    await Promise.all([...this.followers().values()].map((follower) => follower.stop()));
    this.#followers.clear();
    this.#sentFollowers.clear();
  }
}
