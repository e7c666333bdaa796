// One account shard while this node hosts it: its host, and what accompanies a leadership, namely
// settlement and the memory of what happened lately.

import type { ShardLeader } from '../../../lib/platform/cluster/cluster-table.ts';
import { LeadWaiters } from '../../../lib/platform/cluster/lead-waiters.ts';
import type { ClusterWatch } from '../../../lib/platform/cluster/watch-cluster.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { outsideOfTrace } from '../../../lib/platform/rpc/client.ts';
import type { Logger } from '../../../lib/platform/telemetry/logger.ts';
import type { InstrumentRules } from '../../../lib/rules/terms.ts';
import type { ReadPlace, ShardHost } from '../../../lib/shard/host.ts';
import type { LogPoint } from '../../../lib/shard/log-entry.ts';
import { LogHistory } from '../../../lib/shard/log-history.ts';
import { RecentPoints } from '../../../lib/shard/recent-points.ts';
import { type SubscriptionBatch, SubscriptionEnded } from '../../../lib/shard/subscription.ts';
import type { World } from '../../../lib/shard/world.ts';
import type { AccountMachine } from '../../domain/account-machine.ts';
import type { Asset, Command } from '../../domain/command.ts';
import type { Answer, Event } from '../../domain/event.ts';
import type { LedgerState } from '../../domain/state.ts';
import { accountNumberOf } from '../codec/peek-event.ts';
import { SettledConfirmations } from '../settlement/confirm-settled.ts';
import type { LedgerNodes } from '../settlement/ledger-nodes.ts';
import type { MatchingNodes } from '../settlement/matching-nodes.ts';
import { Settlement } from '../settlement/settlement.ts';
import { AccountHistory } from './account-history.ts';
import { Activity, REBUILT_EVENTS, type RecentLimits } from './activity.ts';
import { DueHolds } from './due-holds.ts';
import { DueSwitches } from './due-switches.ts';
import { HoldGate } from './hold-gate.ts';
import { logUnavailable, notLeader } from './refusals.ts';
import { checkSeenPoint } from './seen-points.ts';
import { placesIn, settledPlaces } from './slot-places.ts';

export type LedgerHost = ShardHost<Command, Event, Answer>;

export type AccountShardOptions = {
  readonly host: LedgerHost;
  /** The machine that the host applies to at present. */
  readonly machine: () => AccountMachine | undefined;
  readonly world: World;
  readonly log: Logger;
  readonly watch: ClusterWatch;
  readonly nodes: MatchingNodes;
  readonly ledgers: LedgerNodes;
  /** What memory keeps for streams; as many as are good for most when absent. */
  readonly recentLimits?: RecentLimits;
  /** How often settlement is confirmed (SNAP-4); as often as is good for most when absent. */
  readonly confirmEveryMs?: number | undefined;
};

/** What runs while the shard is led here. */
type Leadership = {
  readonly epoch: number;
  readonly abort: AbortController;
  readonly settlement: Settlement;
  readonly feed: Promise<void>;
  /** Says how far settlement has come (SNAP-4). */
  readonly confirmations: SettledConfirmations;
  /** Does what dead man's switches that went off have to do (CXL-2). */
  readonly switches: DueSwitches;
  /** Resolves holds that lost whoever placed them (HLD-4). */
  readonly holds: DueHolds;
};

const FEED_HEARTBEAT_MS = 500;
const FEED_PAUSE_MS = 100;
/** So long it takes in what lies far back, then the process does other things for as long. */
const FEED_SLICE_MS = 2;
const SAME_STRETCH_US = 1_000;
const SWITCH_VALIDITY_US = 10_000_000;
/** How long a read waits for the memory of what happened lately. */
const ACTIVITY_WAIT_MS = 1_000;

