// Cancels go before what others have sent (LOG-10), and never before what is their own (MOV-9).

import { expect, test } from '@jest/globals';
import { PipelineWorld } from './pipeline-world.ts';

/** A shard with slots 1 and 2 and a batch of owner 1 with its leader; `waiting` is owner 2's. */
function busyWorld(): PipelineWorld {
  const world = new PipelineWorld();
  world.owners.set(1, 'matching-1');
  world.owners.set(2, 'matching-1');
  world.send('first', { owner: 1 });
  world.turn();
  world.send('waiting', { owner: 2 });
  world.turn();
  return world;
}

test('LOG-10 a cancel goes at once, before what others wait with', () => {
  const world = busyWorld();
  world.send('cancel', { owner: 3, isUrgent: true });
  world.turn();
  expect(world.batches).toEqual([['first'], ['cancel']]);
  world.answerBatch(1);
  expect(world.committed).toEqual(['cancel']);
  expect(world.batches).toHaveLength(2);
  world.answerBatch(0);
  expect(world.batches).toEqual([['first'], ['cancel'], ['waiting']]);
});

test('LOG-10 a cancel behind more than a message holds goes before it', () => {
  const world = new PipelineWorld();
  world.owners.set(1, 'matching-1');
  for (let owner = 0; owner < 2_500; owner++) world.send(`place ${owner}`, { owner });
  world.send('cancel', { owner: 1, slot: 1, isUrgent: true });
  world.send('other cancel', { owner: 3_000, isUrgent: true });
  world.turn();
  expect(world.batches.map(({ length }) => length)).toEqual([1_000, 1]);
  expect(world.batches[1]).toEqual(['other cancel']);
});

test('MOV-9 a cancel stays behind what its owner has sent in the slot, sent or waiting', () => {
  const world = busyWorld();
  world.send('cancel of 1', { owner: 1, isUrgent: true });
  world.send('cancel of 2', { owner: 2, isUrgent: true });
  world.turn();
  expect(world.batches).toEqual([['first']]);
  world.answer();
  expect(world.batches).toEqual([['first'], ['waiting', 'cancel of 1', 'cancel of 2']]);
});

test('MOV-9 in another slot its owner keeps no order', () => {
  const world = busyWorld();
  world.send('cancel', { owner: 2, slot: 2, isUrgent: true });
  world.turn();
  expect(world.batches).toEqual([['first'], ['cancel']]);
});

test('MOV-9 what has no owner keeps its order with all of its slot', () => {
  const world = busyWorld();
  world.send('of nobody', { isUrgent: true });
  world.send('place', {});
  world.send('cancel', { owner: 4, isUrgent: true });
  world.turn();
  expect(world.batches).toEqual([['first']]);
});

test('MOV-9 a cancel stays behind what its stream has sent, whoever owns it', () => {
  const world = busyWorld();
  world.send('place', { owner: 3, orderingGroup: 7n });
  world.send('cancel', { owner: 4, orderingGroup: 7n, isUrgent: true });
  world.send('other cancel', { owner: 5, orderingGroup: 8n, isUrgent: true });
  world.turn();
  expect(world.batches).toEqual([['first'], ['other cancel']]);
});

test('MOV-9 a cancel that goes again stays before what its owner sends behind it', () => {
  const world = busyWorld();
  world.send('cancel', { owner: 3, isUrgent: true });
  world.turn();
  world.answerBatch(1, { refuse: { cancel: 'SLOT_MOVING' } });
  world.send('next', { owner: 3, isUrgent: true });
  world.turn();
  expect(world.batches).toEqual([['first'], ['cancel']]);
  world.answerBatch(0);
  world.pass(10);
  expect(world.batches.at(-1)).toEqual(['waiting', 'cancel', 'next']);
});

test('MOV-9 after a break what was sent goes again before what was not', () => {
  const world = busyWorld();
  world.send('cancel', { owner: 3, isUrgent: true });
  world.turn();
  world.link.listener.onBroken(new Error('cut'));
  world.pass(10);
  expect(world.batches).toEqual([['first', 'cancel', 'waiting']]);
});

test('LOG-10 cancels do not keep the next batch waiting for more of them', () => {
  const world = busyWorld();
  world.send('cancel', { owner: 3, isUrgent: true });
  world.turn();
  world.answerBatch(0);
  world.send('another', { owner: 4, isUrgent: true });
  world.turn();
  expect(world.batches).toEqual([['first'], ['cancel']]);
  world.answerBatch(1);
  expect(world.batches).toEqual([['first'], ['cancel'], ['waiting', 'another']]);
});
