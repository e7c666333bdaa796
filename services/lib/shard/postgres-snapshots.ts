// The snapshots of a shard in PostgreSQL (SNAP-1). Tables: migration 0006.

import { PostgresSession, type Statement } from './postgres-session.ts';
import type { SnapshotBeginning, SnapshotHead, SnapshotStore } from './world.ts';

/** A row's worth of work; removing a large snapshot is the longest. */
const TIMEOUT_MS = 60_000;
/** Rows that are fetched at a time: 2 MiB. */
const BATCH_ROWS = 8;

const SNAPSHOT_ID = /^[0-9a-f]{32}$/;

const FETCH_HEADS: Statement = {
  name: 'fetch_heads',
  text: `
  SELECT replace(snapshot_id::text, '-', ''), version, entry_index, chain_checksum, row_count,
    content_checksum
  FROM shard_snapshot
  WHERE shard_id = $1 AND row_count IS NOT NULL
  ORDER BY entry_index DESC, begun_time DESC`,
};

// Only for the leader whose epoch is in force, and what another has not finished goes.
const BEGIN: Statement = {
  name: 'begin',
  text: `
  WITH leader AS (SELECT FROM log_shard WHERE shard_id = $1 AND epoch = $2::bigint),
    unfinished AS (
      DELETE FROM shard_snapshot
      WHERE shard_id = $1 AND row_count IS NULL AND EXISTS (SELECT FROM leader))
  INSERT INTO shard_snapshot
    (shard_id, epoch, snapshot_id, version, entry_index, chain_checksum)
  SELECT $1, $2::bigint, $3::uuid, $4::integer, $5::bigint, $6::bytea FROM leader`,
};

// Nobody waits for a row: the commit that completes the snapshot makes its rows durable, too.
const WRITE_ROW: Statement = {
  name: 'write_row',
  text: `
  WITH later AS (SELECT set_config('synchronous_commit', 'off', true))
  INSERT INTO shard_snapshot_row (snapshot_id, row_number, content)
  SELECT snapshot_id, $2::integer, $3::bytea FROM shard_snapshot, later
  WHERE snapshot_id = $1::uuid AND row_count IS NULL`,
};

const COMPLETE: Statement = {
  name: 'complete',
  text: `
  UPDATE shard_snapshot SET row_count = $2::integer, content_checksum = $3::bytea
  WHERE snapshot_id = $1::uuid AND $2::integer =
    (SELECT count(*) FROM shard_snapshot_row WHERE snapshot_id = $1::uuid)`,
};

const REMOVE: Statement = {
  name: 'remove',
  text: 'DELETE FROM shard_snapshot WHERE snapshot_id = ANY ($1::uuid[])',
};

export class PostgresSnapshots implements SnapshotStore {
  readonly #shardId: string;
  readonly #session: PostgresSession;

  constructor(
    shardId: string,
    options: { readonly databaseUrl: string; readonly requireReplica: boolean },
  ) {
    this.#shardId = shardId;
    const name = `bourse ${shardId} snapshot`;
    this.#session = new PostgresSession({ ...options, name, timeoutMs: TIMEOUT_MS });
  }

  async fetchHeads(): Promise<readonly SnapshotHead[]> {
    const { rows } = await this.#session.query(FETCH_HEADS, [this.#shardId]);
    return rows.map((row) => {
      const [snapshotId, version, entryIndex, chainChecksum, rowCount, contentChecksum] = row as [
        ...[string, number, number, Buffer, number, Buffer],
      ];
      const point = { entryIndex, chainChecksum: chainChecksum.toString('hex') };
      const checksum = contentChecksum.toString('hex');
      return { snapshotId, version, point, rowCount, contentChecksum: checksum };
    });
  }

  async fetchRows(snapshotId: string, fromRow: number): Promise<readonly Uint8Array[]> {
    if (!SNAPSHOT_ID.test(snapshotId) || !Number.isSafeInteger(fromRow)) {
      throw new TypeError('no id of a snapshot or no row');
    }
    // COPY takes no parameters, so they stand in the text.
    const rows = await this.#session.copy(`
      SELECT content FROM shard_snapshot_row
      WHERE snapshot_id = '${snapshotId}' AND row_number >= ${fromRow}
        AND row_number < ${fromRow + BATCH_ROWS}
      ORDER BY row_number`);
    return rows.map(([content]) => content as Buffer);
  }

  async begin(beginning: SnapshotBeginning): Promise<boolean> {
    const { snapshotId, version, point, epoch } = beginning;
    const checksum = Buffer.from(point.chainChecksum, 'hex');
    const values = [this.#shardId, epoch, snapshotId, version, point.entryIndex, checksum];
    const { changedRows } = await this.#session.query(BEGIN, values);
    return changedRows === 1;
  }

  async writeRow(snapshotId: string, rowNumber: number, content: Uint8Array): Promise<boolean> {
    const values = [snapshotId, rowNumber, content];
    const { changedRows } = await this.#session.query(WRITE_ROW, values);
    return changedRows === 1;
  }

  async complete(head: SnapshotHead): Promise<boolean> {
    const checksum = Buffer.from(head.contentChecksum, 'hex');
    const values = [head.snapshotId, head.rowCount, checksum];
    const { changedRows } = await this.#session.query(COMPLETE, values);
    return changedRows === 1;
  }

  async remove(snapshotIds: readonly string[]): Promise<void> {
    await this.#session.query(REMOVE, [snapshotIds]);
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
