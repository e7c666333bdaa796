// Following matching shards: a leader that changes, and a slot that comes from another shard.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { EventSchema } from '../../../gen/bourse/matching/v1/event_pb.ts';
import {
  MatchingService,
  type StreamEventsRequest,
  type StreamEventsResponse,
  StreamEventsResponseSchema,
} from '../../../gen/bourse/matching/v1/service_pb.ts';
import { Side } from '../../../gen/bourse/type/v1/order_pb.ts';
import type { ClusterTable } from '../../../services/lib/platform/cluster/cluster-table.ts';
import { loadDescriptors } from '../../../services/lib/platform/rpc/descriptors.ts';
import { createRpcServer } from '../../../services/lib/platform/rpc/server.ts';
import { createLogger } from '../../../services/lib/platform/telemetry/logger.ts';
import { createRealWorldWithoutLogs } from '../../../services/lib/shard/real-world.ts';
import { Feeds } from '../../../services/marketdata/adapter/feeds.ts';
import { followAllShards } from '../../../services/marketdata/adapter/follow-all.ts';
import { waitUntil } from '../../support/wait.ts';

type EventInit = Exclude<MessageInitShape<typeof EventSchema>, { $typeName: string }>;
type Source = (
  request: StreamEventsRequest,
  signal: AbortSignal,
) => AsyncGenerator<StreamEventsResponse>;

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A message with one command for each event, at these shard sequences. */
function message(events: readonly (readonly [sequence: number, event: EventInit])[], through = 0) {
  const commands = events.map(([sequence, event]) => {
    return { identity: `c${sequence}`, firstSequence: BigInt(sequence), events: [event] };
  });
  const last = events.at(-1)?.[0] ?? through;
  const entries = commands.map((command, index) => {
    return { entryIndex: BigInt(index + 1), logTimeUs: 1n, commands: [command] };
  });
  return create(StreamEventsResponseSchema, {
    entries,
    throughSequence: BigInt(last),
    committedEntryIndex: BigInt(Math.max(1, last)),
  });
}

/** An order at a price of its own in instrument 1. */
function accepted(instrumentSequence: number): EventInit {
  const terms = { side: Side.BUY, priceUnits: BigInt(instrumentSequence), quantityUnits: 1n };
  const value = { accountNumber: 1, placement: BigInt(instrumentSequence), terms };
  return {
    instrumentNumber: 1,
    instrumentSequence: BigInt(instrumentSequence),
    kind: { case: 'orderAccepted', value },
  };
}

function imported(sourceShardId: string, exportSequence: number): EventInit {
  const step = {
    case: 'imported',
    value: { sourceShardId, exportSequence: BigInt(exportSequence) },
  };
  return { kind: { case: 'slotMoved', value: { slot: 1, generation: 2n, step } } } as EventInit;
}

class TableUnderTest {
  readonly #listeners = new Set<(table: ClusterTable) => void>();
  readonly #address: string;
  #table: ClusterTable;

  constructor(address: string, shardIds: readonly string[]) {
    this.#address = address;
    this.#table = this.#make(shardIds, 1);
  }

  readonly table = () => this.#table;

