// The stream of execution reports of the order service, with an account shard's own streams as its
// source, in a simulated world.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import { Status } from 'nice-grpc-common';
import {
  type StreamAccountRequest,
  type StreamAccountResponse,
  StreamAccountResponseSchema,
} from '../../../gen/bourse/ledger/v1/service_pb.ts';
import {
  type OpenOrdersSnapshot,
  StreamExecutionReportsRequestSchema,
  type StreamExecutionReportsResponse,
  StreamExecutionReportsResponseSchema,
} from '../../../gen/bourse/order/v1/service_pb.ts';
import { ledgerHandlers } from '../../../services/account/adapter/ledger-service.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import type { Subscriber } from '../../../services/lib/platform/rpc/fanout.ts';
import { MESSAGE_BYTES_LIMIT } from '../../../services/lib/platform/rpc/limits.ts';
import type { FlowParts } from '../../../services/order/adapter/flow/parts.ts';
import { ExecutionReports } from '../../../services/order/adapter/handlers/execution-reports.ts';
import {
  ACCOUNT_ID,
  type AccountProcess,
  callContext,
  depositOf,
  holdOf,
  SHARD_ID,
  startAccountShard,
} from '../../support/account-shard.ts';
import { INSTRUMENT } from './sample.ts';

type Source = AsyncGenerator<StreamAccountResponse>;

/** What the account's leader streams; `cut` makes the connection break before a message. */
async function* sourceOf(
  process: AccountProcess,
  request: StreamAccountRequest,
  around: { readonly signal: AbortSignal; readonly cut: (message: number) => boolean },
): Source {
  const { context, abort } = callContext();
  around.signal.addEventListener('abort', () => abort.abort());
  const { streamAccount } = ledgerHandlers(process.node) as unknown as {
    streamAccount(request: StreamAccountRequest, call: typeof context): Source;
  };
  let count = 0;
  for await (const init of streamAccount(request, context)) {
    count += 1;
    if (around.cut(count))
      throw new OperatingError({ code: Status.UNAVAILABLE }, 'the connection broke');
    const bytes =
      (init as object) instanceof Uint8Array
        ? (init as unknown as Uint8Array)
        : toBinary(
            StreamAccountResponseSchema,
            create(StreamAccountResponseSchema, init as object),
          );
    yield fromBinary(StreamAccountResponseSchema, bytes);
  }
}

/** Opens a stream of reports of the account, which its reader takes at once. */
function open(
  process: AccountProcess,
  { resumeToken = '', cut = () => false as boolean, shardId = SHARD_ID }: Partial<OpenOptions> = {},
) {
  const { world } = process;
  const ledger = {
    streamAccount: (request: StreamAccountRequest, { signal }: { signal: AbortSignal }) =>
      sourceOf(process, request, { signal, cut }),
  };
  const parts = {
    world,
    accounts: {
      leaderOf: () => ({ shardId, clients: { ledger }, onElsewhere: () => () => {} }),
      untilChange: (delayMs: number) =>
        new Promise<void>((resolve) => world.setTimer(delayMs, resolve)),
    },
    instruments: { findByNumber: () => INSTRUMENT },
  } as unknown as FlowParts;
  const abort = new AbortController();
  const messages: StreamExecutionReportsResponse[] = [];
  const sizes: number[] = [];
  let ended: unknown;
  const subscriber = {
    signal: abort.signal,
    draining: new AbortController().signal,
    traceId: '',
    bufferedBytes: 0,
    write: (bytes: Uint8Array) => {
      sizes.push(bytes.length);
      messages.push(fromBinary(StreamExecutionReportsResponseSchema, bytes));
    },
    end: (error?: OperatingError) => {
      ended = error ?? 'OK';
    },
  } as unknown as Subscriber;
  const fields = { accountId: ACCOUNT_ID, resumeToken };
  const request = create(StreamExecutionReportsRequestSchema, fields);
  new ExecutionReports(parts).serve(request, subscriber);
  const snapshots = (): OpenOrdersSnapshot[] =>
    messages.flatMap(({ message }) => (message.case === 'snapshot' ? [message.value] : []));
  return { messages, sizes, snapshots, ended: () => ended, stop: () => abort.abort() };
}

type OpenOptions = {
  readonly resumeToken: string;
  readonly cut: (message: number) => boolean;
  /** Where the account is by the table. */
  readonly shardId: string;
};

const longIdOf = (index: number): string => `${index}`.padStart(64, 'o');

async function withOpenOrders(count: number): Promise<AccountProcess> {
  const process = await startAccountShard();
  await process.propose(
    Array.from({ length: count }, (_, index) => holdOf(ACCOUNT_ID, longIdOf(index))),
  );
  return process;
}

