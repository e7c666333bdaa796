// The cluster table between the contract and the values that nodes keep.

import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type ClusterTableSchema,
  NodeKind as NodeKindNumber,
  type Node as NodeMessage,
  ShardKind as ShardKindNumber,
  type Shard as ShardMessage,
  type SlotMap as SlotMapMessage,
  type SlotMapSchema,
  type ClusterTable as TableMessage,
} from '../../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import type { ClusterChange } from '../../../../gen/bourse/coordinator/v1/service_pb.ts';
import { SLOT_COUNT } from '../../routing/slot.ts';
import type { SlotMap } from '../../routing/slot-map.ts';
import { malformed } from '../codec/malformed.ts';
import { safeNumber } from '../codec/numbers.ts';
import type {
  ClusterNode,
  ClusterShard,
  ClusterTable,
  NodeKind,
  ShardKind,
} from './cluster-table.ts';

const NODE_KINDS: Readonly<Record<NodeKind, NodeKindNumber>> = {
  order: NodeKindNumber.ORDER,
  matching: NodeKindNumber.MATCHING,
  account: NodeKindNumber.ACCOUNT,
  marketdata: NodeKindNumber.MARKETDATA,
};

const SHARD_KINDS: Readonly<Record<ShardKind, ShardKindNumber>> = {
  matching: ShardKindNumber.MATCHING,
  account: ShardKindNumber.ACCOUNT,
};

/** Before the first map: nobody owns anything. */
export const EMPTY_SLOT_MAP: SlotMap = {
  version: 0,
  owners: Array.from({ length: SLOT_COUNT }, () => ''),
};

export function encodeNodeKind(kind: NodeKind): NodeKindNumber {
  return NODE_KINDS[kind];
}

/** Undefined when the number is no kind of node. */
export function findNodeKind(number: number): NodeKind | undefined {
  return (Object.keys(NODE_KINDS) as NodeKind[]).find((kind) => NODE_KINDS[kind] === number);
}

export function encodeShardKind(kind: ShardKind): ShardKindNumber {
  return SHARD_KINDS[kind];
}

/** @throws OperatingError MESSAGE_MALFORMED when the number is no kind of shard. */
export function decodeShardKind(number: number): ShardKind {
  const found = (Object.keys(SHARD_KINDS) as ShardKind[]).find(
    (kind) => SHARD_KINDS[kind] === number,
  );
  if (found === undefined) throw malformed(`there is no kind of shard ${number}`);
  return found;
}

export function encodeNode(node: ClusterNode) {
  return { ...node, kind: encodeNodeKind(node.kind) };
}

export function encodeShard(shard: ClusterShard) {
  return {
    shardId: shard.shardId,
    kind: encodeShardKind(shard.kind),
    epoch: BigInt(shard.epoch),
    leaderNodeId: shard.leader?.nodeId ?? '',
    leaderAddress: shard.leader?.address ?? '',
    replicaNodeIds: [...shard.replicaNodeIds],
  };
}

export function encodeSlotMap(map: SlotMap): MessageInitShape<typeof SlotMapSchema> {
  const runs: { firstSlot: number; slotCount: number; shardId: string }[] = [];
  map.owners.forEach((shardId, slot) => {
    const last = runs.at(-1);
    if (shardId === '') return;
    if (last?.shardId === shardId && last.firstSlot + last.slotCount === slot) last.slotCount += 1;
    else runs.push({ firstSlot: slot, slotCount: 1, shardId });
  });
  return { version: BigInt(map.version), runs };
}

export function encodeTable(table: ClusterTable): MessageInitShape<typeof ClusterTableSchema> {
  return {
    nodes: byId(table.nodes).map(encodeNode),
    shards: byId(table.shards).map(encodeShard),
    matchingSlotMap: encodeSlotMap(table.slotMaps.matching),
    accountSlotMap: encodeSlotMap(table.slotMaps.account),
  };
}

/** Values in the order of their keys. */
function byId<T>(rows: ReadonlyMap<string, T>): readonly T[] {
  return [...rows].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, row]) => row);
}

/** @throws OperatingError MESSAGE_MALFORMED when it is no table. */
export function decodeTable(version: bigint, message: TableMessage): ClusterTable {
  return {
    version: safeNumber(version),
    nodes: new Map(message.nodes.map((node) => [node.nodeId, decodeNode(node)])),
    shards: new Map(message.shards.map((shard) => [shard.shardId, decodeShard(shard)])),
    slotMaps: {
      matching: decodeSlotMap(message.matchingSlotMap) ?? EMPTY_SLOT_MAP,
      account: decodeSlotMap(message.accountSlotMap) ?? EMPTY_SLOT_MAP,
    },
  };
}

/** The table after one change. */
export function applyChange(
  table: ClusterTable,
  version: bigint,
  change: ClusterChange,
): ClusterTable {
  const nodes = new Map(table.nodes);
  for (const nodeId of change.removedNodeIds) nodes.delete(nodeId);
  for (const node of change.nodes) nodes.set(node.nodeId, decodeNode(node));
  const shards = new Map(table.shards);
  for (const shard of change.shards) shards.set(shard.shardId, decodeShard(shard));
  return {
    version: safeNumber(version),
    nodes,
    shards,
    slotMaps: {
      matching: decodeSlotMap(change.matchingSlotMap) ?? table.slotMaps.matching,
      account: decodeSlotMap(change.accountSlotMap) ?? table.slotMaps.account,
    },
  };
}

function decodeNode(message: NodeMessage): ClusterNode {
  const kind = findNodeKind(message.kind);
  if (kind === undefined) throw malformed(`there is no kind of node ${message.kind}`);
  const { nodeId, address, incarnation, live } = message;
  return { nodeId, kind, address, incarnation, live };
}

function decodeShard(message: ShardMessage): ClusterShard {
  const { leaderNodeId: nodeId, leaderAddress: address } = message;
  return {
    shardId: message.shardId,
    kind: decodeShardKind(message.kind),
    epoch: safeNumber(message.epoch),
    leader: nodeId === '' ? undefined : { nodeId, address },
    replicaNodeIds: [...message.replicaNodeIds],
  };
}

function decodeSlotMap(message: SlotMapMessage | undefined): SlotMap | undefined {
  if (message === undefined) return undefined;
  const owners = [...EMPTY_SLOT_MAP.owners];
  for (const { firstSlot, slotCount, shardId } of message.runs) {
    if (firstSlot + slotCount > SLOT_COUNT)
      throw malformed(`there is no slot ${firstSlot + slotCount}`);
    owners.fill(shardId, firstSlot, firstSlot + slotCount);
  }
  return { version: safeNumber(message.version), owners };
}
