// The tables as the mesh sees them: leaders once they serve, slots once their owner has them.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { WatchClusterResponseSchema } from '../../../gen/bourse/coordinator/v1/service_pb.ts';
import {
  encodeNode,
  encodeShard,
  encodeSlotMap,
  encodeTable,
} from '../../lib/platform/cluster/cluster-codec.ts';
import type { ClusterShard, ClusterTable } from '../../lib/platform/cluster/cluster-table.ts';
import { SLOT_COUNT } from '../../lib/routing/slot.ts';
import type { SlotMap } from '../../lib/routing/slot-map.ts';
import type { ClusterTables, ShardKind, ShardRow, TableChange } from '../domain/cluster-tables.ts';
import type { ClusterRegistry } from './cluster-registry.ts';

export type WatchMessage = Exclude<
  MessageInitShape<typeof WatchClusterResponseSchema>,
  { $typeName: 'bourse.coordinator.v1.WatchClusterResponse' }
>;

/** Version of the slot map of each kind: that of the table which changed it last. */
export type MapVersions = Readonly<Record<ShardKind, number>>;

export function tableOf(tables: ClusterTables, versions: MapVersions): ClusterTable {
  return {
    version: tables.version,
    nodes: tables.nodes,
    shards: new Map([...tables.shards.values()].map((row) => [row.shardId, shardOf(tables, row)])),
    slotMaps: {
      matching: slotMapOf(tables, versions, 'matching'),
      account: slotMapOf(tables, versions, 'account'),
    },
  };
}

function snapshotMessage(tables: ClusterTables, versions: MapVersions): WatchMessage {
  const value = encodeTable(tableOf(tables, versions));
  return { version: BigInt(tables.version), message: { case: 'snapshot', value } };
}

function changeMessage(
  tables: ClusterTables,
  versions: MapVersions,
  changes: readonly TableChange[],
): WatchMessage {
  const nodeIds = new Set<string>();
  const shardIds = new Set<string>();
  const kinds = new Set<ShardKind>();
  for (const change of changes) {
    if (change.kind === 'node') nodeIds.add(change.node.nodeId);
    else if (change.kind === 'shard') shardIds.add(change.shard.shardId);
    else if (change.kind === 'slots') kinds.add(change.of);
  }
  // A shard's message holds its leader's address, which comes with the node.
  for (const shard of tables.shards.values()) {
    if (shard.leader !== undefined && nodeIds.has(shard.leader.nodeId)) shardIds.add(shard.shardId);
  }
  const nodes = [...tables.nodes.values()].filter((node) => nodeIds.has(node.nodeId));
  const shards = [...tables.shards.values()].filter((shard) => shardIds.has(shard.shardId));
  const mapOf = (kind: ShardKind) => encodeSlotMap(slotMapOf(tables, versions, kind));
  const value = {
    nodes: nodes.map(encodeNode),
    shards: shards.map((row) => encodeShard(shardOf(tables, row))),
    ...(kinds.has('matching') ? { matchingSlotMap: mapOf('matching') } : {}),
    ...(kinds.has('account') ? { accountSlotMap: mapOf('account') } : {}),
  };
  return { version: BigInt(tables.version), message: { case: 'change', value } };
}

export function heartbeatMessage(tables: ClusterTables, term: number): WatchMessage {
  const value = { term: BigInt(term) };
  return { version: BigInt(tables.version), message: { case: 'heartbeat', value } };
}

/** The versions after changes. */
function mapVersionsAfter(
  versions: MapVersions,
  tables: ClusterTables,
  changes: readonly TableChange[],
): MapVersions {
  const changed = { ...versions };
  for (const change of changes) if (change.kind === 'slots') changed[change.of] = tables.version;
  return changed;
}

function shardOf(tables: ClusterTables, row: ShardRow): ClusterShard {
  const { shardId, kind, epoch, replicaNodeIds } = row;
  const node = row.leader === undefined ? undefined : tables.nodes.get(row.leader.nodeId);
  const serves = node !== undefined && row.servingEpoch === epoch;
  const leader = serves ? { nodeId: node.nodeId, address: node.address } : undefined;
  return { shardId, kind, epoch, leader, replicaNodeIds };
}

function slotMapOf(tables: ClusterTables, versions: MapVersions, kind: ShardKind): SlotMap {
  const owners = Array.from({ length: SLOT_COUNT }, () => '');
  for (const row of tables.slots[kind]) if (row.published) owners[row.slot] = row.shardId;
  return { version: versions[kind], owners };
}

/** Keeps what watchers are told in step with the registry. */
export class ClusterView {
  readonly #registry: ClusterRegistry;
  readonly #listeners = new Set<(message: WatchMessage) => void>();
  #mapVersions: MapVersions;

  constructor(registry: ClusterRegistry) {
    this.#registry = registry;
    const { version } = registry.tables;
    this.#mapVersions = { matching: version, account: version };
    registry.listen((tables, changes) => {
      this.#mapVersions = mapVersionsAfter(this.#mapVersions, tables, changes);
      if (this.#listeners.size === 0) return;
      const message = changeMessage(tables, this.#mapVersions, changes);
      for (const listener of [...this.#listeners]) listener(message);
    });
  }

  get mapVersions(): MapVersions {
    return this.#mapVersions;
  }

  snapshot(): WatchMessage {
    return snapshotMessage(this.#registry.tables, this.#mapVersions);
  }

  /** Calls back with every change from now on; returns what ends it. */
  listen(listener: (message: WatchMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
