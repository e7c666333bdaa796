// CoordinatorService and ClusterAdminService over real sockets and tables, with nodes of the test's
// own making that join by the client library.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { NodeKind, ShardRole } from '../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { CoordinatorService } from '../../../gen/bourse/coordinator/v1/service_pb.ts';
import {
  type ClusterWatch,
  watchCluster,
} from '../../../services/lib/platform/cluster/watch-cluster.ts';
import { createRpcChannel, type RpcChannel } from '../../../services/lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { silentLog, startCoordinator, type TestCoordinator } from '../../support/coordinator.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { waitUntil } from '../../support/wait.ts';
import { ObedientNode } from './obedient-node.ts';

let postgres: TestPostgres;
let coordinator: TestCoordinator;
let channel: RpcChannel;
const closing: (() => Promise<unknown>)[] = [];

async function open(): Promise<void> {
  postgres = await startTestPostgres();
  coordinator = await startCoordinator({ databaseUrl: postgres.url });
  channel = createRpcChannel(coordinator.address);
}

async function close(): Promise<void> {
  for (const end of closing.splice(0).reverse()) await end();
  channel.close();
  await coordinator.stop();
  await postgres.stop();
}

function join(nodeId: string, kind: 'matching' | 'account' | 'order'): ObedientNode {
  const node = new ObedientNode({ coordinatorAddresses: [coordinator.address], nodeId, kind });
  closing.push(() => node.membership.stop());
  return node;
}

function watch(): ClusterWatch {
  const watching = watchCluster({ coordinatorAddresses: [coordinator.address], log: silentLog });
  closing.push(() => watching.stop());
  return watching;
}

describe('Join (REP-2)', () => {
  beforeEach(open);
  afterEach(close);

  test('a node is told to host and to lead, and the table names it once it serves', async () => {
    const watching = watch();
    const one = join('matching-1', 'matching');
    const led = await watching.waitFor((table) => table.shards.get('matching-1')?.leader, 5_000);
    expect(led).toEqual({ nodeId: 'matching-1', address: 'matching-1.example:1' });
    expect(one.orders).toEqual(['host matching-1', 'lead matching-1 1']);
    expect(watching.table()?.shards.get('matching-2')?.replicaNodeIds).toEqual([]);
    const two = join('matching-2', 'matching');
    await watching.waitFor((table) => table.shards.get('matching-2')?.leader, 5_000);
    expect(two.orders).toEqual(['host matching-2', 'lead matching-2 1']);
  });

  test('a new process of a node leads in a higher epoch, the old one is sent away', async () => {
    const watching = watch();
    const old = join('matching-1', 'matching');
    await watching.waitFor((table) => table.shards.get('matching-1')?.leader, 5_000);
    const next = join('matching-1', 'matching');
    const epochOf = () => watching.table()?.shards.get('matching-1');
    await waitUntil(() => epochOf()?.epoch === 2 && epochOf()?.leader, { what: 'epoch 2' });
    expect(next.orders).toEqual(['host matching-1', 'lead matching-1 2']);
    await waitUntil(() => old.isReplaced, { what: 'the old process to hear of it' });
    expect(old.membership.isConnected()).toBe(false);
  });

  test('a node that leaves is gone at once, one that falls silent after 500 ms (REP-3)', async () => {
    const watching = watch();
    const polite = join('order', 'order');
    await watching.waitFor((table) => table.nodes.get('order')?.live || undefined, 5_000);
    await polite.membership.stop();
    const isGone = (nodeId: string) => watching.table()?.nodes.get(nodeId)?.live === false;
    await waitUntil(() => isGone('order'), { what: 'the node to be gone', deadlineMs: 2_000 });

    const client = createRpcClient(CoordinatorService, channel);
    const silence = new AbortController();
    const rude = (async () => {
      for await (const _ of client.join(saysOnlyHello(), { signal: silence.signal }));
    })().catch(() => {});
    await watching.waitFor((table) => table.nodes.get('rude')?.live || undefined, 5_000);
    await waitUntil(() => isGone('rude'), { what: 'the silent node to be gone' });
    silence.abort();
    await rude;
  });
});

const HELLO = { nodeId: 'rude', kind: NodeKind.ORDER, address: 'rude:1', incarnation: 'x' };

async function* saysOnlyHello() {
  yield { message: { case: 'hello' as const, value: HELLO } };
  await new Promise(() => {});
}

