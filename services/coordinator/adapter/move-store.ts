// The moves of slots in PostgreSQL (MOV-2).

import type pg from 'pg';
import {
  ENDED_MOVES_LIMIT,
  type MoveRow,
  type MoveState,
  type ShardKind,
} from '../domain/cluster-tables.ts';

type Text = string;

/** As `pg` gives it: 64-bit numbers are texts. */
type StoredMove = {
  readonly move_number: Text;
  readonly kind: ShardKind;
  readonly slot: number;
  readonly source_shard_id: string;
  readonly target_shard_id: string;
  readonly generation: Text;
  readonly state: MoveState;
  readonly client_request_id: string;
  readonly roll_back_reason: string | null;
  readonly import_refused: boolean;
  readonly copied_bytes: Text;
  readonly rest_bytes: Text;
  readonly rounds: number;
  readonly retries: number;
  readonly create_time_us: Text;
  readonly copy_time_us: Text | null;
  readonly export_time_us: Text | null;
  readonly import_time_us: Text | null;
  readonly end_time_us: Text | null;
  readonly pause_us: Text | null;
};

/** All open moves and the last that ended, by number. */
export async function loadMoves(client: pg.PoolClient): Promise<ReadonlyMap<number, MoveRow>> {
  const { rows } = await client.query<StoredMove>(
    `SELECT * FROM (
       SELECT * FROM cluster_move ORDER BY move_number DESC LIMIT $1) AS latest
     UNION SELECT * FROM cluster_move WHERE state NOT IN ('done', 'rolledBack')
     ORDER BY move_number`,
    [ENDED_MOVES_LIMIT],
  );
  return new Map(rows.map((row) => [Number(row.move_number), moveOf(row)]));
}

export async function storeMove(client: pg.PoolClient, move: MoveRow): Promise<void> {
  await client.query(
    `INSERT INTO cluster_move
       (move_number, kind, slot, source_shard_id, target_shard_id, generation, state,
        client_request_id, roll_back_reason, import_refused, copied_bytes, rest_bytes, rounds,
        retries, create_time_us, copy_time_us, export_time_us, import_time_us, end_time_us,
        pause_us)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
             $20)
     ON CONFLICT (move_number) DO UPDATE
     SET state = EXCLUDED.state, roll_back_reason = EXCLUDED.roll_back_reason,
         import_refused = EXCLUDED.import_refused, copied_bytes = EXCLUDED.copied_bytes,
         rest_bytes = EXCLUDED.rest_bytes, rounds = EXCLUDED.rounds, retries = EXCLUDED.retries,
         copy_time_us = EXCLUDED.copy_time_us, export_time_us = EXCLUDED.export_time_us,
         import_time_us = EXCLUDED.import_time_us, end_time_us = EXCLUDED.end_time_us,
         pause_us = EXCLUDED.pause_us`,
    [
      ...[move.moveNumber, move.kind, move.slot, move.sourceShardId, move.targetShardId],
      ...[move.generation, move.state, move.clientRequestId, move.rollBackReason ?? null],
      ...[move.importRefused, move.copiedBytes, move.restBytes, move.rounds, move.retries],
      ...[move.createTimeUs, move.copyTimeUs ?? null, move.exportTimeUs ?? null],
      ...[move.importTimeUs ?? null, move.endTimeUs ?? null, move.pauseUs ?? null],
    ],
  );
}

function moveOf(row: StoredMove): MoveRow {
  return {
    moveNumber: Number(row.move_number),
    kind: row.kind,
    slot: row.slot,
    sourceShardId: row.source_shard_id,
    targetShardId: row.target_shard_id,
    generation: Number(row.generation),
    state: row.state,
    clientRequestId: row.client_request_id,
    rollBackReason: row.roll_back_reason ?? undefined,
    importRefused: row.import_refused,
    copiedBytes: Number(row.copied_bytes),
    restBytes: Number(row.rest_bytes),
    rounds: row.rounds,
    retries: row.retries,
    createTimeUs: Number(row.create_time_us),
    copyTimeUs: optional(row.copy_time_us),
    exportTimeUs: optional(row.export_time_us),
    importTimeUs: optional(row.import_time_us),
    endTimeUs: optional(row.end_time_us),
    pauseUs: optional(row.pause_us),
  };
}

function optional(text: Text | null): number | undefined {
  return text === null ? undefined : Number(text);
}