export class AccountShard {
  readonly host: LedgerHost;
  readonly activity: Activity;
  readonly gate: HoldGate;
  /** What the activity has forgotten. */
  readonly history: LogHistory;
  /** What moved money, for whoever asks how far back. */
  readonly past: AccountHistory;
  readonly #points = new RecentPoints();
  readonly #waiters: LeadWaiters;
  readonly #options: AccountShardOptions;
  #leadership: Leadership | undefined;
  #isRestarted = false;
  /** Since when it takes in without a pause, and when it last did. */
  #sliceBeganUs = 0;
  #takenInUs = 0;
  #ending: Promise<void> = Promise.resolve();

  constructor(options: AccountShardOptions) {
    this.#options = options;
    this.host = options.host;
    const { host, machine, world } = options;
    this.#waiters = new LeadWaiters(world);
    this.activity = new Activity(options.recentLimits);
    const settlement = () => this.#leadership?.settlement;
    this.gate = new HoldGate({ host, machine, world, settlement });
    this.history = new LogHistory({ world, shardId: host.shardId, keyOf: accountNumberOf });
    this.past = new AccountHistory({ world, shardId: host.shardId });
  }

  /** Aborted when the present leadership ends; undefined when the shard is not led here. */
  get leadershipSignal(): AbortSignal | undefined {
    return this.#leadership?.abort.signal;
  }

  get settlement(): Settlement | undefined {
    return this.#leadership?.settlement;
  }

  /** Who leads the shard as far as is known here; perhaps this node itself, which just began. */
  get knownLeader(): ShardLeader | undefined {
    return this.#options.watch.table()?.shards.get(this.host.shardId)?.leader;
  }

  /** Says who leads instead. */
  notLeader(): OperatingError {
    return notLeader(this.host.shardId, this.knownLeader);
  }

