// Rendezvous (highest random weight) hashing, Thaler and Ravishankar 1998: every slot goes to the
// shard with the highest weight for it. A shard that joins takes only the slots that it now wins,
// about 1/N; a shard that leaves gives away only its own.
import { assert } from '../base/assert.ts';
import { crc32 } from '../base/crc32.ts';
import { SLOT_COUNT } from './slot.ts';

/** Shard of every slot, by slot number, when the given shards share all slots. */
export function assignSlots(shardIds: readonly string[]): string[] {
  assert(shardIds.length > 0, 'slots need at least one shard');
  const seeds = shardIds.map((shardId) => ({ shardId, seed: crc32(shardId) }));
  const owners: string[] = [];
  for (let slot = 0; slot < SLOT_COUNT; slot += 1) owners.push(winnerOf(slot, seeds));
  return owners;
}

type Seed = { readonly shardId: string; readonly seed: number };

function winnerOf(slot: number, seeds: readonly Seed[]): string {
  let winner: Seed | undefined;
  let winnerWeight = -1;
  for (const candidate of seeds) {
    const weight = weightOf(slot, candidate.seed);
    const wins =
      weight > winnerWeight ||
      (weight === winnerWeight && winner !== undefined && candidate.shardId < winner.shardId);
    if (wins) {
      winner = candidate;
      winnerWeight = weight;
    }
  }
  assert(winner !== undefined, 'a slot has a winner');
  return winner.shardId;
}

/** Weight of a shard for a slot, 0 to 2^32 - 1: the finalizer of MurmurHash3 over both. */
function weightOf(slot: number, seed: number): number {
  let hash = Math.imul(slot + 1, 0x9e3779b1) ^ seed;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
