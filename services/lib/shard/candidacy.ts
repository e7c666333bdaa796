// The way from nothing to leading: reads the log to its end, repeats it, and appends
// `EpochStarted` (LOG-2, REP-4). Keeps trying while the log cannot be reached.

import { Appender, troubleOf } from './appender.ts';
import type { LogEntry, LogPoint } from './log-entry.ts';
import { LogBroken, type Replica } from './replica.ts';
import type { LoadedSnapshot } from './snapshot-loader.ts';
import { LogNotDurable, type LogStore, LogUnreachable, type World } from './world.ts';

/** A point that somebody has seen and that the log must have (LOG-12). */
export type SeenPoint = LogPoint & { readonly seenBy: string };

export type CandidacyEnd<C, E, A> =
  | { readonly kind: 'elected'; readonly replica: Replica<C, E, A> }
  | { readonly kind: 'refused'; readonly reason: LeadRefusal; readonly message: string }
  | { readonly kind: 'forked'; readonly seen: SeenPoint; readonly found: LogPoint | undefined };

/** Why a host does not lead although it was told to. */
export type LeadRefusal =
  /** The log or the shard's row has an equal or higher epoch (LOG-2). */
  | 'EPOCH_TOO_LOW'
  /** The database does not promise durability (LOG-9). */
  | 'NOT_DURABLE'
  /** Told to lead a later epoch, or to end, meanwhile. */
  | 'SUPERSEDED'
  /** The log was found to be forked, now or before; an operator decides (LOG-12). */
  | 'LOG_FORKED'
  /** This host has stopped for good. */
  | 'STOPPED';

export type CandidacyOptions<C, E, A> = {
  readonly world: World;
  readonly log: LogStore;
  readonly epoch: number;
  readonly nodeId: string;
  readonly incarnation: string;
  /** Key of the identity hash for a shard without a log (LOG-11). */
  readonly identityKey: Uint8Array;
  readonly seen: readonly SeenPoint[];
  readonly createReplica: () => Replica<C, E, A>;
  /** Takes a replica over from the newest snapshot that counts (SNAP-3). */
  readonly loadSnapshot: (pause: () => Promise<void>) => Promise<LoadedSnapshot<C, E, A>>;
  /** A replica that has applied committed entries only, if there is one. */
  readonly replica: Replica<C, E, A> | undefined;
  /** Learns which commands are refused (LOG-14). */
  readonly loadQuarantine: () => Promise<void>;
  readonly isSuperseded: () => boolean;
  readonly onProgress: (appliedIndex: number, logTrouble: string | undefined) => void;
  readonly onCandidate: () => void;
};

const RETRY_MS = 100;
/** A candidate's insert that waits longer ends the sessions of earlier leaders (LOG-13). */
const PATIENCE_WITH_LOWER_EPOCHS_MS = 100;
/** Longest stretch of repeating entries without letting anything else run. */
const SLICE_US = 10_000;

export class Candidacy<C, E, A> {
  readonly #options: CandidacyOptions<C, E, A>;
  #present: Replica<C, E, A> | undefined;

  constructor(options: CandidacyOptions<C, E, A>) {
    this.#options = options;
    this.#present = options.replica;
  }

