// Leaders, drains, shards and moves as operators ask for them, over real sockets and tables, with
// nodes of the test's own making; two coordinators, of which one is stopped.

import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { NodeKind, ShardKind, ShardRole } from '../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { MoveState } from '../../../gen/bourse/coordinator/v1/move_pb.ts';
import { CoordinatorService } from '../../../gen/bourse/coordinator/v1/service_pb.ts';
import { watchCluster } from '../../../services/lib/platform/cluster/watch-cluster.ts';
import { createRpcChannel } from '../../../services/lib/platform/rpc/channel.ts';
import { createRpcClient, type RpcCallOptions } from '../../../services/lib/platform/rpc/client.ts';
import type { RpcClient } from '../../../services/lib/platform/rpc/definition.ts';
import { assignSlots } from '../../../services/lib/routing/rendezvous.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import {
  silentLog,
  startCoordinator,
  type TestCoordinator,
  type TestCoordinatorOptions,
} from '../../support/coordinator.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { waitUntil } from '../../support/wait.ts';
import { ObedientNode } from './obedient-node.ts';

let postgres: TestPostgres;
let coordinator: TestCoordinator;
let admin: RpcClient<typeof ClusterAdminService, RpcCallOptions>;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  postgres = await startTestPostgres();
  coordinator = await startCoordinator({ databaseUrl: postgres.url, replicas: 2 });
  closing.push(() => coordinator.stop());
  admin = adminAt(coordinator.address);
}, 60_000);

afterEach(async () => {
  for (const end of closing.splice(0).reverse()) await end();
  await postgres.stop();
}, 60_000);

function join(
  nodeId: string,
  kind: 'matching' | 'account' = 'matching',
  more: { address?: string; coordinatorAddresses?: readonly string[] } = {},
): ObedientNode {
  const coordinatorAddresses = [coordinator.address];
  const node = new ObedientNode({ coordinatorAddresses, nodeId, kind, ...more });
  closing.push(() => node.membership.stop());
  return node;
}

function watch(coordinatorAddresses: readonly string[] = [coordinator.address]) {
  const watching = watchCluster({ coordinatorAddresses, log: silentLog });
  closing.push(() => watching.stop());
  return watching;
}

function adminAt(address: string): RpcClient<typeof ClusterAdminService, RpcCallOptions> {
  const channel = createRpcChannel(address);
  closing.push(() => channel.close());
  return createRpcClient(ClusterAdminService, channel);
}

/** Resolves when a node leads a shard. */
async function led(watching: ReturnType<typeof watch>, shardId: string, nodeId: string) {
  await watching.waitFor((table) => {
    return table.shards.get(shardId)?.leader?.nodeId === nodeId ? true : undefined;
  }, 20_000);
}

const reasonOf = (call: Promise<unknown>) =>
  call.then(
    () => 'OK',
    (error) => error.reason,
  );

