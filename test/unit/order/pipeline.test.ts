// Pipelines: batches, redirects and breaks in a simulated world.

import { describe, expect, test } from '@jest/globals';
import { PipelineWorld } from './pipeline-world.ts';

function worldWithShard(): PipelineWorld {
  const world = new PipelineWorld();
  world.owners.set(1, 'matching-1');
  world.owners.set(2, 'matching-1');
  return world;
}

describe('batches', () => {
  test('what arrives in one turn goes in one message', () => {
    const world = worldWithShard();
    world.send('a');
    world.send('b');
    world.turn();
    expect(world.batches).toEqual([['a', 'b']]);
  });

  test('what arrives while a batch is with the leader is the next batch', () => {
    const world = worldWithShard();
    world.send('a');
    world.turn();
    world.send('b');
    world.turn();
    world.send('c');
    world.turn();
    expect(world.batches).toEqual([['a']]);

    world.answer();

    expect(world.batches).toEqual([['a'], ['b', 'c']]);
  });

  test('a message holds at most 1,000 commands', () => {
    const world = worldWithShard();
    for (let index = 0; index < 1500; index++) world.send(`c${index}`);
    world.turn();
    world.answer();
    expect(world.batches.map((batch) => batch.length)).toEqual([1000, 500]);
  });

  test('results may come in parts, and the next batch waits for the last of them', () => {
    const world = worldWithShard();
    world.send('a');
    world.send('b');
    world.turn();
    world.send('c');
    const [first, second] = world.link.batches[0] ?? [];
    const done = (number = 0) => ({
      number,
      settled: { kind: 'committed', committed: '', duplicate: false } as const,
    });
    world.link.listener.onResults([done(first?.number)]);
    world.turn();
    expect(world.batches).toHaveLength(1);
    world.link.listener.onResults([done(second?.number)]);
    world.turn();
    expect(world.batches).toEqual([['a', 'b'], ['c']]);
  });
});

describe('redirects', () => {
  test('MOV-9 after NOT_LEADER all unanswered commands go again before newer ones', () => {
    const world = worldWithShard();
    world.send('place');
    world.send('cancel');
    world.turn();
    world.send('newer');
    world.answer({ place: 'NOT_LEADER', cancel: 'NOT_LEADER' });
    expect(world.link.isClosed).toBe(true);

    world.pass(60);
    world.answer();

    expect(world.batches).toEqual([['place', 'cancel', 'newer']]);
    expect(world.committed).toEqual(['place', 'cancel', 'newer']);
  });

  test('MOV-9 a command keeps its identity and its time in every attempt', () => {
    const world = worldWithShard();
    world.send('place');
    world.turn();
    const [first] = world.link.batches[0] ?? [];
    world.answer({ place: 'NOT_LEADER' });
    world.pass(60);
    const [again] = world.link.batches[0] ?? [];
    expect(again?.identity).toBe(first?.identity);
    expect(again?.validUntilUs).toBe(first?.validUntilUs);
    expect(again?.number).toBe(first?.number);
  });

  test('MOV-9 after a break everything unanswered goes again in its first order', () => {
    const world = worldWithShard();
    world.send('a');
    world.send('b');
    world.turn();
    world.send('c');
    world.link.listener.onBroken(new Error('cut'));
    world.pass(10);
    expect(world.links).toHaveLength(2);
    expect(world.batches).toEqual([['a', 'b', 'c']]);
  });

  test('MOV-9 a leader that never answers counts as a break', () => {
    const world = worldWithShard();
    world.send('a');
    world.turn();
    world.pass(5_100);
    expect(world.links).toHaveLength(2);
    expect(world.batches).toEqual([['a']]);
  });

  test('what a stream says after it was given up is not heard', () => {
    const world = worldWithShard();
    world.send('a');
    world.turn();
    const old = world.link;
    old.listener.onBroken(new Error('cut'));
    world.answer({}, old);
    expect(world.committed).toEqual([]);
    world.pass(10);
    world.answer();
    expect(world.committed).toEqual(['a']);
  });

  test('MOV-9 WRONG_SHARD moves every command of the slot to the new owner, in order', () => {
    const world = worldWithShard();
    world.send('a', { slot: 1 });
    world.send('x', { slot: 2 });
    world.turn();
    world.send('b', { slot: 1 });
    world.owners.set(1, 'matching-2');
    world.answer({ a: 'WRONG_SHARD' });
    world.send('c', { slot: 1 });
    world.turn();
    const target = world.links.find((link) => link.shardId === 'matching-2');
    world.answer({}, target);
    const identities = target?.batches.flat().map((command) => command.identity);
    expect(identities).toEqual(['a', 'b', 'c']);
    expect(world.committed).toEqual(['x', 'a', 'b']);
  });

  test('MOV-9 a new slot map alone moves nothing: the old owner has to refuse first', () => {
    const world = worldWithShard();
    world.send('a');
    world.turn();
    world.owners.set(1, 'matching-2');
    world.send('b');
    world.turn();
    world.answer();
    expect(world.links.map((link) => link.shardId)).toEqual(['matching-1']);
    expect(world.batches).toEqual([['a'], ['b']]);
  });

  test('MOV-9 a leader that is silent is left as soon as the table shows a later epoch', () => {
    const world = worldWithShard();
    world.send('a');
    world.send('b');
    world.turn();
    const old = world.link;
    world.send('c');
    world.epochs.set('matching-1', 2);
    world.changePlacement();
    expect(old.isClosed).toBe(true);
    expect(world.links).toHaveLength(2);
    expect(world.batches).toEqual([['a', 'b', 'c']]);
    world.answer({}, old);
    expect(world.committed).toEqual([]);
    world.answer();
    expect(world.committed).toEqual(['a', 'b', 'c']);
  });

  test('a change of the table that shows no later epoch leaves the stream alone', () => {
    const world = worldWithShard();
    world.send('a');
    world.turn();
    world.changePlacement();
    world.leaderless.add('matching-1');
    world.changePlacement();
    expect(world.links).toHaveLength(1);
    world.answer();
    expect(world.committed).toEqual(['a']);
  });

  test('a change of the placement ends the pause at once', () => {
    const world = worldWithShard();
    world.leaderless.add('matching-1');
    world.send('a');
    world.turn();
    expect(world.links).toHaveLength(0);
    world.leaderless.clear();
    world.changePlacement();
    expect(world.batches).toEqual([['a']]);
  });
});

