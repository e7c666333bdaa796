// Versions of a log and of its state machines (LOG-16), in a simulated world.

import { describe, expect, test } from '@jest/globals';
import { raiseVersion } from '../../../services/lib/shard/raise-version.ts';
import { Replica } from '../../../services/lib/shard/replica.ts';
import { SimulatedWorld } from '../../support/shard/simulated-world.ts';
import {
  add,
  createToyHost,
  propose,
  TOY_SHARD,
  type ToyHost,
} from '../../support/shard/toy-host.ts';
import {
  SECOND_US,
  type StartedLeader,
  startLeader,
  startWorld,
  total,
} from '../../support/shard/toy-leader.ts';
import { ToyMachine } from '../../support/shard/toy-machine.ts';
import {
  planToySnapshots,
  TOY_REPLICA,
  wholeSnapshots,
} from '../../support/shard/toy-snapshots.ts';

const knowing = (newest: number) => ({ createMachine: () => new ToyMachine(0, newest) });

/** A log of version 1 whose leader knows version 2. */
async function startUpgraded(
  options: Parameters<typeof createToyHost>[1] = {},
): Promise<StartedLeader> {
  const { simulation, database, world, host } = await startLeader();
  await simulation.until(propose(host, add(world, 'old', { amount: 3 })));
  world.killed = true;
  const next = new SimulatedWorld(database);
  const leader = createToyHost(next, { ...knowing(2), ...options });
  expect(await simulation.until(leader.lead(2))).toMatchObject({ kind: 'leading' });
  return { simulation, database, world: next, host: leader };
}

const versionsInLog = ({ database }: StartedLeader): number[] =>
  database.entriesOf(TOY_SHARD).map(({ formatVersion }) => formatVersion);

describe('versions', () => {
  test('LOG-16: a newer program goes on with the version of the log until it is raised', async () => {
    const started = await startUpgraded();
    const { simulation, world, host } = started;
    expect(total(await simulation.until(propose(host, add(world, 'as before'))))).toBe(4);
    expect(await simulation.until(raiseVersion(host, world, 2))).toMatchObject({ kind: 'applied' });
    expect(total(await simulation.until(propose(host, add(world, 'as now'))))).toBe(9);
    expect(versionsInLog(started)).toEqual([1, 1, 1, 1, 1, 2]);
    expect(await simulation.until(raiseVersion(host, world, 2))).toEqual({ kind: 'there' });
  });

  test('LOG-16, LOG-7: a replica that repeats the log changes at the same entry', async () => {
    const { simulation, database, world, host } = await startUpgraded({ stateChecksumInterval: 1 });
    await simulation.until(raiseVersion(host, world, 2));
    await simulation.until(propose(host, add(world, 'as now')));
    const replica = new Replica({ ...TOY_REPLICA, ...knowing(2) });
    for (const entry of database.entriesOf(TOY_SHARD)) replica.repeat(entry, 0);
    expect(replica.machine.formatVersion).toBe(2);
    expect((replica.machine as ToyMachine).totals.get('a')).toBe(7);
  });

  test('LOG-16: only the next version can be raised, and only one that the leader knows', async () => {
    const { simulation, world, host } = await startUpgraded();
    const message = expect.stringContaining('version 1');
    for (const version of [3, 4]) {
      const raised = await simulation.until(raiseVersion(host, world, version));
      expect(raised).toEqual({ kind: 'unsupported', message });
    }
  });

  test('LOG-16: a replica that lacks the version stops before it applies anything of it', async () => {
    const { simulation, database, world, host } = await startUpgraded();
    await simulation.until(raiseVersion(host, world, 2));
    await simulation.until(propose(host, add(world, 'as now')));
    const old = createToyHost(new SimulatedWorld(database), knowing(1));
    const led = await simulation.until(old.lead(3));
    const says = 'the log is at version 2, this program knows version 1: start a newer program';
    expect(led).toMatchObject({ kind: 'refused', reason: 'FAILED' });
    expect((led as { message: string }).message).toContain(says);
    expect(old.state).toMatchObject({ kind: 'stopped', reason: { kind: 'FAILED' } });
    // Whoever leads goes on.
    expect(total(await simulation.until(propose(host, add(world, 'still'))))).toBe(15);
  });

  test('LOG-16, SNAP-3: a start from a snapshot has the version that its state has', async () => {
    const { simulation, database } = startWorld();
    const plan = planToySnapshots(database, { everyCommands: 2, everyMs: 1_000 });
    const options = { snapshots: plan, stateChecksumInterval: 1 };
    const lead = async (newest: number, epoch: number): Promise<[ToyHost, SimulatedWorld]> => {
      const world = new SimulatedWorld(database);
      const host = createToyHost(world, { ...options, ...knowing(newest) });
      expect(await simulation.until(host.lead(epoch))).toMatchObject({ kind: 'leading' });
      return [host, world];
    };
    const [first, world] = await lead(1, 1);
    for (const identity of ['a', 'b', 'c']) {
      await simulation.until(propose(first, add(world, identity)));
    }
    await simulation.run(5 * SECOND_US);
    expect(wholeSnapshots(database).length).toBeGreaterThan(0);
    const restored: number[] = [];
    const observer = { onSnapshotRestored: () => restored.push(1) };
    const next = createToyHost(new SimulatedWorld(database), { ...knowing(2), observer });
    expect(await simulation.until(next.lead(2))).toMatchObject({ kind: 'leading' });
    expect(restored).toEqual([1]);
    expect(next.machine?.formatVersion).toBe(1);
  });
});
