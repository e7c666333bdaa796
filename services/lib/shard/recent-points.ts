// Chain checksums of a shard's latest committed entries, by index, so that what a returning reader
// has seen can be compared without reading the log (LOG-12).

import { CHAIN_CHECKSUM_BYTES, type LogPoint } from './log-entry.ts';

/** A megabyte; older points are read from the log. */
const POINTS = 1 << 16;

export class RecentPoints {
  #checksums: Buffer | undefined;
  /** Indexes from `first` up to and without `next` are known. */
  #first = 0;
  #next = 0;

  /** Takes in the next committed entry; after a gap only what follows is known. */
  push({ entryIndex, chainChecksum }: LogPoint): void {
    if (entryIndex !== this.#next) this.#first = entryIndex;
    this.#next = entryIndex + 1;
    this.#first = Math.max(this.#first, this.#next - POINTS);
    this.#checksums ??= Buffer.alloc(POINTS * CHAIN_CHECKSUM_BYTES);
    this.#checksums.write(chainChecksum, placeOf(entryIndex), 'hex');
  }

  /** The chain checksum of an entry; undefined when it is not known here. */
  find(entryIndex: number): string | undefined {
    if (entryIndex < this.#first || entryIndex >= this.#next) return undefined;
    const place = placeOf(entryIndex);
    return this.#checksums?.toString('hex', place, place + CHAIN_CHECKSUM_BYTES);
  }
}

function placeOf(entryIndex: number): number {
  return (entryIndex % POINTS) * CHAIN_CHECKSUM_BYTES;
}
