// Fan-out streams: one encoded message to many subscribers, each with its own backlog.

import { create, toBinary } from '@bufbuild/protobuf';
import { afterEach, expect, test } from '@jest/globals';
import { Status } from 'nice-grpc-common';
import {
  MarketDataService,
  StreamTradesResponseSchema,
} from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { createRpcChannel } from '../../../services/lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { fanout, type Subscriber } from '../../../services/lib/platform/rpc/fanout.ts';
import { waitUntil } from '../../support/wait.ts';
import { type ServerUnderTest, startServer } from './server-under-test.ts';

let running: ServerUnderTest;
afterEach(() => running.close());

const message = (resumeToken: string) =>
  toBinary(StreamTradesResponseSchema, create(StreamTradesResponseSchema, { resumeToken }));

async function start(onOpen: (subscriber: Subscriber) => void = () => {}) {
  const subscribers: Subscriber[] = [];
  running = await startServer(MarketDataService, {
    streamTrades: fanout((_request, subscriber) => {
      subscribers.push(subscriber);
      onOpen(subscriber);
    }),
    getTicker: async () => ({}),
  });
  return { subscribers, client: createRpcClient(MarketDataService, running.channel), running };
}

test('every subscriber gets every message, in order, and the end', async () => {
  const { subscribers, client } = await start();
  const readers = Array.from({ length: 20 }, async () => {
    const tokens: string[] = [];
    for await (const { resumeToken } of client.streamTrades({ instrumentIds: ['BTC-USD'] })) {
      tokens.push(resumeToken);
    }
    return tokens;
  });
  await waitUntil(() => subscribers.length === 20, { what: '20 subscribers' });
  const expected = Array.from({ length: 50 }, (_, index) => `token ${index}`);
  for (const token of expected) {
    const bytes = message(token);
    for (const subscriber of subscribers) subscriber.write(bytes);
  }
  for (const subscriber of subscribers) subscriber.end();
  for (const tokens of await Promise.all(readers)) expect(tokens).toEqual(expected);
  expect(await client.getTicker({})).toBeDefined(); // other methods of the service go on
});

test('a subscriber who does not read has a growing backlog and nobody else has', async () => {
  const { subscribers, client, running: server } = await start();
  const slow = createRpcChannel(server.address);
  const abort = new AbortController();
  const unread = createRpcClient(MarketDataService, slow)
    .streamTrades({}, { signal: abort.signal })
    [Symbol.asyncIterator]();
  const opened = unread.next().catch(() => {});
  await waitUntil(() => subscribers.length === 1, { what: 'the slow subscriber' });
  let received = 0;
  const reading = (async () => {
    for await (const _ of client.streamTrades({})) received += 1;
  })();
  await waitUntil(() => subscribers.length === 2, { what: 'the quick subscriber' });
  const [first, second] = subscribers as [Subscriber, Subscriber];
  const large = message('x'.repeat(100_000));
  for (let index = 0; index < 100; index += 1) {
    for (const subscriber of subscribers) subscriber.write(large);
    await waitUntil(() => received > index, { what: `message ${index} at the quick one` });
  }
  expect(first.bufferedBytes).toBeGreaterThan(1_000_000);
  expect(second.bufferedBytes).toBeLessThan(200_000);
  first.end(new OperatingError('SUBSCRIBER_TOO_SLOW', 'too slow'));
  second.end();
  await reading;
  abort.abort();
  await opened;
  slow.close();
});

test('a backlog that is gone is announced', async () => {
  let drained = 0;
  const { subscribers, client } = await start((subscriber) => {
    subscriber.onDrained(() => {
      drained += 1;
    });
    subscriber.write(message('first'));
  });
  for await (const { resumeToken } of client.streamTrades({})) {
    expect(resumeToken).toBe('first');
    break;
  }
  await waitUntil(() => drained > 0 && subscribers[0]?.bufferedBytes === 0, { what: 'the drain' });
});

test('a subscriber who goes away is noticed, and writing to him does nothing', async () => {
  const { subscribers, client } = await start((subscriber) => subscriber.write(message('first')));
  for await (const _ of client.streamTrades({})) break;
  const [subscriber] = subscribers;
  await waitUntil(() => subscriber?.signal.aborted, { what: 'the end of the stream' });
  subscriber?.write(message('second'));
  subscriber?.end();
  expect(subscriber?.bufferedBytes).toBe(0);
});

test('an error ends the stream with its reason, also when thrown at the start', async () => {
  const { client } = await start(() => {
    throw new OperatingError('TOO_MANY_STREAMS', 'enough', { metadata: { limit: '1' } });
  });
  const read = async () => {
    for await (const _ of client.streamTrades({})) {
      // nothing comes
    }
  };
  await expect(read()).rejects.toMatchObject({
    reason: 'TOO_MANY_STREAMS',
    code: Status.RESOURCE_EXHAUSTED,
    metadata: { limit: '1' },
  });
});

test('a drain tells the subscribers, who end their streams in order', async () => {
  const {
    subscribers,
    client,
    running: server,
  } = await start((subscriber) => {
    subscriber.draining.addEventListener('abort', () => {
      subscriber.write(message('closing'));
      subscriber.end();
    });
  });
  const tokens: string[] = [];
  const reading = (async () => {
    for await (const { resumeToken } of client.streamTrades({})) tokens.push(resumeToken);
  })();
  await waitUntil(() => subscribers.length === 1, { what: 'the subscriber' });
  expect(await server.server.drain(5_000)).toBe(true);
  await reading;
  expect(tokens).toEqual(['closing']);
});
