// CoordinatorService.Join: hello and heartbeats up, orders down (REP-2).

import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  ShardHoldings as HoldingsMessage,
  ShardLoad as LoadMessage,
  ShardReport as ReportMessage,
} from '../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import type {
  FollowedPoint as FollowedMessage,
  JoinRequest,
  JoinResponseSchema,
  NodeHello,
  PullReport as PullMessage,
} from '../../../gen/bourse/coordinator/v1/service_pb.ts';
import { assertNever } from '../../lib/base/assert.ts';
import { encodeShardKind, findNodeKind } from '../../lib/platform/cluster/cluster-codec.ts';
import { findPullState, findShardRole } from '../../lib/platform/cluster/heartbeats.ts';
import { safeNumber } from '../../lib/platform/codec/numbers.ts';
import { instrumentStateCodec } from '../../lib/platform/codec/terms-codec.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { RpcContext } from '../../lib/platform/rpc/call-context.ts';
import { assertForm } from '../../lib/platform/rpc/form-error.ts';
import { SLOT_COUNT } from '../../lib/routing/slot.ts';
import type { Holdings } from '../domain/agreement.ts';
import type { JoinedNode } from '../domain/cluster-tables.ts';
import type { PullOrder, SlotPull } from '../domain/moves.ts';
import type { NodeOrder } from '../domain/placement.ts';
import type { SeenPoint } from '../domain/seen-points.ts';
import type { ActiveCoordinator } from './active-coordinator.ts';
import type { Coordinator } from './coordinator.ts';
import { fieldError, RequestCheck } from './form.ts';
import { Inbox, InboxFull } from './inbox.ts';
import type { FollowedPoint, FullReport, NodeSession } from './members.ts';

type Response = Exclude<
  MessageInitShape<typeof JoinResponseSchema>,
  { $typeName: 'bourse.coordinator.v1.JoinResponse' }
>;

const HEARTBEAT_INTERVAL_MS = 100;
const ADDRESS_LIMIT = 255;
/** Orders that wait for one node. */
const ORDERS_LIMIT = 10_000;
const NODES_LIMIT = 1_000;

/** Serves one node's stream. */
export async function* serveJoin(
  coordinator: Coordinator,
  requests: AsyncIterable<JoinRequest>,
  call: RpcContext,
): AsyncGenerator<Response> {
  const active = coordinator.active();
  const incoming = requests[Symbol.asyncIterator]();
  const node = await readHello(incoming);
  checkRoom(active, node);
  const orders = new Inbox<NonNullable<Response['order']>>(ORDERS_LIMIT);
  const session: NodeSession = {
    node,
    send: (order, seen) => orders.push(orderOf(order, seen)),
    end: (error) => orders.end(error),
  };
  active.registry.join(session);
  const listening = listen(active, session, incoming).then(
    () => orders.end(new StreamOver()),
    (error) => orders.end(error),
  );
  const term = BigInt(active.term);
  try {
    yield {
      term,
      order: { case: 'welcome', value: { heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS } },
    };
    // A draining coordinator lets go, so that the node finds the next one.
    while (!call.signal.aborted && !call.draining.aborted) {
      for (const order of await orders.take(call.signal, call.draining)) yield { term, order };
    }
  } catch (error) {
    if (error instanceof StreamOver) return;
    if (error instanceof InboxFull) {
      throw new OperatingError('SUBSCRIBER_TOO_SLOW', `${node.nodeId} does not read its orders.`);
    }
    throw error;
  } finally {
    active.registry.leave(session);
    void listening;
  }
}

/** The node has closed its side. */
class StreamOver extends Error {}

async function listen(
  active: ActiveCoordinator,
  session: NodeSession,
  incoming: AsyncIterator<JoinRequest>,
): Promise<void> {
  for (;;) {
    const { done, value } = await incoming.next();
    if (done === true) return;
    const { message } = value;
    if (message.case !== 'heartbeat') {
      throw fieldError('FIELDS_CONFLICT', 'hello', 'A node says hello once.');
    }
    const { shards, leaving: isLeaving } = message.value;
    const reports = shards.map(decodeReport);
    const followed = message.value.followed.map(decodeFollowed);
    const pulls = message.value.pulls.map(decodePull);
    active.registry.hear(session, { reports, followed, pulls, isLeaving });
    for (const { shardId, holdings } of shards) {
      if (holdings === undefined) continue;
      active.registry.learnHoldings(session, shardId, decodeHoldings(holdings));
    }
  }
}

async function readHello(incoming: AsyncIterator<JoinRequest>): Promise<JoinedNode> {
  const first = await incoming.next();
  const message = first.done === true ? undefined : first.value.message;
  if (message?.case === undefined) {
    throw fieldError('FIELD_REQUIRED', 'hello', 'A node says hello first.');
  }
  if (message.case !== 'hello') {
    throw fieldError('FIELDS_CONFLICT', 'heartbeat', 'A node says hello first.');
  }
  return checkHello(message.value);
}