describe('the snapshot of a stream of reports', () => {
  test('many open orders come in parts, the last of which says that it is complete', async () => {
    const process = await withOpenOrders(6_000);
    const stream = open(process);
    await process.world.simulation.run(1_000_000);
    const parts = stream.snapshots();
    expect(parts.map(({ first }) => first)).toEqual(parts.map((_, index) => index === 0));
    expect(parts.map(({ complete }) => complete)).toEqual(
      parts.map((_, index) => index === parts.length - 1),
    );
    const ids = parts.flatMap(({ orders }) => orders.map(({ clientOrderId }) => clientOrderId));
    expect(ids).toEqual(Array.from({ length: 6_000 }, (_, index) => longIdOf(index)));
    expect(Math.max(...stream.sizes)).toBeLessThan(MESSAGE_BYTES_LIMIT / 4);
    stream.stop();
  });

  test('begins anew when its source breaks off, and says so', async () => {
    const process = await withOpenOrders(2_500);
    let hasBroken = false;
    const cut = (message: number): boolean => {
      if (hasBroken || message < 3) return false;
      hasBroken = true;
      return true;
    };
    const stream = open(process, { cut });
    await process.world.simulation.run(1_000_000);
    const shape = stream.snapshots().map(({ first, complete }) => ({ first, complete }));
    const part = { first: false, complete: false };
    expect(shape).toEqual([
      { ...part, first: true },
      part,
      { ...part, first: true },
      part,
      { ...part, complete: true },
    ]);
    const started = stream.messages.filter(({ message }) => message.case === 'started');
    expect(started).toHaveLength(1);
    expect(stream.ended()).toBeUndefined();
    stream.stop();
  });

  test('CON-3 a token from within it begins anew, one from behind it goes on', async () => {
    const process = await withOpenOrders(1_500);
    const stream = open(process);
    await process.world.simulation.run(1_000_000);
    stream.stop();
    const tokens = stream.messages
      .filter(({ message }) => message.case === 'snapshot')
      .map(({ resumeToken }) => resumeToken);
    const resumed: unknown[] = [];
    for (const resumeToken of tokens) {
      const again = open(process, { resumeToken });
      await process.world.simulation.run(2_000_000);
      again.stop();
      const first = again.messages[0]?.message;
      resumed.push(first?.case === 'started' ? first.value.resumed : undefined);
    }
    expect(resumed).toEqual([false, true]);
  });
});

describe('LOG-12 a token', () => {
  /** A shard with a log of its own, and a stream's last token. */
  async function startedWith(clientTransferId: string) {
    const process = await withOpenOrders(10);
    const { simulation } = process.world;
    await process.propose([depositOf(ACCOUNT_ID, clientTransferId)]);
    const stream = open(process);
    await simulation.run(2_000_000);
    stream.stop();
    return { process, token: stream.messages.at(-1)?.resumeToken ?? '' };
  }

  async function resume(process: AccountProcess, resumeToken: string) {
    const stream = open(process, { resumeToken });
    await process.world.simulation.run(2_000_000);
    stream.stop();
    return stream;
  }

  test('of a log that was lost is refused as LOG_FORKED, by a log that is as long', async () => {
    const [one, other] = [await startedWith('one'), await startedWith('other')];
    const same = await resume(one.process, one.token);
    expect([same.ended(), same.messages[0]?.message.case]).toEqual([undefined, 'started']);
    const forked = await resume(other.process, one.token);
    expect(forked.ended()).toMatchObject({ reason: 'LOG_FORKED' });
    expect(forked.messages).toEqual([]);
    // Nobody else is harmed: whoever brings a token is not believed.
    expect(other.process.shard.host.state.kind).toBe('leading');
    expect((await resume(other.process, other.token)).ended()).toBeUndefined();
  });

  test('of entries that this log does not have is refused as LOG_FORKED', async () => {
    const [one, other] = [await startedWith('one'), await startedWith('other')];
    for (let count = 0; count < 5; count += 1) {
      await one.process.propose([depositOf(ACCOUNT_ID, `more-${count}`)]);
    }
    const longer = open(one.process);
    await one.process.world.simulation.run(2_000_000);
    longer.stop();
    const token = longer.messages.at(-1)?.resumeToken ?? '';
    expect((await resume(other.process, token)).ended()).toMatchObject({ reason: 'LOG_FORKED' });
  });

  test('of another shard begins anew: the account has moved since', async () => {
    const { process, token } = await startedWith('one');
    const moved = open(process, { resumeToken: token, shardId: 'account-9' });
    await process.world.simulation.run(2_000_000);
    moved.stop();
    expect(moved.ended()).toMatchObject({ reason: 'RESUME_TOKEN_TOO_OLD' });
  });

  test('that was cut off, changed or made up is RESUME_TOKEN_INVALID', async () => {
    const { process, token } = await startedWith('one');
    const text = Buffer.from(token, 'base64url').toString();
    const made = (changed: string): string => Buffer.from(changed).toString('base64url');
    const tokens = [
      token.slice(0, -3),
      `${token}AAAA`,
      'x'.repeat(2_000),
      made(text.replace('alice', 'bob')),
      made(text.replace(/[0-9]+$/, '-1')),
      made(text.replace(/[0-9]+$/, '9'.repeat(16))),
      made(text.replace('r3', 'r4')),
    ];
    for (const resumeToken of tokens) {
      expect(() => open(process, { resumeToken })).toThrow(OperatingError);
      expect(() => open(process, { resumeToken })).toThrow(/was not made by this method/);
    }
  });
});
