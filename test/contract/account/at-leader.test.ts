// Accounts at any node: what another node leads is asked there, over changes of the leader.

import { create } from '@bufbuild/protobuf';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  AccountAdminService,
  type DepositRequest,
} from '../../../gen/bourse/account/v1/admin_service_pb.ts';
import {
  AccountService,
  type StreamBalancesRequest,
  StreamBalancesResponseSchema,
} from '../../../gen/bourse/account/v1/service_pb.ts';
import { atLeader, openLeaderRoad } from '../../../services/account/adapter/public/at-leader.ts';
import { shardUnavailable } from '../../../services/account/adapter/shard/refusals.ts';
import type { ClusterTable } from '../../../services/lib/platform/cluster/cluster-table.ts';
import { createRpcChannel } from '../../../services/lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { loadDescriptors } from '../../../services/lib/platform/rpc/descriptors.ts';
import { createRpcServer, type Handlers } from '../../../services/lib/platform/rpc/server.ts';
import { createLogger } from '../../../services/lib/platform/telemetry/logger.ts';
import { createRealWorldWithoutLogs } from '../../../services/lib/shard/real-world.ts';
import { tableOf } from '../../support/account-shard.ts';
import { failureOf } from '../order/service-under-test.ts';

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Streamed = AsyncGenerator<ReturnType<typeof balances>>;

/** A node of accounts as far as these tests go; it leads, or says that it does not. */
class AccountNodeUnderTest {
  leads = false;
  readonly deposits: DepositRequest[] = [];
  readonly streamed: StreamBalancesRequest[] = [];
  address = '';
  #table: ClusterTable = tableOf(undefined);
  readonly #listeners = new Set<(table: ClusterTable) => void>();
  /** What a stream of this node sends, while it leads. */
  stream: (request: StreamBalancesRequest, signal: AbortSignal) => Streamed = async function* () {};