function checkHello(hello: NodeHello): JoinedNode {
  const { nodeId, address, incarnation } = hello;
  const kind = findNodeKind(hello.kind);
  const check = new RequestCheck();
  check.requiredId('hello.node_id', nodeId);
  check.requiredEnum('hello.kind', kind ?? (hello.kind === 0 ? 'UNSPECIFIED' : 'UNKNOWN'));
  if (address === '') check.add('hello.address', 'FIELD_REQUIRED', 'is required');
  if (address.length > ADDRESS_LIMIT) {
    check.add('hello.address', 'ID_INVALID', `must be at most ${ADDRESS_LIMIT} characters`);
  }
  check.requiredId('hello.incarnation', incarnation);
  assertForm(check);
  if (kind === undefined) throw new Error('the check lets no unknown kind through');
  return { nodeId, kind, address, incarnation };
}

function checkRoom({ registry }: ActiveCoordinator, { nodeId, kind }: JoinedNode): void {
  const known = registry.tables.nodes.get(nodeId);
  if (known !== undefined && known.kind !== kind) {
    throw fieldError('FIELDS_CONFLICT', 'hello.kind', `${nodeId} is a ${known.kind} node.`);
  }
  if (known !== undefined || registry.tables.nodes.size < NODES_LIMIT) return;
  const metadata = { limit: String(NODES_LIMIT) };
  throw new OperatingError('TOO_MANY_STREAMS', 'The cluster has too many nodes.', { metadata });
}

function orderOf(
  order: NodeOrder | PullOrder,
  seen: readonly SeenPoint[],
): NonNullable<Response['order']> {
  switch (order.kind) {
    case 'host': {
      const { shardId, shardKind } = order;
      return { case: 'hostShard', value: { shardId, kind: encodeShardKind(shardKind) } };
    }
    case 'lead': {
      const points = seen.map(({ entryIndex, chainChecksum, seenBy }) => ({
        entryIndex: BigInt(entryIndex),
        chainChecksum: Buffer.from(chainChecksum, 'hex'),
        seenBy,
      }));
      const { shardId, epoch } = order;
      return { case: 'leadShard', value: { shardId, epoch: BigInt(epoch), seen: points } };
    }
    case 'release': {
      const { shardId, target } = order;
      const place = { targetNodeId: target?.nodeId ?? '', targetAddress: target?.address ?? '' };
      const epochs = { epoch: BigInt(order.epoch), nextEpoch: BigInt(order.nextEpoch) };
      return { case: 'releaseShard', value: { shardId, ...epochs, ...place } };
    }
    case 'raiseVersion': {
      const { shardId, version } = order;
      return { case: 'raiseVersion', value: { shardId, version } };
    }
    case 'pull': {
      const { shardId, shardKind, sourceShardId, slot, generation, exported } = order;
      const numbers = { kind: encodeShardKind(shardKind), generation: BigInt(generation) };
      return { case: 'pullSlot', value: { shardId, sourceShardId, slot, exported, ...numbers } };
    }
    case 'dropPull': {
      const { shardId, slot, generation } = order;
      return { case: 'dropPull', value: { shardId, slot, generation: BigInt(generation) } };
    }
    default:
      return assertNever(order);
  }
}

function decodeFollowed(message: FollowedMessage): FollowedPoint {
  return {
    shardId: message.shardId,
    followerShardId: message.followerShardId,
    entryIndex: safeNumber(message.entryIndex),
    chainChecksum: Buffer.from(message.chainChecksum).toString('hex'),
  };
}

function decodePull(message: PullMessage): SlotPull {
  const { shardId, slot, rounds, fault } = message;
  return {
    ...{ shardId, slot, rounds, fault },
    generation: safeNumber(message.generation),
    state: findPullState(message.state) ?? 'copying',
    copiedBytes: safeNumber(message.copiedBytes),
    restBytes: safeNumber(message.restBytes),
  };
}

function decodeReport(message: ReportMessage): FullReport {
  return {
    shardId: message.shardId,
    role: findShardRole(message.role) ?? 'failed',
    epoch: safeNumber(message.epoch),
    appliedEntryIndex: safeNumber(message.appliedEntryIndex),
    appliedChainChecksum: Buffer.from(message.appliedChainChecksum).toString('hex'),
    queuedCommands: message.queuedCommands,
    fault: message.fault,
    committedEntryIndex: safeNumber(message.committedEntryIndex),
    lagUs: safeNumber(message.lagUs),
    load: message.load === undefined ? undefined : decodeLoad(message.load),
    version: message.version,
    newestVersion: message.newestVersion,
  };
}

function decodeLoad({ commands, logBytes, slots }: LoadMessage): FullReport['load'] {
  return { commands, logBytes: safeNumber(logBytes), slots };
}

function decodeHoldings(message: HoldingsMessage): Holdings {
  const slots = new Map<number, number>();
  for (const { firstSlot, slotCount, generation } of message.slots) {
    const owned = Array.from(
      { length: Math.min(slotCount, SLOT_COUNT) },
      (_, at) => firstSlot + at,
    );
    for (const slot of owned) slots.set(slot, safeNumber(generation));
  }
  return {
    slots,
    assets: new Map(
      message.assets.map(({ assetNumber, version }) => [assetNumber, safeNumber(version)]),
    ),
    instruments: new Map(
      message.instruments.map(({ instrumentNumber, version, state }) => [
        instrumentNumber,
        { version: safeNumber(version), state: instrumentStateCodec.findName(state) },
      ]),
    ),
  };
}
