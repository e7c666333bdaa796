// Reading far back in a shard's log, beside the leader that goes on.

import { describe, expect, test } from '@jest/globals';
import { eventGroups } from '../../../services/lib/shard/committed-entry.ts';
import {
  HistoryGone,
  LogHistory,
  type StoredEvent,
} from '../../../services/lib/shard/log-history.ts';
import { LogBroken } from '../../../services/lib/shard/replica.ts';
import { LogUnreachable } from '../../../services/lib/shard/world.ts';
import { add, propose, TOY_SHARD } from '../../support/shard/toy-host.ts';
import { type StartedLeader, startLeader } from '../../support/shard/toy-leader.ts';
import type { ToyCommand } from '../../support/shard/toy-machine.ts';

/** Every event has this key, but those of one length. */
const KEY = 7;
const OTHER_KEY = 8;
let otherLength = 0;
const keyOf = ({ length }: Uint8Array): number => (length === otherLength ? OTHER_KEY : KEY);

/** A leader with a log of that many commands; some take several entries, some come due later. */
async function withHistory(commands: number): Promise<StartedLeader & { history: LogHistory }> {
  const leader = await startLeader();
  for (let index = 0; index < commands; index += 1) {
    const dueTimeUs = leader.simulation.timeUs + 5_000;
    let command: ToyCommand | undefined;
    if (index % 10 === 3) command = { kind: 'spread', count: 5 };
    if (index % 10 === 6) command = { kind: 'remind', key: 'a', dueTimeUs };
    const change = command === undefined ? {} : { command };
    await leader.simulation.until(propose(leader.host, add(leader.world, `c${index}`, change)));
  }
  await leader.simulation.run(10_000);
  return { ...leader, history: new LogHistory({ world: leader.world, shardId: TOY_SHARD, keyOf }) };
}

type Leader = Awaited<ReturnType<typeof withHistory>>;

function endOf({ host }: Leader) {
  const { position } = host;
  if (position === undefined) throw new Error('it leads');
  return position;
}

/** Everything that a read brings. */
async function readAll(leader: Leader, fromSequence: number, key = KEY) {
  const events: StoredEvent[] = [];
  const through: number[] = [];
  const reading = (async () => {
    for await (const step of leader.history.read(fromSequence, endOf(leader), key)) {
      events.push(...step.events);
      through.push(step.throughSequence);
    }
  })();
  await leader.simulation.until(reading);
  return { events, through };
}

/** The same, as a follower of the shard gets it. */
async function followAll(leader: Leader, fromSequence: number) {
  const found: { sequence: number; bytes: Uint8Array }[] = [];
  const { lastSequence } = endOf(leader);
  const following = (async () => {
    for await (const batch of leader.host.subscribe({ fromSequence, heartbeatMs: 100 })) {
      for (const group of batch.entries.flatMap(eventGroups)) {
        group.encodedEvents.forEach((bytes, index) => {
          const sequence = group.firstSequence + index;
          if (sequence >= fromSequence) found.push({ sequence, bytes });
        });
      }
      if (batch.throughSequence >= lastSequence) return;
    }
  })();
  await leader.simulation.until(following);
  return found;
}

