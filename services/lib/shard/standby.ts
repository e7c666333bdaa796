// The life of a replica that does not lead (REP-1): loads (snapshot, log), then follows the
// leader's stream of committed entries, and polls the log while there is no leader. Warm means:
// nothing is left to read or to check before it could lead.

import { catchUp, checkPoint, PointMissing, Turns } from './catch-up.ts';
import { genesisPoint } from './log-entry.ts';
import { type Replica, ReplicaDiverged } from './replica.ts';
import { keepSnapshots, type SnapshotKeeper } from './snapshot-keeper.ts';
import type { KeptReplica, StandbyOptions, StandbyView } from './standby-options.ts';
import {
  type EntryBatch,
  LeaderUnreachable,
  LogNotDurable,
  LogUnreachable,
  type Timer,
} from './world.ts';

const POLL_MS = 50;
/** Polls between two attempts to find a leader. */
const POLLS_PER_ATTEMPT = 4;
const RETRY_MS = 100;
/** Half of what LOG-9 allows. */
const DURABILITY_CHECK_MS = 30_000;
const DURABILITY_LASTS_US = 60_000_000;
/** How often a replica that diverged looks whether the leader's snapshot is there. */
const REBUILD_LOOK_MS = 500;

/** Thrown inside, when there is nothing to go on for. */
class Stopped extends Error {}

export class Standby<C, E, A> {
  readonly #options: StandbyOptions<C, E, A>;
  readonly #abort = new AbortController();
  #replica: Replica<C, E, A> | undefined;
  /** Entries up to here are committed: a leader has said so. */
  #committedIndex: number;
  #isWarm = false;
  #fault = '';
  #durableUntilUs = Number.NEGATIVE_INFINITY;
  #durabilityTimer: Timer | undefined;
  #pollsLeft = 0;
  /** Since when it is not level with the leader that it follows; undefined when it is. */
  #behindSinceUs: number | undefined;
  #isFollowing = false;
  /** The leader's word that this standby has snapshots written (SNAP-2). */
  #writesSnapshots = false;
  #keeper: SnapshotKeeper | undefined;
  /** Entry that no replica made of the old snapshots gets past (LOG-7). */
  #divergedEntryIndex = 0;

  constructor(options: StandbyOptions<C, E, A>) {
    this.#options = options;
    this.#replica = options.kept?.replica;
    this.#committedIndex = options.kept?.committedIndex ?? 0;
  }

  /** Begins; ends with `stop`, or when the listener has heard of a fork or a failure. */
  start(): void {
    const { kept } = this.#options;
    void this.#run(kept?.isLevel === true ? kept.replica : undefined);
  }

  get view(): StandbyView {
    const { world, shardId } = this.#options;
    const lagUs = this.#behindSinceUs === undefined ? 0 : world.monotonicUs() - this.#behindSinceUs;
    return {
      isWarm: this.#isWarm,
      point: this.#replica?.point ?? genesisPoint(shardId),
      epoch: this.#replica?.epoch ?? 0,
      committedIndex: this.#committedIndex,
      lagMs: this.#isFollowing ? lagUs / 1000 : undefined,
      fault: this.#fault,
    };
  }

  /** Whether the database has promised durability not long ago (LOG-9). */
  get isDurable(): boolean {
    return this.#options.world.monotonicUs() < this.#durableUntilUs;
  }

  /** Ends it; nothing is applied from here on. What it has is for whoever comes next. */
  stop(): KeptReplica<C, E, A> | undefined {
    this.#abort.abort();
    this.#durabilityTimer?.cancel();
    this.#keeper?.stop();
    const replica = this.#replica;
    if (replica === undefined) return undefined;
    return { replica, committedIndex: this.#committedIndex };
  }

  get #isStopped(): boolean {
    return this.#abort.signal.aborted;
  }

