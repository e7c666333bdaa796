// What market data says of an instrument whose shard has fallen silent (CON-2).

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { EntryEventsSchema } from '../../../gen/bourse/matching/v1/service_pb.ts';
import type { RpcContext } from '../../../services/lib/platform/rpc/call-context.ts';
import { Feeds } from '../../../services/marketdata/adapter/feeds.ts';
import { marketDataHandlers } from '../../../services/marketdata/adapter/handlers.ts';
import { Streams } from '../../../services/marketdata/adapter/streams.ts';

const INSTRUMENT_ID = 'BTC-USD';
const UNIT = { coefficient: 1n, scale: 0 };
const CALL = { signal: new AbortController().signal } as unknown as RpcContext;

let nowUs = 0;
let feeds: Feeds;

/** An order that rests in instrument 1 of a shard. */
const ACCEPTED: MessageInitShape<typeof EntryEventsSchema> = {
  entryIndex: 1n,
  commands: [
    {
      firstSequence: 1n,
      events: [
        {
          instrumentNumber: 1,
          instrumentSequence: 1n,
          kind: { case: 'orderAccepted', value: { terms: { quantityUnits: 1n } } },
        },
      ],
    },
  ],
};

async function isStale(): Promise<readonly (boolean | undefined)[]> {
  const streams = new Streams(feeds);
  const handlers = marketDataHandlers(feeds, streams);
  const book = await handlers.getOrderBook(
    { instrumentId: INSTRUMENT_ID, depth: 1, minimumSequence: 0n } as never,
    CALL,
  );
  const { ticker } = await handlers.getTicker({ instrumentId: INSTRUMENT_ID } as never, CALL);
  streams.stop();
  return [book.stale, ticker?.stale];
}

beforeEach(() => {
  nowUs = 5_000_000;
  feeds = new Feeds({
    monotonicUs: () => nowUs,
    wallClockUs: () => nowUs,
    setTimer: () => ({ cancel: () => {} }),
  });
  feeds.isReady = true;
  feeds.setScale({
    ...{ instrumentId: INSTRUMENT_ID, instrumentNumber: 1 },
    ...{ priceUnit: UNIT, quantityUnit: UNIT, quoteScale: 0 },
  });
});

describe('CON-2 books and tickers', () => {
  test('are stale before their shard was heard of', async () => {
    expect(await isStale()).toEqual([true, true]);
  });

  test('are stale when it has been silent for longer than a second, until it is heard again', async () => {
    feeds.apply('matching-1', [create(EntryEventsSchema, ACCEPTED)]);
    expect(await isStale()).toEqual([false, false]);
    nowUs += 1_000_000;
    expect(await isStale()).toEqual([false, false]);
    nowUs += 1;
    expect(await isStale()).toEqual([true, true]);
    feeds.heard('matching-1');
    expect(await isStale()).toEqual([false, false]);
  });

  test('are stale although another shard is heard of', async () => {
    feeds.apply('matching-1', [create(EntryEventsSchema, ACCEPTED)]);
    nowUs += 1_000_001;
    feeds.heard('matching-2');
    expect(await isStale()).toEqual([true, true]);
  });
});
