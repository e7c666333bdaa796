// SipHash-2-4 with 128-bit output: the keyed hash of command identities (LOG-11). Pure arithmetic
// on 32-bit halves, because JavaScript has no fast 64-bit integers.
// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, and its reference code.

/** Length of the key in bytes. */
export const SIPHASH_KEY_BYTES = 16;

/** The eight 32-bit halves of the state v0 to v3, low half first. Reused between calls. */
const state = new Int32Array(8);

function rounds(count: number): void {
  let v0l = state[0] as number;
  let v0h = state[1] as number;
  let v1l = state[2] as number;
  let v1h = state[3] as number;
  let v2l = state[4] as number;
  let v2h = state[5] as number;
  let v3l = state[6] as number;
  let v3h = state[7] as number;
  for (let round = 0; round < count; round += 1) {
    // v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32)
    let low = (v0l >>> 0) + (v1l >>> 0);
    v0h = (v0h + v1h + (low > 0xffffffff ? 1 : 0)) | 0;
    v0l = low | 0;
    let turned = (v1l << 13) | (v1h >>> 19);
    v1h = ((v1h << 13) | (v1l >>> 19)) ^ v0h;
    v1l = turned ^ v0l;
    turned = v0l;
    v0l = v0h;
    v0h = turned;
    // v2 += v3; v3 = rotl(v3, 16) ^ v2
    low = (v2l >>> 0) + (v3l >>> 0);
    v2h = (v2h + v3h + (low > 0xffffffff ? 1 : 0)) | 0;
    v2l = low | 0;
    turned = (v3l << 16) | (v3h >>> 16);
    v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h;
    v3l = turned ^ v2l;
    // v0 += v3; v3 = rotl(v3, 21) ^ v0
    low = (v0l >>> 0) + (v3l >>> 0);
    v0h = (v0h + v3h + (low > 0xffffffff ? 1 : 0)) | 0;
    v0l = low | 0;
    turned = (v3l << 21) | (v3h >>> 11);
    v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h;
    v3l = turned ^ v0l;
    // v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32)
    low = (v2l >>> 0) + (v1l >>> 0);
    v2h = (v2h + v1h + (low > 0xffffffff ? 1 : 0)) | 0;
    v2l = low | 0;
    turned = (v1l << 17) | (v1h >>> 15);
    v1h = ((v1h << 17) | (v1l >>> 15)) ^ v2h;
    v1l = turned ^ v2l;
    turned = v2l;
    v2l = v2h;
    v2h = turned;
  }
  state[0] = v0l;
  state[1] = v0h;
  state[2] = v1l;
  state[3] = v1h;
  state[4] = v2l;
  state[5] = v2h;
  state[6] = v3l;
  state[7] = v3h;
}

function absorb(low: number, high: number): void {
  state[6] = (state[6] as number) ^ low;
  state[7] = (state[7] as number) ^ high;
  rounds(2);
  state[0] = (state[0] as number) ^ low;
  state[1] = (state[1] as number) ^ high;
}

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
 * the reference code when the words are written little-endian.
 *
 * @param key the 16 key bytes as four little-endian 32-bit words
 */
export function sipHash128(
  key: Int32Array,
  bytes: Uint8Array,
  length: number,
  output: Int32Array,
): void {
  const k0l = key[0] as number;
  const k0h = key[1] as number;
  const k1l = key[2] as number;
  const k1h = key[3] as number;
  state[0] = k0l ^ 0x70736575;
  state[1] = k0h ^ 0x736f6d65;
  state[2] = k1l ^ 0x6e646f6d ^ 0xee;
  state[3] = k1h ^ 0x646f7261;
  state[4] = k0l ^ 0x6e657261;
  state[5] = k0h ^ 0x6c796765;
  state[6] = k1l ^ 0x79746573;
  state[7] = k1h ^ 0x74656462;

  const whole = length - (length % 8);
  for (let at = 0; at < whole; at += 8) absorb(word(bytes, at), word(bytes, at + 4));
  let low = 0;
  let high = length << 24;
  for (let at = whole; at < length; at += 1) {
    const shift = (at - whole) * 8;
    if (shift < 32) low |= (bytes[at] as number) << shift;
    else high |= (bytes[at] as number) << (shift - 32);
  }
  absorb(low, high);

  state[4] = (state[4] as number) ^ 0xee;
  rounds(4);
  output[0] = fold(0);
  output[1] = fold(1);
  state[2] = (state[2] as number) ^ 0xdd;
  rounds(4);
  output[2] = fold(0);
  output[3] = fold(1);
}

function fold(half: 0 | 1): number {
  return (
    (state[half] as number) ^
    (state[half + 2] as number) ^
    (state[half + 4] as number) ^
    (state[half + 6] as number)
  );
}

/** The key bytes as the words that `sipHash128` takes. */
export function sipHashKey(bytes: Uint8Array): Int32Array {
  return Int32Array.of(word(bytes, 0), word(bytes, 4), word(bytes, 8), word(bytes, 12));
}
