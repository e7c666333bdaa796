// Pipelines to a shard whose leader names whom it hands over to.

import { describe, expect, test } from '@jest/globals';
import { PipelineWorld } from './pipeline-world.ts';

describe('REP-5 a pipeline whose leader hands over', () => {
  const detail = { leader_address: 'next:1' };

  function handedOver(): PipelineWorld {
    const world = new PipelineWorld();
    world.owners.set(1, 'matching-1');
    world.addresses.set('matching-1', 'before:1');
    world.send('place');
    world.turn();
    world.send('newer');
    world.answer({ place: 'NOT_LEADER' }, world.link, detail);
    return world;
  }

  test('goes to the successor at once, in the first order', () => {
    const world = handedOver();
    expect(world.links.map(({ address }) => address)).toEqual([undefined, 'next:1']);
    expect(world.batches).toEqual([['place', 'newer']]);
  });

  test('stays on that stream when the table shows the same successor', () => {
    const world = handedOver();
    world.addresses.set('matching-1', 'next:1');
    world.epochs.set('matching-1', 2);
    world.changePlacement();
    expect(world.link.isClosed).toBe(false);
    world.answer();
    expect(world.committed).toEqual(['place', 'newer']);
    expect(world.links).toHaveLength(2);
    // The next leader is a change like any other.
    world.epochs.set('matching-1', 3);
    world.changePlacement();
    expect(world.links.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  test('leaves that stream when the table shows another leader', () => {
    const world = handedOver();
    world.addresses.set('matching-1', 'third:1');
    world.epochs.set('matching-1', 2);
    world.changePlacement();
    expect(world.links[1]?.isClosed).toBe(true);
    expect(world.link.address).toBeUndefined();
    expect(world.batches).toEqual([['place', 'newer']]);
  });

  test('goes on to nobody a second time: waits for the table', () => {
    const world = handedOver();
    world.answer({ place: 'NOT_LEADER', newer: 'NOT_LEADER' }, world.link, detail);
    expect(world.links).toHaveLength(2);
    world.epochs.set('matching-1', 2);
    world.changePlacement();
    expect(world.batches).toEqual([['place', 'newer']]);
    expect(world.links).toHaveLength(3);
  });
});