  /** The replica that has applied committed entries only. */
  get #replica(): Replica<C, E, A> {
    this.#present ??= this.#options.createReplica();
    return this.#present;
  }

  /** @throws LogBroken, ReplicaDiverged or whatever the state machine throws. */
  async run(): Promise<CandidacyEnd<C, E, A>> {
    const { world, isSuperseded } = this.#options;
    for (;;) {
      if (isSuperseded()) return refused('SUPERSEDED', 'another order has come meanwhile');
      try {
        const end = await this.#attempt();
        if (end !== undefined) return end;
      } catch (error) {
        if (error instanceof LogNotDurable) return refused('NOT_DURABLE', error.message);
        if (!(error instanceof LogUnreachable)) throw error;
        this.#options.onProgress(this.#present?.point.entryIndex ?? 0, error.message);
        await new Promise<void>((resolve) => world.setTimer(RETRY_MS, resolve));
      }
    }
  }

  /** One try; undefined when another entry came in between. */
  async #attempt(): Promise<CandidacyEnd<C, E, A> | undefined> {
    const { log, epoch } = this.#options;
    await log.checkDurability();
    const known = await log.fetchFork();
    if (known !== undefined) return refused('LOG_FORKED', known);
    const fork = this.#present === undefined ? await this.#loadSnapshot() : await this.#findFork();
    if (fork !== undefined) return fork;
    // The long part first: an earlier leader is only held off for what came in meanwhile.
    await this.#catchUp();
    if (this.#options.isSuperseded()) return refused('SUPERSEDED', 'another order has come');
    if (this.#replica.epoch >= epoch) return this.#tooLow(this.#replica.epoch);
    if (!(await log.raiseEpoch(epoch))) return this.#tooLow(undefined);
    // An earlier leader's process does not end before it has recorded what it died of.
    await Promise.all([this.#catchUp(), this.#options.loadQuarantine()]);
    if (this.#replica.epoch >= epoch) return this.#tooLow(this.#replica.epoch);
    const missing = await this.#findMissing();
    if (missing !== undefined) return missing;
    return this.#startEpoch();
  }

  /** Begins with the newest snapshot, if there is one that counts (SNAP-3). */
  async #loadSnapshot(): Promise<CandidacyEnd<C, E, A> | undefined> {
    const { world, loadSnapshot, onProgress, isSuperseded } = this.#options;
    let sliceStartUs = world.monotonicUs();
    const loaded = await loadSnapshot(async () => {
      if (world.monotonicUs() - sliceStartUs < SLICE_US) return;
      await new Promise<void>((resolve) => world.nextTurn(resolve));
      sliceStartUs = world.monotonicUs();
    });
    if (loaded.kind === 'forked') return loaded;
    if (loaded.kind === 'restored') this.#present = loaded.replica;
    if (!isSuperseded()) onProgress(this.#replica.point.entryIndex, undefined);
    return undefined;
  }

  #tooLow(found: number | undefined): CandidacyEnd<C, E, A> {
    const known = found === undefined ? 'a higher epoch' : `epoch ${found}`;
    return refused('EPOCH_TOO_LOW', `epoch ${this.#options.epoch} meets ${known} in the log`);
  }

  /** A replica from earlier must find its last entry again (LOG-12). */
  async #findFork(): Promise<CandidacyEnd<C, E, A> | undefined> {
    const { point } = this.#replica;
    if (point.entryIndex === 0) return undefined;
    return this.#checkPoint({ ...point, seenBy: 'this replica' });
  }

  async #findMissing(): Promise<CandidacyEnd<C, E, A> | undefined> {
    for (const seen of this.#options.seen) {
      const missing = seen.entryIndex === 0 ? undefined : await this.#checkPoint(seen);
      if (missing !== undefined) return missing;
    }
    return undefined;
  }

  async #checkPoint(seen: SeenPoint): Promise<CandidacyEnd<C, E, A> | undefined> {
    const { entryIndex } = seen;
    const [found] = await this.#options.log.fetchEntries(entryIndex, entryIndex);
    if (found?.chainChecksum === seen.chainChecksum) return undefined;
    const { entryIndex: foundIndex, chainChecksum } = found ?? (await this.#options.log.fetchEnd());
    return { kind: 'forked', seen, found: { entryIndex: foundIndex, chainChecksum } };
  }

  /** Repeats the log to its present end; the next batch is read while one is applied. */
  async #catchUp(): Promise<void> {
    const { log, world, isSuperseded, onProgress } = this.#options;
    const end = await log.fetchEnd();
    const fetchAfter = (entryIndex: number): Promise<readonly LogEntry[]> | undefined =>
      entryIndex < end.entryIndex ? log.fetchEntries(entryIndex + 1, end.entryIndex) : undefined;

    let next = fetchAfter(this.#replica.point.entryIndex);
    let sliceStartUs = world.monotonicUs();
    while (next !== undefined) {
      const entries = await next;
      const last = entries.at(-1);
      if (last === undefined) throw new LogBroken('entries before the end of the log are missing');
      next = fetchAfter(last.entryIndex);
      next?.catch(() => {}); // awaited in the next round, unless this one fails before
      for (const entry of entries) {
        this.#replica.repeat(entry, end.logTimeUs);
        if (world.monotonicUs() - sliceStartUs < SLICE_US) continue;
        onProgress(entry.entryIndex, undefined);
        await new Promise<void>((resolve) => world.nextTurn(resolve));
        sliceStartUs = world.monotonicUs();
        if (isSuperseded()) return;
      }
    }
    onProgress(this.#replica.point.entryIndex, undefined);
  }

  async #startEpoch(): Promise<CandidacyEnd<C, E, A> | undefined> {
    const { world, log, epoch, nodeId, incarnation, onCandidate } = this.#options;
    onCandidate();
    const replica = this.#replica;
    const previous = replica.point;
    const isFirst = previous.entryIndex === 0;
    const identityKey = isFirst ? this.#options.identityKey : new Uint8Array(0);
    if (isFirst) replica.setIdentityKey(identityKey);
    replica.beginNext(Math.max(replica.logTimeUs, world.wallClockUs()));
    replica.builder.startEpoch({ epoch, nodeId, incarnation, identityKey });
    const { entry } = replica.sealNext({ epoch, withStateChecksum: true });
    // Applied and not committed from here on: unless it commits, this replica cannot be used.
    this.#present = undefined;

    const appender = new Appender({ world, log, onTrouble: () => this.#giveUpIf(appender) });
    const impatience = world.setTimer(PATIENCE_WITH_LOWER_EPOCHS_MS, () => {
      log.endLowerSessions(epoch).catch(troubleOf);
    });
    const end = await appender.append(entry, { epoch, previous, previousEpoch: 'lower' });
    impatience.cancel();
    switch (end.kind) {
      case 'committed':
        return { kind: 'elected', replica };
      case 'deposed':
        // An earlier leader's last entry may have come in between: read it and try again.
        return end.epoch >= epoch ? this.#tooLow(end.epoch) : undefined;
      case 'forked':
        return { kind: 'forked', seen: { ...end.known, seenBy: 'this replica' }, found: end.found };
      case 'abandoned':
        return refused('SUPERSEDED', 'another order has come meanwhile');
    }
  }

  #giveUpIf(appender: Appender): void {
    if (this.#options.isSuperseded()) appender.abandon();
  }
}

function refused<C, E, A>(reason: LeadRefusal, message: string): CandidacyEnd<C, E, A> {
  return { kind: 'refused', reason, message };
}
