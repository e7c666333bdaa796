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
import { loadMoves, storeMoves } from './move-store.ts';
import { readAtOnce, writeVersioned } from './versioned-write.ts';

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
 * Applies changes in one transaction.
 *
 * @throws TablesChanged when the term or version is no longer the one that was read.
 */
export async function storeClusterChanges(
  pool: pg.Pool,
  read: { readonly term: number; readonly version: number },
  changes: readonly TableChange[],
): Promise<void> {
  await writeVersioned(pool, 'cluster_version', read, async (client) => {
    for (const change of changes) {
      if (change.kind === 'node') await storeNode(client, change.node);
      else if (change.kind === 'shard') await storeShard(client, change.shard);
      else if (change.kind === 'slots') await storeSlots(client, change.of, change.slots);
    }
    // The last row of each: a change may follow another within one transaction.
    const moves = new Map<number, MoveRow>();
    for (const change of changes) {
      if (change.kind === 'move') moves.set(change.move.moveNumber, change.move);
    }
    await storeMoves(client, [...moves.values()]);
  });
}

async function storeNode(client: pg.PoolClient, node: NodeRow): Promise<void> {
  await client.query(
    `INSERT INTO cluster_node (node_id, kind, address, incarnation, live, draining)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (node_id) DO UPDATE
     SET kind = EXCLUDED.kind, address = EXCLUDED.address, incarnation = EXCLUDED.incarnation,
         live = EXCLUDED.live, draining = EXCLUDED.draining`,
    [node.nodeId, node.kind, node.address, node.incarnation, node.live, node.draining],
  );
}

async function storeShard(client: pg.PoolClient, shard: ShardRow): Promise<void> {
  await client.query(
    `INSERT INTO cluster_shard
       (shard_id, kind, epoch, serving_epoch, leader_node_id, leader_incarnation)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (shard_id) DO UPDATE
     SET epoch = EXCLUDED.epoch, serving_epoch = EXCLUDED.serving_epoch,
         leader_node_id = EXCLUDED.leader_node_id,
         leader_incarnation = EXCLUDED.leader_incarnation`,
    [
      shard.shardId,
      shard.kind,
      shard.epoch,
      shard.servingEpoch,
      shard.leader?.nodeId ?? null,
      shard.leader?.incarnation ?? null,
    ],
  );
  await client.query('DELETE FROM cluster_replica WHERE shard_id = $1 AND node_id <> ALL ($2)', [
    shard.shardId,
    shard.replicaNodeIds,
  ]);
  await client.query(
    `INSERT INTO cluster_replica (shard_id, node_id) SELECT $1, unnest($2::text[])
     ON CONFLICT DO NOTHING`,
    [shard.shardId, shard.replicaNodeIds],
  );
}

async function storeSlots(
  client: pg.PoolClient,
  kind: ShardKind,
  slots: readonly SlotRow[],
): Promise<void> {
  await client.query(
    `INSERT INTO cluster_slot (kind, slot, shard_id, generation, published)
     SELECT $1, * FROM unnest($2::integer[], $3::text[], $4::bigint[], $5::boolean[])
     ON CONFLICT (kind, slot) DO UPDATE
     SET shard_id = EXCLUDED.shard_id, generation = EXCLUDED.generation,
         published = EXCLUDED.published`,
    [
      kind,
      slots.map((row) => row.slot),
      slots.map((row) => row.shardId),
      slots.map((row) => row.generation),
      slots.map((row) => row.published),
    ],
  );
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