  async start(nodeId: string): Promise<void> {
    const logger = createLogger({ service: 'account', node: nodeId, level: 'silent' as never });
    const server = createRpcServer({ logger, descriptors: loadDescriptors() });
    // The address is known when the port is open; nothing is asked before.
    const road = openLeaderRoad({
      watch: { table: () => this.#table, onChange: this.#onChange },
      world: createRealWorldWithoutLogs(),
      ownAddress: nodeId,
    });
    const wrapped = { ...road };
    Object.defineProperty(wrapped, 'ownAddress', { get: () => this.address });
    server.add(AccountService, atLeader(AccountService, this.#handlers(), wrapped));
    server.add(AccountAdminService, atLeader(AccountAdminService, this.#adminHandlers(), wrapped));
    this.address = `127.0.0.1:${await server.listen(0)}`;
    closers.push(() => server.drain(200));
    closers.push(() => road.channels.close());
  }

  show(table: ClusterTable): void {
    this.#table = table;
    for (const listener of [...this.#listeners]) listener(table);
  }

  readonly #onChange = (listener: (table: ClusterTable) => void) => {
    this.#listeners.add(listener);
    listener(this.#table);
    return () => this.#listeners.delete(listener);
  };

  #checkLeads(): void {
    if (!this.leads) throw shardUnavailable('account-1');
  }

  #handlers(): Handlers<typeof AccountService> {
    const node = this;
    return {
      getAccount: async ({ accountId }: { accountId: string }) => {
        this.#checkLeads();
        return { account: { accountId } };
      },
      async *streamBalances(request: StreamBalancesRequest, call: { signal: AbortSignal }) {
        node.#checkLeads();
        node.streamed.push(request);
        yield* node.stream(request, call.signal);
      },
    } as unknown as Handlers<typeof AccountService>;
  }

  #adminHandlers(): Handlers<typeof AccountAdminService> {
    return {
      deposit: async (request: DepositRequest) => {
        this.#checkLeads();
        this.deposits.push(request);
        return { clientTransferId: request.clientTransferId };
      },
    } as unknown as Handlers<typeof AccountAdminService>;
  }
}

/** Two nodes, and a table that says who leads. */
async function twoNodes() {
  const [one, other] = [new AccountNodeUnderTest(), new AccountNodeUnderTest()];
  await one.start('account-1');
  await other.start('account-2');
  let epoch = 1;
  const lead = (leader: AccountNodeUnderTest | undefined): void => {
    one.leads = leader === one;
    other.leads = leader === other;
    epoch += 1;
    const place = leader && { nodeId: leader === one ? 'account-1' : 'account-2', ...leader };
    const table = tableOf(place && { nodeId: place.nodeId, address: place.address });
    const shards = [...table.shards].map(([id, shard]) => [id, { ...shard, epoch }] as const);
    for (const node of [one, other]) node.show({ ...table, shards: new Map(shards) });
  };
  const channel = createRpcChannel(one.address);
  closers.push(() => channel.close());
  const accounts = createRpcClient(AccountService, channel, { timeoutMs: 10_000 });
  const admin = createRpcClient(AccountAdminService, channel, { timeoutMs: 10_000 });
  return { one, other, lead, accounts, admin };
}

function balances(sequence: number, kind: 'started' | 'heartbeat' | 'closing') {
  return create(StreamBalancesResponseSchema, {
    resumeToken: `t${sequence}`,
    message: { case: kind, value: {} },
  });
}

describe('an account that another node leads', () => {
  test('is read where it is led', async () => {
    const { other, lead, accounts } = await twoNodes();
    lead(other);
    const { account } = await accounts.getAccount({ accountId: 'alice' });
    expect(account?.accountId).toBe('alice');
  });

  test('is waited for while nobody leads it', async () => {
    const { other, lead, accounts } = await twoNodes();
    lead(undefined);
    const read = accounts.getAccount({ accountId: 'alice' });
    setTimeout(() => lead(other), 300);
    expect((await read).account?.accountId).toBe('alice');
  });

  test('SHARD_UNAVAILABLE is said before the caller’s patience is over, never NOT_LEADER', async () => {
    const { lead, accounts } = await twoNodes();
    lead(undefined);
    const beganMs = performance.now();
    const error = await failureOf(
      accounts.getAccount({ accountId: 'alice' }, { timeoutMs: 3_000 }),
    );
    expect(error.reason).toBe('SHARD_UNAVAILABLE');
    expect(performance.now() - beganMs).toBeGreaterThan(1_000);
  });

  test('LED-4 a transfer without an id has one before it is asked for at all', async () => {
    const { one, other, lead, admin } = await twoNodes();
    lead(undefined);
    const deposit = admin.deposit({ accountId: 'alice', assetId: 'USD', amount: '1' });
    setTimeout(() => lead(other), 200);
    const { clientTransferId } = await deposit;
    expect(clientTransferId).toMatch(/^made-/);
    expect([...one.deposits, ...other.deposits].map((sent) => sent.clientTransferId)).toEqual([
      clientTransferId,
    ]);
  });
});

describe('a stream of an account', () => {
  test('CON-3 goes on behind its last token when the leader changes, and begins once', async () => {
    const { one, other, lead, accounts } = await twoNodes();
    one.stream = async function* () {
      yield balances(1, 'started');
      yield balances(2, 'heartbeat');
      lead(undefined);
      yield balances(2, 'closing');
    };
    other.stream = async function* (_request, signal) {
      yield balances(2, 'started');
      yield balances(3, 'heartbeat');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    lead(one);
    setTimeout(() => lead(other), 300);
    const abort = new AbortController();
    const seen: string[] = [];
    const { signal } = abort;
    for await (const { resumeToken, message } of accounts.streamBalances(
      { accountId: 'alice' },
      { signal },
    )) {
      seen.push(`${message.case} ${resumeToken}`);
      if (resumeToken === 't3') break;
    }
    abort.abort();
    expect(seen).toEqual(['started t1', 'heartbeat t2', 'heartbeat t3']);
    expect(other.streamed.map(({ resumeToken }) => resumeToken)).toEqual(['t2']);
  });

  test('REP-9 goes on at the next leader when another node says that it closes', async () => {
    const { one, other, lead, accounts } = await twoNodes();
    other.stream = async function* () {
      yield balances(1, 'started');
      yield balances(2, 'closing');
      await new Promise((resolve) => setTimeout(resolve, 10_000));
    };
    one.stream = async function* () {
      yield balances(1, 'started');
      yield balances(3, 'heartbeat');
    };
    lead(other);
    setTimeout(() => lead(one), 300);
    const seen: string[] = [];
    for await (const { resumeToken } of accounts.streamBalances({ accountId: 'alice' })) {
      seen.push(resumeToken);
      if (resumeToken === 't3') break;
    }
    expect(seen).toEqual(['t1', 't3']);
  });

  test('CON-2 leaves a leader that hangs as soon as the table shows a later epoch', async () => {
    const { one, other, lead, accounts } = await twoNodes();
    other.stream = async function* (_request, signal) {
      yield balances(1, 'started');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    one.stream = async function* () {
      yield balances(1, 'started');
      yield balances(2, 'heartbeat');
    };
    lead(other);
    const began = performance.now();
    setTimeout(() => lead(one), 200);
    for await (const { resumeToken } of accounts.streamBalances({ accountId: 'alice' })) {
      if (resumeToken === 't2') break;
    }
    expect(performance.now() - began).toBeLessThan(1_500);
  });
});
