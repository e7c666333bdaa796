// Final orders, remembered for the window of HLD-2: some 200 bytes each, in the order in which
// they closed, in chunks that are dropped as a whole when their last record is forgotten.
import { assertDefined } from '../../lib/base/assert.ts';
import {
  decodeRecord,
  encodeRecord,
  MAXIMUM_RECORD_BYTES,
  type RecordKeys,
  readKeys,
} from './closed-record.ts';
import type { StateDigest } from './digest.ts';
import type { OrderRecord } from './order.ts';

const CHUNK_BYTES = 1 << 20;

/** Length of a record and the time at which it closed come before it. */
const HEADER_BYTES = 2 + 8;

/** A closed order that is about to be forgotten. */
export type OldestClosed = {
  readonly position: number;
  /** Time of the window's own count at which it closed. */
  readonly closedWindowUs: number;
  readonly record: OrderRecord;
};

type Chunk = { readonly firstPosition: number; readonly view: DataView; end: number };

/** A queue of encoded records; positions count bytes since the first record ever. */
export class ClosedOrders {
  #chunks: Chunk[] = [];
  /** Position of the oldest record, in the first chunk. */
  #headPosition = 0;
  #nextPosition = 0;
  #count = 0;
  #oldest: OldestClosed | undefined;
  readonly #digest: StateDigest;

  constructor(digest: StateDigest) {
    this.#digest = digest;
  }

  get count(): number {
    return this.#count;
  }

  /** Files a final order and returns its position. */
  append(record: OrderRecord, closedWindowUs: number): number {
    const chunk = this.#chunkWithRoom();
    const length = encodeRecord(chunk.view, chunk.end + HEADER_BYTES, record);
    chunk.view.setUint16(chunk.end, length);
    chunk.view.setFloat64(chunk.end + 2, closedWindowUs);
    return this.#file(chunk, HEADER_BYTES + length);
  }

  /** Every record that is remembered, oldest first, in the form in which it is kept. */
  *stored(): Generator<Uint8Array, void, void> {
    let from = this.#headPosition;
    for (const { firstPosition, view, end } of this.#chunks) {
      let offset = Math.max(from - firstPosition, 0);
      while (this.#count > 0 && offset < end) {
        const length = HEADER_BYTES + view.getUint16(offset);
        yield bytesAt(view, offset, length);
        offset += length;
      }
      from = firstPosition + CHUNK_BYTES;
    }
  }

  /**
   * Files a record in the form in which `stored` gives it.
   *
   * @throws Error when it has not that form
   */
  appendStored(stored: Uint8Array): { readonly position: number; readonly keys: RecordKeys } {
    if (stored.length > HEADER_BYTES + MAXIMUM_RECORD_BYTES)
      throw new Error('a record is too long');
    const chunk = this.#chunkWithRoom();
    const { view, end } = chunk;
    bytesAt(view, end, stored.length).set(stored);
    const keys = readKeys(view, end + HEADER_BYTES, stored.length - HEADER_BYTES);
    if (view.getUint16(end) !== stored.length - HEADER_BYTES) throw new Error('a record is cut');
    return { position: this.#file(chunk, stored.length), keys };
  }

  /** The record at a position, in the form in which `stored` gives it. */
  storedAt(position: number): Uint8Array {
    const { firstPosition, view } = this.#chunkOf(position);
    const offset = position - firstPosition;
    return bytesAt(view, offset, HEADER_BYTES + view.getUint16(offset)).slice();
  }

  /** As `appendStored`, for a record of another shard, whose window counts otherwise. */
  appendMoved(stored: Uint8Array, closedWindowUs: number) {
    const moved = stored.slice();
    new DataView(moved.buffer).setFloat64(2, closedWindowUs);
    return this.appendStored(moved);
  }

  #chunkWithRoom(): Chunk {
    const last = this.#chunks.at(-1);
    const worst = HEADER_BYTES + MAXIMUM_RECORD_BYTES;
    if (last !== undefined && last.end + worst <= CHUNK_BYTES) return last;
    const view = new DataView(new ArrayBuffer(CHUNK_BYTES));
    if (this.#count === 0) this.#chunks = [];
    // Positions go on at a multiple of the chunk's size, so that a position names its chunk.
    this.#nextPosition = Math.ceil(this.#nextPosition / CHUNK_BYTES) * CHUNK_BYTES;
    if (this.#count === 0) this.#headPosition = this.#nextPosition;
    const chunk = { firstPosition: this.#nextPosition, view, end: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  /** Takes in a record that was written behind a chunk's end. */
  #file(chunk: Chunk, length: number): number {
    const position = chunk.firstPosition + chunk.end;
    this.#digest.addBytes(bytesAt(chunk.view, chunk.end, length));
    chunk.end += length;
    this.#nextPosition = position + length;
    this.#count += 1;
    return position;
  }

  /** The record at a position that `append` returned and that is not forgotten. */
  get(position: number): OrderRecord {
    const chunk = this.#chunkOf(position);
    return decodeRecord(chunk.view, position - chunk.firstPosition + HEADER_BYTES);
  }

  /** The record that closed first; undefined when there is none. */
  oldest(): OldestClosed | undefined {
    if (this.#count === 0) return undefined;
    if (this.#oldest === undefined) {
      const chunk = this.#chunkOf(this.#headPosition);
      const closedWindowUs = chunk.view.getFloat64(this.#headPosition - chunk.firstPosition + 2);
      const position = this.#headPosition;
      this.#oldest = { position, closedWindowUs, record: this.get(position) };
    }
    return this.#oldest;
  }

  /** Forgets the record that closed first. */
  dropOldest(): void {
    const chunk = this.#chunkOf(this.#headPosition);
    const offset = this.#headPosition - chunk.firstPosition;
    const length = HEADER_BYTES + chunk.view.getUint16(offset);
    this.#digest.removeBytes(bytesAt(chunk.view, offset, length));
    this.#headPosition += length;
    this.#count -= 1;
    this.#oldest = undefined;
    if (offset + length === chunk.end && this.#chunks.length > 1) {
      this.#chunks.shift();
      this.#headPosition = assertDefined(this.#chunks[0], 'a next chunk').firstPosition;
    }
  }

  #chunkOf(position: number): Chunk {
    const first = assertDefined(this.#chunks[0], 'closed orders are not empty');
    const index = Math.floor((position - first.firstPosition) / CHUNK_BYTES);
    return assertDefined(this.#chunks[index], 'a closed order that is remembered');
  }
}

function bytesAt(view: DataView, offset: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, length);
}
