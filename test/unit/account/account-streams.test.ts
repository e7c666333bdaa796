// StreamAccount on a real shard in a simulated world: snapshots of any size, and what follows.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  type StreamAccountResponse,
  StreamAccountResponseSchema,
} from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { ledgerHandlers } from '../../../services/account/adapter/ledger-service.ts';
import { accountHandlers } from '../../../services/account/adapter/public/account-service.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { MESSAGE_BYTES_LIMIT } from '../../../services/lib/platform/rpc/limits.ts';
import type { LogPoint } from '../../../services/lib/shard/log-entry.ts';
import {
  ACCOUNT_ID,
  AccountProcess,
  callContext,
  depositOf,
  holdOf,
  SHARD_ID,
  startAccountShard,
} from '../../support/account-shard.ts';

/** A stream of the account as its reader gets it. */
class Reader {
  readonly call = callContext();
  readonly #process: AccountProcess;
  readonly #stream: AsyncIterator<unknown>;

  constructor(process: AccountProcess, afterSequence?: bigint, seen?: LogPoint) {
    this.#process = process;
    const request = {
      accountId: ACCOUNT_ID,
      afterSequence,
      seenEntryIndex: BigInt(seen?.entryIndex ?? 0),
      seenChainChecksum: Buffer.from(seen?.chainChecksum ?? '', 'hex'),
    };
    const { streamAccount } = ledgerHandlers(process.node) as unknown as {
      streamAccount(request: unknown, call: unknown): AsyncGenerator<unknown>;
    };
    const stream = streamAccount(request, this.call.context);
    this.#stream = stream[Symbol.asyncIterator]();
  }

  /** The next message, when time passes; undefined at the end. */
  async next(): Promise<StreamAccountResponse | undefined> {
    const { simulation } = this.#process.world;
    const { done, value } = await simulation.until(this.#stream.next());
    if (done === true) return undefined;
    return value instanceof Uint8Array
      ? fromBinary(StreamAccountResponseSchema, value)
      : create(StreamAccountResponseSchema, value as object);
  }

  async close(): Promise<void> {
    this.call.abort.abort();
    await this.#stream.return?.();
  }
}

const hexOf = (bytes: Uint8Array = new Uint8Array()): string => Buffer.from(bytes).toString('hex');

const bytesOf = (message: StreamAccountResponse): number =>
  toBinary(StreamAccountResponseSchema, message).length;

/** The longest client order id. */
const longIdOf = (index: number): string => `${index}`.padStart(64, 'o');

describe('StreamAccount', () => {
  test('a snapshot of 30,000 open orders comes in parts, all of one moment', async () => {
    const process = await startAccountShard();
    const count = 30_000;
    const holds = Array.from({ length: count }, (_, index) => holdOf(ACCOUNT_ID, longIdOf(index)));
    await process.propose(holds);
    const reader = new Reader(process);
    const placements: number[] = [];
    const moments = new Set<bigint>();
    let parts = 0;
    for (let isComplete = false; !isComplete; parts += 1) {
      const message = await reader.next();
      if (message?.kind.case !== 'snapshot') throw new Error('no snapshot');
      expect(bytesOf(message)).toBeLessThan(MESSAGE_BYTES_LIMIT / 4);
      moments.add(message.throughSequence);
      placements.push(...message.kind.value.orders.map(({ placement }) => Number(placement)));
      isComplete = message.kind.value.complete;
      // What happens between two parts is not in the snapshot.
      if (parts === 0) await process.propose([holdOf(ACCOUNT_ID, 'meanwhile')]);
    }
    expect(parts).toBe(30);
    expect(placements).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    expect(moments.size).toBe(1);
    const behind = await reader.next();
    if (behind?.kind.case !== 'events') throw new Error('no events');
    const [event] = behind.kind.value.events;
    if (event?.event?.kind.case !== 'holdPlaced') throw new Error('no hold');
    expect(event.event.kind.value.record?.clientOrderId).toBe('meanwhile');
    await reader.close();
  });

  test('LOG-12 every message says what is committed, and what was seen is compared', async () => {
    const process = await startAccountShard();
    const entries = process.world.database.entriesOf(SHARD_ID);
    const reader = new Reader(process);
    const message = await reader.next();
    await reader.close();
    const committed = entries.at(-1);
    expect(message?.committedEntryIndex).toBe(BigInt(committed?.entryIndex ?? 0));
    expect(hexOf(message?.committedChainChecksum)).toBe(committed?.chainChecksum);
    for (const entry of entries) {
      const seen = { entryIndex: entry.entryIndex, chainChecksum: entry.chainChecksum };
      const same = new Reader(process, message?.throughSequence, seen);
      expect(await reasonOf(same.next())).toBe('OK');
      await same.close();
      const other = { ...seen, chainChecksum: `00${seen.chainChecksum.slice(2)}` };
      const forked = new Reader(process, message?.throughSequence, other);
      expect(await reasonOf(forked.next())).toBe('LOG_FORKED');
    }
    const ahead = { entryIndex: entries.length + 1, chainChecksum: '' };
    expect(await reasonOf(new Reader(process, 1n, ahead).next())).toBe('LOG_FORKED');
  });

  test('an account without orders has a snapshot of one part', async () => {
    const process = await startAccountShard();
    const reader = new Reader(process);
    const message = await reader.next();
    if (message?.kind.case !== 'snapshot') throw new Error('no snapshot');
    expect(message.kind.value).toMatchObject({ complete: true, orders: [] });
    expect(message.kind.value.balances).toHaveLength(1);
    await reader.close();
  });
});

/** What comes, until the stream has told every event up to a sequence. */
async function readThrough(reader: Reader, sequence: number): Promise<number[]> {
  const found: number[] = [];
  for (;;) {
    const message = await reader.next();
    if (message === undefined) throw new Error('the stream has ended');
    expect(bytesOf(message)).toBeLessThan(MESSAGE_BYTES_LIMIT / 4);
    if (message.kind.case === 'events') {
      found.push(...message.kind.value.events.map((event) => Number(event.sequence)));
    }
    expect(found.every((one) => one <= Number(message.throughSequence))).toBe(true);
    if (Number(message.throughSequence) >= sequence) return found;
  }
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof OperatingError) return error.reason ?? '';
    throw error;
  }
  return 'OK';
}

