// The two streams that every shard serves, without RPC around them.

import { describe, expect, test } from '@jest/globals';
import {
  type ResultBatch,
  serveProposeStream,
} from '../../../services/lib/shard/propose-stream.ts';
import { type EventsMessage, streamEvents } from '../../../services/lib/shard/stream-events.ts';
import { SimulatedWorld } from '../../support/shard/simulated-world.ts';
import { add, createToyHost, propose, type ToyProposal } from '../../support/shard/toy-host.ts';
import {
  type StartedLeader as Leader,
  SECOND_US,
  startLeader,
} from '../../support/shard/toy-leader.ts';
import type { ToyAnswer, ToyEvent } from '../../support/shard/toy-machine.ts';

type Results = ResultBatch<ToyEvent, ToyAnswer, number>;
type Message = EventsMessage<ToyEvent, ToyAnswer>;
type Request = { readonly proposals: readonly ToyProposal[]; readonly reserve?: number };

/** A stream of requests that the test feeds. */
class Requests implements AsyncIterable<Request> {
  readonly #waiting: Request[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  send(request: Request): void {
    this.#waiting.push(request);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Request> {
    while (true) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

function openProposeStream({ host }: Leader, signal?: AbortSignal) {
  const requests = new Requests();
  let number = 0;
  const stream = serveProposeStream({
    host,
    requests,
    decode: ({ proposals, reserve = 0 }: Request) => ({
      proposals: proposals.map((proposal) => ({ number: number++, proposal })),
      reserve,
    }),
    encode: (batch: Results) => batch,
    ...(signal === undefined ? {} : { signal }),
  });
  return { requests, stream };
}

describe('a Propose stream', () => {
  test('LOG-5: results of one entry come in one message, after the commit', async () => {
    const leader = await startLeader();
    const { requests, stream } = openProposeStream(leader);
    const first = stream.next();
    requests.send({ proposals: ['a', 'b', 'c'].map((identity) => add(leader.world, identity)) });
    const message = (await leader.simulation.until(first)).value as Results;
    expect(message.results.map(({ number }) => number)).toEqual([0, 1, 2]);
    expect(message.results.every(({ result }) => result.kind === 'applied')).toBe(true);
    requests.end();
    expect(await leader.simulation.until(stream.next())).toMatchObject({ done: true });
  });

  test('LOG-5: ends only when everything is answered', async () => {
    const leader = await startLeader();
    const { requests, stream } = openProposeStream(leader);
    const first = stream.next();
    requests.send({ proposals: [add(leader.world, 'one')] });
    requests.end();
    const message = (await leader.simulation.until(first)).value as Results;
    expect(message.results).toHaveLength(1);
    expect(await leader.simulation.until(stream.next())).toMatchObject({ done: true });
  });

  test('LOG-10: room that a stream reserves is its own, and is given back at the end', async () => {
    const leader = await startLeader({ queueLimits: { internal: 1, cancel: 1, rest: 3 } });
    const { requests, stream } = openProposeStream(leader);
    const first = stream.next();
    requests.send({ proposals: [], reserve: 2 });
    expect((await leader.simulation.until(first)).value).toEqual({ results: [], reserved: 2 });

    const outside = leader.host.propose(['x', 'y'].map((identity) => add(leader.world, identity)));
    const second = stream.next();
    requests.send({ proposals: ['a', 'b'].map((identity) => add(leader.world, identity)) });
    const results = await leader.simulation.until(Promise.all(outside));
    expect(results.map(({ kind }) => kind)).toEqual(['applied', 'notApplied']);
    const message = (await leader.simulation.until(second)).value as Results;
    expect(message.results.map(({ result }) => result.kind)).toEqual(['applied', 'applied']);

    requests.end();
    await leader.simulation.until(stream.next());
    expect(leader.host.reserve()?.resize(3)).toBe(3);
  });

  test('a request that cannot be decoded ends the stream with that error', async () => {
    const leader = await startLeader();
    const requests = new Requests();
    const stream = serveProposeStream({
      ...leader,
      requests,
      decode: (): never => {
        throw new Error('malformed');
      },
      encode: (batch: Results) => batch,
    });
    const next = stream.next();
    requests.send({ proposals: [] });
    await expect(leader.simulation.until(next)).rejects.toThrow('malformed');
  });

  test('an abort ends the stream without waiting for answers', async () => {
    const leader = await startLeader();
    const abort = new AbortController();
    const { requests, stream } = openProposeStream(leader, abort.signal);
    const next = stream.next();
    leader.database.down = true;
    requests.send({ proposals: [add(leader.world, 'one')] });
    await leader.simulation.run(SECOND_US / 100);
    abort.abort();
    expect(await leader.simulation.until(next)).toMatchObject({ done: true });
  });
});

describe('a StreamEvents stream', () => {
  async function startWithEvents(): Promise<Leader> {
    const leader = await startLeader();
    const proposals = Array.from({ length: 6 }, (_, index) =>
      add(leader.world, `id ${index}`, { key: index % 2 === 0 ? 'even' : 'odd' }),
    );
    await leader.simulation.until(Promise.all(leader.host.propose(proposals)));
    return leader;
  }

  test('CON-2: sends what passes the filter and says how far it has looked', async () => {
    const leader = await startWithEvents();
    const stream = streamEvents({
      ...leader,
      fromSequence: 2,
      passes: ({ events }) => events.some((event) => 'key' in event && event.key === 'odd'),
    });
    const { value } = await leader.simulation.until(stream.next());
    const message = value as Message;
    const groups = message.entries.flatMap((entry) => entry.groups);
    expect(groups.map(({ firstSequence }) => firstSequence)).toEqual([2, 4, 6]);
    expect(message).toMatchObject({ throughSequence: 6, epoch: 1, closing: false });
    expect(message.committed).toEqual(leader.host.position?.committed);
    await stream.return();
  });

  test('CON-2: follows without a gap what is committed meanwhile', async () => {
    const leader = await startWithEvents();
    const stream = streamEvents({ ...leader, fromSequence: 1, passes: () => true });
    const sequences: number[] = [];
    for (let count = 0; sequences.length < 16; count += 1) {
      if (count < 10)
        await leader.simulation.until(propose(leader.host, add(leader.world, `n${count}`)));
      const { value } = await leader.simulation.until(stream.next());
      for (const { groups } of (value as Message).entries) {
        sequences.push(...groups.map(({ firstSequence }) => firstSequence));
      }
    }
    expect(sequences).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
    await stream.return();
  });

  test('CON-2: who is far behind gets from memory what the others got', async () => {
    const leader = await startLeader();
    for (let count = 0; count < 100; count += 1) {
      await leader.simulation.until(propose(leader.host, add(leader.world, `n${count}`)));
    }
    let reads = 0;
    const { callDatabase } = leader.world;
    leader.world.callDatabase = (statement) => {
      reads += 1;
      return callDatabase.call(leader.world, statement) as never;
    };
    const stream = streamEvents({ ...leader, fromSequence: 1, passes: () => true });
    const groups: { identity: string; firstSequence: number; events: readonly ToyEvent[] }[] = [];
    while (groups.length < 100) {
      const { value } = await leader.simulation.until(stream.next());
      groups.push(...(value as Message).entries.flatMap((entry) => entry.groups));
    }
    expect(groups.map(({ identity }) => identity)).toEqual(
      Array.from({ length: 100 }, (_, count) => `n${count}`),
    );
    expect(groups.map(({ firstSequence }) => firstSequence)).toEqual(
      Array.from({ length: 100 }, (_, count) => count + 1),
    );
    // The last was never in other form than as it was made; the first was read from its bytes.
    expect(groups[0]?.events).toEqual([{ kind: 'added', key: 'a', total: 1 }]);
    expect(groups[99]?.events).toEqual([{ kind: 'added', key: 'a', total: 100 }]);
    expect(reads).toBe(0);
    await stream.return();
  });

  test('CON-2: gives a sign of life at least every 200 ms', async () => {
    const leader = await startWithEvents();
    const stream = streamEvents({ ...leader, fromSequence: 7, passes: () => true });
    await leader.simulation.until(stream.next());
    for (let count = 0; count < 5; count += 1) {
      const before = leader.simulation.timeUs;
      const { value } = await leader.simulation.until(stream.next());
      expect(value).toMatchObject({ entries: [], throughSequence: 6 });
      expect(leader.simulation.timeUs - before).toBeLessThanOrEqual(200_000);
    }
    await stream.return();
  });

  test('a command whose events a subscriber has in part is sent whole', async () => {
    const leader = await startLeader();
    const spread = add(leader.world, 'spread', { command: { kind: 'spread', count: 2 } });
    await leader.simulation.until(propose(leader.host, spread));
    const stream = streamEvents({ ...leader, fromSequence: 2, passes: () => true });
    const { value } = await leader.simulation.until(stream.next());
    const groups = (value as Message).entries.flatMap((entry) => entry.groups);
    expect(groups).toMatchObject([{ identity: 'spread', firstSequence: 1 }]);
    expect(groups[0]?.events).toHaveLength(3);
    await stream.return();
  });

  test('REP-9: a planned end is announced', async () => {
    const leader = await startWithEvents();
    const stream = streamEvents({ ...leader, fromSequence: 1, passes: () => true });
    await leader.simulation.until(stream.next());
    const last = stream.next();
    await leader.simulation.until(leader.host.end(1_000));
    expect((await leader.simulation.until(last)).value).toMatchObject({ closing: true });
    expect(await leader.simulation.until(stream.next())).toMatchObject({ done: true });
  });

  test('a host that does not lead answers NOT_LEADER', async () => {
    const { simulation, database } = await startLeader();
    const world = new SimulatedWorld(database);
    const host = createToyHost(world);
    const stream = streamEvents({ host, world, fromSequence: 1, passes: () => true });
    await expect(simulation.until(stream.next())).rejects.toMatchObject({ reason: 'NOT_LEADER' });
  });

  test('REP-7: a deposed leader ends its streams with NOT_LEADER', async () => {
    const leader = await startWithEvents();
    const stream = streamEvents({ ...leader, fromSequence: 7, passes: () => true });
    await leader.simulation.until(stream.next());
    const other = createToyHost(new SimulatedWorld(leader.database));
    await leader.simulation.until(other.lead(2));
    void propose(leader.host, add(leader.world, 'late'));
    const next = leader.simulation.until(stream.next());
    await expect(next).rejects.toMatchObject({ reason: 'NOT_LEADER' });
  });
});
