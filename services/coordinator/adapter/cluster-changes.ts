// What operators change of shards, leaders and nodes: AddShard, TransferLeadership, DrainNode.

import type {
  AddShardRequest,
  DrainNodeRequest,
  TransferLeadershipRequest,
} from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { encodeShard } from '../../lib/platform/cluster/cluster-codec.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { RpcContext } from '../../lib/platform/rpc/call-context.ts';
import { assertForm } from '../../lib/platform/rpc/form-error.ts';
import { slotOf } from '../../lib/routing/slot.ts';
import type { ClusterTables, NodeRow, ShardKind, ShardRow } from '../domain/cluster-tables.ts';
import { isOpen } from '../domain/cluster-tables.ts';
import { newMoves } from '../domain/moves.ts';
import { newShard, shareOf } from '../domain/new-shards.ts';
import { leaderNode } from '../domain/placement.ts';
import type { ActiveCoordinator } from './active-coordinator.ts';
import { patienceOf } from './change-support.ts';
import { tableOf } from './cluster-view.ts';
import { checkId, fieldError, RequestCheck } from './form.ts';
import { findKind, knownShard } from './known-shards.ts';
import { loadOf } from './shard-loads.ts';

/** Of each kind. */
const SHARDS_LIMIT = 64;

export async function addShard(active: ActiveCoordinator, request: AddShardRequest) {
  const { shardId, moveSlots } = request;
  const kind = findKind(request.kind);
  const check = new RequestCheck();
  check.requiredEnum('kind', kind ?? (request.kind === 0 ? 'UNSPECIFIED' : 'UNKNOWN'));
  check.requiredId('shard_id', shardId);
  assertForm(check);
  if (kind === undefined) throw new Error('the check lets no unknown kind through');
  let duplicate = false;
  const { registry, world } = active;
  await registry.change((tables) => {
    const known = tables.shards.get(shardId);
    duplicate = known !== undefined;
    if (known !== undefined && known.kind !== kind) {
      throw fieldError('FIELDS_CONFLICT', 'kind', `${shardId} is a shard of another kind.`);
    }
    if (known === undefined) checkRoom(tables, kind);
    const shard = known ?? newShard(shardId, kind);
    const share = moveSlots && !duplicate ? shareOf(tables, shardId, kind) : [];
    const slots = inhabitedFirst(active, kind, share);
    const clientRequestId = `add-${shardId}`;
    const nowUs = world.wallClockUs();
    const moves = newMoves(tables, {
      ...{ kind, slots, targetShardId: shardId, clientRequestId, nowUs },
    });
    return [
      ...(duplicate ? [] : [{ kind: 'shard' as const, shard }]),
      ...moves.map((move) => ({ kind: 'move' as const, move })),
    ];
  });
  const { tables } = registry;
  const openMoves = [...tables.moves.values()].filter(
    (move) => move.targetShardId === shardId && isOpen(move),
  );
  return { shard: shardMessage(active, shardId), openMoves: openMoves.length, duplicate };
}

/** Slots in which something happens come first: the others take as long and relieve nobody. */
function inhabitedFirst(
  { reference, registry }: ActiveCoordinator,
  kind: ShardKind,
  slots: readonly number[],
): number[] {
  const inhabited = new Set<number>();
  if (kind === 'matching') {
    for (const { instrumentId } of reference.tables.instruments.values()) {
      inhabited.add(slotOf(instrumentId));
    }
  } else {
    for (const shard of registry.tables.shards.values()) {
      if (shard.kind !== kind) continue;
      for (const { slot } of loadOf(registry, shard.shardId)?.slots ?? []) inhabited.add(slot);
    }
  }
  const isEmpty = (slot: number) => !inhabited.has(slot);
  return [...slots.filter((slot) => !isEmpty(slot)), ...slots.filter(isEmpty)];
}

function checkRoom(tables: ClusterTables, kind: ShardKind): void {
  const count = [...tables.shards.values()].filter((shard) => shard.kind === kind).length;
  if (count < SHARDS_LIMIT) return;
  const message = `There are ${count} ${kind} shards already.`;
  throw fieldError('TOO_MANY_ITEMS', 'shard_id', message, { limit: String(SHARDS_LIMIT) });
}

