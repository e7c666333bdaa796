// A snapshot of the leader's own state (LOG-7). What the leader computed is what the world saw, so
// a replica that computed otherwise begins anew from there, and not from another repetition of the
// log. It is taken between two entries while nothing else happens, which a leader does for no
// lesser reason; its rows are written once its entry is committed.

import type { LogPoint } from './log-entry.ts';
import type { Replica } from './replica.ts';
import { ContentChecksum, SNAPSHOT_VERSION, snapshotRows } from './replica-snapshot.ts';
import type { SnapshotEnd } from './snapshot-writer.ts';
import type { SnapshotStore, World } from './world.ts';

export type OwnSnapshotOptions = {
  readonly world: World;
  readonly shardId: string;
  readonly epoch: number;
  /** Has the next entry come at once, with the state checksum. */
  readonly wantChecksum: () => void;
  readonly onEnd: (end: SnapshotEnd) => void;
};

type Taken = {
  readonly point: LogPoint;
  readonly rows: readonly Uint8Array[];
  readonly startUs: number;
};

export class OwnSnapshot {
  readonly #options: OwnSnapshotOptions;
  /** Entry behind which a snapshot is wanted; 0 when none is. */
  #wantedIndex = 0;
  /** Entry of the last one that was taken. */
  #takenIndex = 0;
  #taken: Taken | undefined;

  constructor(options: OwnSnapshotOptions) {
    this.#options = options;
  }

  /** Has one written behind an entry, unless a later one was. */
  want(entryIndex: number): void {
    if (entryIndex <= Math.max(this.#takenIndex, this.#wantedIndex)) return;
    this.#wantedIndex = entryIndex;
    this.#options.wantChecksum();
  }

  /** To be called when an entry with a state checksum is sealed and nothing else is applied. */
  sealed<C, E, A>(replica: Replica<C, E, A>): void {
    if (this.#wantedIndex === 0 || replica.point.entryIndex < this.#wantedIndex) return;
    const { world, shardId } = this.#options;
    const startUs = world.monotonicUs();
    const { point } = replica;
    this.#taken = { point, rows: [...snapshotRows(replica, shardId)], startUs };
    this.#takenIndex = point.entryIndex;
    this.#wantedIndex = 0;
  }

  /** To be called when an entry with a state checksum is committed. */
  committed({ entryIndex }: LogPoint): void {
    const taken = this.#taken;
    if (taken?.point.entryIndex !== entryIndex) return;
    this.#taken = undefined;
    void this.#write(taken);
  }

  async #write(taken: Taken): Promise<void> {
    const { world, shardId, onEnd } = this.#options;
    const snapshots = world.openSnapshots(shardId);
    try {
      onEnd(await this.#writeRows(taken, snapshots));
    } catch (error) {
      // Whoever needs it asks again.
      this.#takenIndex = 0;
      onEnd({ kind: 'failed', reason: (error as Error).message, isDivergent: false });
    } finally {
      await snapshots.close();
    }
  }

  async #writeRows(
    { point, rows, startUs }: Taken,
    snapshots: SnapshotStore,
  ): Promise<SnapshotEnd> {
    const { world, epoch } = this.#options;
    const snapshotId = Buffer.from(world.randomBytes(16)).toString('hex');
    const beginning = { snapshotId, version: SNAPSHOT_VERSION, point };
    const checksum = new ContentChecksum();
    let isThere = await snapshots.begin({ ...beginning, epoch });
    let bytes = 0;
    for (let row = 0; isThere && row < rows.length; row += 1) {
      const content = rows[row] as Uint8Array;
      checksum.add(content);
      bytes += content.length;
      isThere = await snapshots.writeRow(snapshotId, row, content);
    }
    const head = { ...beginning, rowCount: rows.length, contentChecksum: checksum.toText() };
    if (!isThere || !(await snapshots.complete(head))) {
      return { kind: 'dropped', reason: 'another writes one' };
    }
    const durationMs = (world.monotonicUs() - startUs) / 1000;
    return { kind: 'written', entryIndex: point.entryIndex, bytes, durationMs };
  }
}