describe('slots that move', () => {
  test('MOV-3 a frozen slot waits with all that is behind, and other slots go on', () => {
    const world = worldWithShard();
    world.send('a', { slot: 1 });
    world.send('x', { slot: 2 });
    world.turn();
    world.send('b', { slot: 1 });
    world.send('y', { slot: 2 });
    world.answer({ a: 'SLOT_MOVING' });
    world.send('c', { slot: 1 });
    expect(world.batches).toEqual([['a', 'x'], ['y']]);
    world.answer();

    world.pass(10);

    expect(world.batches.at(-1)).toEqual(['a', 'b', 'c']);
    world.answer();
    expect(world.committed).toEqual(['x', 'y', 'a', 'b', 'c']);
    expect(world.links).toHaveLength(1);
  });

  test('MOV-4 the next slot map takes what waits to the new owner at once, in its order', () => {
    const world = worldWithShard();
    world.send('a', { slot: 1 });
    world.turn();
    world.send('b', { slot: 1 });
    world.answer({ a: 'SLOT_MOVING' });
    world.send('c', { slot: 1 });
    world.owners.set(1, 'matching-2');
    world.changePlacement();
    world.send('d', { slot: 1 });
    world.turn();
    const target = world.links.find((link) => link.shardId === 'matching-2');
    world.answer({}, target);
    const identities = target?.batches.map((batch) => batch.map(({ identity }) => identity));
    expect(identities).toEqual([['a', 'b', 'c'], ['d']]);
  });

  test('MOV-4 WRONG_SHARD before the next slot map is known is tried again, in order', () => {
    const world = worldWithShard();
    world.send('a', { slot: 1 });
    world.turn();
    world.answer({ a: 'WRONG_SHARD' });
    world.send('b', { slot: 1 });
    world.pass(10);
    world.answer({ a: 'WRONG_SHARD', b: 'WRONG_SHARD' });
    world.owners.set(1, 'matching-2');
    world.changePlacement();
    world.turn();
    const target = world.links.find((link) => link.shardId === 'matching-2');
    expect(target?.batches.flat().map(({ identity }) => identity)).toEqual(['a', 'b']);
  });

  test('MOV-9 a slot that moves while its leader changes keeps its order', () => {
    const world = worldWithShard();
    world.send('a', { slot: 1 });
    world.send('x', { slot: 2 });
    world.turn();
    world.answer({ a: 'SLOT_MOVING', x: 'NOT_LEADER' });
    world.send('b', { slot: 1 });
    world.send('y', { slot: 2 });
    world.epochs.set('matching-1', 2);
    world.changePlacement();
    world.answer();
    expect(world.batches.flat().filter((identity) => 'ab'.includes(identity))).toEqual(['a', 'b']);
    world.pass(100);
    world.answer();
    expect(world.committed.filter((identity) => 'xy'.includes(identity))).toEqual(['x', 'y']);
    expect(world.committed.filter((identity) => 'ab'.includes(identity))).toEqual(['a', 'b']);
  });

  test('HLD-2 what waits for a slot longer than its time is not sent any more', () => {
    const world = worldWithShard();
    world.send('a', { slot: 1, validMs: 100 });
    world.send('b', { slot: 1, validMs: 100 });
    world.turn();
    for (let round = 0; round < 20; round++) {
      if (world.link.batches.at(-1)?.length) world.answer({ a: 'SLOT_MOVING', b: 'SLOT_MOVING' });
      world.pass(50);
    }
    expect(world.settled.map(({ settled }) => settled.kind)).toEqual(['unknown', 'unknown']);
  });
});