export async function transferLeadership(
  active: ActiveCoordinator,
  { shardId, nodeId }: TransferLeadershipRequest,
  call: RpcContext,
) {
  const check = new RequestCheck();
  check.requiredId('shard_id', shardId);
  check.optionalId('node_id', nodeId);
  assertForm(check);
  const { registry } = active;
  const shard = knownShard(registry.tables, shardId);
  if (nodeId !== '') knownNode(registry.tables, nodeId);
  if (nodeId !== '' && leads(registry.tables, shardId, nodeId)) {
    registry.wishLeader(shardId, nodeId);
    return { shard: shardMessage(active, shardId), alreadyLeads: true };
  }
  const target = chooseTarget(active, shard, nodeId);
  if (leaderNode(registry.tables, shard) === undefined || shard.servingEpoch !== shard.epoch) {
    const metadata = { shard_id: shardId };
    throw new OperatingError('SHARD_UNAVAILABLE', `${shardId} has no leader now.`, { metadata });
  }
  const takeBack = registry.wishLeader(shardId, target.nodeId);
  const isDone = await waitForTables(active, patienceOf(active, call), (tables) =>
    leads(tables, shardId, target.nodeId),
  );
  if (!isDone) {
    takeBack();
    const message = `${target.nodeId} does not lead ${shardId} yet. Look, and repeat it.`;
    throw new OperatingError('OUTCOME_UNKNOWN', message);
  }
  return { shard: shardMessage(active, shardId), alreadyLeads: false };
}

function chooseTarget(active: ActiveCoordinator, { shardId }: ShardRow, nodeId: string): NodeRow {
  const { registry } = active;
  const standbys = registry.standbysOf(shardId);
  const target =
    nodeId === ''
      ? standbys.find(({ draining }) => !draining)
      : standbys.find((node) => node.nodeId === nodeId);
  if (target !== undefined) return target;
  const message =
    nodeId === ''
      ? `No other node has a replica of ${shardId} that could lead now.`
      : `${nodeId} has no replica of ${shardId} that could lead now.`;
  const metadata = { shard_id: shardId, node_id: nodeId };
  throw new OperatingError('NODE_NOT_STANDBY', message, { metadata });
}

export async function drainNode(active: ActiveCoordinator, request: DrainNodeRequest) {
  const { nodeId, resume } = request;
  checkId('node_id', nodeId);
  const { registry } = active;
  await registry.change((tables) => {
    const node = knownNode(tables, nodeId);
    if (node.draining === !resume) return [];
    return [{ kind: 'node', node: { ...node, draining: !resume } }];
  });
  const led = [...registry.tables.shards.keys()].filter((shardId) =>
    leads(registry.tables, shardId, nodeId),
  );
  const stuck = resume
    ? []
    : led.filter((shardId) => !registry.standbysOf(shardId).some(({ draining }) => !draining));
  return { ledShards: led.length, stuckShardIds: stuck };
}

function knownNode(tables: ClusterTables, nodeId: string): NodeRow {
  const node = tables.nodes.get(nodeId);
  if (node !== undefined) return node;
  const metadata = { node_id: nodeId };
  throw new OperatingError('NODE_UNKNOWN', `No node ${nodeId} has joined.`, { metadata });
}

function leads(tables: ClusterTables, shardId: string, nodeId: string): boolean {
  const shard = tables.shards.get(shardId);
  if (shard === undefined || shard.epoch === 0 || shard.servingEpoch !== shard.epoch) return false;
  return leaderNode(tables, shard)?.nodeId === nodeId;
}

function shardMessage({ registry, view }: ActiveCoordinator, shardId: string) {
  const shard = tableOf(registry.tables, view.mapVersions).shards.get(shardId);
  return shard === undefined ? {} : encodeShard(shard);
}

/** False when the tables did not come to that in time. */
async function waitForTables(
  { registry, world, ended }: ActiveCoordinator,
  patienceMs: number,
  isSo: (tables: ClusterTables) => boolean,
): Promise<boolean> {
  if (isSo(registry.tables)) return true;
  const found = Promise.withResolvers<boolean>();
  const timer = world.setTimer(patienceMs, () => found.resolve(false));
  const onEnd = () => found.resolve(false);
  ended.addEventListener('abort', onEnd);
  const stop = registry.listen((tables) => {
    if (isSo(tables)) found.resolve(true);
  });
  try {
    return await found.promise;
  } finally {
    timer.cancel();
    stop();
    ended.removeEventListener('abort', onEnd);
  }
}
