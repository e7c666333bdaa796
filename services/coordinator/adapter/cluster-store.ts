// The cluster tables in PostgreSQL (CRD-1).

import type pg from 'pg';
import type {
  ClusterTables,
  MoveRow,
  NodeKind,
  NodeRow,
  ShardKind,
  ShardRow,
  SlotRow,
  TableChange,
} from '../domain/cluster-tables.ts';
import { loadMoves, storedMove } from './move-store.ts';
import { type Read, readAtOnce, TablesChanged } from './versioned-write.ts';

/** Reads the tables as they are now. */
export function loadClusterTables(pool: pg.Pool): Promise<ClusterTables> {
  return readAtOnce(pool, async (client) => {
    const version = await client.query('SELECT cluster_version FROM coordinator');
    const nodes = await client.query<StoredNode>('SELECT * FROM cluster_node');
    const shards = await client.query<StoredShard>('SELECT * FROM cluster_shard');
    const replicas = await client.query<StoredReplica>(
      'SELECT * FROM cluster_replica ORDER BY node_id',
    );
    const slots = await client.query<StoredSlot>('SELECT * FROM cluster_slot');
    const moves = await loadMoves(client);
    return {
      version: Number(version.rows[0].cluster_version),
      nodes: new Map(nodes.rows.map((row) => [row.node_id, nodeOf(row)])),
      shards: new Map(shards.rows.map((row) => [row.shard_id, shardOf(row, replicas.rows)])),
      slots: { matching: slotsOf('matching', slots.rows), account: slotsOf('account', slots.rows) },
      moves,
    };
  });
}

/**
 * One statement, and so one round trip and one transaction: a hand-over waits for two of them. When
 * the term or the version is another one, `raised` is empty and nothing is written.
 */
const STORE = `
  WITH raised AS (
    UPDATE coordinator SET cluster_version = cluster_version + 1
    WHERE term = $1 AND cluster_version = $2 RETURNING term
  ), nodes AS (
    INSERT INTO cluster_node
    SELECT row.* FROM raised, json_populate_recordset(NULL::cluster_node, $3) AS row
    ON CONFLICT (node_id) DO UPDATE
    SET kind = EXCLUDED.kind, address = EXCLUDED.address, incarnation = EXCLUDED.incarnation,
        live = EXCLUDED.live, draining = EXCLUDED.draining
  ), shards AS (
    INSERT INTO cluster_shard
    SELECT row.* FROM raised, json_populate_recordset(NULL::cluster_shard, $4) AS row
    ON CONFLICT (shard_id) DO UPDATE
    SET epoch = EXCLUDED.epoch, serving_epoch = EXCLUDED.serving_epoch,
        promised_epoch = EXCLUDED.promised_epoch,
        leader_node_id = EXCLUDED.leader_node_id,
        leader_incarnation = EXCLUDED.leader_incarnation
  ), wanted_replicas AS (
    SELECT row.shard_id, row.node_id
    FROM raised, json_populate_recordset(NULL::cluster_replica, $5) AS row
  ), other_replicas AS (
    DELETE FROM cluster_replica AS held USING raised
    WHERE held.shard_id IN (SELECT shard_id FROM json_populate_recordset(NULL::cluster_shard, $4))
      AND (held.shard_id, held.node_id) NOT IN (SELECT shard_id, node_id FROM wanted_replicas)
  ), replicas AS (
    INSERT INTO cluster_replica (shard_id, node_id) SELECT shard_id, node_id FROM wanted_replicas
    ON CONFLICT DO NOTHING
  ), slots AS (
    INSERT INTO cluster_slot
    SELECT row.* FROM raised, json_populate_recordset(NULL::cluster_slot, $6) AS row
    ON CONFLICT (kind, slot) DO UPDATE
    SET shard_id = EXCLUDED.shard_id, generation = EXCLUDED.generation,
        published = EXCLUDED.published
  ), moves AS (
    INSERT INTO cluster_move
    SELECT row.* FROM raised, json_populate_recordset(NULL::cluster_move, $7) AS row
    ON CONFLICT (move_number) DO UPDATE
    SET state = EXCLUDED.state, roll_back_reason = EXCLUDED.roll_back_reason,
        import_refused = EXCLUDED.import_refused, copied_bytes = EXCLUDED.copied_bytes,
        rest_bytes = EXCLUDED.rest_bytes, rounds = EXCLUDED.rounds, retries = EXCLUDED.retries,
        copy_time_us = EXCLUDED.copy_time_us, export_time_us = EXCLUDED.export_time_us,
        import_time_us = EXCLUDED.import_time_us, end_time_us = EXCLUDED.end_time_us,
        pause_us = EXCLUDED.pause_us
  )
  SELECT term FROM raised`;

