// The memory of identities that come and go with slots (LOG-11).

import { describe, expect, test } from '@jest/globals';
import { Identities, isRemembered } from '../../../services/lib/shard/identities.ts';

const SECOND_US = 1_000_000;
const UNTIL = 1_000 * SECOND_US;
const SLOT = 7;

function memory(shardId: string, keyByte: number, limit = 100): Identities {
  return new Identities({ shardId, key: new Uint8Array(16).fill(keyByte), limit });
}

function remember(identities: Identities, identity: string, entryIndex: number, slot?: number) {
  const position = { entryIndex, record: 1 };
  identities.remember({ identity, validUntilUs: UNTIL, position, slot, step: undefined });
}

let entries = 1_000;

/** Takes what another memory says of the slot, as a step of a move brings it. */
function copy(from: Identities, to: Identities): void {
  const place = { slot: SLOT, generation: 2, sourceShardId: 'source', step: 'copy' } as const;
  const contents = [...from.ofSlot(SLOT)].map((part) => ({ kind: 'identities', ...part }) as const);
  for (const [chunk, content] of contents.entries()) {
    entries += 1;
    to.remember({
      identity: `copy ${entries}`,
      validUntilUs: UNTIL,
      position: { entryIndex: entries, record: 0 },
      slot: undefined,
      step: { ...place, chunk, content },
    });
  }
}

describe('LOG-11 identities of a slot', () => {
  test('are known at its target, which says whose log answers', () => {
    const source = memory('source', 1);
    const target = memory('target', 2);
    remember(source, 'mine', 5, SLOT);
    remember(source, 'of another slot', 6, 8);
    copy(source, target);
    expect(target.find('mine')).toEqual({ entryIndex: 5, record: 1, shardId: 'source' });
    expect(target.find('of another slot')).toBeUndefined();
  });

  test('come back from there, and the answers are the own ones again', () => {
    const [source, target, back] = [memory('a', 1), memory('b', 2), memory('a', 3)];
    remember(source, 'mine', 5, SLOT);
    copy(source, target);
    remember(target, 'later', 9, SLOT);
    copy(target, back);
    expect(back.find('mine')).toEqual({ entryIndex: 5, record: 1 });
    expect(back.find('later')).toEqual({ entryIndex: 9, record: 1, shardId: 'b' });
  });

  test('come in tails, are taken once, and are dropped when the import is refused', () => {
    const target = memory('target', 2);
    const command = { record: 3, identity: 'late', validUntilUs: UNTIL, command: undefined };
    const place = { logTimeUs: 1, dueSteps: 0, proceeds: false };
    const tail = [{ entryIndex: 8, ...place, commands: [command] }];
    const move = { slot: SLOT, generation: 2, sourceShardId: 'source' } as const;
    const rest = { identity: 'step', validUntilUs: UNTIL, slot: undefined } as const;
    const step = { ...move, step: 'copy', chunk: 0, content: { kind: 'tail', tail } } as const;
    target.remember({ ...rest, position: { entryIndex: 1, record: 0 }, step });
    expect(target.find('late')).toEqual({ entryIndex: 8, record: 3, shardId: 'source' });
    const refuse = { slot: SLOT, generation: 2, step: 'refuseImport' } as const;
    const later = { ...rest, identity: 'refuse', position: { entryIndex: 2, record: 0 } };
    target.remember({ ...later, step: refuse });
    expect(target.find('late')).toBeUndefined();
  });

  test('are forgotten by log time and take room until then', () => {
    const source = memory('source', 1);
    const target = memory('target', 2, 4);
    for (const name of ['a', 'b', 'c']) remember(source, name, 5, SLOT);
    copy(source, target);
    expect(target.count).toBe(4);
    expect(target.full).toBe(true);
    target.forgetBefore(UNTIL + 100 * SECOND_US);
    expect(target.find('a')).toBeUndefined();
    expect(target.count).toBe(0);
  });

  test('SNAP-1: are in the snapshot', () => {
    const [source, target, restored] = [memory('a', 1), memory('b', 2), memory('b', 2)];
    remember(source, 'mine', 5, SLOT);
    copy(source, target);
    remember(target, 'own', 6, 8);
    const restorer = restored.restore();
    restorer.next();
    const pieces = [...target.snapshot()];
    for (const piece of pieces) restorer.next(piece);
    for (const name of ['mine', 'own']) expect(restored.find(name)).toEqual(target.find(name));
    expect([...restored.snapshot()]).toEqual(pieces);
    expect([...restored.ofSlot(8)]).toEqual([...target.ofSlot(8)]);
  });
});

test('LOG-11, MOV-2 what was refused because of where its slot stands may come again', () => {
  const refused = (reason: string) => ({ kind: 'refused', refusal: { reason } }) as const;
  expect(isRemembered(refused('WRONG_SHARD'))).toBe(false);
  expect(isRemembered(refused('SLOT_MOVING'))).toBe(false);
  expect(isRemembered(refused('SETTLEMENT_LAG'))).toBe(false);
  expect(isRemembered(refused('INSTRUMENT_STATE'))).toBe(true);
  expect(isRemembered({ kind: 'done' })).toBe(true);
});
