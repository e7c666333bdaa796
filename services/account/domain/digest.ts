// The state checksum, kept incrementally: the sum of the digests of all parts of the state. A part
// that changes is marked; its old digest is taken out and the new one added when the checksum is
// asked for. A sum does not depend on when that happens, nor on the order of the parts.

/** Mixes values into two 32-bit lanes (the finalizer steps of MurmurHash3, public domain). */
export class Hasher {
  low = 0x9e3779b9 | 0;
  high = 0x85ebca6b | 0;

  reset(): void {
    this.low = 0x9e3779b9 | 0;
    this.high = 0x85ebca6b | 0;
  }

  #mix(word: number): void {
    let low = Math.imul(this.low ^ word, 0x85ebca6b);
    low ^= low >>> 13;
    let high = Math.imul(this.high ^ ((word << 16) | (word >>> 16)), 0xc2b2ae35);
    high ^= high >>> 16;
    this.low = (low + high) | 0;
    this.high = (high + ((low << 7) | (low >>> 25))) | 0;
  }

  /** A safe integer of any sign. */
  integer(value: number): void {
    const low = value % 0x1_0000_0000;
    this.#mix(low | 0);
    this.#mix(((value - low) / 0x1_0000_0000) | 0);
  }

  /** Any amount between -2^95 and 2^95. */
  amount(value: bigint): void {
    this.#mix(Number(value & 0xffffffffn) | 0);
    this.#mix(Number((value >> 32n) & 0xffffffffn) | 0);
    this.#mix(Number((value >> 64n) & 0xffffffffn) | 0);
  }

  text(value: string): void {
    this.#mix(value.length);
    for (let index = 0; index < value.length; index += 1) this.#mix(value.charCodeAt(index));
  }

  bytes(value: Uint8Array): void {
    this.#mix(value.length);
    for (let index = 0; index < value.length; index += 1) this.#mix(value[index] as number);
  }
}

/** A part of the state that can tell what it consists of. */
export abstract class Part {
  digestLow = 0;
  digestHigh = 0;
  /** Place in the list of what has changed; -1 when it is not there. */
  markedAt = -1;
  isRemoved = false;

  /** Whether the checksum contains it, once it was asked for; what was only looked at is not. */
  get isCounted(): boolean {
    return this.digestLow !== 0 || this.digestHigh !== 0;
  }

  /** Feeds everything that can influence the future, a tag of its kind first. */
  abstract feed(hasher: Hasher): void;
}

/** Marked parts are worked off at this number, so that the list stays small. */
const MAXIMUM_MARKED = 10_000;

/** The sum over all parts. */
export class StateDigest {
  #low = 0;
  #high = 0;
  #marked: Part[] = [];
  readonly #hasher = new Hasher();

  /** To be called whenever a part was made or changed. */
  mark(part: Part): void {
    if (part.markedAt >= 0 || part.isRemoved) return;
    part.markedAt = this.#marked.length;
    this.#marked.push(part);
    if (this.#marked.length >= MAXIMUM_MARKED) this.#workOff();
  }

  /** Takes a part out that is no longer in the state. */
  remove(part: Part): void {
    this.#subtract(part.digestLow, part.digestHigh);
    part.isRemoved = true;
    // The list does not keep what is gone, such as nearly every order soon after it was placed.
    if (part.markedAt < 0) return;
    const last = this.#marked.pop() as Part;
    last.markedAt = part.markedAt;
    if (last !== part) this.#marked[last.markedAt] = last;
    part.markedAt = -1;
  }

  /** Adds what is not kept as a part, such as an encoded record. */
  addBytes(bytes: Uint8Array): void {
    const hasher = this.#hash(bytes);
    this.#low = (this.#low + hasher.low) | 0;
    this.#high = (this.#high + hasher.high) | 0;
  }

  /** Takes out what `addBytes` added. */
  removeBytes(bytes: Uint8Array): void {
    const hasher = this.#hash(bytes);
    this.#subtract(hasher.low, hasher.high);
  }

  /** 16 hexadecimal digits. */
  toText(): string {
    this.#workOff();
    return hexOf(this.#high) + hexOf(this.#low);
  }

  #hash(bytes: Uint8Array): Hasher {
    this.#hasher.reset();
    this.#hasher.bytes(bytes);
    return this.#hasher;
  }

  #subtract(low: number, high: number): void {
    this.#low = (this.#low - low) | 0;
    this.#high = (this.#high - high) | 0;
  }

  #workOff(): void {
    const hasher = this.#hasher;
    for (const part of this.#marked) {
      hasher.reset();
      part.feed(hasher);
      this.#low = (this.#low - part.digestLow + hasher.low) | 0;
      this.#high = (this.#high - part.digestHigh + hasher.high) | 0;
      part.digestLow = hasher.low;
      part.digestHigh = hasher.high;
      part.markedAt = -1;
    }
    this.#marked = [];
  }
}

function hexOf(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
