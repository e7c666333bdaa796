// What a shard has copied of slots that other shards own still (MOV-3): their records, by key,
// until the import makes accounts of them.
import { type StateReader, StateWriter } from '../../lib/base/state-bytes.ts';
import { type Hasher, Part, type StateDigest } from './digest.ts';

/** Records of one slot, by key. */
export type SlotRecords = ReadonlyMap<string, Uint8Array>;

/** A copy under way. */
export class SlotCopying extends Part {
  readonly slot: number;
  readonly generation: number;
  readonly sourceShardId: string;
  /** Chunks taken so far. */
  chunks = 0;
  readonly records = new Map<string, Uint8Array>();

  constructor(slot: number, generation: number, sourceShardId: string) {
    super();
    this.slot = slot;
    this.generation = generation;
    this.sourceShardId = sourceShardId;
  }

  override feed(hasher: Hasher): void {
    hasher.text('copy');
    hasher.integer(this.slot);
    hasher.integer(this.generation);
    hasher.text(this.sourceShardId);
    hasher.integer(this.chunks);
  }
}

export class SlotCopies {
  readonly #copies = new Map<number, SlotCopying>();
  readonly #digest: StateDigest;

  constructor(digest: StateDigest) {
    this.#digest = digest;
  }

  find(slot: number): SlotCopying | undefined {
    return this.#copies.get(slot);
  }

  begin(slot: number, generation: number, sourceShardId: string): SlotCopying {
    this.drop(slot);
    const copy = new SlotCopying(slot, generation, sourceShardId);
    this.#copies.set(slot, copy);
    this.#digest.mark(copy);
    return copy;
  }

  /** Takes a record over, or out when `bytes` is undefined. */
  put(copy: SlotCopying, key: string, bytes: Uint8Array | undefined): void {
    const before = copy.records.get(key);
    if (before !== undefined) this.#digest.removeBytes(encodeRecord(key, before));
    if (bytes === undefined) {
      copy.records.delete(key);
      return;
    }
    copy.records.set(key, bytes);
    this.#digest.addBytes(encodeRecord(key, bytes));
  }

  /** Takes the chunks of a copy that has been changed into account. */
  mark(copy: SlotCopying): void {
    this.#digest.mark(copy);
  }

  drop(slot: number): void {
    const copy = this.#copies.get(slot);
    if (copy === undefined) return;
    for (const key of [...copy.records.keys()]) this.put(copy, key, undefined);
    this.#digest.remove(copy);
    this.#copies.delete(slot);
  }

  /** By slot. */
  all(): SlotCopying[] {
    return [...this.#copies.values()].sort((one, other) => one.slot - other.slot);
  }
}

function encodeRecord(key: string, bytes: Uint8Array): Uint8Array {
  const writer = new StateWriter();
  writer.text(key);
  writer.bytes(bytes);
  return writer.take();
}

/** Keys in their order, which is the one of the records too. */
export function sortedKeys(records: SlotRecords): string[] {
  return [...records.keys()].sort((one, other) => (one < other ? -1 : 1));
}

/** Adds a change to a piece. */
export function writeChange(writer: StateWriter, key: string, bytes: Uint8Array | undefined): void {
  writer.boolean(bytes !== undefined);
  writer.text(key);
  if (bytes !== undefined) writer.bytes(bytes);
}

export function readChange(reader: StateReader): {
  readonly key: string;
  readonly bytes: Uint8Array | undefined;
} {
  const isThere = reader.boolean();
  const key = reader.text();
  return { key, bytes: isThere ? Uint8Array.from(reader.bytes()) : undefined };
}