  /** @param level a replica that is warm as it is: whoever hands over waits for its report */
  async #run(level: Replica<C, E, A> | undefined): Promise<void> {
    if (level !== undefined) this.#checkDurability().catch((error) => this.#setTrouble(error));
    for (let warm = level; !this.#isStopped; warm = undefined) {
      try {
        const replica = warm ?? (await this.#restore());
        this.#setWarm(true);
        this.#keeper = this.#keepSnapshots(replica);
        await this.#follow(replica);
      } catch (error) {
        if (!this.#isStopped) await this.#recover(error);
      }
    }
  }

  /** Loads what is not there, and reads the log to its end. */
  async #restore(): Promise<Replica<C, E, A>> {
    const { log, prepare } = this.#options;
    if (this.#divergedEntryIndex > 0) await this.#awaitSnapshot();
    if (this.#replica === undefined) this.#replica = await this.#load();
    else await checkPoint(log, this.#replica.point);
    this.#goOn();
    await this.#catchUp(this.#replica);
    await this.#checkDurability();
    await prepare();
    this.#goOn();
    return this.#replica;
  }

  async #load(): Promise<Replica<C, E, A>> {
    const { world, source } = this.#options;
    const turns = new Turns(world);
    const loaded = await source.load(async () => {
      if (!turns.isOver) return;
      await turns.next();
      this.#goOn();
    });
    this.#goOn();
    switch (loaded.kind) {
      case 'restored':
        return loaded.replica;
      case 'none':
        return source.create();
      case 'forked':
        this.#end(() => this.#options.listener.onForked(loaded.seen, loaded.found ?? loaded.seen));
        throw new Stopped();
    }
  }

  async #catchUp(replica: Replica<C, E, A>): Promise<void> {
    const { world, log } = this.#options;
    const isStopped = (): boolean => this.#isStopped;
    await catchUp({ world, log, replica, isStopped, onProgress: () => {} });
    this.#goOn();
  }

  /** @throws Stopped when somebody else has the replica now. */
  #goOn(): void {
    if (this.#isStopped) throw new Stopped();
  }

  async #checkDurability(): Promise<void> {
    const { log, world, listener } = this.#options;
    const startUs = world.monotonicUs();
    await log.checkDurability();
    this.#durableUntilUs = startUs + DURABILITY_LASTS_US;
    if (this.#fault === '') return;
    this.#fault = '';
    listener.onChange();
  }

  /** Checks it again in a while, for as long as the standby lives. */
  #watchDurability(): void {
    this.#durabilityTimer?.cancel();
    this.#durabilityTimer = this.#options.world.setTimer(DURABILITY_CHECK_MS, () => {
      if (this.#isStopped) return;
      this.#watchDurability();
      this.#checkDurability().catch((error: unknown) => this.#setTrouble(error));
    });
  }

  /** While the log is unreachable nobody leads it anyway; a log without a promise is a fault. */
  #setTrouble(error: unknown): void {
    if (!(error instanceof LogNotDurable)) return;
    this.#durableUntilUs = Number.NEGATIVE_INFINITY;
    this.#fault = error.message;
    this.#options.listener.onChange();
  }

  #setWarm(isWarm: boolean): void {
    if (isWarm) this.#watchDurability();
    if (this.#isWarm === isWarm) return;
    this.#isWarm = isWarm;
    this.#options.listener.onChange();
  }

  #setFollowing(isFollowing: boolean): void {
    if (this.#isFollowing === isFollowing) return;
    this.#isFollowing = isFollowing;
    this.#options.listener.onChange();
  }

  /** Has snapshots written for as long as the leader leaves that to this standby (SNAP-2). */
  #keepSnapshots(replica: Replica<C, E, A>): SnapshotKeeper | undefined {
    const { world, shardId, snapshots } = this.#options;
    return keepSnapshots(replica, {
      ...{ world, shardId, ...snapshots, hasStateChecksum: false },
      epoch: () => replica.epoch,
      isWrittenElsewhere: () => !this.#writesSnapshots,
    });
  }

  /** Follows the leader, whoever it is, and the log when there is none. */
  async #follow(replica: Replica<C, E, A>): Promise<never> {
    const { world } = this.#options;
    for (;;) {
      if (this.#pollsLeft > 0) this.#pollsLeft -= 1;
      else await this.#followLeader(replica);
      this.#goOn();
      await this.#poll(replica);
      await new Promise<void>((resolve) => world.setTimer(POLL_MS, resolve));
      this.#goOn();
    }
  }

  /** Returns when there is no leader to follow any more. */
  async #followLeader(replica: Replica<C, E, A>): Promise<void> {
    const { followLeader, shardId, log } = this.#options;
    const { point: applied } = replica;
    const isCommitted = applied.entryIndex <= this.#committedIndex;
    const stream = new AbortController();
    const end = (): void => stream.abort();
    this.#abort.signal.addEventListener('abort', end);
    let isHeard = false;
    try {
      const from = { applied, isCommitted };
      for await (const batch of followLeader(shardId, from, stream.signal)) {
        this.#goOn();
        await this.#take(replica, batch);
        isHeard = true;
      }
    } catch (error) {
      if (!(error instanceof LeaderUnreachable)) throw error;
      this.#goOn();
      // Whoever follows a leader that went may be there already.
      this.#pollsLeft = isHeard ? 0 : POLLS_PER_ATTEMPT;
      if (error.isUnknownPoint) await checkPoint(log, replica.point);
    } finally {
      this.#abort.signal.removeEventListener('abort', end);
      stream.abort();
      this.#setFollowing(false);
      this.#writesSnapshots = false;
    }
  }

  async #take(replica: Replica<C, E, A>, batch: EntryBatch): Promise<void> {
    const { world, listener } = this.#options;
    const { entries, committed } = batch;
    this.#setFollowing(true);
    this.#writesSnapshots = batch.writesSnapshots;
    this.#behindSinceUs ??= world.monotonicUs();
    this.#committedIndex = Math.max(this.#committedIndex, committed.entryIndex);
    const turns = new Turns(world);
    let commandCount = 0;
    for (const entry of entries) {
      // What it has polled already comes again.
      if (entry.entryIndex <= replica.point.entryIndex) continue;
      const hasStateChecksum = replica.repeat(entry, 0);
      this.#keeper?.committed(entry, entry.commandCount, hasStateChecksum);
      commandCount += entry.commandCount;
      if (!turns.isOver) continue;
      await turns.next();
      this.#goOn();
    }
    const last = entries.at(-1);
    if (last !== undefined) {
      listener.onApplied(commandCount, Math.max(0, world.wallClockUs() - last.logTimeUs));
    }
    if (replica.point.entryIndex >= committed.entryIndex) this.#behindSinceUs = undefined;
    if (batch.successor?.nodeId === this.#options.nodeId) listener.onSucceed(batch.successor.epoch);
  }

  async #poll(replica: Replica<C, E, A>): Promise<void> {
    try {
      await this.#catchUp(replica);
    } catch (error) {
      if (!(error instanceof LogUnreachable)) throw error;
      this.#goOn();
    }
  }

  /** After everything that ends the following but the end itself. */
  async #recover(error: unknown): Promise<void> {
    const { world, listener } = this.#options;
    this.#setWarm(false);
    this.#keeper?.stop();
    if (error instanceof PointMissing) {
      this.#recoverFromMissing(error);
    } else if (error instanceof ReplicaDiverged) {
      this.#replica = undefined;
      this.#divergedEntryIndex = error.entryIndex;
      listener.onDiverged(error);
    } else if (!(error instanceof LogUnreachable || error instanceof LogNotDurable)) {
      this.#end(() => listener.onFailed(error as Error));
    } else {
      this.#setTrouble(error);
      await new Promise<void>((resolve) => world.setTimer(RETRY_MS, resolve));
    }
  }

  /** REP-7: what nobody was told to be committed may be gone, and is undone by loading again. */
  #recoverFromMissing({ point, found }: PointMissing): void {
    const { listener } = this.#options;
    // A log whose beginning was cut (SNAP-4) has the snapshots behind it.
    const isLost = found === undefined || point.entryIndex > this.#committedIndex;
    if (isLost) this.#replica = undefined;
    else this.#end(() => listener.onForked({ ...point, seenBy: 'a standby' }, found));
  }

  #end(tell: () => void): void {
    this.stop();
    this.#replica = undefined;
    tell();
  }

  /** Has the leader write its state, and waits until a snapshot behind the entry is there. */
  async #awaitSnapshot(): Promise<void> {
    const { world, shardId } = this.#options;
    const divergedEntryIndex = this.#divergedEntryIndex;
    const snapshots = world.openSnapshots(shardId);
    const ask = new AbortController();
    void this.#askForSnapshot(divergedEntryIndex, ask.signal);
    try {
      for (;;) {
        const heads = await snapshots.fetchHeads();
        this.#goOn();
        if (heads.some(({ point }) => point.entryIndex >= divergedEntryIndex)) break;
        await new Promise<void>((resolve) => world.setTimer(REBUILD_LOOK_MS, resolve));
        this.#goOn();
      }
      this.#divergedEntryIndex = 0;
    } finally {
      ask.abort();
      await snapshots.close();
    }
  }

  /** Tells every leader there is meanwhile, by following it from nowhere. */
  async #askForSnapshot(divergedEntryIndex: number, signal: AbortSignal): Promise<void> {
    const { world, followLeader, shardId } = this.#options;
    const from = { applied: genesisPoint(shardId), isCommitted: false, divergedEntryIndex };
    while (!signal.aborted && !this.#isStopped) {
      try {
        for await (const _ of followLeader(shardId, from, signal)) {
          if (signal.aborted || this.#isStopped) return;
        }
      } catch (error) {
        if (!(error instanceof LeaderUnreachable)) throw error;
      }
      await new Promise<void>((resolve) => world.setTimer(REBUILD_LOOK_MS, resolve));
    }
  }
}
