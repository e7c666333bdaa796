// Snapshots of a shard: when they are written, what counts, and that a start from one is a start
// from the whole log; in a simulated world.

import { describe, expect, test } from '@jest/globals';
import { Replica } from '../../../services/lib/shard/replica.ts';
import { ContentChecksum } from '../../../services/lib/shard/replica-snapshot.ts';
import type { PassedOver } from '../../../services/lib/shard/snapshot-loader.ts';
import type { SnapshotHead } from '../../../services/lib/shard/world.ts';
import { type SimulatedDatabase, SimulatedWorld } from '../../support/shard/simulated-world.ts';
import { add, createToyHost, propose, readTotal, TOY_SHARD } from '../../support/shard/toy-host.ts';
import { SECOND_US, type StartedWorld, startWorld } from '../../support/shard/toy-leader.ts';
import {
  planToySnapshots,
  TOY_REPLICA,
  type ToyPlan,
  wholeSnapshots,
} from '../../support/shard/toy-snapshots.ts';

type Started = StartedWorld & {
  readonly host: ReturnType<typeof createToyHost>;
  readonly plan: ToyPlan;
};

/** A leader that has a snapshot written for every ten commands; every entry may be one's. */
async function startWriting(everyCommands = 10): Promise<Started> {
  const started = startWorld();
  const plan = planToySnapshots(started.database, { everyCommands, everyMs: 600_000 });
  const host = createToyHost(started.world, { snapshots: plan, stateChecksumInterval: 1 });
  await started.simulation.until(host.lead(1));
  return { ...started, host, plan };
}

/** Commands one after the other, so that each has an entry. */
async function addMany({ simulation, host, world }: Started, from: number, count: number) {
  for (let index = from; index < from + count; index += 1) {
    await simulation.until(propose(host, add(world, `id-${index}`)));
  }
}

/** Two snapshots, and two commands behind the newer. */
async function startWithTwo(): Promise<Started> {
  const started = await startWriting();
  for (const from of [0, 10]) {
    await addMany(started, from, 10);
    await started.simulation.run(SECOND_US);
  }
  await addMany(started, 20, 2);
  expect(wholeSnapshots(started.database)).toHaveLength(2);
  return started;
}

/** Another host that leads next, which entries it reads, and what it passes over. */
async function startNext(database: SimulatedDatabase, epoch: number) {
  const world = new SimulatedWorld(database);
  const passed: PassedOver[] = [];
  const read: number[] = [];
  const open = world.openLog.bind(world);
  world.openLog = (shardId) => {
    const log = open(shardId);
    const fetchEntries = log.fetchEntries.bind(log);
    log.fetchEntries = async (from, through) => {
      const entries = await fetchEntries(from, through);
      read.push(...entries.map(({ entryIndex }) => entryIndex));
      return entries;
    };
    return log;
  };
  const onSnapshotPassedOver = (one: PassedOver): void => {
    passed.push(one);
  };
  const host = createToyHost(world, { observer: { onSnapshotPassedOver } });
  const led = await database.simulation.until(host.lead(epoch));
  return { host, led, passed, world, firstRead: Math.min(...read) };
}

const newestOf = (database: SimulatedDatabase) => {
  const newest = wholeSnapshots(database).at(-1);
  if (newest?.head === undefined) throw new Error('there is no snapshot');
  return newest as typeof newest & { head: SnapshotHead };
};

