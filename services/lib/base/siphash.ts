// SipHash-2-4 with 128-bit output: the keyed hash of command identities (LOG-11). Pure arithmetic
// on 32-bit halves, because JavaScript has no fast 64-bit integers.
// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, and its reference code.

/** Length of the key in bytes. */
export const SIPHASH_KEY_BYTES = 16;

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/**
 * Hashes `bytes[0 .. length)` under a key into four 32-bit words of `output`, in the byte order of
 * the reference code when the words are written little-endian. One function, because its eight
 * halves of the state stay in registers only there; two rounds a word, four before each output.
 *
 * @param key the 16 key bytes as four little-endian 32-bit words
 */
export function sipHash128(
  key: Int32Array,
  bytes: Uint8Array,
  length: number,
  output: Int32Array,
): void {
  let v0l = (key[0] as number) ^ 0x70736575;
  let v0h = (key[1] as number) ^ 0x736f6d65;
  let v1l = (key[2] as number) ^ 0x6e646f6d ^ 0xee;
  let v1h = (key[3] as number) ^ 0x646f7261;
  let v2l = (key[0] as number) ^ 0x6e657261;
  let v2h = (key[1] as number) ^ 0x6c796765;
  let v3l = (key[2] as number) ^ 0x79746573;
  let v3h = (key[3] as number) ^ 0x74656462;
  const last = length >>> 3;
  for (let step = 0; step <= last + 2; step += 1) {
    const at = step * 8;
    const wordLow = step > last ? 0 : wordAt(bytes, at, length);
    let wordHigh = step > last ? 0 : wordAt(bytes, at + 4, length);
    if (step === last) wordHigh |= length << 24;
    else if (step === last + 1) v2l ^= 0xee;
    else if (step === last + 2) v1l ^= 0xdd;
    v3l ^= wordLow;
    v3h ^= wordHigh;
    for (let round = step > last ? 4 : 2; round > 0; round -= 1) {
      // v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32)
      let low = (v0l + v1l) | 0;
      v0h = (v0h + v1h + (((v0l & v1l) | ((v0l | v1l) & ~low)) >>> 31)) | 0;
      v0l = low;
      let turned = (v1l << 13) | (v1h >>> 19);
      v1h = ((v1h << 13) | (v1l >>> 19)) ^ v0h;
      v1l = turned ^ v0l;
      turned = v0l;
      v0l = v0h;
      v0h = turned;
      // v2 += v3; v3 = rotl(v3, 16) ^ v2
      low = (v2l + v3l) | 0;
      v2h = (v2h + v3h + (((v2l & v3l) | ((v2l | v3l) & ~low)) >>> 31)) | 0;
      v2l = low;
      turned = (v3l << 16) | (v3h >>> 16);
      v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h;
      v3l = turned ^ v2l;
      // v0 += v3; v3 = rotl(v3, 21) ^ v0
      low = (v0l + v3l) | 0;
      v0h = (v0h + v3h + (((v0l & v3l) | ((v0l | v3l) & ~low)) >>> 31)) | 0;
      v0l = low;
      turned = (v3l << 21) | (v3h >>> 11);
      v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h;
      v3l = turned ^ v0l;
      // v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32)
      low = (v2l + v1l) | 0;
      v2h = (v2h + v1h + (((v2l & v1l) | ((v2l | v1l) & ~low)) >>> 31)) | 0;
      v2l = low;
      turned = (v1l << 17) | (v1h >>> 15);
      v1h = ((v1h << 17) | (v1l >>> 15)) ^ v2h;
      v1l = turned ^ v2l;
      turned = v2l;
      v2l = v2h;
      v2h = turned;
    }
    v0l ^= wordLow;
    v0h ^= wordHigh;
    if (step <= last) continue;
    output[(step - last) * 2 - 2] = v0l ^ v1l ^ v2l ^ v3l;
    output[(step - last) * 2 - 1] = v0h ^ v1h ^ v2h ^ v3h;
  }
}

/** Four bytes, with zeros for those that are not there. */
function wordAt(bytes: Uint8Array, at: number, length: number): number {
  if (at + 4 <= length) return word(bytes, at);
  let value = 0;
  for (let index = length - 1; index >= at; index -= 1) {
    value = (value << 8) | (bytes[index] as number);
  }
  return value;
}

/** The key bytes as the words that `sipHash128` takes. */
export function sipHashKey(bytes: Uint8Array): Int32Array {
  return Int32Array.of(word(bytes, 0), word(bytes, 4), word(bytes, 8), word(bytes, 12));
}
