// The shard host in a simulated world, one situation at a time.

import { describe, expect, test } from '@jest/globals';
import type { HostState } from '../../../services/lib/shard/host-state.ts';
import type { CommitReport } from '../../../services/lib/shard/observer.ts';
import {
  NO_FAULTS,
  SimulatedDatabase,
  SimulatedWorld,
  Simulation,
} from '../../support/shard/simulated-world.ts';
import {
  add,
  createToyHost,
  propose,
  readTotal,
  TOY_SHARD,
  type ToyHost,
  type ToyResult,
} from '../../support/shard/toy-host.ts';
import { type ToyAnswer, type ToyEvent, ToyMachine } from '../../support/shard/toy-machine.ts';

const SECOND_US = 1_000_000;

function startWorld(): {
  simulation: Simulation;
  database: SimulatedDatabase;
  world: SimulatedWorld;
} {
  const simulation = new Simulation(1);
  const database = new SimulatedDatabase(simulation);
  return { simulation, database, world: new SimulatedWorld(database) };
}

async function startLeader(options: Parameters<typeof createToyHost>[1] = {}) {
  const started = startWorld();
  const host = createToyHost(started.world, options);
  const led = await started.simulation.until(host.lead(1));
  expect(led).toEqual({ kind: 'leading', epoch: 1 });
  return { ...started, host };
}

function total(result: ToyResult): number | undefined {
  if (result.kind !== 'applied' || result.outcome.kind !== 'done') return undefined;
  return result.outcome.answer?.total;
}

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

