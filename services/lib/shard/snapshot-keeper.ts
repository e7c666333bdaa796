// Sees to it, while a shard is led, that there is a late snapshot of it (SNAP-2): after so many
// commands, or after a while in which anything happened at all. One is written at a time, by whom
// the plan says, never by the leader's own thread.

import type { LogPoint } from './log-entry.ts';
import type { Replica } from './replica.ts';
import type { SnapshotEnd, SnapshotOrder, SnapshotRun } from './snapshot-writer.ts';
import type { World } from './world.ts';

export type SnapshotPlan = {
  /** A snapshot is written when this many commands are in none. */
  readonly everyCommands: number;
  /** Or when the last one is this old and does not contain everything. */
  readonly everyMs: number;
  /** Has a snapshot written. */
  readonly start: (order: SnapshotOrder) => SnapshotRun;
};

/** After a failure none is begun for this long. */
const FAILURE_PAUSE_MS = 60_000;

type SnapshotKeeperOptions = {
  readonly world: World;
  readonly plan: SnapshotPlan;
  readonly shardId: string;
  /** Of the leader for whom they are written. */
  readonly epoch: () => number;
  /** The entry with which the leadership began, if a snapshot can be taken there (SNAP-3). */
  readonly point: LogPoint | undefined;
  /** Commands up to that entry that no snapshot contains. */
  readonly unsavedCommands: number;
  readonly onEnd: (end: SnapshotEnd) => void;
  /** A standby has them written: not here (SNAP-2). */
  readonly isWrittenElsewhere: () => boolean;
};

type Kept = Omit<SnapshotKeeperOptions, 'plan' | 'point' | 'unsavedCommands' | 'onEnd'> & {
  readonly plan: SnapshotPlan | undefined;
  /** Whether the replica's last entry has the state checksum (SNAP-3). */
  readonly hasStateChecksum: boolean;
  readonly onEnd: ((end: SnapshotEnd) => void) | undefined;
};

/** Begins with a leadership; undefined when nobody writes snapshots of the shard. */
export function keepSnapshots<C, E, A>(
  { machine, point, unsavedCommands }: Replica<C, E, A>,
  { plan, onEnd = () => {}, hasStateChecksum, ...options }: Kept,
): SnapshotKeeper | undefined {
  if (plan === undefined || machine.snapshotPieces === undefined) return undefined;
  const begun = hasStateChecksum && machine.hasUnfinishedWork !== true ? point : undefined;
  return new SnapshotKeeper({ ...options, plan, point: begun, unsavedCommands, onEnd });
}

export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions;
  /** The last committed entry with a state checksum. */
  #point: LogPoint | undefined;
  /** Commands up to there, and behind it, that are in no snapshot. */
  #commandsToPoint: number;
  #commandsBehind = 0;
  #lastUs: number;
  #notBeforeUs = Number.NEGATIVE_INFINITY;
  #run: SnapshotRun | undefined;
  #isStopped = false;

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options;
    this.#point = options.point;
    this.#commandsToPoint = options.unsavedCommands;
    this.#lastUs = options.world.monotonicUs();
    this.#startIfDue();
  }

  /** Takes note of every entry that is committed. */
  committed(entry: LogPoint, commandCount: number, hasStateChecksum: boolean): void {
    this.#commandsBehind += commandCount;
    if (!hasStateChecksum) return;
    // Of an entry only its point is kept and told to another process.
    this.#point = { entryIndex: entry.entryIndex, chainChecksum: entry.chainChecksum };
    this.#commandsToPoint += this.#commandsBehind;
    this.#commandsBehind = 0;
    this.#startIfDue();
  }

  /** Drops what is being written. */
  stop(): void {
    this.#isStopped = true;
    this.#run?.stop();
  }

  #startIfDue(): void {
    const { world, plan, shardId, epoch } = this.#options;
    const point = this.#point;
    if (point === undefined || this.#run !== undefined || this.#isStopped) return;
    if (this.#commandsToPoint === 0 || this.#options.isWrittenElsewhere()) return;
    const nowUs = world.monotonicUs();
    const isOld = nowUs - this.#lastUs >= plan.everyMs * 1000;
    if (nowUs < this.#notBeforeUs) return;
    if (this.#commandsToPoint < plan.everyCommands && !isOld) return;
    const contained = this.#commandsToPoint;
    const run = plan.start({ shardId, epoch: epoch(), point });
    this.#run = run;
    void run.ended.then((end) => this.#ended(end, contained));
  }

  #ended(end: SnapshotEnd, contained: number): void {
    const { world, onEnd } = this.#options;
    this.#run = undefined;
    if (end.kind === 'written') {
      this.#commandsToPoint -= contained;
      this.#lastUs = world.monotonicUs();
    } else {
      this.#notBeforeUs = world.monotonicUs() + FAILURE_PAUSE_MS * 1000;
    }
    onEnd(end);
  }
}