  readonly onChange = (listener: (table: ClusterTable) => void) => {
    this.#listeners.add(listener);
    listener(this.#table);
    return () => this.#listeners.delete(listener);
  };

  raise(epoch: number): void {
    this.#table = this.#make([...this.#table.shards.keys()], epoch);
    for (const listener of [...this.#listeners]) listener(this.#table);
  }

  #make(shardIds: readonly string[], epoch: number): ClusterTable {
    const leader = { nodeId: 'matching-1', address: this.#address };
    const shards = shardIds.map((shardId) => {
      return [shardId, { shardId, kind: 'matching', epoch, leader, replicaNodeIds: [] }];
    });
    return { nodes: new Map(), shards: new Map(shards as never) } as unknown as ClusterTable;
  }
}

/** A node that leads the shards and sends what the test says, and market data that follows it. */
async function follow(shardIds: readonly string[], source: Source) {
  const logger = createLogger({ service: 'marketdata', node: 'test', level: 'silent' as never });
  const server = createRpcServer({ logger, descriptors: loadDescriptors() });
  const unused = () => Promise.reject(new Error('not asked here'));
  server.add(MatchingService, {
    // biome-ignore lint/correctness/useYield: it refuses before it could yield
    async *propose() {
      await unused();
    },
    // biome-ignore lint/correctness/useYield: it refuses before it could yield
    async *streamEntries() {
      await unused();
    },
    streamEvents: (request, call) => source(request, call.signal),
    getBook: unused,
    getPosition: unused,
  });
  const port = await server.listen(0);
  closers.push(() => server.drain(500));
  const watch = new TableUnderTest(`127.0.0.1:${port}`, shardIds);
  const world = createRealWorldWithoutLogs();
  const feeds = new Feeds(world);
  feeds.setScale({
    instrumentId: 'BTC-USD',
    instrumentNumber: 1,
    priceUnit: { coefficient: 1n, scale: 2 },
    quantityUnit: { coefficient: 1n, scale: 3 },
    quoteScale: 5,
  });
  const followers = followAllShards({ feeds, watch, world, logger });
  closers.push(() => followers.stop());
  const entry = feeds.find('BTC-USD');
  if (entry === undefined) throw new Error('the instrument is not visible');
  /** What listeners were told, change by change. */
  const changes: (readonly [previous: number, sequence: number])[] = [];
  entry.listeners.add({
    onCommand: ({ previousSequence, sequence }) => changes.push([previousSequence, sequence]),
    onBatch: () => {},
  });
  return { entry, changes, followers, watch };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}

describe('following matching shards', () => {
  test('MOV-6 what is behind an import waits for the source up to its export', async () => {
    const release = Promise.withResolvers<void>();
    const { entry, changes } = await follow(
      ['source', 'target'],
      async function* ({ shardId }, signal) {
        if (shardId === 'target') {
          yield message([
            [1, imported('source', 4)],
            [2, accepted(3)],
            [3, accepted(4)],
          ]);
        } else {
          yield message([[1, accepted(1)]]);
          await release.promise;
          yield message([[2, accepted(2)]], 2);
          yield message([], 4);
        }
        await untilAborted(signal);
      },
    );
    await waitUntil(() => entry.feed.sequence >= 1, { what: 'the first event' });
    // The target's events have had every chance to come: it was opened at the same time.
    await waitUntil(() => entry.shardId === 'source', { what: 'the source to be heard' });
    expect(changes).toEqual([[0, 1]]);

    release.resolve();
    await waitUntil(() => entry.feed.sequence === 4, { what: 'the events behind the import' });

    expect(changes).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
    expect(entry.shardId).toBe('target');
  }, 15_000);

  test('MOV-6 two shards that have given slots to each other are both read to their ends', async () => {
    // One message each, as a follower gets it that begins at the first event. The first shard has
    // its import in front of the export that the second one waits for, and gives the slot back.
    const { entry, changes } = await follow(['one', 'two'], async function* ({ shardId }, signal) {
      if (shardId === 'one') {
        yield message([
          [1, accepted(1)],
          [2, imported('two', 2)],
          [3, accepted(4)],
        ]);
      } else {
        yield message([
          [1, imported('one', 1)],
          [2, accepted(2)],
          [3, accepted(3)],
          [4, imported('one', 3)],
          [5, accepted(5)],
        ]);
      }
      await untilAborted(signal);
    });
    await waitUntil(() => entry.feed.sequence === 5, { what: 'the last event of both' });
    expect(changes.map(([, sequence]) => sequence)).toEqual([1, 2, 3, 4, 5]);
  }, 15_000);

  test('CON-2 a leader of a later epoch is followed at once, without a gap or a repeat', async () => {
    const asked: bigint[] = [];
    const { entry, changes, watch } = await follow(['one'], async function* (request, signal) {
      asked.push(request.fromSequence);
      const from = Number(request.fromSequence);
      yield message([[from, accepted(from)]]);
      while (!signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        yield message([], from);
      }
    });
    await waitUntil(() => entry.feed.sequence === 1, { what: 'the first leader’s event' });
    const sinceMs = performance.now();
    watch.raise(2);
    await waitUntil(() => entry.feed.sequence === 2, { what: 'the next leader’s event' });
    expect(performance.now() - sinceMs).toBeLessThan(500);
    expect(asked).toEqual([1n, 2n]);
    expect(changes).toEqual([
      [0, 1],
      [1, 2],
    ]);
  }, 15_000);

  test('CON-2 a leader that says nothing for a second is left, and its books are stale', async () => {
    let streams = 0;
    const { entry } = await follow(['one'], async function* (request, signal) {
      streams += 1;
      const from = Number(request.fromSequence);
      yield message([[from, accepted(from)]]);
      await untilAborted(signal);
    });
    await waitUntil(() => entry.feed.sequence === 1, { what: 'the first event' });
    expect(entry.isStale).toBe(false);
    await waitUntil(() => entry.isStale || streams === 2, { what: 'the silence to count' });
    await waitUntil(() => streams >= 2 && entry.feed.sequence >= 2, { what: 'the next stream' });
    expect(entry.isStale).toBe(false);
  }, 15_000);
});