describe('the form of Join', () => {
  beforeAll(open);
  afterAll(close);

  test.each([
    ['no hello', 'FIELD_REQUIRED', {}],
    ['no node id', 'FIELD_REQUIRED', { nodeId: '' }],
    ['a bad node id', 'ID_INVALID', { nodeId: 'a b' }],
    ['no kind', 'FIELD_REQUIRED', { kind: 0 }],
    ['an unknown kind', 'ENUM_VALUE_UNKNOWN', { kind: 99 }],
    ['no address', 'FIELD_REQUIRED', { address: '' }],
    ['an address too long', 'ID_INVALID', { address: 'a'.repeat(256) }],
    ['a bad incarnation', 'ID_INVALID', { incarnation: 'a/b' }],
  ])('%s is refused with its reason', async (name, reason, more) => {
    const client = createRpcClient(CoordinatorService, channel);
    const hello = { ...HELLO, ...more } as typeof HELLO;
    async function* requests() {
      yield name === 'no hello' ? {} : { message: { case: 'hello' as const, value: hello } };
    }
    const joined = (async () => {
      for await (const _ of client.join(requests(), { timeoutMs: 5_000 }));
    })();
    await expect(joined).rejects.toMatchObject({ reason });
  });

  test('a heartbeat before the hello is refused', async () => {
    const client = createRpcClient(CoordinatorService, channel);
    async function* requests() {
      yield { message: { case: 'heartbeat' as const, value: {} } };
    }
    const joined = (async () => {
      for await (const _ of client.join(requests(), { timeoutMs: 5_000 }));
    })();
    await expect(joined).rejects.toMatchObject({ reason: 'FIELDS_CONFLICT' });
  });
});

describe('WatchCluster (CRD-3)', () => {
  beforeEach(open);
  afterEach(close);

  test('sends the whole table first, then every change in the order of versions', async () => {
    const client = createRpcClient(CoordinatorService, channel);
    const end = new AbortController();
    const seen: { case: string | undefined; version: number }[] = [];
    const following = (async () => {
      const options = { signal: end.signal };
      for await (const { version, message } of client.watchCluster({}, options)) {
        seen.push({ case: message.case, version: Number(version) });
      }
    })().catch(() => {});
    await waitUntil(() => seen.length > 0, { what: 'the table' });
    join('matching-1', 'matching');
    join('account-1', 'account');
    await waitUntil(() => seen.filter((one) => one.case === 'change').length >= 5, {
      what: 'five changes',
    });
    await waitUntil(() => seen.at(-1)?.case === 'heartbeat', { what: 'a heartbeat' });
    end.abort();
    await following;
    expect(seen[0]?.case).toBe('snapshot');
    const changes = seen.filter((one) => one.case === 'change').map((one) => one.version);
    const first = seen[0]?.version ?? 0;
    expect(changes).toEqual(changes.map((_, index) => first + index + 1));
  });

  test('a watcher survives the coordinator, and gets the whole table from the next one', async () => {
    const watching = watch();
    join('matching-1', 'matching');
    await watching.waitFor((table) => table.shards.get('matching-1')?.leader, 5_000);
    const before = watching.table();
    const port = Number(coordinator.address.split(':')[1]);
    await coordinator.stop();
    await waitUntil(() => watching.isStale(), { what: 'the watcher to notice' });
    expect(watching.table()).toBe(before);
    coordinator = await startCoordinator({ databaseUrl: postgres.url, port });
    await waitUntil(() => !watching.isStale(), { what: 'the watcher to be back' });
    // The leader is the same process, so its epoch is the same.
    await waitUntil(() => watching.table()?.nodes.get('matching-1')?.live, { what: 'the node' });
    expect(watching.table()?.shards.get('matching-1')).toEqual(before?.shards.get('matching-1'));
  });
});

describe('GetCluster', () => {
  beforeAll(open);
  afterAll(close);

  test('shows the table and what each node said last', async () => {
    const watching = watch();
    join('matching-1', 'matching');
    await watching.waitFor((table) => table.shards.get('matching-1')?.leader, 5_000);
    const answer = await createRpcClient(ClusterAdminService, channel).getCluster({});
    expect(answer.term).toBe(1n);
    expect(answer.table?.shards.map(({ shardId }) => shardId).sort()).toEqual([
      ...['account-1', 'matching-1', 'matching-2'],
    ]);
    const [status] = answer.statuses;
    expect(status).toMatchObject({ nodeId: 'matching-1' });
    expect(Number(status?.heardAgoMs)).toBeLessThan(500);
    expect(status?.shards).toMatchObject([{ shardId: 'matching-1', role: ShardRole.LEADER }]);
  });
});

describe('two coordinators (CRD-2)', () => {
  beforeAll(open);
  afterAll(close);

  test('the second waits, and takes the next term when the first is gone', async () => {
    const second = await startCoordinator({
      ...{ databaseUrl: postgres.url, name: 'second', waitForTerm: false },
    });
    closing.push(() => second.stop());
    const other = createRpcChannel(second.address);
    closing.push(async () => other.close());
    const admin = createRpcClient(ClusterAdminService, other);
    await expect(admin.getCluster({})).rejects.toMatchObject({ reason: 'NOT_READY' });
    expect(coordinator.isActive()).toBe(true);
    await coordinator.coordinator.stop();
    await waitUntil(() => second.isActive(), { what: 'the second to hold the term' });
    expect((await admin.getCluster({})).term).toBe(2n);
  });
});

describe('a database that cuts its connections', () => {
  beforeAll(open);
  afterAll(close);

  test('does not end the term, and what is decided meanwhile is stored later', async () => {
    const watching = watch();
    await watching.ready;
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE application_name = 'coordinator' AND datname = current_database()`;
    await client.query(cut);
    join('matching-1', 'matching');
    await client.query(cut);
    await watching.waitFor((table) => table.shards.get('matching-1')?.leader, 10_000);
    await client.end();
    const answer = await createRpcClient(ClusterAdminService, channel).getCluster({});
    expect(answer.term).toBe(1n);
  });
});
