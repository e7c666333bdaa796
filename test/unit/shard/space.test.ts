// A shard whose log has little room left (SNAP-5), in a simulated world.

import { describe, expect, test } from '@jest/globals';
import { add, propose } from '../../support/shard/toy-host.ts';
import { startLeader, total } from '../../support/shard/toy-leader.ts';

describe('little room', () => {
  test('SNAP-5: what can wait is refused, everything else goes on, and it ends by itself', async () => {
    let isLow = false;
    const { simulation, world, host, database } = await startLeader({
      refuses: (command) => (isLow && command.kind === 'add' ? 'LOG_SPACE_LOW' : undefined),
    });
    const first = add(world, 'first');
    expect(total(await simulation.until(propose(host, first)))).toBe(1);
    isLow = true;
    const refused = await simulation.until(propose(host, add(world, 'second')));
    expect(refused).toMatchObject({ kind: 'notApplied', reason: 'LOG_SPACE_LOW' });
    const spread = add(world, 'other', { command: { kind: 'spread', count: 1 } });
    expect(await simulation.until(propose(host, spread))).toMatchObject({ kind: 'applied' });
    isLow = false;
    expect(total(await simulation.until(propose(host, add(world, 'second'))))).toBe(2);
    expect(database.fork).toBeUndefined();
  });

  test('SNAP-5, LOG-11: a repeat of what was applied gets its first answer all the same', async () => {
    let isLow = false;
    const { simulation, world, host } = await startLeader({
      refuses: () => (isLow ? 'LOG_SPACE_LOW' : undefined),
    });
    const command = add(world, 'first');
    await simulation.until(propose(host, command));
    isLow = true;
    const again = await simulation.until(propose(host, command));
    expect(again).toMatchObject({ kind: 'applied', duplicate: true });
  });
});
