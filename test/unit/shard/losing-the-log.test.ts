// A host that loses its log, its leadership or its life, in a simulated world.

import { describe, expect, test } from '@jest/globals';
import type { HostState } from '../../../services/lib/shard/host-state.ts';
import { NO_FAULTS, SimulatedWorld } from '../../support/shard/simulated-world.ts';
import {
  add,
  createToyHost,
  propose,
  readTotal,
  TOY_SHARD,
  type ToyHost,
} from '../../support/shard/toy-host.ts';
import { SECOND_US, startLeader, startWorld, total } from '../../support/shard/toy-leader.ts';

describe('losing the log', () => {
  test('REP-6: a leader that cannot reach the log says so and recovers by itself', async () => {
    const states: HostState[] = [];
    const { simulation, database, world, host } = await startLeader({
      observer: { onStateChange: (state) => states.push(state) },
    });
    database.down = true;
    const inFlight = propose(host, add(world, 'in flight'));
    await simulation.run(SECOND_US);
    expect((host.state as { logTrouble?: string }).logTrouble).toBeDefined();
    const refused = await simulation.until(propose(host, add(world, 'refused')));
    expect(refused).toMatchObject({ kind: 'notApplied', reason: 'LOG_UNAVAILABLE' });
    expect(await simulation.until(readTotal(host))).toEqual({
      kind: 'notAnswered',
      reason: 'LOG_UNAVAILABLE',
    });
    database.down = false;
    expect(total(await simulation.until(inFlight))).toBe(1);
    expect(total(await simulation.until(propose(host, add(world, 'next'))))).toBe(2);
    expect(host.state).toEqual({ kind: 'leading', epoch: 1, logTrouble: undefined });
  });

  test('REP-6: a leader whose append is not answered says so after half a second, and goes on when it is', async () => {
    const { simulation, database, world, host } = await startLeader();
    database.appendDelayUs = 900_000;
    const slow = propose(host, add(world, 'slow'));
    await simulation.run(400_000);
    expect(host.state).toEqual({ kind: 'leading', epoch: 1, logTrouble: undefined });
    await simulation.run(200_000);
    expect((host.state as { logTrouble?: string }).logTrouble).toMatch(/not answered for 500 ms/);
    // It may be answered yet: who comes now waits behind it.
    const behind = propose(host, add(world, 'behind'));
    expect(total(await simulation.until(slow))).toBe(1);
    expect(host.state).toEqual({ kind: 'leading', epoch: 1, logTrouble: undefined });
    expect(total(await simulation.until(behind))).toBe(2);
  });

  test('LOG-4: an append whose answer got lost is found and answered once', async () => {
    const { simulation, database, world, host } = await startLeader();
    database.faults = { ...NO_FAULTS, lostAnswer: 1 };
    const answer = propose(host, add(world, 'one'));
    await simulation.run(10_000);
    database.faults = NO_FAULTS;
    expect(total(await simulation.until(answer))).toBe(1);
    expect(database.entriesOf(TOY_SHARD)).toHaveLength(2);
  });

  test('LOG-4: an append that runs after its caller gave up is a conflict with ourselves', async () => {
    const { simulation, database, world, host } = await startLeader();
    database.faults = { ...NO_FAULTS, lateExecution: 1 };
    const answer = propose(host, add(world, 'one'));
    await simulation.run(500);
    database.faults = NO_FAULTS;
    expect(total(await simulation.until(answer))).toBe(1);
    expect(database.entriesOf(TOY_SHARD)).toHaveLength(2);
    expect(database.appends).toBe(2);
  });

  test('REP-7, LOG-5: a deposed leader undoes what it applied and nobody has seen it', async () => {
    const { simulation, database, world, host } = await startLeader();
    await simulation.until(propose(host, add(world, 'one')));
    world.cutOff = true;
    const lost = host.propose([add(world, 'lost', { amount: 100 })]);
    await simulation.run(1_000);
    const other = createToyHost(new SimulatedWorld(database));
    await simulation.until(other.lead(2));
    await simulation.until(propose(other, add(world, 'two')));
    world.cutOff = false;
    const [result] = await simulation.until(Promise.all(lost));
    expect(result).toMatchObject({ kind: 'notApplied', reason: 'NOT_LEADER' });
    expect(host.state).toMatchObject({ kind: 'follower' });
    await simulation.until(host.lead(3));
    expect(await simulation.until(readTotal(host))).toEqual({ kind: 'answered', value: 2 });
  });

  test('READ-1: a deposed leader that was idle cannot answer a read', async () => {
    const { simulation, database, world, host } = await startLeader();
    await simulation.until(propose(host, add(world, 'one')));
    const other = createToyHost(new SimulatedWorld(database));
    await simulation.until(other.lead(2));
    expect(await simulation.until(readTotal(host))).toEqual({
      kind: 'notAnswered',
      reason: 'NOT_LEADER',
    });
    expect(host.state).toMatchObject({ kind: 'follower' });
  });

  test('READ-1, LOG-12: a log that lost its end proves nothing, and is noticed', async () => {
    const { simulation, database, world, host } = await startLeader();
    await simulation.until(propose(host, add(world, 'one')));
    await simulation.until(propose(host, add(world, 'two')));
    database.entriesOf(TOY_SHARD).pop();
    expect(await simulation.until(readTotal(host))).toEqual({
      kind: 'notAnswered',
      reason: 'NOT_LEADER',
    });
    expect(await simulation.until(host.lead(2))).toMatchObject({ reason: 'LOG_FORKED' });
  });

  test('READ-1: a read waits for what it saw to be committed', async () => {
    const { simulation, database, world, host } = await startLeader();
    const write = propose(host, add(world, 'one'));
    await simulation.run(10); // applied and sent, not committed
    let answered = false;
    const read = readTotal(host).then((result) => {
      answered = true;
      return result;
    });
    database.down = true;
    await simulation.run(100);
    expect(answered).toBe(false);
    await simulation.run(SECOND_US);
    expect(await read).toEqual({ kind: 'notAnswered', reason: 'LOG_UNAVAILABLE' });
    database.down = false;
    await simulation.until(write);
    expect(await simulation.until(readTotal(host))).toEqual({ kind: 'answered', value: 1 });
  });

  test('READ-1, LOG-5: a proof does not let out what is applied and not committed', async () => {
    const { simulation, database, world, host } = await startLeader();
    database.appendDelayUs = 50_000;
    const write = propose(host, add(world, 'one'));
    await simulation.run(10); // applied and sent
    const read = readTotal(host);
    let answered = false;
    void read.then(() => {
      answered = true;
    });
    await simulation.run(20_000); // the proof is back, the append is not
    expect(answered).toBe(false);
    expect(database.entriesOf(TOY_SHARD)).toHaveLength(1);
    expect(await simulation.until(read)).toEqual({ kind: 'answered', value: 1 });
    expect(await write).toMatchObject({ kind: 'applied' });
  });

  test('REP-9: ending a host finishes what it has and refuses the rest', async () => {
    const { simulation, world, host } = await startLeader();
    const before = propose(host, add(world, 'before'));
    const ended = host.end(1_000);
    const after = propose(host, add(world, 'after'));
    await simulation.until(ended);
    expect(total(await before)).toBe(1);
    expect(await after).toMatchObject({ kind: 'notApplied', reason: 'NOT_LEADER' });
    expect(host.state).toEqual({ kind: 'stopped', reason: { kind: 'ended' } });
  });

  test('REP-9: ending a host without a log does not wait for ever', async () => {
    const { simulation, database, world, host } = await startLeader();
    database.down = true;
    const lost = propose(host, add(world, 'lost'));
    await simulation.run(SECOND_US);
    await simulation.until(host.end(2_000), 10 * SECOND_US);
    expect(await lost).toEqual({ kind: 'unknown' });
  });

  test('a host that was told to lead while the log is down leads when it is back', async () => {
    const { simulation, database, world } = startWorld();
    database.down = true;
    const host: ToyHost = createToyHost(world);
    const led = host.lead(1);
    await simulation.run(5 * SECOND_US);
    expect(host.state).toMatchObject({ kind: 'loading', logTrouble: 'the request got lost' });
    database.down = false;
    expect(await simulation.until(led)).toEqual({ kind: 'leading', epoch: 1 });
  });
});