describe('writing snapshots', () => {
  test('SNAP-2: one is written when enough commands are in none, and the last two are kept', async () => {
    const started = await startWriting();
    await addMany(started, 0, 9);
    await started.simulation.run(SECOND_US);
    expect(started.plan.ends).toEqual([]);
    await addMany(started, 9, 1);
    await started.simulation.run(SECOND_US);
    expect(started.plan.ends).toMatchObject([{ kind: 'written', entryIndex: 11 }]);
    await addMany(started, 10, 20);
    await started.simulation.run(SECOND_US);
    await addMany(started, 30, 10);
    await started.simulation.run(SECOND_US);
    expect(started.plan.ends.length).toBeGreaterThanOrEqual(3);
    expect(wholeSnapshots(started.database)).toHaveLength(2);
    expect(started.plan.ends.every(({ kind }) => kind === 'written')).toBe(true);
  });

  test('SNAP-2: one is written when the last is old and something has happened since', async () => {
    const started = await startWriting(1000);
    await addMany(started, 0, 1);
    await started.simulation.run(601 * SECOND_US);
    expect(started.plan.ends).toEqual([]); // nothing tells the time to a shard that sleeps
    await addMany(started, 1, 1);
    await started.simulation.run(SECOND_US);
    expect(started.plan.ends).toMatchObject([{ kind: 'written' }]);
    await started.simulation.run(601 * SECOND_US);
    expect(started.plan.ends).toHaveLength(1);
  });

  test('SNAP-2: what is being written is dropped when the leadership ends', async () => {
    const started = await startWriting();
    await addMany(started, 0, 10);
    await started.simulation.until(started.host.release());
    await started.simulation.run(SECOND_US);
    expect(started.plan.ends).toMatchObject([{ kind: 'dropped' }]);
    expect(started.database.snapshotsOf(TOY_SHARD)).toEqual([]);
  });

  test('SNAP-2: nobody writes for a leader that is one no longer', async () => {
    const started = await startWriting();
    started.database.epochs.set(TOY_SHARD, 2);
    const { kind } = started.host.state;
    expect(kind).toBe('leading');
    const run = started.plan.start({
      shardId: TOY_SHARD,
      epoch: 1,
      point: started.host.position?.committed ?? { entryIndex: 0, chainChecksum: '' },
    });
    expect(await started.simulation.until(run.ended)).toMatchObject({ kind: 'dropped' });
  });

  test('SNAP-3: a writer that is killed leaves nothing that counts, and the next one clears up', async () => {
    const started = await startWriting();
    await addMany(started, 0, 10);
    const { simulation, database } = started;
    for (let step = 0; database.snapshotsOf(TOY_SHARD).length === 0; step += 1) {
      if (step > 1_000) throw new Error('no snapshot was begun');
      await simulation.run(100);
    }
    started.plan.kill();
    await simulation.run(SECOND_US);
    expect(database.snapshotsOf(TOY_SHARD)).toHaveLength(1);
    expect(wholeSnapshots(database)).toEqual([]);

    const next = await startNext(database, 2);
    expect(next).toMatchObject({ led: { kind: 'leading' }, passed: [], firstRead: 1 });
    const plan = planToySnapshots(database, { everyCommands: 1, everyMs: 1 });
    const point = next.host.position?.committed;
    if (point === undefined) throw new Error('it leads');
    await simulation.until(plan.start({ shardId: TOY_SHARD, epoch: 2, point }).ended);
    expect(plan.ends).toMatchObject([{ kind: 'written' }]);
    expect(database.snapshotsOf(TOY_SHARD)).toHaveLength(1);
  });

  test('LOG-7: a log that repeats to something else than its leader did is told', async () => {
    const started = await startWriting(1000);
    await addMany(started, 0, 3);
    const entries = started.database.entriesOf(TOY_SHARD);
    const last = entries.at(-1);
    if (last === undefined) throw new Error('there are entries');
    entries[1] = { ...(entries[1] as typeof last), outcomes: last.outcomes };
    const { entryIndex, chainChecksum } = last;
    const point = { entryIndex, chainChecksum };
    const run = started.plan.start({ shardId: TOY_SHARD, epoch: 1, point });
    const end = await started.simulation.until(run.ended);
    expect(end).toMatchObject({ kind: 'failed', isDivergent: true });
    expect(started.database.snapshotsOf(TOY_SHARD)).toEqual([]);
  });
});