/**
 * Applies changes in one transaction.
 *
 * @throws TablesChanged when the term or version is no longer the one that was read.
 */
export async function storeClusterChanges(
  pool: pg.Pool,
  read: Read,
  changes: readonly TableChange[],
): Promise<void> {
  const { nodes, shards, slots, moves } = lastRowsOf(changes);
  const replicas = [...shards.values()].flatMap(({ shardId, replicaNodeIds }) =>
    replicaNodeIds.map((nodeId) => ({ shard_id: shardId, node_id: nodeId })),
  );
  const json = (rows: readonly object[]) => JSON.stringify(rows);
  const { rowCount } = await pool.query(STORE, [
    ...[read.term, read.version],
    json([...nodes.values()].map(storedNode)),
    json([...shards.values()].map(storedShard)),
    json(replicas),
    json([...slots.values()]),
    json([...moves.values()].map(storedMove)),
  ]);
  if (rowCount === 1) return;
  throw new TablesChanged(`cluster_version is not ${read.version} in term ${read.term} any more`);
}

type LastRows = {
  readonly nodes: Map<string, NodeRow>;
  readonly shards: Map<string, ShardRow>;
  readonly slots: Map<string, object>;
  readonly moves: Map<number, MoveRow>;
};

/** A change may follow another one of the same row. */
function lastRowsOf(changes: readonly TableChange[]): LastRows {
  const rows: LastRows = {
    nodes: new Map(),
    shards: new Map(),
    slots: new Map(),
    moves: new Map(),
  };
  for (const change of changes) {
    if (change.kind === 'node') rows.nodes.set(change.node.nodeId, change.node);
    else if (change.kind === 'shard') rows.shards.set(change.shard.shardId, change.shard);
    else if (change.kind === 'move') rows.moves.set(change.move.moveNumber, change.move);
    else {
      for (const { slot, shardId, generation, published } of change.slots) {
        const row = { kind: change.of, slot, shard_id: shardId, generation, published };
        rows.slots.set(`${change.of} ${slot}`, row);
      }
    }
  }
  return rows;
}

function storedNode({ nodeId, kind, address, incarnation, live, draining }: NodeRow): object {
  return { node_id: nodeId, kind, address, incarnation, live, draining };
}

function storedShard(shard: ShardRow): object {
  const { shardId, kind, epoch, servingEpoch, promisedEpoch, leader } = shard;
  return {
    ...{ shard_id: shardId, kind, epoch, serving_epoch: servingEpoch },
    promised_epoch: promisedEpoch,
    leader_node_id: leader?.nodeId,
    leader_incarnation: leader?.incarnation,
  };
}

type StoredNode = {
  readonly node_id: string;
  readonly kind: NodeKind;
  readonly address: string;
  readonly incarnation: string;
  readonly live: boolean;
  readonly draining: boolean;
};

function nodeOf(row: StoredNode): NodeRow {
  const { node_id: nodeId, kind, address, incarnation, live, draining } = row;
  return { nodeId, kind, address, incarnation, live, draining };
}

type StoredShard = {
  readonly shard_id: string;
  readonly kind: ShardKind;
  readonly epoch: string;
  readonly serving_epoch: string;
  readonly promised_epoch: string;
  readonly leader_node_id: string | null;
  readonly leader_incarnation: string | null;
};

type StoredReplica = { readonly shard_id: string; readonly node_id: string };

function shardOf(row: StoredShard, replicas: readonly StoredReplica[]): ShardRow {
  const { leader_node_id: nodeId, leader_incarnation: incarnation } = row;
  return {
    shardId: row.shard_id,
    kind: row.kind,
    epoch: Number(row.epoch),
    servingEpoch: Number(row.serving_epoch),
    promisedEpoch: Number(row.promised_epoch),
    leader: nodeId === null || incarnation === null ? undefined : { nodeId, incarnation },
    replicaNodeIds: replicas
      .filter((replica) => replica.shard_id === row.shard_id)
      .map((replica) => replica.node_id),
  };
}

type StoredSlot = {
  readonly kind: ShardKind;
  readonly slot: number;
  readonly shard_id: string;
  readonly generation: string;
  readonly published: boolean;
};

function slotsOf(kind: ShardKind, rows: readonly StoredSlot[]): readonly SlotRow[] {
  const slots: SlotRow[] = [];
  for (const row of rows) {
    if (row.kind !== kind) continue;
    slots[row.slot] = {
      slot: row.slot,
      shardId: row.shard_id,
      generation: Number(row.generation),
      published: row.published,
    };
  }
  return slots;
}