describe('leaders', () => {
  test('a shard is handed over: released first, led in the next epoch then (REP-5)', async () => {
    const watching = watch();
    const [one, two] = [join('matching-1'), join('matching-2')];
    await led(watching, 'matching-1', 'matching-1');
    await led(watching, 'matching-2', 'matching-2');
    const answer = await admin.transferLeadership({ shardId: 'matching-1', nodeId: 'matching-2' });
    expect(answer).toMatchObject({ shard: { leaderNodeId: 'matching-2' }, alreadyLeads: false });
    expect(one.orders).toContain('release matching-1 1 for matching-2');
    expect(two.orders).toContain('lead matching-1 2');
    const again = await admin.transferLeadership({ shardId: 'matching-1', nodeId: 'matching-2' });
    expect(again.alreadyLeads).toBe(true);
  }, 60_000);

  test('what cannot be handed over says why', async () => {
    const watching = watch();
    join('matching-1');
    await led(watching, 'matching-1', 'matching-1');
    const transfer = (shardId: string, nodeId: string) =>
      reasonOf(admin.transferLeadership({ shardId, nodeId }));
    expect(await transfer('', '')).toBe('FIELD_REQUIRED');
    expect(await transfer('matching-9', '')).toBe('SHARD_UNKNOWN');
    expect(await transfer('matching-1', 'matching-9')).toBe('NODE_UNKNOWN');
    expect(await transfer('matching-1', '')).toBe('NODE_NOT_STANDBY');
    expect(await transfer('matching-2', 'matching-1')).toBe('NODE_NOT_STANDBY');
    expect(await reasonOf(admin.drainNode({ nodeId: 'nobody' }))).toBe('NODE_UNKNOWN');
  }, 60_000);

  test('a drained node leads nothing, keeps what nobody can take, and may be resumed', async () => {
    const watching = watch();
    join('matching-1');
    join('matching-2');
    join('account-1', 'account');
    await led(watching, 'matching-1', 'matching-1');
    await led(watching, 'matching-2', 'matching-2');
    await led(watching, 'account-1', 'account-1');
    expect((await admin.drainNode({ nodeId: 'account-1' })).stuckShardIds).toEqual(['account-1']);
    await admin.drainNode({ nodeId: 'matching-1' });
    await led(watching, 'matching-1', 'matching-2');
    const status = (await admin.getCluster({})).statuses.find(
      ({ nodeId }) => nodeId === 'matching-1',
    );
    expect(status?.draining).toBe(true);
    await admin.drainNode({ nodeId: 'matching-1', resume: true });
    // It leads one of two again, as the others do not move without need (CRD-4).
    await waitUntil(
      () =>
        [...(watching.table()?.shards.values() ?? [])].some(
          ({ leader }) => leader?.nodeId === 'matching-1',
        ),
      { what: 'the node to lead again', deadlineMs: 8_000 },
    );
  }, 60_000);

  test('a node that leaves hands over before it goes (REP-9)', async () => {
    const watching = watch();
    const [one, two] = [join('matching-1'), join('matching-2')];
    await led(watching, 'matching-1', 'matching-1');
    await led(watching, 'matching-2', 'matching-2');
    await one.membership.stop();
    expect(one.orders).toContain('release matching-1 1 for matching-2');
    await led(watching, 'matching-1', 'matching-2');
    // The last one has nobody to hand over to, and goes all the same.
    await two.membership.stop();
    expect(two.orders.filter((order) => order.endsWith('for nobody'))).toHaveLength(2);
  }, 60_000);

  test('a candidate that does not report is passed over in the next epoch (REP-4)', async () => {
    const watching = watch();
    const [one, two] = [join('matching-1'), join('matching-2')];
    await led(watching, 'matching-1', 'matching-1');
    two.deafTo.add('matching-1');
    two.report('matching-1', 'standby', 9);
    one.report('matching-1', 'standby', 1);
    await waitUntil(() => one.orders.includes('lead matching-1 11') || undefined, {
      what: 'the next candidate',
      deadlineMs: 8_000,
    });
    expect(two.orders).toContain('lead matching-1 10');
  }, 60_000);
});

describe('a node that is gone (REP-8)', () => {
  test('loses its leaderships at once, and its replicas to a node that has room', async () => {
    const watching = watch();
    const one = join('matching-1');
    join('matching-2');
    const three = join('matching-3');
    await led(watching, 'matching-1', 'matching-1');
    await led(watching, 'matching-2', 'matching-2');
    await one.membership.stop();
    await led(watching, 'matching-1', 'matching-2');
    expect(watching.table()?.shards.get('matching-1')?.replicaNodeIds).toContain('matching-1');
    const replicas = await watching.waitFor((table) => {
      const { replicaNodeIds = [] } = table.shards.get('matching-1') ?? {};
      return replicaNodeIds.includes('matching-1') ? undefined : replicaNodeIds;
    }, 20_000);
    expect([...replicas].sort()).toEqual(['matching-2', 'matching-3']);
    const isStandby = () => three.reports.get('matching-1')?.role === 'standby';
    await waitUntil(isStandby, { what: 'the new standby to be there' });
  }, 60_000);
});

describe('a node whose stream breaks (REP-3)', () => {
  test('is gone at once when its port refuses, not only after a time of silence', async () => {
    const watching = watch();
    const port: Server = createServer().listen(0, '127.0.0.1');
    await waitUntil(() => port.listening, { what: 'the port' });
    const { port: number } = port.address() as { port: number };
    const stream = new AbortController();
    closing.push(() => stream.abort());
    void leadUntilCutOff(`127.0.0.1:${number}`, stream.signal);
    join('matching-2');
    await led(watching, 'matching-1', 'matching-1');
    await led(watching, 'matching-2', 'matching-2');
    await new Promise((resolve) => port.close(resolve));
    const startMs = performance.now();
    stream.abort();
    await led(watching, 'matching-1', 'matching-2');
    // Silence alone replaces nobody within 2 s of the last change of leader.
    expect(performance.now() - startMs).toBeLessThan(1_500);
  }, 60_000);
});

