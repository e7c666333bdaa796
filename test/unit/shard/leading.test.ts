// How a host comes to lead, and what keeps it from it, in a simulated world.

import { describe, expect, test } from '@jest/globals';
import { chainChecksum, type LogEntry } from '../../../services/lib/shard/log-entry.ts';
import { SimulatedWorld } from '../../support/shard/simulated-world.ts';
import { add, createToyHost, propose, readTotal, TOY_SHARD } from '../../support/shard/toy-host.ts';
import { SECOND_US, startLeader, startWorld } from '../../support/shard/toy-leader.ts';
import { ToyMachine } from '../../support/shard/toy-machine.ts';

describe('leading', () => {
  test('LOG-2: the first entry of a leadership is EpochStarted, of a higher epoch', async () => {
    const { simulation, database, host, world } = await startLeader();
    await simulation.until(propose(host, add(world, 'one')));
    expect(await simulation.until(host.lead(2))).toEqual({ kind: 'leading', epoch: 2 });
    expect(database.entriesOf(TOY_SHARD).map((entry) => entry.epoch)).toEqual([1, 1, 2]);
  });

  test('LOG-2: a candidate that meets an equal or higher epoch gives up', async () => {
    const { simulation, database } = await startLeader();
    const other = createToyHost(new SimulatedWorld(database));
    const refused = { kind: 'refused', reason: 'EPOCH_TOO_LOW' };
    expect(await simulation.until(other.lead(1))).toMatchObject(refused);
    database.epochs.set(TOY_SHARD, 9);
    expect(await simulation.until(other.lead(8))).toMatchObject(refused);
    expect(await simulation.until(other.lead(9))).toEqual({ kind: 'leading', epoch: 9 });
  });

  test('the machine that is applied to is the one made last', async () => {
    const machines: ToyMachine[] = [];
    const createMachine = (): ToyMachine => {
      machines.push(new ToyMachine());
      return machines.at(-1) as ToyMachine;
    };
    const { simulation, world, host } = await startLeader({ createMachine });
    await simulation.until(propose(host, add(world, 'one')));
    expect(host.machine).toBe(machines.at(-1));
    expect(machines.at(-1)?.totals.get('a')).toBe(1);
  });

  test('READ-1: an entry that is committed while a proof is under way does not end the leadership', async () => {
    const started = startWorld();
    const { simulation, world } = started;
    let isSlow = false;
    const openLog = world.openLog.bind(world);
    world.openLog = (shardId) => {
      const log = openLog(shardId);
      const fetchEnd = log.fetchEnd.bind(log);
      log.fetchEnd = async () => {
        const end = await fetchEnd();
        if (isSlow) await simulation.sleep(50_000);
        return end;
      };
      return log;
    };
    const host = createToyHost(world);
    await simulation.until(host.lead(1));
    isSlow = true;
    const read = readTotal(host); // its proof will find EpochStarted at the log's end
    await simulation.run(2_000);
    expect((await simulation.until(propose(host, add(world, 'one')))).kind).toBe('applied');
    expect(await simulation.until(read)).toEqual({ kind: 'answered', value: 0 });
    expect(host.state.kind).toBe('leading');
  });

  test('LOG-9: does not lead when the database does not promise durability', async () => {
    const { simulation, database, world } = startWorld();
    database.notDurable = 'the database has fsync = off';
    const host = createToyHost(world);
    expect(await simulation.until(host.lead(1))).toEqual({
      kind: 'refused',
      reason: 'NOT_DURABLE',
      message: 'the database has fsync = off',
    });
  });

  test('LOG-9: stops leading within a minute when the promise is taken back', async () => {
    const { simulation, database, host } = await startLeader();
    database.notDurable = 'the database has synchronous_commit = off';
    await simulation.run(61 * SECOND_US);
    expect(host.state).toEqual({
      kind: 'follower',
      reason: 'the database has synchronous_commit = off',
    });
  });

  test('LOG-7: a replica that computes otherwise stops and names both', async () => {
    const { simulation, database, world, host } = await startLeader();
    await simulation.until(propose(host, add(world, 'one')));
    const other = createToyHost(new SimulatedWorld(database), {
      createMachine: () => new ToyMachine(1),
    });
    const result = await simulation.until(other.lead(2));
    expect(result).toMatchObject({ kind: 'refused', reason: 'FAILED' });
    const hex = (sum: number): string =>
      Buffer.from(JSON.stringify({ kind: 'added', key: 'a', total: sum })).toString('hex');
    expect((result as { message: string }).message).toContain(hex(1));
    expect((result as { message: string }).message).toContain(hex(2));
    expect(other.state.kind).toBe('stopped');
  });

  test('LOG-7: an entry that counts other events than it holds is refused', async () => {
    const { simulation, database, world, host } = await startLeader();
    await simulation.until(propose(host, add(world, 'one')));
    const entries = database.entriesOf(TOY_SHARD);
    const [first, entry] = entries as [LogEntry, LogEntry];
    const miscounted = { ...entry, eventCount: entry.eventCount + 1 };
    const checksum = chainChecksum(first.chainChecksum, miscounted);
    entries[1] = { ...miscounted, chainChecksum: checksum };
    const other = createToyHost(new SimulatedWorld(database));
    expect(await simulation.until(other.lead(2))).toMatchObject({
      reason: 'FAILED',
      message: expect.stringContaining('entry 2 of shard toy-1: the log records'),
    });
  });

  test('LOG-6: a broken chain is refused with the entry that breaks it', async () => {
    const { simulation, database, world, host } = await startLeader();
    await simulation.until(propose(host, add(world, 'one')));
    const entries = database.entriesOf(TOY_SHARD);
    const entry = entries[1] as (typeof entries)[number];
    const outcomes = Uint8Array.from(entry.outcomes);
    outcomes[outcomes.length - 1] = (outcomes.at(-1) as number) ^ 1;
    entries[1] = { ...entry, outcomes };
    const other = createToyHost(new SimulatedWorld(database));
    expect(await simulation.until(other.lead(2))).toMatchObject({
      reason: 'FAILED',
      message: 'entry 2 of shard toy-1 does not have the chain checksum of its content',
    });
  });

  test('LOG-12: does not lead a log that lacks a point that was seen', async () => {
    const { simulation, database, world, host } = await startLeader();
    await simulation.until(propose(host, add(world, 'one')));
    const end = host.position?.committed ?? { entryIndex: 0, chainChecksum: '' };
    database.entriesOf(TOY_SHARD).pop();
    const other = createToyHost(new SimulatedWorld(database));
    const result = await simulation.until(other.lead(2, [{ ...end, seenBy: 'market data' }]));
    expect(result).toMatchObject({ kind: 'refused', reason: 'LOG_FORKED' });
    expect(other.state).toMatchObject({
      kind: 'stopped',
      reason: { kind: 'LOG_FORKED', seen: end, found: { entryIndex: 1 }, seenBy: 'market data' },
    });
  });

  test('LOG-12: a leader whose log lost its end stops instead of going on', async () => {
    const { simulation, database, world, host } = await startLeader();
    await simulation.until(propose(host, add(world, 'one')));
    database.entriesOf(TOY_SHARD).pop();
    const result = await simulation.until(propose(host, add(world, 'two')));
    expect(result).toMatchObject({ kind: 'notApplied', reason: 'NOT_LEADER' });
    expect(host.state).toMatchObject({ kind: 'stopped', reason: { kind: 'LOG_FORKED' } });
  });

  test('LOG-12: a consumer that saw what the log lacks stops the leader', async () => {
    const { simulation, host } = await startLeader();
    const seen = { entryIndex: 5, chainChecksum: 'ab'.repeat(16) };
    const batches = host.subscribe({ fromSequence: 1, seen, seenBy: 'history', heartbeatMs: 200 });
    await expect(simulation.until(batches.next())).rejects.toMatchObject({ reason: 'LOG_FORKED' });
    expect(host.state).toMatchObject({ reason: { kind: 'LOG_FORKED', seenBy: 'history', seen } });
  });
});