describe('proposing', () => {
  test('LOG-3, LOG-5: commands that arrive during an append form the next entry', async () => {
    const { simulation, database, world, host } = await startLeader();
    const first = propose(host, add(world, 'first'));
    await simulation.run(100);
    const rest = host.propose([add(world, 'second'), add(world, 'third')]);
    const results = await simulation.until(Promise.all([first, ...rest]));
    expect(results.map((result) => result.kind === 'applied' && result.entryIndex)).toEqual([
      2, 3, 3,
    ]);
    expect(results.map(total)).toEqual([1, 2, 3]);
    expect(database.entriesOf(TOY_SHARD)).toHaveLength(3);
  });

  test('LOG-3: an entry holds at most 4,096 commands', async () => {
    const { simulation, database, world, host } = await startLeader();
    const proposals = Array.from({ length: 5000 }, (_, index) => add(world, `id ${index}`));
    await simulation.until(Promise.all(host.propose(proposals)));
    const counts = database.entriesOf(TOY_SHARD).map((entry) => entry.commandCount);
    expect(counts).toEqual([1, 4096, 904]);
  });

  test('LOG-5, LOG-11: a retry gets the first answer, refusals included', async () => {
    const { simulation, database, world, host } = await startLeader();
    const proposals = [add(world, 'ok'), add(world, 'too little', { amount: -5 })];
    const first = await simulation.until(Promise.all(host.propose(proposals)));
    const appends = database.appends;
    const again = await simulation.until(Promise.all(host.propose(proposals)));
    expect(again).toEqual(first.map((result) => ({ ...result, duplicate: true })));
    expect(first[1]).toMatchObject({
      outcome: { kind: 'refused', refusal: { reason: 'TOO_LITTLE', detail: { total: '1' } } },
    });
    expect(database.appends).toBe(appends);
  });

  test('LOG-11: a retry that comes before the commit waits for it', async () => {
    const { simulation, world, host } = await startLeader();
    const proposal = add(world, 'one');
    const both = host.propose([proposal, proposal]);
    await simulation.run(50);
    const third = propose(host, proposal);
    const results = await simulation.until(Promise.all([...both, third]));
    expect(results.map((result) => result.kind === 'applied' && result.duplicate)).toEqual([
      false,
      true,
      true,
    ]);
    expect(results.map(total)).toEqual([1, 1, 1]);
  });

  test('LOG-11: the next leader knows the identities of the last one', async () => {
    const { simulation, database, world, host } = await startLeader();
    const proposal = add(world, 'one');
    await simulation.until(propose(host, proposal));
    const other = createToyHost(new SimulatedWorld(database));
    await simulation.until(other.lead(2));
    const again = await simulation.until(propose(other, proposal));
    expect(again).toMatchObject({ kind: 'applied', duplicate: true, entryIndex: 2 });
    expect(await simulation.until(readTotal(other))).toEqual({ kind: 'answered', value: 1 });
  });

  test('LOG-11: a command that comes too late did nothing, and the log has passed it', async () => {
    const { simulation, database, world, host } = await startLeader();
    const proposal = add(world, 'late', { validUntilUs: world.wallClockUs() + SECOND_US });
    await simulation.run(2 * SECOND_US);
    const result = await simulation.until(propose(host, proposal));
    expect(result).toMatchObject({ kind: 'notApplied', reason: 'COMMAND_EXPIRED' });
    const end = database.entriesOf(TOY_SHARD).at(-1);
    expect(end?.logTimeUs).toBeGreaterThan(proposal.validUntilUs);
  });

  test('LOG-11: valid_until may be at most 60 s ahead', async () => {
    const { simulation, world, host } = await startLeader();
    const ahead = add(world, 'ahead', { validUntilUs: world.wallClockUs() + 61 * SECOND_US });
    expect(await simulation.until(propose(host, ahead))).toMatchObject({
      kind: 'notApplied',
      reason: 'PROPOSAL_INVALID',
      detail: { field: 'valid_until' },
    });
  });

  test.each([[''], ['x'.repeat(129)], ['é'.repeat(65)]])(
    'LOG-11: an identity has 1 to 128 bytes (%#)',
    async (identity) => {
      const { simulation, world, host } = await startLeader();
      expect(await simulation.until(propose(host, add(world, identity)))).toMatchObject({
        reason: 'PROPOSAL_INVALID',
        detail: { field: 'identity' },
      });
    },
  );

  test('LOG-11: when the memory of identities is full, new commands are refused', async () => {
    const { simulation, world, host } = await startLeader({ maximumIdentities: 2 });
    const proposals = ['one', 'two', 'three'].map((identity) => add(world, identity));
    const results = await simulation.until(Promise.all(host.propose(proposals)));
    expect(results[2]).toMatchObject({ reason: 'SHARD_OVERLOADED' });
    const again = await simulation.until(propose(host, add(world, 'one')));
    expect(again).toMatchObject({ kind: 'applied', duplicate: true });
    await simulation.run(125 * SECOND_US);
    // Forgotten by log time: with the entry that passes it.
    await simulation.until(propose(host, add(world, 'one', { validUntilUs: 1 })));
    const late = await simulation.until(propose(host, add(world, 'three')));
    expect(late).toMatchObject({ kind: 'notApplied', reason: 'SHARD_OVERLOADED' });
  });

  test('LOG-10: past the bound of a class its commands are refused, others are taken', async () => {
    const { simulation, world, host } = await startLeader({
      queueLimits: { internal: 2, cancel: 2, rest: 2 },
    });
    const proposals = [
      ...['1', '2', '3'].map((identity) => add(world, identity)),
      add(world, '4', { commandClass: 'cancel' }),
    ];
    const results = await simulation.until(Promise.all(host.propose(proposals)));
    expect(results.map((result) => result.kind)).toEqual([
      'applied',
      'applied',
      'notApplied',
      'applied',
    ]);
    expect(results[2]).toMatchObject({ reason: 'SHARD_OVERLOADED' });
  });

  test('LOG-15: what is due happens first, in an entry without commands if need be', async () => {
    const { simulation, database, world, host } = await startLeader();
    const dueTimeUs = world.wallClockUs() + 5 * SECOND_US;
    const command = { kind: 'remind', key: 'tea', dueTimeUs } as const;
    await simulation.until(propose(host, add(world, 'remind', { command })));
    await simulation.run(4 * SECOND_US);
    expect(database.entriesOf(TOY_SHARD)).toHaveLength(2);
    await simulation.run(2 * SECOND_US);
    expect(database.entriesOf(TOY_SHARD).at(-1)).toMatchObject({ commandCount: 0, eventCount: 1 });
    expect(database.entriesOf(TOY_SHARD).at(-1)?.logTimeUs).toBeGreaterThanOrEqual(dueTimeUs);
  });

  test('LOG-15: what is due in crowds is done before the next command', async () => {
    const { simulation, database, world, host } = await startLeader();
    const dueTimeUs = world.wallClockUs() + SECOND_US;
    const reminders = Array.from({ length: 8 }, (_, index) => {
      const command = { kind: 'remind', key: String(index), dueTimeUs } as const;
      return add(world, `remind ${index}`, { command });
    });
    await simulation.until(Promise.all(host.propose(reminders)));
    await simulation.run(SECOND_US - 5_000);
    world.clockOffsetUs += 10_000; // the tick has not rung yet when the command comes
    const result = await simulation.until(propose(host, add(world, 'next')));
    const counts = database.entriesOf(TOY_SHARD).map((entry) => entry.eventCount);
    expect(counts).toEqual([0, 0, 3, 3, 3]);
    expect(result).toMatchObject({ kind: 'applied', entryIndex: 5, firstSequence: 9 });
  });

  test('LOG-15: log time does not go back with the clock', async () => {
    const { simulation, database, world, host } = await startLeader();
    await simulation.until(propose(host, add(world, 'one')));
    const [, before] = database.entriesOf(TOY_SHARD);
    world.clockOffsetUs = -10 * SECOND_US;
    await simulation.until(
      propose(host, add(world, 'two', { validUntilUs: before?.logTimeUs ?? 0 })),
    );
    expect(database.entriesOf(TOY_SHARD)[2]?.logTimeUs).toBe(before?.logTimeUs);
  });

  test('LOG-15: an entry more than 1 s ahead of the database waits for it', async () => {
    const { simulation, database, world, host } = await startLeader();
    world.clockOffsetUs = 3 * SECOND_US;
    const answer = propose(host, add(world, 'one'));
    await simulation.run(SECOND_US);
    expect(host.state).toMatchObject({ kind: 'leading' });
    expect((host.state as { logTrouble?: string }).logTrouble).toContain('ahead of the database');
    expect(database.entriesOf(TOY_SHARD)).toHaveLength(1);
    world.clockOffsetUs = 0;
    expect(await simulation.until(answer)).toMatchObject({ kind: 'applied' });
    expect(host.state).toEqual({ kind: 'leading', epoch: 1, logTrouble: undefined });
  });

  test('LOG-17: a command with many effects goes on in the next entries', async () => {
    const { simulation, database, world, host } = await startLeader();
    const command = { kind: 'spread', count: 5 } as const;
    const spread = add(world, 'spread', { command });
    const [first, after] = host.propose([spread, add(world, 'after')]);
    const again = propose(host, spread);
    const results = await simulation.until(Promise.all([first, after, again]));
    expect(results[0]).toMatchObject({
      kind: 'applied',
      duplicate: false,
      entryIndex: 2,
      outcome: { kind: 'done', answer: { total: 5 } },
    });
    expect(results[0]?.kind === 'applied' && results[0].events).toHaveLength(6);
    expect(results[1]).toMatchObject({ kind: 'applied', entryIndex: 4 });
    expect(results[2]).toEqual({ ...results[0], duplicate: true });
    const counts = database.entriesOf(TOY_SHARD).map((entry) => entry.eventCount);
    expect(counts).toEqual([0, 2, 2, 3]);
  });

  test('LOG-17: the next leader carries on what the last one left unfinished', async () => {
    const { simulation, database, world, host } = await startLeader();
    const spread = add(world, 'spread', { command: { kind: 'spread', count: 5 } });
    void propose(host, spread);
    // Until the first part is committed, and no longer.
    while (database.entriesOf(TOY_SHARD).length < 2) await simulation.run(10);
    world.killed = true;
    const next = new SimulatedWorld(database);
    const other = createToyHost(next);
    await simulation.until(other.lead(2));
    const again = await simulation.until(propose(other, spread));
    expect(again).toMatchObject({ kind: 'applied', duplicate: true, entryIndex: 2 });
    expect(again.kind === 'applied' && again.events).toHaveLength(6);
  });

  test('a broken invariant stops the host and acknowledges nothing of the entry', async () => {
    const { simulation, database, world, host } = await startLeader();
    const crash = add(world, 'crash', { command: { kind: 'crash' } });
    const results = await simulation.until(
      Promise.all(host.propose([add(world, 'before'), crash, add(world, 'after')])),
    );
    expect(results.map((result) => result.kind)).toEqual(Array(3).fill('notApplied'));
    expect(host.state).toMatchObject({ kind: 'stopped', reason: { kind: 'FAILED' } });
    expect(database.entriesOf(TOY_SHARD)).toHaveLength(1);
  });

  test('commits are reported with their times and the traced commands', async () => {
    const reports: CommitReport<ToyEvent, ToyAnswer>[] = [];
    const { simulation, world, host } = await startLeader({
      observer: {
        isTraced: (traceContext) => traceContext.endsWith('-01'),
        onCommit: (report) => reports.push(report),
      },
    });
    const traceContext = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const proposals = [add(world, 'traced', { traceContext }), add(world, 'plain')];
    await simulation.until(Promise.all(host.propose(proposals)));
    expect(reports).toHaveLength(1);
    expect(reports[0]?.traced).toMatchObject([{ identity: 'traced', traceContext }]);
    expect(reports[0]?.entry.commands[0]?.traceContext).toBe(traceContext);
    expect(reports[0]?.appendEndUs).toBeGreaterThan(reports[0]?.appendStartUs ?? 0);
  });
});

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
    expect(host.state).toMatchObject({ kind: 'loading' });
    database.down = false;
    expect(await simulation.until(led)).toEqual({ kind: 'leading', epoch: 1 });
  });
});
