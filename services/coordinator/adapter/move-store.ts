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

/** The columns of a move's row. */
export function storedMove(move: MoveRow): Record<string, unknown> {
  return {
    move_number: move.moveNumber,
    kind: move.kind,
    slot: move.slot,
    source_shard_id: move.sourceShardId,
    target_shard_id: move.targetShardId,
    generation: move.generation,
    state: move.state,
    client_request_id: move.clientRequestId,
    roll_back_reason: move.rollBackReason,
    import_refused: move.importRefused,
    copied_bytes: move.copiedBytes,
    rest_bytes: move.restBytes,
    rounds: move.rounds,
    retries: move.retries,
    create_time_us: move.createTimeUs,
    copy_time_us: move.copyTimeUs,
    export_time_us: move.exportTimeUs,
    import_time_us: move.importTimeUs,
    end_time_us: move.endTimeUs,
    pause_us: move.pauseUs,
  };
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
