// The memory of command identities (LOG-11): 16 bytes of keyed hash and the log position of the
// first answer, in typed arrays, forgotten by log time and never early.
//
// Many small open hash tables hold slot numbers; what is known of an identity lies in its slot.
// Each table grows by itself, so that memory follows what is known and no growth takes long. Slots
// are taken in chunks, so that growing never copies them, and linked into one list per second of
// forgetting, so that forgetting never searches.

import { SIPHASH_KEY_BYTES, sipHash128, sipHashKey } from '../base/siphash.ts';
import { StateDamaged, StateReader, StateWriter } from '../base/state-bytes.ts';
import { ANSWER_WINDOW_US, MAXIMUM_IDENTITY_BYTES } from './proposal.ts';

/** Where the first answer to an identity lies. */
export type AnswerPosition = { readonly entryIndex: number; readonly record: number };

const SECOND_US = 1_000_000;
/** Tables by which the identities are divided; a power of two. */
const TABLES = 256;
const FIRST_BUCKETS = 16;
/** Up to so many letters a loop is faster than a call into native code. */
const SHORT = 48;
/** No slot; slots are numbered from 1. */
const NONE = 0;
const CHUNK_BITS = 14;
const CHUNK_SLOTS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_SLOTS - 1;
/**
 * Identities freed by one call, beside as many as were added since the last one: so that
 * forgetting keeps pace, and takes no more time at once than adding did.
 */
const FREED_PER_CALL = 64;
/** A piece of a snapshot ends with the identity that brings it to this. */
const PIECE_BYTES = 1 << 14;
/** In place of the slot of a command that belongs to none. */
const NO_SLOT = 0xffff;
/** More than an entry has records. */
const RECORDS = 1 << 16;

/** What is known of `CHUNK_SLOTS` identities. */
class Chunk {
  readonly hashes = new Int32Array(CHUNK_SLOTS * 4);
  readonly entryIndexes = new Float64Array(CHUNK_SLOTS);
  readonly records = new Uint16Array(CHUNK_SLOTS);
  /** Slot of the command (MOV-1): its identity moves with it. */
  readonly slotsOfCommands = new Uint16Array(CHUNK_SLOTS);
  /** Second of log time in which the identity is forgotten; 0 when it is not in the table. */
  readonly seconds = new Uint32Array(CHUNK_SLOTS);
  /** Next slot in the same second's list, or in the list of free slots. */
  readonly next = new Uint32Array(CHUNK_SLOTS);
}

/** Slot numbers by hash; at most half full, length a power of two. */
type Table = { buckets: Uint32Array; count: number };

export class IdentityTable {
  readonly #limit: number;
  readonly #key: Int32Array;
  readonly #scratch = Buffer.alloc(MAXIMUM_IDENTITY_BYTES);
  readonly #hash = new Int32Array(4);
  /** What was hashed last: an unknown identity is looked for, and then added. */
  #hashed: string | undefined;
  readonly #tables: readonly Table[];
  readonly #chunks: Chunk[] = [];
  #freeSlot = NONE;
  #usedSlots = 0;
  /** Identities in the table, those that are due to be forgotten included. */
  #count = 0;
  /** First slot of each second's list, by the second in which it is forgotten. */
  readonly #lists = new Map<number, number>();
  #forgottenThroughSecond = 0;
  /** Lists of which everything is forgotten, not all of it freed yet. */
  #forgotten: number[] = [];
  #addedSinceFreeing = 0;