describe('starting from a snapshot', () => {
  test('SNAP-3: reads the log behind the newest snapshot only, and stands where the log ends', async () => {
    const { database, simulation } = await startWithTwo();
    const { entryIndex } = newestOf(database).head.point;
    const next = await startNext(database, 2);
    expect(next).toMatchObject({ led: { kind: 'leading' }, passed: [], firstRead: entryIndex });
    expect(entryIndex).toBeGreaterThan(20);
    const found = await simulation.until(next.host.read((machine) => machine.stateChecksum()));
    const everything = new Replica(TOY_REPLICA);
    for (const entry of database.entriesOf(TOY_SHARD)) everything.repeat(entry, 0);
    expect(found).toEqual({ kind: 'answered', value: everything.machine.stateChecksum() });
    expect(await simulation.until(readTotal(next.host))).toEqual({ kind: 'answered', value: 22 });
    // What followers read is the log, from its first event on.
    const batches = next.host.subscribe({ fromSequence: 1, heartbeatMs: 50 });
    const first = await simulation.until(batches.next());
    expect(first.value?.entries[0]?.entryIndex).toBe(2);
    await simulation.until(batches.return());
  });

  test('LOG-11: identities from before the snapshot get their first answer', async () => {
    const { database, simulation } = await startWithTwo();
    const next = await startNext(database, 2);
    for (const index of [0, 9, 15, 21]) {
      const result = await simulation.until(propose(next.host, add(next.world, `id-${index}`)));
      const answer = { kind: 'done', answer: { total: index + 1 } };
      expect(result).toMatchObject({ kind: 'applied', duplicate: true, outcome: answer });
    }
    expect(await simulation.until(readTotal(next.host))).toMatchObject({ value: 22 });
  });

  test('LOG-17: a command that was interrupted goes on behind the snapshot', async () => {
    const started = await startWriting(1000);
    const { simulation, database, world, host } = started;
    const spread = { ...add(world, 'spread'), command: { kind: 'spread', count: 9 } as const };
    const answer = propose(host, spread);
    let entries = database.entriesOf(TOY_SHARD);
    while (entries.length < 3) await simulation.run(100);
    const [first, , third] = entries;
    if (first === undefined || third === undefined) throw new Error('there are entries');
    const { entryIndex, chainChecksum } = third;
    const order = { shardId: TOY_SHARD, epoch: 1, point: { entryIndex, chainChecksum } };
    const run = started.plan.start(order);
    expect(await simulation.until(run.ended)).toMatchObject({ kind: 'written', entryIndex });
    const whole = await simulation.until(answer);
    const next = await startNext(database, 2);
    expect(next).toMatchObject({ led: { kind: 'leading' }, passed: [] });
    expect(await simulation.until(propose(next.host, spread))).toEqual({
      ...whole,
      duplicate: true,
    });
    entries = database.entriesOf(TOY_SHARD);
    expect(entries.length).toBeGreaterThan(5);
  });

  const damages: readonly (readonly [string, (database: SimulatedDatabase) => void])[] = [
    [
      'a byte is changed',
      (database) => {
        const row = newestOf(database).rows[0] as Uint8Array;
        row[row.length - 20] = ((row[row.length - 20] as number) + 1) % 256;
      },
    ],
    ['a row is cut', (database) => cutRow(database, 10)],
    ['a row is missing', (database) => void newestOf(database).rows.splice(0, 1)],
    ['a row is empty', (database) => cutRow(database, 0)],
    ['its version is another', (database) => change(database, { version: 99 })],
    ['its rows have another checksum', (database) => change(database, { contentChecksum: '00' })],
    ['it names another entry', (database) => change(database, { point: olderPoint(database) })],
  ];

  test.each(damages)('SNAP-3: it is passed over with a warning when %s', async (_, damage) => {
    const { database, simulation } = await startWithTwo();
    const [older] = wholeSnapshots(database);
    damage(database);
    const next = await startNext(database, 2);
    expect(next.led.kind).toBe('leading');
    expect(next.passed).toHaveLength(1);
    expect(next.firstRead).toBe(older?.head?.point.entryIndex);
    expect(await simulation.until(readTotal(next.host))).toEqual({ kind: 'answered', value: 22 });
  });

  test('SNAP-3: it is passed over with a warning when its entry has no state checksum', async () => {
    const started = startWorld();
    const { simulation, database, world } = started;
    const plan = planToySnapshots(database, { everyCommands: 1000, everyMs: 600_000 });
    const host = createToyHost(world);
    await simulation.until(host.lead(1));
    await addMany({ ...started, host, plan }, 0, 3);
    const point = host.position?.committed;
    if (point === undefined) throw new Error('it leads');
    const run = plan.start({ shardId: TOY_SHARD, epoch: 1, point });
    expect(await simulation.until(run.ended)).toMatchObject({ kind: 'written' });
    const next = await startNext(database, 2);
    expect(next.passed).toMatchObject([{ reason: 'its entry has no state checksum' }]);
    expect(next).toMatchObject({ led: { kind: 'leading' }, firstRead: 1 });
  });

  test('SNAP-3: a state with another checksum than the log says is passed over', async () => {
    const { database } = await startWithTwo();
    const [older, newer] = wholeSnapshots(database);
    if (older?.head === undefined || newer?.head === undefined) throw new Error('there are two');
    // Whole in itself, and of another state: as if it were written by a program with a fault.
    const forged = startWorld();
    const plan = planToySnapshots(forged.database, { everyCommands: 1, everyMs: 1 });
    forged.database.entries.set(TOY_SHARD, database.entriesOf(TOY_SHARD).slice());
    forged.database.epochs.set(TOY_SHARD, 1);
    const { point } = newer.head;
    await forged.simulation.until(plan.start({ shardId: TOY_SHARD, epoch: 1, point }).ended);
    const [made] = wholeSnapshots(forged.database);
    const text = Buffer.from(made?.rows[0] ?? []).toString('latin1');
    expect(text).toContain('["a",20]');
    const row = Buffer.from(text.replace('["a",20]', '["a",21]'), 'latin1');
    const checksum = new ContentChecksum();
    checksum.add(row);
    newer.rows.splice(0, newer.rows.length, row);
    newer.head = { ...newer.head, rowCount: 1, contentChecksum: checksum.toText() };

    const next = await startNext(database, 2);
    expect(next.passed).toMatchObject([{ isDamaged: true }]);
    expect(next.passed[0]?.reason).toContain('the log says');
    expect(next.firstRead).toBe(older.head.point.entryIndex);
  });

  test('SNAP-3: the whole log is repeated when no snapshot counts; the next writing removes them', async () => {
    const { database, simulation } = await startWithTwo();
    for (const { rows } of wholeSnapshots(database)) rows.splice(0, rows.length);
    const next = await startNext(database, 2);
    expect(next.led.kind).toBe('leading');
    expect(next.passed).toHaveLength(2);
    expect(next.firstRead).toBe(1);
    expect(await simulation.until(readTotal(next.host))).toEqual({ kind: 'answered', value: 22 });

    const point = next.host.position?.committed;
    if (point === undefined) throw new Error('it leads');
    const plan = planToySnapshots(database, { everyCommands: 1, everyMs: 1 });
    await simulation.until(plan.start({ shardId: TOY_SHARD, epoch: 2, point }).ended);
    expect(wholeSnapshots(database).map(({ head }) => head?.point)).toEqual([point]);
  });

  test('LOG-12: a log that lacks the entry of a whole snapshot is not led', async () => {
    const { database, simulation } = await startWithTwo();
    const { entryIndex } = newestOf(database).head.point;
    database.entriesOf(TOY_SHARD).splice(entryIndex - 1);
    const next = await startNext(database, 2);
    expect(next.led).toMatchObject({ kind: 'refused', reason: 'LOG_FORKED' });
    await simulation.run(SECOND_US);
    expect(database.fork).toContain('snapshot');
  });

  test('REP-6: a start goes on when the log comes back while the snapshot is read', async () => {
    const { database, simulation } = await startWithTwo();
    database.down = true;
    const host = createToyHost(new SimulatedWorld(database));
    const led = host.lead(2);
    await simulation.run(SECOND_US);
    expect(host.state).toMatchObject({ kind: 'loading' });
    database.down = false;
    expect(await simulation.until(led)).toEqual({ kind: 'leading', epoch: 2 });
    expect(await simulation.until(readTotal(host))).toEqual({ kind: 'answered', value: 22 });
  });
});

function cutRow(database: SimulatedDatabase, bytes: number): void {
  const { rows } = newestOf(database);
  const row = rows[0] as Uint8Array;
  rows[0] = row.subarray(0, bytes === 0 ? 0 : row.length - bytes);
}

function change(database: SimulatedDatabase, to: Partial<SnapshotHead>): void {
  const newest = newestOf(database);
  newest.head = { ...newest.head, ...to };
}

/** The entry before the newest snapshot's own. */
function olderPoint(database: SimulatedDatabase) {
  const { entryIndex } = newestOf(database).head.point;
  const entry = database.entriesOf(TOY_SHARD)[entryIndex - 2];
  return { entryIndex: entryIndex - 1, chainChecksum: entry?.chainChecksum ?? '' };
}
