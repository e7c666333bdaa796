// Writes a snapshot of a shard without its leader (SNAP-2): takes over the newest one, repeats the
// log up to an entry with a state checksum, which checks the log at the same time (LOG-7), and
// writes what came out. Rests as long as it works, so that it uses half of a core at most.

import { type CutResult, type CutWindows, cutLog } from './log-cutter.ts';
import type { LogEntry, LogPoint } from './log-entry.ts';
import { LogBroken, Replica, ReplicaDiverged, type ReplicaOptions } from './replica.ts';
import { ContentChecksum, SNAPSHOT_VERSION, snapshotRows } from './replica-snapshot.ts';
import { SnapshotLoader } from './snapshot-loader.ts';
import type { LogStore, SnapshotHead, SnapshotStore, World } from './world.ts';

/** What is to be written, and for whom. */
export type SnapshotOrder = {
  readonly shardId: string;
  /** Epoch of the leader who asks. */
  readonly epoch: number;
  /** A committed entry with a state checksum (SNAP-3). */
  readonly point: LogPoint;
};

/** How the writing of a snapshot ended. */
export type SnapshotEnd =
  | {
      readonly kind: 'written';
      readonly entryIndex: number;
      readonly bytes: number;
      readonly durationMs: number;
      /** What was cut off the log behind it; nothing is when it is kept for ever (SNAP-4). */
      readonly cut?: CutResult | undefined;
    }
  /** Told to stop, another leads, or the newest snapshot contains the entry already. */
  | { readonly kind: 'dropped'; readonly reason: string }
  | {
      readonly kind: 'failed';
      readonly reason: string;
      /** The log is broken, or repeating it gives something else than its leader did (LOG-7). */
      readonly isDivergent: boolean;
    };

/** A snapshot that is being written. */
export type SnapshotRun = {
  readonly ended: Promise<SnapshotEnd>;
  /** Drops the work. */
  readonly stop: () => void;
};

export type SnapshotWriterOptions<C, E, A> = {
  readonly world: World;
  readonly log: LogStore;
  readonly openSnapshots: () => SnapshotStore;
  readonly replica: ReplicaOptions<C, E, A>;
  readonly order: SnapshotOrder;
  /** How old an entry has to be to be cut off; none is when absent (SNAP-4). */
  readonly retentionUs?: number | undefined;
  readonly cutWindows?: CutWindows | undefined;
  readonly isStopped: () => boolean;
};

/** Longest stretch of work without a rest. */
const SLICE_US = 10_000;
/**
 * No more than this is written in a second: a commit of the log that shares the disk waits for what
 * of it is on its way.
 */
const MOST_BYTES_PER_S = 8 << 20;
/** Between two steps of cutting the log. */
const CUT_REST_MS = 20;
/** Snapshots that are kept (SNAP-4 cuts the log below the older one). */
const KEPT_SNAPSHOTS = 2;

/** Thrown inside, when the work is to be dropped. */
class Dropped extends Error {}

/** Never throws; what went wrong is in the end. */
export async function writeSnapshot<C, E, A>(
  options: SnapshotWriterOptions<C, E, A>,
): Promise<SnapshotEnd> {
  const snapshots = options.openSnapshots();
  try {
    return await new SnapshotWriter(options, snapshots).run();
  } catch (error) {
    const reason = (error as Error).message;
    if (error instanceof Dropped) return { kind: 'dropped', reason };
    const isDivergent = error instanceof LogBroken || error instanceof ReplicaDiverged;
    return { kind: 'failed', reason, isDivergent };
  } finally {
    await snapshots.close();
  }
}

class SnapshotWriter<C, E, A> {
  readonly #options: SnapshotWriterOptions<C, E, A>;
  readonly #snapshots: SnapshotStore;
  readonly #damaged: string[] = [];
  #workStartUs: number;
  /** The entry of the snapshot that was taken over, which was found whole. */
  #olderSnapshotIndex = 0;

  constructor(options: SnapshotWriterOptions<C, E, A>, snapshots: SnapshotStore) {
    this.#options = options;
    this.#snapshots = snapshots;
    this.#workStartUs = options.world.monotonicUs();
  }

  async run(): Promise<SnapshotEnd> {
    const { world, order } = this.#options;
    const startUs = world.monotonicUs();
    const replica = await this.#takeOver();
    if (replica.point.entryIndex >= order.point.entryIndex)
      throw new Dropped('it is there already');
    await this.#repeat(replica);
    const head = await this.#write(replica);
    await this.#removeOthers(await this.#snapshots.fetchHeads());
    const durationMs = (world.monotonicUs() - startUs) / 1000;
    const cut = await this.#cut();
    const { entryIndex } = head.point;
    return { kind: 'written', entryIndex, bytes: head.bytes, durationMs, cut };
  }