/** What memory keeps of an account here. */
const KEPT = 1_500;
const recentLimits = { perAccount: KEPT, total: 10 * KEPT };

describe('an account with more events than memory keeps', () => {
  let leader: AccountProcess;
  let firstSequence = 0;
  let lastSequence = 0;

  const eventsFrom = (sequence: number): number[] =>
    Array.from({ length: lastSequence - sequence }, (_, index) => sequence + index + 1);

  beforeAll(async () => {
    leader = await startAccountShard({ recentLimits });
    firstSequence = leader.shard.host.position?.lastSequence ?? 0;
    const deposits = Array.from({ length: KEPT + 2_000 }, (_, index) =>
      depositOf(ACCOUNT_ID, `d${index}`),
    );
    await leader.propose(deposits);
    lastSequence = leader.shard.host.position?.lastSequence ?? 0;
    await leader.world.simulation.run(1_000_000);
  }, 60_000);

  test('CON-3 a resumed stream is served from the log, then from memory, gap-free', async () => {
    for (const behind of [firstSequence, firstSequence + 1_999, lastSequence - 10]) {
      const reader = new Reader(leader, BigInt(behind));
      expect(await readThrough(reader, lastSequence)).toEqual(eventsFrom(behind));
      await reader.close();
    }
  });

  test('CON-3 so it is by another process, which has only the log', async () => {
    const next = new AccountProcess(leader.world.database, { nodeId: 'account-2', recentLimits });
    await next.lead(2);
    const reader = new Reader(next, BigInt(firstSequence));
    expect(await readThrough(reader, lastSequence)).toEqual(eventsFrom(firstSequence));
    await reader.close();
    // For what follows the first one leads again.
    await leader.lead(3);
  });

  test('CON-3 a reader that is away for long is not cut off, and misses nothing', async () => {
    const reader = new Reader(leader);
    await reader.next();
    const before = lastSequence;
    await leader.propose(
      Array.from({ length: KEPT + 100 }, (_, index) => depositOf(ACCOUNT_ID, `e${index}`)),
    );
    await leader.world.simulation.run(1_000_000);
    lastSequence = leader.shard.host.position?.lastSequence ?? 0;
    const read = await readThrough(reader, lastSequence);
    expect(read).toHaveLength(KEPT + 100);
    expect(read).toEqual(eventsFrom(lastSequence - read.length));
    expect(read[0]).toBeGreaterThan(before);
    await reader.close();
  }, 60_000);

  test('only what the log does not hold is RESUME_TOKEN_TOO_OLD', async () => {
    const ahead = new Reader(leader, BigInt(lastSequence + 1));
    expect(await reasonOf(ahead.next())).toBe('RESUME_TOKEN_TOO_OLD');
    const entries = leader.world.database.entriesOf(SHARD_ID);
    const cut = entries.findIndex((entry) => entry.firstSequence > firstSequence + 1);
    const [kept] = entries.slice(cut);
    const saved = entries.slice(0, cut);
    for (let index = 0; index < cut; index += 1) delete entries[index];
    const old = new Reader(leader, BigInt(firstSequence));
    expect(await reasonOf(readThrough(old, lastSequence))).toBe('RESUME_TOKEN_TOO_OLD');
    const first = (kept?.firstSequence ?? 0) - 1;
    const oldest = new Reader(leader, BigInt(first));
    expect(await readThrough(oldest, lastSequence)).toEqual(eventsFrom(first));
    await oldest.close();
    saved.forEach((entry, index) => {
      entries[index] = entry;
    });
  });

  test('a log that cannot be reached is LOG_UNAVAILABLE, and the place is not lost', async () => {
    const reader = new Reader(leader, BigInt(firstSequence));
    const first = await reader.next();
    expect(first?.kind.case).toBeUndefined();
    leader.world.database.down = true;
    const reason = await reasonOf(readThrough(reader, lastSequence));
    leader.world.database.down = false;
    expect(reason).toBe('LOG_UNAVAILABLE');
    await leader.world.simulation.run(5_000_000);
    const again = new Reader(leader, first?.throughSequence);
    expect(await readThrough(again, lastSequence)).toEqual(eventsFrom(firstSequence));
    await again.close();
  });

  test('a stream of balances needs no log: the present balances stand for what is forgotten', async () => {
    const { streamBalances } = accountHandlers(leader.node) as unknown as {
      streamBalances(request: object, call: unknown): AsyncGenerator<BalancesMessage>;
    };
    const { simulation } = leader.world;
    const call = callContext();
    const stream = streamBalances({ accountId: ACCOUNT_ID, resumeToken: '' }, call.context);
    await simulation.until(stream.next());
    const snapshot = (await simulation.until(stream.next())).value as BalancesMessage;
    expect(snapshot.message.case).toBe('snapshot');
    await leader.propose(
      Array.from({ length: KEPT + 100 }, (_, index) => depositOf(ACCOUNT_ID, `f${index}`)),
    );
    await simulation.run(1_000_000);
    const missed = (await simulation.until(stream.next())).value as BalancesMessage;
    call.abort.abort();
    const resumed = streamBalances(
      { accountId: ACCOUNT_ID, resumeToken: snapshot.resumeToken },
      callContext().context,
    );
    expect((await simulation.until(resumed.next())).value).toMatchObject({
      message: { case: 'started', value: { resumed: true } },
    });
    const messages: BalancesMessage[] = [];
    while (messages.at(-1)?.message.case !== 'update') {
      messages.push((await simulation.until(resumed.next())).value as BalancesMessage);
    }
    await resumed.return(undefined);
    for (const update of [missed, messages.at(-1)]) {
      expect(update?.message).toMatchObject({
        case: 'update',
        value: { previousSequence: snapshot.message.value.sequence },
      });
      const [balance] = update?.message.value.balances ?? [];
      expect(balance?.total).toBe(await totalOf(leader));
    }
  }, 60_000);
});

