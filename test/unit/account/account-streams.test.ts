// StreamAccount on a real shard in a simulated world: snapshots of any size, and what follows.

import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import {
  type StreamAccountResponse,
  StreamAccountResponseSchema,
} from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { ledgerHandlers } from '../../../services/account/adapter/ledger-service.ts';
import { MESSAGE_BYTES_LIMIT } from '../../../services/lib/platform/rpc/limits.ts';
import {
  ACCOUNT_ID,
  type AccountProcess,
  callContext,
  holdOf,
  startAccountShard,
} from '../../support/account-shard.ts';

/** A stream of the account as its reader gets it. */
class Reader {
  readonly call = callContext();
  readonly #process: AccountProcess;
  readonly #stream: AsyncIterator<unknown>;

  constructor(process: AccountProcess, afterSequence?: bigint) {
    this.#process = process;
    const request = { accountId: ACCOUNT_ID, afterSequence };
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
    return done === true ? undefined : create(StreamAccountResponseSchema, value as object);
  }

  async close(): Promise<void> {
    this.call.abort.abort();
    await this.#stream.return?.();
  }
}

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
