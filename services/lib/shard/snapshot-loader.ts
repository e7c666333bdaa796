// Finds the newest snapshot that counts and takes a replica over from it (SNAP-3): its rows are
// whole, the log has its entry, and the state that comes out has the checksum that the leader put
// into that entry. Whatever is not so is passed over with a warning, and the one before is taken.

import { decodeOutcomeBatch } from './entry-codec.ts';
import type { LogPoint, SeenPoint } from './log-entry.ts';
import type { Replica, ReplicaOptions } from './replica.ts';
import { ContentChecksum, ReplicaRestorer, SNAPSHOT_VERSION } from './replica-snapshot.ts';
import { VersionUnsupported, versionsOf } from './versions.ts';
import { type LogStore, LogUnreachable, type SnapshotHead, type SnapshotStore } from './world.ts';

/** Why a snapshot was passed over. */
export type PassedOver = {
  readonly head: SnapshotHead;
  readonly reason: string;
  /** It will never count, for nobody; else another version, or another moment, may read it. */
  readonly isDamaged: boolean;
};

export type LoadedSnapshot<C, E, A> =
  | { readonly kind: 'restored'; readonly replica: Replica<C, E, A> }
  /** No snapshot counts: the whole log has to be repeated. */
  | { readonly kind: 'none' }
  /** The log lacks, or differs at, the entry of a snapshot that is whole (LOG-12). */
  | { readonly kind: 'forked'; readonly seen: SeenPoint; readonly found: LogPoint | undefined };

export type SnapshotLoaderOptions<C, E, A> = {
  readonly log: LogStore;
  /** Called for every attempt; what it returns is closed at its end. */
  readonly openSnapshots: () => SnapshotStore;
  readonly replica: ReplicaOptions<C, E, A>;
  readonly onPassedOver: (passed: PassedOver) => void;
  readonly onRestored?: (point: LogPoint) => void;
};

type Attempt = { readonly snapshots: SnapshotStore; readonly pause: () => Promise<void> };

/** The rows are not what was written. */
class RowsDamaged extends Error {}

/** Whatever reading the rows came upon, it is their damage. */
function damagedBy<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof VersionUnsupported) throw error;
    throw new RowsDamaged((error as Error).message, { cause: error });
  }
}

/** A snapshot whose rows cannot be read that often, while the log can, is passed over. */
const MOST_FAILURES = 3;

export class SnapshotLoader<C, E, A> {
  readonly #options: SnapshotLoaderOptions<C, E, A>;
  readonly #failures = new Map<string, number>();

  constructor(options: SnapshotLoaderOptions<C, E, A>) {
    this.#options = options;
  }

  /**
   * @param pause is called between rows; resolves when the process has had time for other things
   * @throws LogUnreachable, LogNotDurable: try again. VersionUnsupported. What `pause` throws.
   */
  async load(pause: () => Promise<void>): Promise<LoadedSnapshot<C, E, A>> {
    const { openSnapshots, replica } = this.#options;
    if (replica.createMachine().beginRestore === undefined) return { kind: 'none' };
    const snapshots = openSnapshots();
    try {
      for (const head of await snapshots.fetchHeads()) {
        const loaded = await this.#tryLoad(head, { snapshots, pause });
        if (loaded !== undefined) return loaded;
      }
      return { kind: 'none' };
    } finally {
      await snapshots.close();
    }
  }

  async #tryLoad(
    head: SnapshotHead,
    attempt: Attempt,
  ): Promise<LoadedSnapshot<C, E, A> | undefined> {
    const passOver = (reason: string, isDamaged: boolean): undefined => {
      this.#options.onPassedOver({ head, reason, isDamaged });
    };
    if (head.version !== SNAPSHOT_VERSION) {
      return passOver(`it has version ${head.version}`, false);
    }
    const failures = this.#failures.get(head.snapshotId) ?? 0;
    if (failures >= MOST_FAILURES) return passOver('it cannot be read', false);
    let replica: Replica<C, E, A>;
    try {
      replica = await this.#restore(head, attempt);
    } catch (error) {
      if (error instanceof RowsDamaged) return passOver(error.message, true);
      if (error instanceof VersionUnsupported) return this.#passOverVersion(error, passOver);
      if (error instanceof LogUnreachable) this.#failures.set(head.snapshotId, failures + 1);
      throw error;
    }
    const [entry] = await this.#options.log.fetchEntries(
      head.point.entryIndex,
      head.point.entryIndex,
    );
    if (entry?.chainChecksum !== head.point.chainChecksum) {
      const { entryIndex, chainChecksum } = entry ?? (await this.#options.log.fetchEnd());
      // A log is cut from its beginning, never below the last two snapshots (SNAP-4).
      if (entryIndex > head.point.entryIndex) return passOver('its entry was cut off', false);
      const seen = { ...head.point, seenBy: `snapshot ${head.snapshotId}` };
      return { kind: 'forked', seen, found: { entryIndex, chainChecksum } };
    }
    const { stateChecksum } = decodeOutcomeBatch(entry.outcomes);
    if (stateChecksum === '') return passOver('its entry has no state checksum', true);
    const found = replica.machine.stateChecksum();
    if (found === stateChecksum) {
      this.#options.onRestored?.(head.point);
      return { kind: 'restored', replica };
    }
    return passOver(`its state has checksum ${found}, the log says ${stateChecksum}`, true);
  }

  /** @throws VersionUnsupported when the log is beyond what this program knows (LOG-16). */
  #passOverVersion(
    error: VersionUnsupported,
    passOver: (reason: string, isDamaged: boolean) => undefined,
  ): undefined {
    const { newest } = versionsOf(this.#options.replica.createMachine());
    if (error.version > newest) throw error;
    return passOver(error.message, false);
  }

  async #restore(
    { snapshotId, rowCount, contentChecksum, point }: SnapshotHead,
    { snapshots, pause }: Attempt,
  ): Promise<Replica<C, E, A>> {
    const restorer = new ReplicaRestorer(this.#options.replica);
    const checksum = new ContentChecksum();
    const fetchFrom = (row: number) =>
      row < rowCount ? snapshots.fetchRows(snapshotId, row) : undefined;
    let next = fetchFrom(0);
    for (let row = 0; next !== undefined; ) {
      const rows = await next;
      if (rows.length === 0) throw new RowsDamaged('rows are missing');
      next = fetchFrom(row + rows.length);
      next?.catch(() => {}); // awaited in the next round, unless this one fails before
      for (const content of rows) {
        checksum.add(content);
        damagedBy(() => restorer.take(content));
        await pause();
      }
      row += rows.length;
    }
    const replica = damagedBy(() => restorer.end());
    const { entryIndex, chainChecksum } = replica.point;
    const isSound =
      checksum.toText() === contentChecksum &&
      entryIndex === point.entryIndex &&
      chainChecksum === point.chainChecksum;
    if (!isSound) throw new RowsDamaged('its rows do not have the checksum of their content');
    return replica;
  }
}