  /** The snapshot is there; a cut that fails is made behind the next one. */
  async #cut(): Promise<CutResult | undefined> {
    const { world, log, retentionUs, cutWindows: windows, order } = this.#options;
    if (retentionUs === undefined || this.#olderSnapshotIndex === 0) return undefined;
    const upkeep = world.openUpkeep(order.shardId);
    const olderSnapshotIndex = this.#olderSnapshotIndex;
    const pause = (): Promise<void> => this.#rest(CUT_REST_MS);
    try {
      return await cutLog({ world, log, upkeep, retentionUs, olderSnapshotIndex, windows, pause });
    } catch {
      return undefined;
    } finally {
      await upkeep.close();
    }
  }

  async #takeOver(): Promise<Replica<C, E, A>> {
    const { log, openSnapshots, replica } = this.#options;
    const loader = new SnapshotLoader({
      log,
      openSnapshots,
      replica,
      onPassedOver: ({ head, isDamaged }) => {
        if (isDamaged) this.#damaged.push(head.snapshotId);
      },
    });
    const loaded = await loader.load(() => this.#rest());
    if (loaded.kind === 'restored') {
      this.#olderSnapshotIndex = loaded.replica.point.entryIndex;
      return loaded.replica;
    }
    if (loaded.kind === 'none') return new Replica(replica);
    throw new Error(`${loaded.seen.seenBy} has seen an entry that the log does not have (LOG-12)`);
  }

  async #repeat(replica: Replica<C, E, A>): Promise<void> {
    const { log, order } = this.#options;
    const { entryIndex, chainChecksum } = order.point;
    const [last] = await log.fetchEntries(entryIndex, entryIndex);
    if (last === undefined) throw new LogBroken(`entry ${entryIndex} is not in the log`);
    while (replica.point.entryIndex < entryIndex) {
      const entries: readonly LogEntry[] = await log.fetchEntries(
        replica.point.entryIndex + 1,
        entryIndex,
      );
      if (entries.length === 0)
        throw new LogBroken('entries before the end of the log are missing');
      for (const entry of entries) {
        replica.repeat(entry, last.logTimeUs);
        await this.#rest();
      }
    }
    if (replica.point.chainChecksum !== chainChecksum) {
      throw new LogBroken(`entry ${entryIndex} is not the one that its leader committed`);
    }
  }

  async #write(replica: Replica<C, E, A>): Promise<SnapshotHead & { readonly bytes: number }> {
    const { world, order } = this.#options;
    const snapshots = this.#snapshots;
    const { epoch, shardId } = order;
    const snapshotId = Buffer.from(world.randomBytes(16)).toString('hex');
    const beginning = { snapshotId, version: SNAPSHOT_VERSION, point: order.point };
    if (!(await snapshots.begin({ ...beginning, epoch }))) throw new Dropped('another leads');
    try {
      const checksum = new ContentChecksum();
      let rowCount = 0;
      let bytes = 0;
      for (const row of snapshotRows(replica, shardId)) {
        checksum.add(row);
        const isThere = await snapshots.writeRow(snapshotId, rowCount, row);
        if (!isThere) throw new Dropped('another writes one');
        rowCount += 1;
        bytes += row.length;
        await this.#rest(Math.ceil((row.length * 1000) / MOST_BYTES_PER_S));
      }
      const head = { ...beginning, rowCount, contentChecksum: checksum.toText() };
      if (!(await snapshots.complete(head))) throw new Dropped('another writes one');
      return { ...head, bytes };
    } catch (error) {
      // The next one removes what this one leaves, if it cannot itself.
      await snapshots.remove([snapshotId]).catch(() => {});
      throw error;
    }
  }

  async #removeOthers(heads: readonly SnapshotHead[]): Promise<void> {
    const sound = heads.filter(({ snapshotId }) => !this.#damaged.includes(snapshotId));
    const old = sound.slice(KEPT_SNAPSHOTS).map(({ snapshotId }) => snapshotId);
    const superfluous = [...this.#damaged, ...old];
    if (superfluous.length > 0) await this.#snapshots.remove(superfluous);
  }

  /**
   * Rests as long as it has worked, when that was long enough, and for at least a time that is
   * given; ends the work when told to.
   */
  async #rest(leastMs = 0): Promise<void> {
    const { world, isStopped } = this.#options;
    if (isStopped()) throw new Dropped('told to stop');
    const workedUs = world.monotonicUs() - this.#workStartUs;
    if (workedUs < SLICE_US && leastMs === 0) return;
    const restMs = Math.max(Math.ceil(workedUs / 1000), leastMs);
    await new Promise<void>((resolve) => world.setTimer(restMs, resolve));
    if (isStopped()) throw new Dropped('told to stop');
    this.#workStartUs = world.monotonicUs();
  }
}
