// Slots, rendezvous hashing and the slot map (architecture 4, MOV-1).

import { crc32 as zlibCrc32 } from 'node:zlib';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { crc32, crc32OfBytes } from '../../../services/lib/base/crc32.ts';
import { assignSlots } from '../../../services/lib/routing/rendezvous.ts';
import { SLOT_COUNT, slotOf, slotOfAccountNumber } from '../../../services/lib/routing/slot.ts';
import {
  findOwner,
  findOwnerOf,
  makeSlotMap,
  newerSlotMap,
  slotChanges,
  slotsOf,
} from '../../../services/lib/routing/slot-map.ts';

test('the checksum is the CRC-32 that everyone has, over UTF-8', () => {
  expect(crc32('123456789')).toBe(0xcbf43926);
  expect(crc32('')).toBe(0);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(crc32(text)).toBe(zlibCrc32(Buffer.from(text, 'utf8')));
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(crc32OfBytes(bytes)).toBe(zlibCrc32(bytes));
    }),
  );
});

test('an id has one slot and an account number the slot of its account', () => {
  expect(slotOf('BTC-USD')).toBe(zlibCrc32('BTC-USD') % SLOT_COUNT);
  expect(slotOfAccountNumber(17 + 4096 * 3)).toBe(17);
});

test('slots are shared evenly, whatever the order in which shards are named', () => {
  const shards = ['matching-1', 'matching-2', 'matching-3', 'matching-4'];
  const owners = assignSlots(shards);
  expect(assignSlots([...shards].reverse())).toEqual(owners);
  for (const shard of shards) {
    const share = owners.filter((owner) => owner === shard).length;
    expect(share).toBeGreaterThan((SLOT_COUNT / 4) * 0.9);
    expect(share).toBeLessThan((SLOT_COUNT / 4) * 1.1);
  }
});

test('a shard that joins takes about 1/N of the slots and nothing else changes hands', () => {
  for (let count = 1; count < 12; count += 1) {
    const shards = Array.from({ length: count }, (_, index) => `matching-${index + 1}`);
    const joining = `matching-${count + 1}`;
    const changes = slotChanges(assignSlots(shards), assignSlots([...shards, joining]));
    expect(changes.every((change) => change.to === joining)).toBe(true);
    expect(changes.length).toBeGreaterThan((SLOT_COUNT / (count + 1)) * 0.8);
    expect(changes.length).toBeLessThan((SLOT_COUNT / (count + 1)) * 1.2);
  }
});

test('a shard that leaves gives away only its own slots', () => {
  const before = assignSlots(['a', 'b', 'c', 'd']);
  const changes = slotChanges(before, assignSlots(['a', 'b', 'd']));
  expect(changes.every((change) => change.from === 'c')).toBe(true);
  expect(changes.length).toBe(before.filter((owner) => owner === 'c').length);
});

test('a slot map answers who owns an id, and only a higher version replaces it', () => {
  const owners = Array.from({ length: SLOT_COUNT }, () => 'matching-1');
  owners[slotOf('ETH-USD')] = 'matching-2';
  owners[7] = '';
  const map = makeSlotMap(3, owners);
  expect(findOwnerOf(map, 'ETH-USD')).toBe('matching-2');
  expect(findOwner(map, 7)).toBeUndefined();
  expect(slotsOf(map, 'matching-2')).toEqual([slotOf('ETH-USD')]);
  const same = makeSlotMap(3, owners);
  expect(newerSlotMap(map, same)).toBe(map);
  const newer = makeSlotMap(4, owners);
  expect(newerSlotMap(map, newer)).toBe(newer);
  expect(() => makeSlotMap(1, ['a'])).toThrow('4096 owners');
});