test('LOG-12 a stream of balances does not go on in another log', async () => {
  const open = async (process: AccountProcess, resumeToken: string) => {
    const { streamBalances } = accountHandlers(process.node) as unknown as {
      streamBalances(request: object, call: unknown): AsyncGenerator<BalancesMessage>;
    };
    const call = callContext();
    const stream = streamBalances({ accountId: ACCOUNT_ID, resumeToken }, call.context);
    const next = async () =>
      (await process.world.simulation.until(stream.next())).value as BalancesMessage;
    const messages = [await next()];
    const reason = await reasonOf(
      (async () => {
        messages.push(await next());
      })(),
    );
    call.abort.abort();
    return { messages, reason };
  };
  const [one, other] = [await startAccountShard(), await startAccountShard()];
  await one.propose([depositOf(ACCOUNT_ID, 'one')]);
  await other.propose([depositOf(ACCOUNT_ID, 'other')]);
  const token = (await open(one, '')).messages.at(-1)?.resumeToken ?? '';
  expect(await open(one, token)).toMatchObject({ reason: 'OK' });
  const forked = await open(other, token);
  expect(forked.reason).toBe('LOG_FORKED');
  // What it said before it knew does not lead into the other log either.
  expect(await open(other, forked.messages[0]?.resumeToken ?? '')).toMatchObject({
    reason: 'LOG_FORKED',
  });
});

type BalancesMessage = {
  readonly resumeToken: string;
  readonly message: {
    readonly case: string;
    readonly value: {
      readonly sequence: bigint;
      readonly balances: readonly { readonly total: string }[];
    };
  };
};

/** The account's total of its one asset, as GetBalances has it. */
async function totalOf({ node, world }: AccountProcess): Promise<string | undefined> {
  const { getBalances } = accountHandlers(node) as unknown as {
    getBalances(request: object): Promise<{ balances: readonly { total: string }[] }>;
  };
  const { balances } = await world.simulation.until(getBalances({ accountId: ACCOUNT_ID }));
  return balances[0]?.total;
}
