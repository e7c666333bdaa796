// A command on which the state machine dies (LOG-14), in a simulated world.

import { describe, expect, test } from '@jest/globals';
import { SimulatedWorld } from '../../support/shard/simulated-world.ts';
import { add, createToyHost, propose, readTotal, TOY_SHARD } from '../../support/shard/toy-host.ts';
import { SECOND_US, startLeader, startWorld, total } from '../../support/shard/toy-leader.ts';

const CRASH = { command: { kind: 'crash' } } as const;

describe('quarantine', () => {
  test('LOG-14, LOG-5: the command is recorded before the host stops, and its entry never was', async () => {
    const recordedAtStop: (readonly string[])[] = [];
    const { simulation, database, world } = startWorld();
    const host = createToyHost(world, {
      observer: {
        onStateChange: ({ kind }) => {
          const records = database.quarantined.get(TOY_SHARD);
          if (kind === 'stopped') recordedAtStop.push([...(records?.keys() ?? [])]);
        },
      },
    });
    await simulation.until(host.lead(1));
    const results = await simulation.until(
      Promise.all(host.propose([add(world, 'beside'), add(world, 'poison', CRASH)])),
    );
    for (const result of results) {
      expect(result).toMatchObject({ kind: 'notApplied', reason: 'NOT_LEADER' });
    }
    await simulation.run(SECOND_US);
    expect(recordedAtStop).toEqual([['poison']]);
    expect(host.state).toMatchObject({ kind: 'stopped', reason: { kind: 'FAILED' } });
    expect(database.quarantined.get(TOY_SHARD)?.get('poison')).toMatchObject({ epoch: 1 });
    expect(database.quarantined.get(TOY_SHARD)?.get('poison')?.problem).toContain('toy is broken');
    // Nothing of the entry in work is in the log: only the start of the leadership is.
    expect(database.entriesOf(TOY_SHARD)).toHaveLength(1);
  });

  test('LOG-14: the next leader, a standby or a restarted process, refuses it and serves on', async () => {
    const { simulation, database, world, host } = await startLeader();
    await simulation.until(propose(host, add(world, 'before')));
    await simulation.until(propose(host, add(world, 'poison', CRASH)));
    await simulation.run(SECOND_US);

    const other = new SimulatedWorld(database);
    const successor = createToyHost(other);
    expect(await simulation.until(successor.lead(2))).toEqual({ kind: 'leading', epoch: 2 });
    const again = await simulation.until(propose(successor, add(other, 'poison', CRASH)));
    expect(again).toMatchObject({ kind: 'notApplied', reason: 'COMMAND_QUARANTINED' });
    expect(total(await simulation.until(propose(successor, add(other, 'after'))))).toBe(2);
    expect(await simulation.until(readTotal(successor))).toEqual({ kind: 'answered', value: 2 });
  });

  test('LOG-14: once an operator has lifted it, the leader takes the command again', async () => {
    const { simulation, database, world, host } = await startLeader();
    const records = new Map([['held', { identity: 'held', epoch: 1, problem: '' }]]);
    database.quarantined.set(TOY_SHARD, records);
    expect(await simulation.until(host.lead(2))).toMatchObject({ kind: 'leading' });
    const attempt = () => simulation.until(propose(host, add(world, 'held')));
    expect(await attempt()).toMatchObject({ reason: 'COMMAND_QUARANTINED' });
    records.delete('held');
    // The first attempt after a second has the leader look.
    await simulation.run(2 * SECOND_US);
    await attempt();
    await simulation.run(SECOND_US);
    expect(total(await attempt())).toBe(1);
  });

  test('LOG-14: the host stops even when the database cannot take the record', async () => {
    const { simulation, database, world, host } = await startLeader();
    const answer = propose(host, add(world, 'poison', CRASH));
    database.down = true;
    await simulation.until(answer);
    await simulation.run(10 * SECOND_US);
    expect(host.state).toMatchObject({ kind: 'stopped' });
    expect(database.quarantined.get(TOY_SHARD)?.size ?? 0).toBe(0);
  });
});