  /** The window in force of HLD-2, in seconds; undefined when the shard is not led here. */
  closedWindowSeconds(): number | undefined {
    if (this.#leadership === undefined) return undefined;
    return this.#state().closedWindowUs() / 1e6;
  }

  /** Whether the account's slot is this shard's now. */
  serves(accountNumber: number): boolean {
    return this.#state().ownsAccountNumber(accountNumber);
  }

  /** For callers that the leader before has sent: see `LeadWaiters` (REP-5). */
  untilLed(signal: AbortSignal): Promise<void> {
    return this.#waiters.wait(this.host, signal);
  }

  /** Starts or ends what accompanies a leadership; to be called when the host has changed. */
  sync(): void {
    const { state } = this.host;
    const epoch = state.kind === 'leading' ? state.epoch : undefined;
    this.#waiters.changed(state);
    if (this.#leadership?.epoch === epoch) return;
    const former = this.#leadership;
    this.#leadership = undefined;
    if (former !== undefined) {
      former.abort.abort();
      const { settlement, feed, switches, confirmations } = former;
      const ended = Promise.all([
        ...[settlement.stop(), feed, switches.ended, former.holds.ended, confirmations.stop()],
      ]);
      this.#ending = Promise.all([this.#ending, ended]).then(() => {});
    }
    if (epoch !== undefined) this.#leadership = this.#accompany(epoch);
  }

  /** Ends everything but the host. */
  async stop(): Promise<void> {
    const leadership = this.#leadership;
    this.#leadership = undefined;
    leadership?.abort.abort();
    const { settlement, feed, switches, holds, confirmations } = leadership ?? {};
    const stops = [settlement?.stop(), confirmations?.stop()];
    await Promise.all([...stops, feed, switches?.ended, holds?.ended, this.#ending]);
    await Promise.all([this.history.close(), this.past.close()]);
  }

  #accompany(epoch: number): Leadership {
    const { watch, nodes, ledgers, world, log, confirmEveryMs } = this.#options;
    const abort = new AbortController();
    const settlement = new Settlement({
      watch,
      nodes,
      ledgers,
      shardId: this.host.shardId,
      world,
      log,
      ...placesIn(() => this.#state()),
      ownSequence: async () => {
        const position = await this.host.readPosition();
        return position.kind === 'answered' ? position.value.lastSequence : undefined;
      },
      propose: async (proposal) => {
        const [result] = this.host.propose([proposal]);
        return (await result) ?? { kind: 'unknown' };
      },
    });
    const feed = outsideOfTrace(() => this.#feed(abort.signal));
    const switches = outsideOfTrace(() => this.#openSwitches(settlement, abort.signal));
    const confirmations = new SettledConfirmations({
      ...{ world, log, everyMs: confirmEveryMs },
      shardId: this.host.shardId,
      readSettled: () => this.read((state) => settledPlaces(state, this.#otherShardIds())),
    });
    const holds = outsideOfTrace(() => this.#openDueHolds({ epoch, settlement, abort }));
    return { epoch, abort, settlement, feed, switches, holds, confirmations };
  }

  #otherShardIds(): readonly string[] {
    const known = [...(this.#options.watch.table()?.shards.keys() ?? [])];
    return known.filter((shardId) => shardId !== this.host.shardId);
  }

  #openDueHolds(led: Pick<Leadership, 'epoch' | 'settlement' | 'abort'>): DueHolds {
    const { watch, nodes, world, log } = this.#options;
    return new DueHolds({
      ...{ world, log, watch, nodes, epoch: led.epoch, signal: led.abort.signal },
      state: () => this.#state(),
      waitForSettlement: (instrumentId) => led.settlement.waitFor([instrumentId]),
    });
  }

  #openSwitches(settlement: Settlement, signal: AbortSignal): DueSwitches {
    const { watch, nodes, world, log } = this.#options;
    return new DueSwitches({
      world,
      log,
      watch,
      nodes,
      state: () => this.#state(),
      waitForSettlement: (instrumentId) => settlement.waitFor([instrumentId]),
      propose: async (identity, command) => {
        const validUntilUs = world.wallClockUs() + SWITCH_VALIDITY_US;
        const proposal = { identity, validUntilUs, traceContext: '', command };
        await Promise.all(this.host.propose([{ ...proposal, commandClass: 'internal' }]));
      },
      signal,
    });
  }

  #state(): LedgerState {
    const machine = this.#options.machine();
    if (machine === undefined) throw new Error('a shard that leads has a machine');
    return machine.state;
  }

  /** Keeps the activity up to date for as long as the leadership lasts. */
  async #feed(signal: AbortSignal): Promise<void> {
    const { world, log } = this.#options;
    while (!signal.aborted) {
      try {
        if (!this.#isRestarted) {
          const last = this.host.position?.lastSequence ?? 0;
          this.activity.restart(Math.max(0, last - REBUILT_EVENTS));
          this.#isRestarted = true;
        }
        const fromSequence = this.activity.place.sequence + 1;
        const options = { fromSequence, heartbeatMs: FEED_HEARTBEAT_MS, signal };
        for await (const batch of this.host.subscribe(options)) {
          await this.#takeIn(batch, signal);
        }
      } catch (error) {
        if (signal.aborted) return;
        // What is forgotten and cut off begins later (SNAP-4).
        const isCut = error instanceof SubscriptionEnded && error.reason === 'BEYOND_WINDOW';
        if (isCut) await this.#restartBehindCut();
        log.debug({ err: error, shard_id: this.host.shardId }, 'the feed of events broke off');
      }
      await new Promise<void>((resolve) => {
        world.setTimer(FEED_PAUSE_MS, resolve);
      });
    }
  }

  async #restartBehindCut(): Promise<void> {
    const { position } = this.host;
    if (position === undefined) return;
    const first = await this.history.fetchFirstSequence(position.committed).catch(() => undefined);
    if (first !== undefined) this.activity.restart(first - 1);
  }

  /** What lies far back comes in large batches: the process does other things in between. */
  async #takeIn(batch: SubscriptionBatch<Event, Answer>, signal: AbortSignal): Promise<void> {
    const { world } = this.#options;
    // Batches that follow each other at once are one stretch of work.
    if (world.monotonicUs() - this.#takenInUs > SAME_STRETCH_US) {
      this.#sliceBeganUs = world.monotonicUs();
    }
    for (const entry of batch.entries) {
      this.#points.push(entry);
      const sequence = entry.firstSequence + entry.eventCount - 1;
      this.activity.take([entry], { sequence, logTimeUs: entry.logTimeUs });
      if (world.monotonicUs() - this.#sliceBeganUs < FEED_SLICE_MS * 1_000) continue;
      // Who has just taken over a shard has callers that wait.
      await new Promise<void>((resolve) => world.setTimer(FEED_SLICE_MS, resolve));
      if (signal.aborted) return;
      this.#sliceBeganUs = world.monotonicUs();
    }
    this.#takenInUs = world.monotonicUs();
    const { throughSequence: sequence, logTimeUs } = batch;
    this.activity.take([], { sequence, logTimeUs });
  }

  /**
   * Answers from the state (READ-1). What the query throws is thrown when an answer could be given.
   *
   * @throws OperatingError NOT_LEADER or LOG_UNAVAILABLE.
   */
  async read<T>(query: (state: LedgerState, place: ReadPlace) => T): Promise<T> {
    const { shardId } = this.host;
    const read = await this.host.read((machine, place) => {
      try {
        return { value: query((machine as AccountMachine).state, place) };
      } catch (error) {
        return { error };
      }
    });
    if (read.kind === 'answered') {
      if ('error' in read.value) throw read.value.error;
      return read.value.value;
    }
    if (read.reason === 'NOT_LEADER') throw this.notLeader();
    throw logUnavailable(shardId);
  }

  /**
   * Waits until everything that the books of these instruments have committed is settled (SET-4).
   *
   * @throws OperatingError SETTLEMENT_LAG, or NOT_LEADER.
   */
  async settle(instrumentIds: readonly string[]): Promise<void> {
    if (instrumentIds.length === 0) return;
    const { settlement } = this;
    if (settlement === undefined) throw this.notLeader();
    if (await settlement.waitFor(instrumentIds)) return;
    throw new OperatingError('SETTLEMENT_LAG', 'Settlement is behind the books.', {
      retryDelayMs: 250,
    });
  }

  /** Assets by number. */
  knownAssets(): Promise<readonly (readonly [number, Asset])[]> {
    return this.read((state) => [...state.assets]);
  }

  /** Instruments by number. */
  knownInstruments(): Promise<readonly (readonly [number, InstrumentRules])[]> {
    return this.read((state) => [...state.instruments]);
  }

  /**
   * Waits at most 1 s until a source is taken in up to a sequence.
   *
   * @throws OperatingError NOT_LEADER.
   */
  async waitSettled(sourceShardId: string, sequence: number): Promise<boolean> {
    const { settlement } = this;
    if (settlement === undefined) throw this.notLeader();
    return settlement.waitForSource(sourceShardId, sequence);
  }

  /**
   * Compares an entry that a reader has seen with the log.
   *
   * @throws OperatingError LOG_FORKED, NOT_LEADER, LOG_UNAVAILABLE.
   */
  async checkSeen(seen: LogPoint): Promise<void> {
    const { position, shardId } = this.host;
    if (position === undefined) throw this.notLeader();
    const { committed } = position;
    const { history } = this;
    await checkSeenPoint({ shardId, committed, points: this.#points, history }, seen);
  }

  /** Waits until the memory of what happened lately contains a sequence. */
  async recall(sequence: number): Promise<void> {
    let isLate = false;
    await new Promise<void>((resolve) => {
      const timer = this.#options.world.setTimer(ACTIVITY_WAIT_MS, () => {
        isLate = true;
        resolve();
      });
      void this.activity.waitFor(sequence).then(() => {
        timer.cancel();
        resolve();
      });
    });
    if (!isLate) return;
    throw new OperatingError('NOT_READY', 'The account history is still being rebuilt.', {
      retryDelayMs: 500,
    });
  }
}
