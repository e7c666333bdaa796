// The public account services at a node that does not lead the account's shard, through the real
// RPC stack: nothing is done, and the error says where to go.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AccountAdminService } from '../../../gen/bourse/account/v1/admin_service_pb.ts';
import { AccountService } from '../../../gen/bourse/account/v1/service_pb.ts';
import { LedgerService } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { ledgerHandlers } from '../../../services/account/adapter/ledger-service.ts';
import { accountAdminHandlers } from '../../../services/account/adapter/public/account-admin-service.ts';
import { accountHandlers } from '../../../services/account/adapter/public/account-service.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { createRpcChannel } from '../../../services/lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { loadDescriptors } from '../../../services/lib/platform/rpc/descriptors.ts';
import { createRpcServer } from '../../../services/lib/platform/rpc/server.ts';
import { createLogger } from '../../../services/lib/platform/telemetry/logger.ts';
import { AccountProcess, SHARD_ID, tableOf } from '../../support/account-shard.ts';
import { SimulatedDatabase, Simulation } from '../../support/shard/simulated-world.ts';

const LEADER = { nodeId: 'account-2', address: '127.0.0.1:7302' };
const accountId = 'alice';
const transfer = { accountId, assetId: 'USD', amount: '1', clientTransferId: 't' };

/** A node that hosts the shard and does not lead it. */
const process = new AccountProcess(new SimulatedDatabase(new Simulation(1)));
let server: ReturnType<typeof createRpcServer>;
let channel: ReturnType<typeof createRpcChannel>;

beforeAll(async () => {
  const logger = createLogger({ service: 'account', node: 'account-1', level: 'silent' as never });
  server = createRpcServer({ logger, descriptors: loadDescriptors() });
  server.add(AccountService, accountHandlers(process.node));
  server.add(AccountAdminService, accountAdminHandlers(process.node));
  server.add(LedgerService, ledgerHandlers(process.node));
  channel = createRpcChannel(`127.0.0.1:${await server.listen(0)}`);
});

afterAll(async () => {
  channel?.close();
  await server?.drain(1_000);
});

const clientOf = <S extends Parameters<typeof createRpcClient>[0]>(service: S) =>
  createRpcClient(service, channel, { timeoutMs: 10_000 });

async function firstOf(stream: AsyncIterable<unknown>): Promise<unknown> {
  for await (const message of stream) return message;
  return undefined;
}

async function failureOf(call: Promise<unknown>): Promise<OperatingError> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure instanceof OperatingError) return failure;
  throw new Error(`it did not fail as it should: ${String(failure)}`);
}

const PUBLIC: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['GetAccount', () => clientOf(AccountService).getAccount({ accountId })],
  ['GetBalances', () => clientOf(AccountService).getBalances({ accountId })],
  ['ListPostings', () => clientOf(AccountService).listPostings({ accountId })],
  ['ListHolds', () => clientOf(AccountService).listHolds({ accountId })],
  ['StreamBalances', () => firstOf(clientOf(AccountService).streamBalances({ accountId }))],
  ['CreateAccount', () => clientOf(AccountAdminService).createAccount({ accountId })],
  ['Deposit', () => clientOf(AccountAdminService).deposit(transfer)],
  ['Withdraw', () => clientOf(AccountAdminService).withdraw(transfer)],
];

describe('at a node that does not lead the account’s shard', () => {
  test.each(PUBLIC)('%s names the leader and may be repeated', async (_method, call) => {
    process.table = tableOf(LEADER);
    const error = await failureOf(call());
    expect(error).toMatchObject({
      reason: 'SHARD_UNAVAILABLE',
      retryAdvice: 'safe',
      metadata: {
        shard_id: SHARD_ID,
        leader_node_id: LEADER.nodeId,
        leader_address: LEADER.address,
      },
    });
    expect(error.message).toContain(LEADER.address);
    expect(error.retryDelayMs).toBeGreaterThan(0);
  });

  test.each(PUBLIC)('%s says so when nobody leads it', async (_method, call) => {
    process.table = tableOf(undefined);
    const error = await failureOf(call());
    expect(error).toMatchObject({ reason: 'SHARD_UNAVAILABLE', metadata: { shard_id: SHARD_ID } });
    expect(error.metadata).not.toHaveProperty('leader_address');
    expect(error.retryDelayMs).toBeGreaterThan(0);
  });

  test('a shard that the node does not host at all is answered in the same way', async () => {
    const table = tableOf(LEADER);
    const elsewhere = { ...table.shards.get(SHARD_ID), shardId: 'account-9', leader: LEADER };
    process.table = {
      ...table,
      shards: new Map([['account-9', elsewhere as never]]),
      slotMaps: {
        ...table.slotMaps,
        account: { version: 2, owners: table.slotMaps.account.owners.map(() => 'account-9') },
      },
    };
    const error = await failureOf(clientOf(AccountService).getAccount({ accountId }));
    expect(error).toMatchObject({
      reason: 'SHARD_UNAVAILABLE',
      metadata: { shard_id: 'account-9', leader_address: LEADER.address },
    });
  });

  test('the mesh gets NOT_LEADER with the leader’s address', async () => {
    process.table = tableOf(LEADER);
    const stream = firstOf(clientOf(LedgerService).streamAccount({ accountId }));
    expect(await failureOf(stream)).toMatchObject({
      reason: 'NOT_LEADER',
      metadata: { shard_id: SHARD_ID, leader_address: LEADER.address },
    });
  });
});