/** A node `matching-1` that leads what it is told to, and whose stream ends without a word. */
async function leadUntilCutOff(address: string, signal: AbortSignal): Promise<void> {
  const channel = createRpcChannel(coordinator.address);
  closing.push(() => channel.close());
  const reports = new Map<string, { shardId: string; role: ShardRole; epoch: bigint }>();
  async function* says() {
    const kind = NodeKind.MATCHING;
    const hello = { nodeId: 'matching-1', kind, address, incarnation: 'one' };
    yield { message: { case: 'hello' as const, value: hello } };
    while (!signal.aborted) {
      yield { message: { case: 'heartbeat' as const, value: { shards: [...reports.values()] } } };
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  try {
    const orders = createRpcClient(CoordinatorService, channel).join(says(), { signal });
    for await (const { order } of orders) {
      if (order.case !== 'hostShard' && order.case !== 'leadShard') continue;
      const { shardId } = order.value;
      const isLead = order.case === 'leadShard';
      const role = isLead ? ShardRole.LEADER : ShardRole.STANDBY;
      reports.set(shardId, { shardId, role, epoch: isLead ? order.value.epoch : 0n });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

describe('shards and moves', () => {
  const slot = slotOf('BTC-USD');

  test('a shard is added once, and gets an even share of moves when asked (MOV-8)', async () => {
    join('matching-1');
    const add = (moveSlots: boolean) =>
      admin.addShard({ kind: ShardKind.MATCHING, shardId: 'matching-3', moveSlots });
    const answer = await add(true);
    expect(answer).toMatchObject({ shard: { shardId: 'matching-3' }, duplicate: false });
    expect(answer.openMoves).toBeGreaterThan(1_200);
    expect(await add(true)).toMatchObject({ openMoves: answer.openMoves, duplicate: true });
    const kind = ShardKind.ACCOUNT;
    expect(await reasonOf(admin.addShard({ kind, shardId: 'matching-3' }))).toBe('FIELDS_CONFLICT');
    const ofAccounts = await admin.addShard({ kind, shardId: 'account-7', moveSlots: true });
    expect(ofAccounts.openMoves).toBeGreaterThan(1_200);
  }, 60_000);

  test('a move is asked for once, listed, and taken back while it waits (MOV-2)', async () => {
    const move = (clientRequestId: string, targetShardId: string, slots = [slot]) =>
      admin.moveSlots({ clientRequestId, kind: ShardKind.MATCHING, slots, targetShardId });
    const from = assignSlots(['matching-1', 'matching-2'])[slot] as string;
    const to = from === 'matching-1' ? 'matching-2' : 'matching-1';
    expect((await move('to-itself', from)).moves).toEqual([]);
    const first = await move('first', to);
    expect(first.moves).toMatchObject([
      { slot, sourceShardId: from, targetShardId: to, state: MoveState.PENDING, generation: 2n },
    ]);
    const { clientRequestId, moves } = first;
    const again = await move(clientRequestId, to);
    expect(again).toMatchObject({ duplicate: true, moves: [{ moveId: moves[0]?.moveId }] });
    expect(await reasonOf(move(clientRequestId, to, [slot + 1]))).toBe(
      'CLIENT_REQUEST_ID_ALREADY_EXISTS',
    );
    expect(await reasonOf(move('another', to))).toBe('SLOT_MOVING');
    expect(await reasonOf(move('nowhere', 'matching-9'))).toBe('SHARD_UNKNOWN');
    expect(await reasonOf(move('wrong', 'account-1'))).toBe('FIELDS_CONFLICT');
    const moveId = moves[0]?.moveId ?? '';
    const canceled = await admin.cancelMove({ moveId });
    expect(canceled.move?.rollBackReason).not.toBe('');
    await waitUntil(
      async () => {
        const { moves: listed } = await admin.listMoves({ pageSize: 10 });
        return listed[0]?.state === MoveState.ROLLED_BACK;
      },
      { what: 'the move to be back' },
    );
    expect(await reasonOf(admin.cancelMove({ moveId }))).toBe('OK');
    expect(await reasonOf(admin.cancelMove({ moveId: '77' }))).toBe('MOVE_UNKNOWN');
    expect((await admin.listMoves({ openOnly: true })).moves).toEqual([]);
  }, 60_000);
});

describe('slots that move by themselves (MOV-10)', () => {
  const load = (commands: number, slots: readonly (readonly [number, number])[]) => ({
    ...{ commands, logBytes: 0 },
    slots: slots.map(([slot, count]) => ({ slot, commands: count })),
  });

  /** Both account shards are on one node, which has twice as much to do for the first. */
  async function withLoads(rebalance: TestCoordinatorOptions['rebalance']) {
    await coordinator.coordinator.stop();
    const moving = await startCoordinator({
      ...{ databaseUrl: postgres.url, name: 'rebalancing', matchingNodes: 1 },
      ...(rebalance === undefined ? {} : { rebalance }),
    });
    closing.push(() => moving.stop());
    const reporting = adminAt(moving.address);
    const owners = assignSlots(['matching-1', 'matching-2']);
    const own = owners.flatMap((owner, at) => (owner === 'matching-1' ? [at] : []));
    const [busy = 0, other = 0] = own;
    const coordinatorAddresses = [moving.address];
    const node = join('matching-1', 'matching', { coordinatorAddresses });
    node.loads.set(
      'matching-1',
      load(9_000, [
        [busy, 3_000],
        [other, 2_500],
      ]),
    );
    node.loads.set('matching-2', load(1_000, []));
    await led(watch(coordinatorAddresses), 'matching-1', 'matching-1');
    await led(watch(coordinatorAddresses), 'matching-2', 'matching-1');
    return { reporting, busy };
  }

  test('do when shards stay uneven, and then rest', async () => {
    const { reporting, busy } = await withLoads({ unevenUs: 1_500_000, restUs: 60_000_000 });
    const begunMs = Date.now();
    const listed = async () => (await reporting.listMoves({})).moves;
    const isAsked = async () => (await listed()).length > 0;
    await waitUntil(isAsked, { what: 'a move', deadlineMs: 20_000 });
    expect(Date.now() - begunMs).toBeGreaterThan(1_000);
    const moves = await listed();
    expect(moves).toMatchObject([
      { slot: busy, sourceShardId: 'matching-1', targetShardId: 'matching-2' },
    ]);
    expect(moves[0]?.clientRequestId).toMatch(/^rebalance-matching-/);
    // Its load is what it was; the move is open, and nothing is asked for on top of it.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(await listed()).toHaveLength(1);
  }, 60_000);

  test('do not when that is not switched on', async () => {
    const { reporting } = await withLoads(undefined);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect((await reporting.listMoves({})).moves).toEqual([]);
  }, 60_000);
});

describe('two coordinators (CRD-2, CRD-3)', () => {
  test('nodes, watchers and operators find the active one, and leaders stay', async () => {
    const second = await startCoordinator({
      ...{ databaseUrl: postgres.url, name: 'second', replicas: 2, waitForTerm: false },
    });
    closing.push(() => second.stop());
    // All of them try the one that waits first.
    const coordinatorAddresses = [second.address, coordinator.address];
    const watching = watch(coordinatorAddresses);
    const one = join('matching-1', 'matching', { coordinatorAddresses });
    join('matching-2', 'matching', { coordinatorAddresses });
    await led(watching, 'matching-1', 'matching-1');
    await led(watching, 'matching-2', 'matching-2');
    // Whichever is late may lose the term on a busy machine: then they have changed places.
    const places = () => (second.isActive() ? [second, coordinator] : [coordinator, second]);
    await waitUntil(
      async () => {
        const [active, passive] = places();
        const named = await adminAt(passive?.address ?? '')
          .getCluster({})
          .catch((error) => error.metadata);
        return named.coordinator_address === active?.address;
      },
      { what: 'the passive one to name the active one' },
    );
    const before = watching.table();
    const [active, next] = places() as [TestCoordinator, TestCoordinator];
    await active.coordinator.stop();
    await waitUntil(() => next.isActive(), { what: 'the other one to hold the term' });
    await waitUntil(() => !watching.isStale() && one.membership.isConnected(), {
      what: 'watcher and node to be back',
    });
    const reporting = adminAt(next.address);
    await waitUntil(
      async () => {
        const { statuses } = await reporting.getCluster({});
        return statuses.length === 2 && statuses.every(({ shards }) => shards.length === 2);
      },
      { what: 'both nodes to report' },
    );
    expect(watching.table()?.shards.get('matching-1')).toEqual(before?.shards.get('matching-1'));
    // Orders may be repeated, but none is about another epoch.
    const leads = one.orders.filter((order) => order.startsWith('lead'));
    expect(new Set(leads)).toEqual(new Set(['lead matching-1 1']));
    const moved = await reporting.transferLeadership({ shardId: 'matching-1', nodeId: '' });
    expect(moved.shard?.leaderNodeId).toBe('matching-2');
    await led(watching, 'matching-1', 'matching-2');
  }, 60_000);
});
