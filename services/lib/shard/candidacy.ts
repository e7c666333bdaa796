// The way to leading: reads the log to its end, repeats it, and appends `EpochStarted` (LOG-2,
// REP-4). From a warm replica that takes a few round trips and no more. Keeps trying while the log
// cannot be reached.

import { Appender, troubleOf } from './appender.ts';
import { catchUp, checkPoint, PointMissing, Turns } from './catch-up.ts';
import type { EpochStarted } from './entry-codec.ts';
import { buildEpochStart, buildUnappliedEpochStart } from './epoch-start.ts';
import type { LeadRefusal } from './host-state.ts';
import type { LogPoint, SeenPoint } from './log-entry.ts';
import type { Replica } from './replica.ts';
import type { ReplicaSource } from './replica-source.ts';
import type { KeptReplica } from './standby-options.ts';
import { LogNotDurable, type LogStore, LogUnreachable, type Timer, type World } from './world.ts';

export type { SeenPoint } from './log-entry.ts';

export type CandidacyEnd<C, E, A> =
  | {
      readonly kind: 'elected';
      readonly replica: Replica<C, E, A>;
      /** Whether `EpochStarted` has the state checksum (SNAP-3). */
      readonly hasStateChecksum: boolean;
    }
  | { readonly kind: 'refused'; readonly reason: LeadRefusal; readonly message: string }
  | { readonly kind: 'forked'; readonly seen: SeenPoint; readonly found: LogPoint | undefined };

export type CandidacyOptions<C, E, A> = {
  readonly world: World;
  readonly log: LogStore;
  readonly epoch: number;
  readonly nodeId: string;
  readonly incarnation: string;
  /** Key of the identity hash for a shard without a log (LOG-11). */
  readonly identityKey: Uint8Array;
  readonly seen: readonly SeenPoint[];
  readonly source: Pick<ReplicaSource<C, E, A>, 'create' | 'load'>;
  /** A replica that has applied what is in the log and nothing else, if there is one. */
  readonly kept: KeptReplica<C, E, A> | undefined;
  /** It follows the log closely, and the database has promised durability not long ago (LOG-9). */
  readonly isWarm: boolean;
  /** Learns which commands are refused (LOG-14). */
  readonly loadQuarantine: () => Promise<void>;
  readonly isSuperseded: () => boolean;
  readonly onProgress: (appliedIndex: number, logTrouble: string | undefined) => void;
  readonly onCandidate: () => void;
};

const RETRY_MS = 100;
/** A candidate's insert that waits longer ends the sessions of earlier leaders (LOG-13). */
const PATIENCE_WITH_LOWER_EPOCHS_MS = 100;

export class Candidacy<C, E, A> {
  readonly #options: CandidacyOptions<C, E, A>;
  #present: Replica<C, E, A> | undefined;
  /** Nothing is left to load or to check before the epoch is raised. */
  #isReady: boolean;

  constructor(options: CandidacyOptions<C, E, A>) {
    this.#options = options;
    this.#present = options.kept?.replica;
    this.#isReady = options.isWarm && this.#present !== undefined;
  }