  constructor({ key, limit }: { readonly key: Uint8Array; readonly limit: number }) {
    if (key.length !== SIPHASH_KEY_BYTES) throw new Error('an identity key has 16 bytes');
    this.#key = sipHashKey(key);
    this.#limit = limit;
    this.#tables = Array.from({ length: TABLES }, () => ({
      buckets: new Uint32Array(FIRST_BUCKETS),
      count: 0,
    }));
  }

  /** Identities that take room now. */
  get count(): number {
    return this.#count;
  }

  /** True when no further identity may be taken in. */
  get full(): boolean {
    return this.#count >= this.#limit;
  }

  /** The position of the first answer, or undefined when the identity is unknown. */
  find(identity: string): AnswerPosition | undefined {
    this.#hashIdentity(identity);
    const { buckets } = this.#tableOf();
    const slot = buckets[this.#bucketOfHash(buckets)] as number;
    if (slot === NONE) return undefined;
    const chunk = this.#chunkOf(slot);
    const at = slot & CHUNK_MASK;
    if ((chunk.seconds[at] as number) <= this.#forgottenThroughSecond) return undefined;
    return { entryIndex: chunk.entryIndexes[at] as number, record: chunk.records[at] as number };
  }

  /**
   * Remembers an unknown identity until log time has passed `validUntilUs` and the window.
   *
   * @param slotOfCommand undefined for a command that belongs to no slot, or to several
   */
  add(
    identity: string,
    position: AnswerPosition,
    validUntilUs: number,
    slotOfCommand?: number | undefined,
  ): void {
    this.#hashIdentity(identity);
    const table = this.#tableOf();
    const bucket = this.#bucketOfHash(table.buckets);
    const former = table.buckets[bucket] as number;
    if (former !== NONE) this.#replace(table, former, identity);
    const second = Math.floor((validUntilUs + ANSWER_WINDOW_US) / SECOND_US) + 1;
    this.#place(table, bucket, position, second, slotOfCommand ?? NO_SLOT);
    this.#addedSinceFreeing += 1;
  }

  /** Puts the identity that was hashed last into its place. */
  #place(
    table: Table,
    bucket: number,
    position: AnswerPosition,
    second: number,
    slotOfCommand: number,
  ): void {
    const slot = this.#takeSlot();
    const chunk = this.#chunkOf(slot);
    const { hashes } = chunk;
    const at = slot & CHUNK_MASK;
    table.buckets[bucket] = slot;
    // One by one: a call into native code costs more than four numbers.
    for (let lane = 0; lane < 4; lane += 1) hashes[at * 4 + lane] = this.#hash[lane] as number;
    chunk.entryIndexes[at] = position.entryIndex;
    chunk.records[at] = position.record;
    chunk.seconds[at] = second;
    chunk.slotsOfCommands[at] = slotOfCommand;
    chunk.next[at] = this.#lists.get(second) ?? NONE;
    this.#lists.set(second, slot);
    this.#count += 1;
    table.count += 1;
    if (table.count * 2 > table.buckets.length) this.#grow(table);
  }

  #grow(table: Table): void {
    const { buckets: before } = table;
    const buckets = new Uint32Array(before.length * 2);
    const mask = buckets.length - 1;
    for (const slot of before) {
      if (slot === NONE) continue;
      let bucket = (this.#chunkOf(slot).hashes[(slot & CHUNK_MASK) * 4] as number) & mask;
      while (buckets[bucket] !== NONE) bucket = (bucket + 1) & mask;
      buckets[bucket] = slot;
    }
    table.buckets = buckets;
  }

  /** Takes a forgotten identity that was not freed yet out of the table; its list keeps the slot. */
  #replace(table: Table, former: number, identity: string): void {
    const chunk = this.#chunkOf(former);
    const at = former & CHUNK_MASK;
    if ((chunk.seconds[at] as number) > this.#forgottenThroughSecond) {
      throw new Error(`identity ${identity} is known already`);
    }
    chunk.seconds[at] = 0;
    this.#count -= 1;
    table.count -= 1;
  }

  /** Forgets what log time has left behind; the room is given back little by little. */
  forgetBefore(logTimeUs: number): void {
    const second = Math.floor(logTimeUs / SECOND_US);
    if (second > this.#forgottenThroughSecond) {
      this.#forgottenThroughSecond = second;
      for (const [due, firstSlot] of this.#lists) {
        if (due > second) continue;
        this.#lists.delete(due);
        this.#forgotten.push(firstSlot);
      }
    }
    let budget = FREED_PER_CALL + this.#addedSinceFreeing * 2;
    this.#addedSinceFreeing = 0;
    for (let slot = this.#forgotten.pop(); slot !== undefined; slot = this.#forgotten.pop()) {
      while (slot !== NONE && budget > 0) {
        const following: number = this.#chunkOf(slot).next[slot & CHUNK_MASK] as number;
        this.#free(slot);
        slot = following;
        budget -= 1;
      }
      if (slot === NONE) continue;
      this.#forgotten.push(slot);
      return;
    }
  }

  /** What is remembered, in the order of the first answers; equal for equal memories (SNAP-1). */
  *snapshot(): Generator<Uint8Array, void, void> {
    const writer = new StateWriter();
    writer.whole(this.#forgottenThroughSecond);
    for (const slot of this.#rememberedSlots()) {
      this.#writeOne(writer, slot, this.#forgottenThroughSecond);
      writer.whole(this.#chunkOf(slot).slotsOfCommands[slot & CHUNK_MASK] as number);
      if (writer.length >= PIECE_BYTES) yield writer.take();
    }
    yield writer.take();
  }

  /** The identities of one slot's commands, in pieces that `take` takes over (MOV-3). */
  *piecesOf(slotOfCommand: number): Generator<Uint8Array, void, void> {
    const writer = new StateWriter();
    for (const slot of this.#rememberedSlots()) {
      if (this.#chunkOf(slot).slotsOfCommands[slot & CHUNK_MASK] !== slotOfCommand) continue;
      this.#writeOne(writer, slot, 0);
      if (writer.length >= PIECE_BYTES) yield writer.take();
    }
    if (writer.length > 0) yield writer.take();
  }

  #writeOne(writer: StateWriter, slot: number, firstSecond: number): void {
    const chunk = this.#chunkOf(slot);
    const at = slot & CHUNK_MASK;
    writer.whole(chunk.entryIndexes[at] as number);
    writer.whole(chunk.records[at] as number);
    writer.whole((chunk.seconds[at] as number) - firstSecond);
    for (let lane = 0; lane < 4; lane += 1) {
      writer.whole((chunk.hashes[at * 4 + lane] as number) >>> 0);
    }
  }

  /**
   * Takes over identities of a slot's commands from a memory with the same key; what is known
   * already, and what log time has left behind, is passed over.
   *
   * @throws StateDamaged
   */
  take(piece: Uint8Array, slotOfCommand: number): void {
    const reader = new StateReader(piece);
    while (!reader.done) {
      const position = { entryIndex: reader.whole(), record: reader.whole() };
      const second = reader.whole();
      this.#hashed = undefined;
      for (let lane = 0; lane < 4; lane += 1) this.#hash[lane] = reader.whole();
      if (second <= this.#forgottenThroughSecond) continue;
      const table = this.#tableOf();
      const bucket = this.#bucketOfHash(table.buckets);
      if (table.buckets[bucket] !== NONE) continue;
      this.#place(table, bucket, position, second, slotOfCommand);
    }
  }

  #rememberedSlots(): Uint32Array {
    const slots = new Uint32Array(this.#count);
    let count = 0;
    for (let slot = 1; slot <= this.#usedSlots; slot += 1) {
      const second = this.#chunkOf(slot).seconds[slot & CHUNK_MASK] as number;
      if (second > this.#forgottenThroughSecond) slots[count++] = slot;
    }
    const placeOf = (slot: number): number => {
      const { entryIndexes, records } = this.#chunkOf(slot);
      const at = slot & CHUNK_MASK;
      return (entryIndexes[at] as number) * RECORDS + (records[at] as number);
    };
    return slots.subarray(0, count).sort((one, other) => placeOf(one) - placeOf(other));
  }

  /**
   * Takes over pieces of a snapshot, on an empty memory with the same key.
   *
   * @throws StateDamaged
   */
  *restore(): Generator<void, void, Uint8Array> {
    let reader = new StateReader(yield);
    this.#forgottenThroughSecond = reader.whole();
    for (;;) {
      while (!reader.done) this.#restoreOne(reader);
      reader = new StateReader(yield);
    }
  }

  #restoreOne(reader: StateReader): void {
    if (this.full) throw new StateDamaged('there are more identities than there is room for');
    const position = { entryIndex: reader.whole(), record: reader.whole() };
    const second = reader.whole() + this.#forgottenThroughSecond;
    this.#hashed = undefined;
    for (let lane = 0; lane < 4; lane += 1) this.#hash[lane] = reader.whole();
    const table = this.#tableOf();
    const bucket = this.#bucketOfHash(table.buckets);
    if (table.buckets[bucket] !== NONE) throw new StateDamaged('an identity comes twice');
    this.#place(table, bucket, position, second, reader.whole());
  }

  #chunkOf(slot: number): Chunk {
    return this.#chunks[slot >>> CHUNK_BITS] as Chunk;
  }

  #hashIdentity(identity: string): void {
    if (identity === this.#hashed) return;
    this.#hashed = identity;
    sipHash128(this.#key, this.#scratch, this.#writeScratch(identity), this.#hash);
  }

  /** @returns how many bytes it takes */
  #writeScratch(identity: string): number {
    const bytes = this.#scratch;
    const { length } = identity;
    if (length <= SHORT) {
      let at = 0;
      for (let code = 0; at < length; at += 1) {
        code = identity.charCodeAt(at);
        if (code > 127) break;
        bytes[at] = code;
      }
      if (at === length) return length;
    }
    return bytes.write(identity, 'utf8');
  }

  /** The table of a hash; of the identity that was hashed last when none is given. */
  #tableOf(secondHash = this.#hash[1] as number): Table {
    return this.#tables[secondHash & (TABLES - 1)] as Table;
  }

  /** Where the identity that was hashed last is in the buckets of its table, or belongs. */
  #bucketOfHash(buckets: Uint32Array): number {
    const mask = buckets.length - 1;
    const h0 = this.#hash[0] as number;
    const h1 = this.#hash[1] as number;
    const h2 = this.#hash[2] as number;
    const h3 = this.#hash[3] as number;
    let bucket = h0 & mask;
    for (;;) {
      const slot = buckets[bucket] as number;
      if (slot === NONE) return bucket;
      const { hashes } = this.#chunkOf(slot);
      const at = (slot & CHUNK_MASK) * 4;
      if (
        hashes[at] === h0 &&
        hashes[at + 1] === h1 &&
        hashes[at + 2] === h2 &&
        hashes[at + 3] === h3
      ) {
        return bucket;
      }
      bucket = (bucket + 1) & mask;
    }
  }

  #takeSlot(): number {
    const free = this.#freeSlot;
    if (free !== NONE) {
      this.#freeSlot = this.#chunkOf(free).next[free & CHUNK_MASK] as number;
      return free;
    }
    this.#usedSlots += 1;
    const slot = this.#usedSlots;
    if (slot >>> CHUNK_BITS === this.#chunks.length) this.#chunks.push(new Chunk());
    return slot;
  }

  #free(slot: number): void {
    const chunk = this.#chunkOf(slot);
    const at = slot & CHUNK_MASK;
    if (chunk.seconds[at] !== 0) {
      const table = this.#tableOf(chunk.hashes[at * 4 + 1] as number);
      this.#takeOut(table, slot, chunk.hashes[at * 4] as number);
      this.#count -= 1;
    }
    chunk.next[at] = this.#freeSlot;
    this.#freeSlot = slot;
  }

  #takeOut(table: Table, slot: number, firstHash: number): void {
    const { buckets } = table;
    const mask = buckets.length - 1;
    table.count -= 1;
    let hole = firstHash & mask;
    while (buckets[hole] !== slot) hole = (hole + 1) & mask;
    // Moves back what was pushed past the hole, so that no search ends there too early.
    for (let bucket = (hole + 1) & mask; buckets[bucket] !== NONE; ) {
      const moved = buckets[bucket] as number;
      const home = (this.#chunkOf(moved).hashes[(moved & CHUNK_MASK) * 4] as number) & mask;
      if (((bucket - home) & mask) >= ((bucket - hole) & mask)) {
        buckets[hole] = moved;
        hole = bucket;
      }
      bucket = (bucket + 1) & mask;
    }
    buckets[hole] = NONE;
  }
}
