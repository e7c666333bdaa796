// Where a followed shard's log ends, as its leader says: books and account shards are asked alike.

import { hexOf } from '../codec/record-codec.ts';
import type { SettledPlace } from './event-source.ts';

/** How long a source may take to say where it ends. */
const END_MS = 1_000;

/** What a client of either service answers. */
type Position = {
  readonly sequence: bigint;
  readonly entryIndex: bigint;
  readonly chainChecksum: Uint8Array;
};

type PositionClient = {
  getPosition(
    request: { readonly shardId: string },
    options: { readonly timeoutMs: number },
  ): Promise<Position>;
};

/** The last place that a shard's leader has committed (READ-1). */
export async function fetchSourceEnd(
  client: PositionClient,
  shardId: string,
): Promise<SettledPlace> {
  const { sequence, entryIndex, chainChecksum } = await client.getPosition(
    { shardId },
    { timeoutMs: END_MS },
  );
  const place = { sequence: Number(sequence), entryIndex: Number(entryIndex) };
  return { ...place, chainChecksum: hexOf(chainChecksum) };
}
