// What becomes of proposals, in a simulated world.

import { describe, expect, test } from '@jest/globals';
import type { CommitReport } from '../../../services/lib/shard/observer.ts';
import { SimulatedWorld } from '../../support/shard/simulated-world.ts';
import { add, createToyHost, propose, readTotal, TOY_SHARD } from '../../support/shard/toy-host.ts';
import { SECOND_US, startLeader, startWorld, total } from '../../support/shard/toy-leader.ts';
import { type ToyAnswer, type ToyEvent, ToyMachine } from '../../support/shard/toy-machine.ts';

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

  test('LOG-3: an entry ends with the command that brings it to 1 MiB', async () => {
    const { simulation, database, world, host } = await startLeader();
    const size = 100_000;
    const proposals = Array.from({ length: 30 }, (_, index) =>
      add(world, `id ${index}`, { key: `${index}`.padEnd(size, 'x') }),
    );
    await simulation.until(Promise.all(host.propose(proposals)));
    const [, ...entries] = database.entriesOf(TOY_SHARD);
    const bytes = entries.map((entry) => entry.commands.length + entry.outcomes.length);
    expect(entries.map((entry) => entry.commandCount).reduce((sum, one) => sum + one, 0)).toBe(30);
    // The key stands in the command and in its event.
    for (const one of bytes) expect(one).toBeLessThan((1 << 20) + 2 * size + 1_000);
    for (const one of bytes.slice(0, -1)) expect(one).toBeGreaterThanOrEqual(1 << 20);
  });

  test('LOG-3: an entry ends with the command that brings it to 10,000 events', async () => {
    class Talkative extends ToyMachine {
      override apply(...[command, context, emit]: Parameters<ToyMachine['apply']>) {
        const outcome = super.apply(command, context, emit);
        for (let count = 1; count < 3_000; count += 1) emit({ kind: 'spread', count });
        return outcome;
      }
    }
    const createMachine = (): ToyMachine => new Talkative();
    const { simulation, database, world, host } = await startLeader({ createMachine });
    const proposals = Array.from({ length: 10 }, (_, index) => add(world, `id ${index}`));
    await simulation.until(Promise.all(host.propose(proposals)));
    const entries = database.entriesOf(TOY_SHARD);
    expect(entries.map(({ commandCount }) => commandCount)).toEqual([1, 4, 4, 2]);
    expect(entries.map(({ eventCount }) => eventCount)).toEqual([0, 12_000, 12_000, 6_000]);
  });

  test('LOG-3: an entry ends when applying it has taken about 5 ms', async () => {
    const { simulation, database, world } = startWorld();
    class Slow extends ToyMachine {
      override apply(...call: Parameters<ToyMachine['apply']>) {
        simulation.timeUs += 100;
        return super.apply(...call);
      }
    }
    const host = createToyHost(world, { createMachine: () => new Slow() });
    await simulation.until(host.lead(1));
    const proposals = Array.from({ length: 200 }, (_, index) => add(world, `id ${index}`));
    await simulation.until(Promise.all(host.propose(proposals)));
    // The clock is looked at before every 32nd command.
    const counts = database.entriesOf(TOY_SHARD).map(({ commandCount }) => commandCount);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(201);
    for (const count of counts.slice(1, -1)) expect(count).toBe(63);
    expect(counts.length).toBeGreaterThan(3);
  });

  test('LOG-3: one append is in flight, and what is applied meanwhile waits in one entry', async () => {
    const { simulation, database, world, host } = await startLeader();
    const before = database.appends;
    const first = propose(host, add(world, 'first'));
    let isAnswered = false;
    void first.then(() => {
      isAnswered = true;
    });
    // They come one after the other, all of them before the first is committed.
    const later: Promise<unknown>[] = [];
    for (let count = 0; count < 20; count += 1) {
      await simulation.run(1);
      later.push(propose(host, add(world, `later ${count}`)));
    }
    expect(isAnswered).toBe(false);
    await simulation.until(Promise.all([first, ...later]));
    expect(database.appends).toBe(before + 2);
    const counts = database.entriesOf(TOY_SHARD).map((entry) => entry.commandCount);
    expect(counts).toEqual([1, 1, 20]);
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

  test('LOG-10: a cancel is in the next entry, however many others wait', async () => {
    const { simulation, world, host } = await startLeader();
    const flood = Array.from({ length: 20_000 }, (_, index) => add(world, `id ${index}`));
    const all = host.propose(flood);
    const cancel = propose(host, add(world, 'cancel', { commandClass: 'cancel' }));
    await simulation.run(10); // the first entry is on its way, the second is full
    const late = propose(host, add(world, 'late cancel', { commandClass: 'cancel' }));
    expect(await simulation.until(cancel)).toMatchObject({ kind: 'applied', entryIndex: 2 });
    expect(await simulation.until(late)).toMatchObject({ kind: 'applied', entryIndex: 4 });
    const last = await simulation.until(all.at(-1) as (typeof all)[number]);
    expect(last).toMatchObject({ kind: 'applied', entryIndex: 6 });
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

  test('LOG-15: what comes due during an append waits for its end, without asking again', async () => {
    const { simulation, database, world, host } = await startLeader();
    const dueTimeUs = world.wallClockUs() + 50_000;
    const command = { kind: 'remind', key: 'tea', dueTimeUs } as const;
    await simulation.until(propose(host, add(world, 'remind', { command })));
    database.appendDelayUs = 200_000;
    const setTimer = world.setTimer.bind(world);
    let timers = 0;
    world.setTimer = (delayMs, callback) => {
      timers += 1;
      if (timers > 1_000) throw new Error('it asks again and again');
      return setTimer(delayMs, callback);
    };
    const slow = propose(host, add(world, 'slow'));
    await simulation.run(10_000);
    const behind = propose(host, add(world, 'behind'));
    await simulation.run(100_000);
    expect(timers).toBeLessThan(20);
    await simulation.until(Promise.all([slow, behind]));
    await simulation.run(500_000);
    const events = database.entriesOf(TOY_SHARD).map((entry) => entry.eventCount);
    expect(events.reduce((sum, count) => sum + count, 0)).toBe(3);
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
    await simulation.run(10_000); // the command is quarantined first (LOG-14)
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
