// Cutting the beginning of a log off (SNAP-4), and reading what is left of it.

import { describe, expect, test } from '@jest/globals';
import { type CutResult, cutLog } from '../../../services/lib/shard/log-cutter.ts';
import { SubscriptionEnded } from '../../../services/lib/shard/subscription.ts';
import { SimulatedWorld } from '../../support/shard/simulated-world.ts';
import { add, createToyHost, propose, readTotal, TOY_SHARD } from '../../support/shard/toy-host.ts';
import {
  SECOND_US,
  type StartedLeader,
  startLeader,
  total,
} from '../../support/shard/toy-leader.ts';
import { planToySnapshots, wholeSnapshots } from '../../support/shard/toy-snapshots.ts';

/** A leader whose log has so many entries, half a second apart. */
async function startLong(entries: number): Promise<StartedLeader> {
  const started = await startLeader();
  const { simulation, world, host } = started;
  for (let count = 1; count < entries; count += 1) {
    await simulation.until(propose(host, add(world, `${count}`)));
    await simulation.run(SECOND_US / 2);
  }
  return started;
}

/** Cuts as the writer of a snapshot does. */
async function cut(
  { simulation, database }: StartedLeader,
  options: { readonly olderSnapshotIndex?: number; readonly retentionUs?: number } = {},
): Promise<CutResult> {
  const world = new SimulatedWorld(database);
  const cutting = cutLog({
    world,
    log: world.openLog(TOY_SHARD),
    upkeep: world.openUpkeep(TOY_SHARD),
    retentionUs: 0,
    olderSnapshotIndex: 1_000_000,
    pause: () => Promise.resolve(),
    ...options,
  });
  return simulation.until(cutting);
}

const firstEntry = ({ database }: StartedLeader): number | undefined =>
  database.entriesOf(TOY_SHARD).find(Boolean)?.entryIndex;

describe('cutting the log', () => {
  test('SNAP-4: the last 1,000 entries stay, and what is within the windows of LOG-11 and HLD-2', async () => {
    const started = await startLong(2_600);
    await cut(started);
    // 2,600 entries half a second apart; 721 s of them stay, and up to a stride.
    const first = firstEntry(started) ?? 0;
    expect(first).toBeGreaterThan(2_600 - 721 * 2 - 65);
    expect(first).toBeLessThanOrEqual(2_600 - 721 * 2 + 2);
    // An outage counts for a second only.
    const { simulation, host, world } = started;
    await simulation.run(10_000 * SECOND_US);
    await simulation.until(propose(host, add(world, 'much later')));
    await cut(started);
    expect(firstEntry(started)).toBeLessThanOrEqual(first + 64);
  }, 60_000);

  test('SNAP-4: a short log stays whole, however old it is', async () => {
    const started = await startLong(1_000);
    const { simulation, host, world } = started;
    await simulation.run(10_000 * SECOND_US);
    await simulation.until(propose(host, add(world, 'much later')));
    expect((await cut(started)).throughEntryIndex).toBe(0);
    expect(firstEntry(started)).toBe(1);
  }, 60_000);

  test('SNAP-4: of a log with much behind every window the last 1,000 entries stay', async () => {
    const started = await startLong(1_300);
    const { simulation, host, world } = started;
    for (let hour = 0; hour < 800; hour += 1) {
      await simulation.run(2 * SECOND_US);
      await simulation.until(propose(host, add(world, `later ${hour}`)));
    }
    await cut(started);
    const last = started.database.entriesOf(TOY_SHARD).length;
    expect(last).toBeGreaterThan(2_000);
    expect(firstEntry(started)).toBe(last - 1_000 + 1);
  }, 60_000);

  test('SNAP-4: nothing goes at or above the older of the last two snapshots, or within retention', async () => {
    const started = await startLong(2_600);
    await cut(started, { olderSnapshotIndex: 300 });
    expect(firstEntry(started)).toBe(300);
    const logTimeUs = started.database.entriesOf(TOY_SHARD)[399]?.logTimeUs ?? 0;
    const endUs = started.database.entriesOf(TOY_SHARD).at(-1)?.logTimeUs ?? 0;
    await cut(started, { retentionUs: endUs - logTimeUs });
    expect(firstEntry(started)).toBe(400);
  }, 60_000);

  test('SNAP-4: a consumer that would be stranded holds the cut up, and is named', async () => {
    const started = await startLong(2_600);
    const { simulation, world } = started;
    const upkeep = world.openUpkeep(TOY_SHARD);
    await simulation.until(upkeep.confirmConsumed('slow', { entryIndex: 100, sequence: 99 }));
    await simulation.until(upkeep.confirmConsumed('quick', { entryIndex: 2_500, sequence: 2_499 }));
    const held = await cut(started);
    expect(held.heldUpBy.map(({ consumer }) => consumer)).toEqual(['slow']);
    // Its own entry stays, so that it can be compared when it comes back (LOG-12).
    expect(firstEntry(started)).toBe(100);
    // A place never goes back.
    await simulation.until(upkeep.confirmConsumed('slow', { entryIndex: 50, sequence: 49 }));
    expect((await cut(started)).heldUpBy[0]?.entryIndex).toBe(100);
    await simulation.until(upkeep.removeConsumer('slow'));
    expect((await cut(started)).heldUpBy).toEqual([]);
    expect(firstEntry(started)).toBeGreaterThan(1_000);
  }, 60_000);

  test('SNAP-4, LOG-6: without a snapshot nobody leads a log whose beginning is gone', async () => {
    const started = await startLong(2_600);
    const { simulation, database, world } = started;
    await cut(started);
    world.killed = true;
    const led = await simulation.until(createToyHost(new SimulatedWorld(database)).lead(2));
    expect(led).toMatchObject({ kind: 'refused', reason: 'FAILED' });
  }, 60_000);

  test('SNAP-3, SNAP-4, CON-2: a start from a snapshot leads on a cut log and serves what is left', async () => {
    const started = await startLong(2_600);
    const { simulation, database, world } = started;
    const plan = planToySnapshots(database, { everyCommands: 1, everyMs: 1_000 });
    world.killed = true;
    const lead = async (epoch: number) => {
      const other = new SimulatedWorld(database);
      const leader = createToyHost(other, { snapshots: plan, stateChecksumInterval: 1 });
      expect(await simulation.until(leader.lead(epoch))).toMatchObject({ kind: 'leading' });
      await simulation.until(propose(leader, add(other, `first of ${epoch}`)));
      await simulation.run(60 * SECOND_US);
      return { other, leader };
    };
    const second = await lead(2);
    expect(wholeSnapshots(database).length).toBeGreaterThan(0);
    await cut(started);
    second.other.killed = true;
    const { other, leader } = await lead(3);
    expect(await simulation.until(readTotal(leader))).toEqual({ kind: 'answered', value: 2_601 });
    expect(total(await simulation.until(propose(leader, add(other, 'on'))))).toBe(2_602);

    const gone = leader.subscribe({ fromSequence: 5, heartbeatMs: 100 }).next();
    await expect(simulation.until(gone)).rejects.toThrow(SubscriptionEnded);
    await expect(gone).rejects.toMatchObject({ reason: 'BEYOND_WINDOW' });

    const firstSequence = database.entriesOf(TOY_SHARD).find(Boolean)?.firstSequence ?? 0;
    const there = leader.subscribe({ fromSequence: firstSequence, heartbeatMs: 100 });
    const batch = await simulation.until(there.next());
    expect(batch.value?.entries[0]?.firstSequence).toBe(firstSequence);
  }, 60_000);
});
