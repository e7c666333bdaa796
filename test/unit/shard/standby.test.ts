// A replica that does not lead, in a simulated world: follows, polls, leads when told to, and
// becomes a standby again.

import { describe, expect, test } from '@jest/globals';
import { add, createToyHost, propose, readTotal, TOY_SHARD } from '../../support/shard/toy-host.ts';
import { startLeader, startWorld } from '../../support/shard/toy-leader.ts';
import { ToyMachine } from '../../support/shard/toy-machine.ts';
import { startPair, startStandby, stateOf, until } from '../../support/shard/toy-replicas.ts';
import { planToySnapshots, wholeSnapshots } from '../../support/shard/toy-snapshots.ts';

describe('a standby', () => {
  test('REP-1: has the state of its leader, entry by entry, a moment later', async () => {
    const pair = await startPair();
    const { simulation, world, host, standby } = pair;
    for (let count = 0; count < 20; count += 1) {
      await simulation.until(propose(host, add(world, `id ${count}`)));
    }
    await simulation.run(2_000);
    expect(standby.host.standby?.point).toEqual(host.position?.committed);
    expect(stateOf(standby)).toBe(host.machine?.stateChecksum());
    expect(standby.host.standby).toMatchObject({ isWarm: true, epoch: 1, lagMs: 0 });
  });

  test('REP-1: polls the log while nobody leads', async () => {
    const { simulation, database, world, host } = await startLeader();
    const standby = startStandby({ database });
    await until({ simulation }, () => standby.host.standby?.isWarm === true);
    await simulation.until(propose(host, add(world, 'one')));
    standby.world.cutOff = true;
    await simulation.until(propose(host, add(world, 'two')));
    world.killed = true;
    standby.world.cutOff = false;
    await until({ simulation }, () => standby.host.standby?.point.entryIndex === 3, 2_000_000);
    expect(standby.machines.at(-1)?.totals.get('a')).toBe(2);
    expect(standby.host.standby?.lagMs).toBeUndefined();
  });

  test('LOG-5, REP-1: answers no read and no proposal, and lets nobody follow', async () => {
    const { simulation, standby } = await startPair();
    const read = await simulation.until(readTotal(standby.host));
    expect(read).toEqual({ kind: 'notAnswered', reason: 'NOT_LEADER' });
    const proposed = await simulation.until(propose(standby.host, add(standby.world, 'one')));
    expect(proposed).toMatchObject({ kind: 'notApplied', reason: 'NOT_LEADER' });
    const events = standby.host.subscribe({ fromSequence: 1, heartbeatMs: 100 });
    await expect(events.next()).rejects.toMatchObject({ reason: 'NOT_LEADER' });
    expect(standby.host.machine).toBeUndefined();
  });

  test('LOG-5: is sent nothing that is not committed', async () => {
    const pair = await startPair();
    const { simulation, database, world, host, standby } = pair;
    database.appendDelayUs = 200_000;
    const proposed = propose(host, add(world, 'one'));
    await simulation.run(150_000);
    expect(host.machine?.stateChecksum()).not.toBe(stateOf(standby));
    expect(standby.host.standby?.point.entryIndex).toBe(1);
    await simulation.until(proposed);
    await until(pair, () => standby.host.standby?.point.entryIndex === 2);
  });

  test('REP-4: leads from what it has, and reads nothing again', async () => {
    const pair = await startPair();
    const { simulation, world, host, standby, database } = pair;
    await simulation.until(propose(host, add(world, 'one')));
    await until(pair, () => standby.host.standby?.point.entryIndex === 2);
    const made = standby.machines.length;
    const seen = { ...(host.position?.committed ?? { entryIndex: 0, chainChecksum: '' }) };
    world.killed = true;

    const startUs = simulation.timeUs;
    const led = standby.host.lead(2, [{ ...seen, seenBy: 'a consumer' }]);
    expect(await simulation.until(led)).toEqual({ kind: 'leading', epoch: 2 });
    // Raising the epoch, the log's end, the append: three round trips of 0.6 ms.
    expect(simulation.timeUs - startUs).toBeLessThan(3_000);
    expect(standby.machines).toHaveLength(made);
    const total = await simulation.until(readTotal(standby.host));
    expect(total).toEqual({ kind: 'answered', value: 1 });
    expect(database.entriesOf(TOY_SHARD).map((entry) => entry.epoch)).toEqual([1, 1, 2]);
  });

  test('REP-4: an entry that comes in between is applied, and the replica is not built anew', async () => {
    const pair = await startPair();
    const { simulation, world, host, standby, database } = pair;
    database.appendDelayUs = 500;
    const racing = Array.from({ length: 10 }, (_, index) =>
      propose(host, add(world, `id ${index}`, { key: `k${index}` })),
    );
    await simulation.run(300);
    const made = standby.machines.length;
    const led = standby.host.lead(2);
    expect(await simulation.until(led)).toEqual({ kind: 'leading', epoch: 2 });
    const results = await simulation.until(Promise.all(racing));
    expect(standby.machines).toHaveLength(made);
    const applied = results.filter(({ kind }) => kind === 'applied').length;
    expect(standby.machines.at(-1)?.totals.size).toBe(applied);
  });

  test('REP-5: a leader that hands over is a standby at once, of the same state', async () => {
    const pair = await startPair();
    const { simulation, world, host, standby } = pair;
    const before = Array.from({ length: 50 }, (_, index) =>
      propose(host, add(world, `before ${index}`)),
    );
    await simulation.run(50);
    const machine = host.machine;
    const released = host.release({ nodeId: 'node-2', address: 'there:1', nextEpoch: 0 });
    const late = propose(host, add(world, 'late'));
    expect(await late).toEqual({
      kind: 'notApplied',
      reason: 'NOT_LEADER',
      detail: { shard_id: TOY_SHARD, leader_node_id: 'node-2', leader_address: 'there:1' },
    });
    await simulation.until(released);
    expect(host.state).toEqual({ kind: 'follower', reason: undefined });
    expect(host.standby).toMatchObject({ isWarm: true, epoch: 1 });
    const results = await simulation.until(Promise.all(before));
    const applied = results.filter(({ kind }) => kind === 'applied').length;

    expect(await simulation.until(standby.host.lead(2))).toEqual({ kind: 'leading', epoch: 2 });
    await simulation.until(propose(standby.host, add(standby.world, 'late')));
    await until(pair, () => host.standby?.lagMs === 0);
    expect(host.standby?.point).toEqual(standby.host.position?.committed);
    expect(machine?.stateChecksum()).toBe(standby.host.machine?.stateChecksum());
    expect(standby.machines.at(-1)?.totals.get('a')).toBe(applied + 1);
  });

  test('REP-5: a standby that was promised the next epoch leads as soon as the leader lets go', async () => {
    const pair = await startPair();
    const { simulation, world, host, standby } = pair;
    const before = Array.from({ length: 50 }, (_, index) =>
      propose(host, add(world, `before ${index}`)),
    );
    await simulation.run(50);
    const made = standby.machines.length;
    const target = { nodeId: 'node-2', address: 'there:1', nextEpoch: 2 };
    await simulation.until(host.release(target));
    await until(pair, () => standby.host.state.kind === 'leading', 20_000);
    expect(standby.host.position?.epoch).toBe(2);
    const results = await simulation.until(Promise.all(before));
    const applied = results.filter(({ kind }) => kind === 'applied').length;
    expect(standby.machines.at(-1)?.totals.get('a') ?? 0).toBe(applied);
    expect(standby.machines).toHaveLength(made);
  });

  test('REP-5, LOG-2: a promise to another node, or one that came too late, makes nobody lead', async () => {
    const pair = await startPair();
    const { simulation, database, host, standby } = pair;
    await simulation.until(host.release({ nodeId: 'node-9', address: 'there:1', nextEpoch: 2 }));
    await simulation.run(1_000_000);
    expect(standby.host.state.kind).toBe('follower');
    const third = startStandby({ database });
    await until({ simulation }, () => third.host.standby?.isWarm === true);
    expect(await simulation.until(third.host.lead(3))).toEqual({ kind: 'leading', epoch: 3 });
    expect(await simulation.until(standby.host.lead(2))).toMatchObject({ kind: 'refused' });
    expect(third.host.state.kind).toBe('leading');
  });

  test('REP-7: a leader that was cut off undoes what is not committed and follows', async () => {
    const pair = await startPair();
    const { simulation, world, host, standby } = pair;
    await simulation.until(propose(host, add(world, 'one')));
    await until(pair, () => standby.host.standby?.point.entryIndex === 2);
    world.cutOff = true;
    const lost = propose(host, add(world, 'lost', { amount: 100 }));
    await simulation.run(100_000);
    expect(await simulation.until(standby.host.lead(2))).toEqual({ kind: 'leading', epoch: 2 });
    await simulation.until(propose(standby.host, add(standby.world, 'two')));
    world.cutOff = false;

    expect(await simulation.until(lost)).toMatchObject({ kind: 'notApplied' });
    await until(pair, () => host.standby?.lagMs === 0);
    expect(host.standby?.point).toEqual(standby.host.position?.committed);
    // It leads again, with what the other committed and without what it had not.
    expect(await simulation.until(host.lead(3))).toEqual({ kind: 'leading', epoch: 3 });
    expect(await simulation.until(readTotal(host))).toEqual({ kind: 'answered', value: 2 });
  });

  test('REP-7: a leader that was paused notices by itself that another leads, and follows', async () => {
    const pair = await startPair();
    const { simulation, host, standby } = pair;
    expect(await simulation.until(standby.host.lead(2))).toEqual({ kind: 'leading', epoch: 2 });
    const made = standby.machines.length;
    expect(host.state.kind).toBe('leading');
    await until(pair, () => host.standby?.lagMs === 0, 2_500_000);
    expect(host.standby?.point).toEqual(standby.host.position?.committed);
    // It had nothing that was not committed: nothing was loaded again.
    expect(standby.machines).toHaveLength(made);
  });

  test('REP-7: what nobody was told to be committed may vanish, and the replica is built anew', async () => {
    const { simulation, database, world, host } = await startLeader();
    await simulation.until(propose(host, add(world, 'one')));
    const standby = startStandby({ database });
    standby.world.cutOff = false;
    world.killed = true; // so that nobody tells it what is committed
    await until({ simulation }, () => standby.host.standby?.point.entryIndex === 2);
    database.entriesOf(TOY_SHARD).pop();
    await until({ simulation }, () => standby.host.standby?.point.entryIndex === 1);
    expect(standby.machines.at(-1)?.totals.get('a')).toBeUndefined();
    expect(database.fork).toBeUndefined();
  });

  test('LOG-12: what a leader has called committed may not vanish', async () => {
    const pair = await startPair();
    const { simulation, database, world, host, standby } = pair;
    await simulation.until(propose(host, add(world, 'one')));
    await until(pair, () => standby.host.standby?.point.entryIndex === 2);
    world.killed = true;
    database.entriesOf(TOY_SHARD).pop();
    await until(pair, () => standby.host.state.kind === 'stopped');
    expect(standby.host.state).toMatchObject({
      reason: { kind: 'LOG_FORKED', seen: { entryIndex: 2 }, found: { entryIndex: 1 } },
    });
    await simulation.run(1_000);
    expect(database.fork).toContain('a standby has seen entry 2');
    const other = startStandby({ database });
    const led = await simulation.until(other.host.lead(2));
    expect(led).toMatchObject({ kind: 'refused', reason: 'LOG_FORKED' });
  });

  test('LOG-9: says why it must not lead when the database promises nothing', async () => {
    const pair = await startPair();
    pair.database.notDurable = 'the database has fsync = off';
    await until(pair, () => pair.standby.host.standby?.fault !== '', 60_000_000);
    expect(pair.standby.host.standby?.fault).toBe('the database has fsync = off');
    pair.database.notDurable = undefined;
    await until(pair, () => pair.standby.host.standby?.fault === '', 60_000_000);
  });

  test('REP-1: a standby that was away comes back to where its leader is', async () => {
    const pair = await startPair();
    const { simulation, world, host, standby } = pair;
    standby.world.cutOff = true;
    for (let count = 0; count < 30; count += 1) {
      await simulation.until(propose(host, add(world, `id ${count}`)));
    }
    const made = standby.machines.length;
    standby.world.cutOff = false;
    await until(pair, () => standby.host.standby?.point.entryIndex === 31);
    expect(standby.machines).toHaveLength(made);
    expect(stateOf(standby)).toBe(host.machine?.stateChecksum());
  });

  test('REP-4: a host that is told to lead before it is warm leads all the same', async () => {
    const { simulation, database, world, host } = await startLeader();
    await simulation.until(propose(host, add(world, 'one')));
    world.killed = true;
    const standby = startStandby({ database });
    expect(await simulation.until(standby.host.lead(2))).toEqual({ kind: 'leading', epoch: 2 });
    expect(await simulation.until(readTotal(standby.host))).toMatchObject({ value: 1 });
  });

  test('REP-9: an ended standby applies nothing any more', async () => {
    const pair = await startPair();
    const { simulation, world, host, standby } = pair;
    await simulation.until(standby.host.end(100));
    await simulation.until(propose(host, add(world, 'one')));
    await simulation.run(1_000_000);
    expect(standby.machines.at(-1)?.totals.get('a')).toBeUndefined();
  });

  test('LOG-7: one that computes otherwise stops, says both, and begins anew from the state of its leader', async () => {
    const leader = await startLeader();
    leader.host.standBy();
    const { simulation, database, world, host } = leader;
    let bias = 0;
    const diverged: Error[] = [];
    const standby = startStandby(leader, {
      makeMachine: () => new ToyMachine(bias),
      observer: { onDiverged: (error) => diverged.push(error) },
    });
    await until(leader, () => standby.host.standby?.lagMs === 0);
    // Its machine adds wrongly from some moment on: the state is sound, the program is not.
    for (const machine of standby.machines) machine.totals.set('a', 5);
    await simulation.until(propose(host, add(world, 'one')));
    await until(leader, () => diverged.length > 0);
    expect(diverged[0]?.message).toMatch(/entry 2 .*the log records .* this replica computes /);
    bias = 1; // whoever repeats the log with it would come to something else again
    await until(leader, () => standby.host.standby?.isWarm === true);

    expect(wholeSnapshots(database).at(-1)?.beginning.point.entryIndex).toBeGreaterThan(2);
    expect(standby.host.standby?.point).toEqual(host.position?.committed);
    expect(stateOf(standby)).toBe(host.machine?.stateChecksum());
    expect(host.state.kind).toBe('leading');
    expect(diverged).toHaveLength(1);
  });

  test('SNAP-2: snapshots are written where a standby is, and dropped when it is told to lead', async () => {
    const leader = startWorld();
    const plans = [0, 1].map(() =>
      planToySnapshots(leader.database, { everyCommands: 10, everyMs: 600_000 }),
    );
    const often = { stateChecksumInterval: 1 };
    const host = createToyHost(leader.world, { snapshots: plans[0], ...often });
    await leader.simulation.until(host.lead(1));
    const standby = startStandby(leader, { snapshots: plans[1], ...often });
    await until(leader, () => standby.host.standby?.lagMs === 0);
    for (let index = 0; index < 10; index += 1) {
      await leader.simulation.until(propose(host, add(leader.world, `id ${index}`)));
    }
    await until(leader, () => plans[1]?.ends.length === 1);
    expect(plans[1]?.ends).toMatchObject([{ kind: 'written', entryIndex: 10 }]);
    expect(plans[0]?.ends).toEqual([]);

    for (let index = 10; index < 19; index += 1) {
      await leader.simulation.until(propose(host, add(leader.world, `id ${index}`)));
    }
    await until(leader, () => standby.host.standby?.point.entryIndex === 20);
    void standby.host.lead(2);
    await until(leader, () => plans[1]?.ends.length === 2);
    expect(plans[1]?.ends[1]).toMatchObject({ kind: 'dropped' });
  });
});