describe('refusals', () => {
  test('HLD-3 a transient refusal is tried again for a command that insists', () => {
    const world = worldWithShard();
    world.send('place');
    world.turn();
    world.answer({ place: 'SHARD_OVERLOADED' });
    expect(world.settled).toEqual([]);
    expect(world.link.isClosed).toBe(false);
    world.pass(10);
    world.answer();
    expect(world.committed).toEqual(['place']);
    expect(world.links).toHaveLength(1);
  });

  test('LOG-10 a transient refusal is handed out for a command that does not insist', () => {
    const world = worldWithShard();
    world.send('hold', { insists: false });
    world.turn();
    world.answer({ hold: 'SHARD_OVERLOADED' });
    expect(world.settled).toMatchObject([{ settled: { reason: 'SHARD_OVERLOADED' } }]);
  });

  test('a refusal of the state machine is final', () => {
    const world = worldWithShard();
    world.send('place');
    world.turn();
    world.answer({ place: 'INSTRUMENT_CHANGED' });
    expect(world.settled).toMatchObject([{ settled: { reason: 'INSTRUMENT_CHANGED' } }]);
  });
});

describe('the time of a command', () => {
  test('HLD-2 what was never sent in its time is not sent any more', () => {
    const world = worldWithShard();
    world.leaderless.add('matching-1');
    world.send('place', { validMs: 1_000 });
    world.turn();
    world.pass(3_000);
    expect(world.settled).toMatchObject([{ settled: { kind: 'unsent' } }]);
    world.leaderless.clear();
    world.changePlacement();
    expect(world.links).toHaveLength(0);
  });

  test('HLD-3 what was sent and not answered in its time has an unknown outcome', () => {
    const world = worldWithShard();
    world.send('place', { validMs: 1_000 });
    world.turn();
    world.leaderless.add('matching-1');
    world.link.listener.onBroken(new Error('cut'));
    world.pass(3_000);
    expect(world.settled).toMatchObject([{ settled: { kind: 'unknown' } }]);
  });

  test('a command for a slot that nobody owns is not taken', () => {
    expect(new PipelineWorld().send('a')).toBe(false);
  });

  test('stopping settles what is left: unknown when it was sent, unsent when not', () => {
    const world = worldWithShard();
    world.send('a');
    world.turn();
    world.send('b');
    world.router.stop();
    expect(world.settled).toMatchObject([
      { identity: 'a', settled: { kind: 'unknown' } },
      { identity: 'b', settled: { kind: 'unsent' } },
    ]);
    expect(world.link.isClosed).toBe(true);
  });
});