  /** The replica that has applied what is in the log and nothing else. */
  get #replica(): Replica<C, E, A> {
    this.#present ??= this.#options.source.create();
    return this.#present;
  }

  /** What is left of it for whoever comes next, unless it was elected. */
  get kept(): KeptReplica<C, E, A> | undefined {
    if (this.#present === undefined) return undefined;
    return { replica: this.#present, committedIndex: this.#committedIndex };
  }

  get #committedIndex(): number {
    return this.#options.kept?.committedIndex ?? 0;
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
        if (error instanceof PointMissing) {
          const fork = this.#findFork(error);
          if (fork !== undefined) return fork;
          continue;
        }
        if (!(error instanceof LogUnreachable)) throw error;
        this.#isReady = false;
        this.#options.onProgress(this.#present?.point.entryIndex ?? 0, error.message);
        await new Promise<void>((resolve) => world.setTimer(RETRY_MS, resolve));
      }
    }
  }

  /** One try; undefined when another entry came in between. */
  async #attempt(): Promise<CandidacyEnd<C, E, A> | undefined> {
    const { log, epoch, isSuperseded } = this.#options;
    if (!this.#isReady) {
      const problem = await this.#makeReady();
      if (problem !== undefined) return problem;
      this.#isReady = true;
    }
    if (isSuperseded()) return refused('SUPERSEDED', 'another order has come');
    if (this.#replica.epoch >= epoch) return this.#tooLow(this.#replica.epoch);
    const elected = await this.#startAtOnce();
    if (elected !== undefined) return elected;
    if (isSuperseded()) return refused('SUPERSEDED', 'another order has come');
    const [isRaised, fork] = await Promise.all([log.raiseEpoch(epoch), log.fetchFork()]);
    if (fork !== undefined) return refused('LOG_FORKED', fork);
    if (!isRaised) return this.#tooLow(undefined);
    // An earlier leader's process does not end before it has recorded what it died of.
    await Promise.all([this.#catchUp(), this.#options.loadQuarantine()]);
    if (isSuperseded()) return refused('SUPERSEDED', 'another order has come');
    if (this.#replica.epoch >= epoch) return this.#tooLow(this.#replica.epoch);
    await this.#checkSeen();
    return this.#startEpoch();
  }

  /** The long part, while an earlier leader may still be at work. */
  async #makeReady(): Promise<CandidacyEnd<C, E, A> | undefined> {
    const { log } = this.#options;
    await log.checkDurability();
    const known = await log.fetchFork();
    if (known !== undefined) return refused('LOG_FORKED', known);
    if (this.#present === undefined) {
      const fork = await this.#loadSnapshot();
      if (fork !== undefined) return fork;
    } else {
      await checkPoint(log, this.#present.point);
    }
    await this.#catchUp();
    return undefined;
  }

  /** Begins with the newest snapshot, if there is one that counts (SNAP-3). */
  async #loadSnapshot(): Promise<CandidacyEnd<C, E, A> | undefined> {
    const { world, source, onProgress, isSuperseded } = this.#options;
    const turns = new Turns(world);
    const loaded = await source.load(async () => {
      if (turns.isOver) await turns.next();
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

  /**
   * A log without what somebody was told to be committed is forked (LOG-12); what nobody was told
   * is undone by loading again (REP-7).
   */
  #findFork({ point, found }: PointMissing): CandidacyEnd<C, E, A> | undefined {
    if (found === undefined) return this.#loadAgain(); // it stands behind a beginning that was cut
    const { seen } = this.#options;
    const seenPoint = seen.find(
      ({ entryIndex, chainChecksum }) =>
        entryIndex === point.entryIndex && chainChecksum === point.chainChecksum,
    );
    if (seenPoint !== undefined) return { kind: 'forked', seen: seenPoint, found };
    if (point.entryIndex <= this.#committedIndex) {
      return { kind: 'forked', seen: { ...point, seenBy: 'this replica' }, found };
    }
    return this.#loadAgain();
  }

  #loadAgain(): undefined {
    this.#present = undefined;
    this.#isReady = false;
  }

  /** Of what this replica has applied itself it knows that the log has it. */
  get #unknownSeen(): readonly SeenPoint[] {
    return this.#options.seen.filter(
      ({ entryIndex, chainChecksum }) => this.#replica.findChecksum(entryIndex) !== chainChecksum,
    );
  }

  async #checkSeen(): Promise<void> {
    const { log } = this.#options;
    await Promise.all(this.#unknownSeen.map((point) => unlessCut(checkPoint(log, point))));
  }

  /**
   * Takes it that the replica stands at the end of the log: then raising the epoch and starting it
   * is one statement. Whatever stands against that is found out in the usual way.
   */
  async #startAtOnce(): Promise<CandidacyEnd<C, E, A> | undefined> {
    const { log, epoch, onCandidate, loadQuarantine } = this.#options;
    const replica = this.#replica;
    if (this.#unknownSeen.length > 0) return undefined;
    const { started, logTimeUs } = this.#firstEntry();
    const entry = buildUnappliedEpochStart(replica, started, logTimeUs);
    if (entry === undefined) return undefined;
    onCandidate();
    const impatience = this.#endLowerSessionsLater();
    const fence = { epoch, previous: replica.point, previousEpoch: 'lower' } as const;
    try {
      const [result] = await Promise.all([log.appendRaising(entry, fence), loadQuarantine()]);
      if (result === 'refused') return undefined;
    } finally {
      impatience.cancel();
    }
    replica.repeat(entry, 0);
    return { kind: 'elected', replica, hasStateChecksum: false };
  }

  #firstEntry(): { readonly started: EpochStarted; readonly logTimeUs: number } {
    const { world, epoch, nodeId, incarnation } = this.#options;
    const replica = this.#replica;
    const isFirst = replica.point.entryIndex === 0;
    const identityKey = isFirst ? this.#options.identityKey : new Uint8Array(0);
    const logTimeUs = Math.max(replica.logTimeUs, world.wallClockUs());
    return { started: { epoch, nodeId, incarnation, identityKey }, logTimeUs };
  }

  /** LOG-13. */
  #endLowerSessionsLater(): Timer {
    const { world, log, epoch } = this.#options;
    return world.setTimer(PATIENCE_WITH_LOWER_EPOCHS_MS, () => {
      log.endLowerSessions(epoch).catch(troubleOf);
    });
  }

  async #catchUp(): Promise<void> {
    const { world, log, isSuperseded } = this.#options;
    const onProgress = (entryIndex: number): void => {
      this.#options.onProgress(entryIndex, undefined);
    };
    const replica = this.#replica;
    await catchUp({ world, log, replica, isStopped: isSuperseded, onProgress });
  }

  async #startEpoch(): Promise<CandidacyEnd<C, E, A> | undefined> {
    const { world, log, epoch, onCandidate } = this.#options;
    onCandidate();
    const replica = this.#replica;
    const previous = replica.point;
    const { started, logTimeUs } = this.#firstEntry();
    const { entry, isApplied } = buildEpochStart(replica, started, logTimeUs);
    // Applied and not committed from here on: unless it commits, this replica cannot be used.
    if (isApplied) this.#present = undefined;

    const appender = new Appender({ world, log, onTrouble: () => this.#giveUpIf(appender) });
    const impatience = this.#endLowerSessionsLater();
    const end = await appender.append(entry, { epoch, previous, previousEpoch: 'lower' });
    impatience.cancel();
    switch (end.kind) {
      case 'committed':
        if (!isApplied) replica.repeat(entry, 0);
        return { kind: 'elected', replica, hasStateChecksum: isApplied };
      case 'deposed':
        // An earlier leader's last entry may have come in between: read it and try again.
        return end.epoch >= epoch ? this.#tooLow(end.epoch) : undefined;
      case 'forked':
        throw new PointMissing(end.known, end.found ?? (await log.fetchEnd()));
      case 'abandoned':
        return refused('SUPERSEDED', 'another order has come meanwhile');
    }
  }

  #giveUpIf(appender: Appender): void {
    if (this.#options.isSuperseded()) appender.abandon();
  }
}

/** What was cut off cannot be compared any more. */
async function unlessCut(check: Promise<void>): Promise<void> {
  try {
    await check;
  } catch (error) {
    if (!(error instanceof PointMissing) || error.found !== undefined) throw error;
  }
}

function refused<C, E, A>(reason: LeadRefusal, message: string): CandidacyEnd<C, E, A> {
  return { kind: 'refused', reason, message };
}
