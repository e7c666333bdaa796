// The snapshots of one shard in a simulated database, behind the same bad network as its log.

import type {
  SnapshotBeginning,
  SnapshotHead,
  SnapshotStore,
} from '../../../services/lib/shard/world.ts';

/** A snapshot as the database has it; without a head it is not there for anybody. */
export type SimulatedSnapshot = {
  readonly beginning: SnapshotBeginning;
  head: SnapshotHead | undefined;
  readonly rows: Uint8Array[];
};

export type SimulatedSnapshotsOptions = {
  /** Runs a statement in the database, with what may go wrong on the way. */
  readonly run: <T>(statement: () => T) => Promise<T>;
  readonly snapshots: SimulatedSnapshot[];
  /** Epoch of the shard's row. */
  readonly epoch: () => number | undefined;
};

/** Rows that come at once. */
const FETCH_SNAPSHOT_ROWS = 2;

export class SimulatedSnapshots implements SnapshotStore {
  readonly #options: SimulatedSnapshotsOptions;

  constructor(options: SimulatedSnapshotsOptions) {
    this.#options = options;
  }

  #call<T>(statement: (snapshots: SimulatedSnapshot[]) => T): Promise<T> {
    return this.#options.run(() => statement(this.#options.snapshots));
  }

  fetchHeads(): Promise<readonly SnapshotHead[]> {
    return this.#call((snapshots) => {
      const heads = snapshots.flatMap(({ head }) => (head === undefined ? [] : [head]));
      return heads.sort((one, other) => other.point.entryIndex - one.point.entryIndex);
    });
  }

  fetchRows(snapshotId: string, fromRow: number): Promise<readonly Uint8Array[]> {
    return this.#call((snapshots) => {
      const { rows } = find(snapshots, snapshotId) ?? { rows: [] };
      return rows.slice(fromRow, fromRow + FETCH_SNAPSHOT_ROWS);
    });
  }

  begin(beginning: SnapshotBeginning): Promise<boolean> {
    return this.#call((snapshots) => {
      if (this.#options.epoch() !== beginning.epoch) return false;
      const whole = snapshots.filter(({ head }) => head !== undefined);
      snapshots.splice(0, snapshots.length, ...whole, { beginning, head: undefined, rows: [] });
      return true;
    });
  }

  writeRow(snapshotId: string, rowNumber: number, content: Uint8Array): Promise<boolean> {
    return this.#call((snapshots) => {
      const snapshot = find(snapshots, snapshotId);
      if (snapshot === undefined || snapshot.head !== undefined) return false;
      snapshot.rows[rowNumber] = content;
      return true;
    });
  }

  complete(head: SnapshotHead): Promise<boolean> {
    return this.#call((snapshots) => {
      const snapshot = find(snapshots, head.snapshotId);
      if (snapshot?.rows.length !== head.rowCount) return false;
      snapshot.head = head;
      return true;
    });
  }

  remove(snapshotIds: readonly string[]): Promise<void> {
    return this.#call((snapshots) => {
      const kept = snapshots.filter(({ beginning }) => !snapshotIds.includes(beginning.snapshotId));
      snapshots.splice(0, snapshots.length, ...kept);
    });
  }

  async close(): Promise<void> {}
}

function find(
  snapshots: readonly SimulatedSnapshot[],
  snapshotId: string,
): SimulatedSnapshot | undefined {
  return snapshots.find(({ beginning }) => beginning.snapshotId === snapshotId);
}