describe('the history of a shard', () => {
  test('CON-2 is what its followers get, from any sequence on', async () => {
    const leader = await withHistory(100);
    const { lastSequence } = endOf(leader);
    for (const fromSequence of [1, 2, 50, lastSequence]) {
      const { events, through } = await readAll(leader, fromSequence);
      const plain = events.map(({ sequence, bytes }) => ({ sequence, bytes }));
      expect(plain).toEqual(await followAll(leader, fromSequence));
      expect(through.at(-1)).toBe(lastSequence);
    }
    expect(await readAll(leader, lastSequence + 1)).toEqual({ events: [], through: [] });
  });

  test('has only the events of a key, and still says how far it is', async () => {
    const leader = await withHistory(40);
    const all = await readAll(leader, 1);
    otherLength = all.events[17]?.bytes.length ?? 0;
    const ofKey = await readAll(leader, 1, OTHER_KEY);
    const ofOther = await readAll(leader, 1, KEY);
    otherLength = 0;
    const isOf = ({ bytes }: StoredEvent): boolean => bytes.length === all.events[17]?.bytes.length;
    expect(ofKey.events).toEqual(all.events.filter(isOf));
    expect(ofOther.events).toEqual(all.events.filter((event) => !isOf(event)));
    expect([ofKey.through.at(-1), ofOther.through.at(-1)]).toEqual([
      all.through.at(-1),
      all.through.at(-1),
    ]);
  });

  test('LOG-5 ends where the leader had committed when it began', async () => {
    const leader = await withHistory(20);
    const end = endOf(leader);
    await leader.simulation.until(propose(leader.host, add(leader.world, 'later')));
    const sequences: number[] = [];
    const reading = (async () => {
      for await (const { events } of leader.history.read(1, end, KEY)) {
        sequences.push(...events.map(({ sequence }) => sequence));
      }
    })();
    await leader.simulation.until(reading);
    expect(sequences.at(-1)).toBe(end.lastSequence);
  });

  test('says when the log does not reach back so far, and only then', async () => {
    const leader = await withHistory(40);
    const all = await readAll(leader, 1);
    const entries = leader.database.entriesOf(TOY_SHARD);
    const firstKept = entries[20]?.firstSequence ?? 0;
    for (let index = 0; index < 20; index += 1) delete entries[index];
    await expect(readAll(leader, firstKept - 1)).rejects.toThrow(HistoryGone);
    const { events } = await readAll(leader, firstKept);
    expect(events).toEqual(all.events.filter(({ sequence }) => sequence >= firstKept));
  });

  test('says so, too, when the log is cut while it is read', async () => {
    const leader = await withHistory(60);
    const entries = leader.database.entriesOf(TOY_SHARD);
    const reading = (async () => {
      for await (const _ of leader.history.read(1, endOf(leader), KEY)) {
        for (let index = 0; index < 40; index += 1) delete entries[index];
      }
    })();
    await expect(leader.simulation.until(reading)).rejects.toThrow(HistoryGone);
  });

  test('LOG-12 shows what stands at an index, if the log has it', async () => {
    const leader = await withHistory(10);
    const entries = leader.database.entriesOf(TOY_SHARD);
    const fetched = await leader.simulation.until(leader.history.fetchPoint(4));
    expect(fetched).toEqual({ entryIndex: 4, chainChecksum: entries[3]?.chainChecksum });
    const beyond = leader.history.fetchPoint(entries.length + 1);
    expect(await leader.simulation.until(beyond)).toBeUndefined();
  });

  test('LOG-6 an entry that was changed, or another end, is refused', async () => {
    const leader = await withHistory(40);
    const end = endOf(leader);
    const entries = leader.database.entriesOf(TOY_SHARD);
    const entry = entries[30];
    if (entry === undefined) throw new Error('no entry');
    entries[30] = { ...entry, logTimeUs: entry.logTimeUs + 1 };
    await expect(readAll(leader, 1)).rejects.toThrow(LogBroken);
    entries[30] = entry;
    const committed = { ...end.committed, chainChecksum: '0'.repeat(32) };
    const steps = leader.history.read(1, { ...end, committed }, KEY);
    const reading = (async () => {
      for await (const _ of steps);
    })();
    await expect(leader.simulation.until(reading)).rejects.toThrow(LogBroken);
  });

  test('LOG-3 many readers do not make the leader wait', async () => {
    const leader = await withHistory(60);
    const { simulation } = leader;
    const tookUs = async (identity: string): Promise<number> => {
      const began = simulation.timeUs;
      await simulation.until(propose(leader.host, add(leader.world, identity)));
      return simulation.timeUs - began;
    };
    const aloneUs = await tookUs('alone');
    let read = 0;
    const readers = Array.from({ length: 20 }, async () => {
      for await (const _ of leader.history.read(1, endOf(leader), KEY)) read += 1;
    });
    const together = Promise.all(readers);
    for (let count = 0; count < 300; count += 1) {
      expect(await tookUs(`with-${count}`)).toBeLessThan(aloneUs * 3);
    }
    // They were at it all the time, one step after the other, and end.
    expect(read).toBeGreaterThan(1);
    await simulation.until(together);
  });

  test('a crowd that comes back from about the same place shares its steps', async () => {
    const leader = await withHistory(200);
    const all = await readAll(leader, 1);
    const alone = all.through.length;
    let steps = 0;
    const fromSequences = Array.from({ length: 30 }, (_, index) => 1 + (index % 10));
    const reads = fromSequences.map(async (fromSequence) => {
      const events: StoredEvent[] = [];
      for await (const step of leader.history.read(fromSequence, endOf(leader), KEY)) {
        steps += 1;
        events.push(...step.events);
      }
      expect(events).toEqual(all.events.filter(({ sequence }) => sequence >= fromSequence));
    });
    const began = leader.simulation.timeUs;
    await leader.simulation.until(Promise.all(reads));
    const tookUs = leader.simulation.timeUs - began;
    // A step takes 5 ms and more, and there were many more than fit into that time one by one.
    expect(steps).toBeGreaterThan(20 * alone);
    expect(tookUs).toBeLessThan((steps / 5) * 5_000);
  });

  test('REP-9 gives up when it is closed', async () => {
    const leader = await withHistory(40);
    const reading = (async () => {
      for await (const _ of leader.history.read(1, endOf(leader), KEY)) {
        await leader.history.close();
      }
    })();
    await expect(leader.simulation.until(reading)).rejects.toThrow(LogUnreachable);
  });
});
