// CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320) of UTF-8 text: the hash behind slots.

const POLYNOMIAL = 0xedb88320;

const TABLE = buildTable();

function buildTable(): Uint32Array {
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
    }
    table[byte] = remainder >>> 0;
  }
  return table;
}

function step(crc: number, byte: number): number {
  return (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] as number);
}

/** CRC-32 of bytes, 0 to 2^32 - 1. */
export function crc32OfBytes(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let index = 0; index < bytes.length; index += 1) crc = step(crc, bytes[index] as number);
  return (crc ^ 0xffffffff) >>> 0;
}

/** CRC-32 of a text's UTF-8 bytes, 0 to 2^32 - 1. A lone surrogate counts as U+FFFD. */
export function crc32(text: string): number {
  let crc = 0xffffffff;
  for (const character of text) {
    const scalar = character.codePointAt(0) as number;
    const point = scalar >= 0xd800 && scalar <= 0xdfff ? 0xfffd : scalar;
    if (point < 0x80) {
      crc = step(crc, point);
    } else if (point < 0x800) {
      crc = step(step(crc, 0xc0 | (point >> 6)), 0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
      crc = step(crc, 0xe0 | (point >> 12));
      crc = step(step(crc, 0x80 | ((point >> 6) & 0x3f)), 0x80 | (point & 0x3f));
    } else {
      crc = step(step(crc, 0xf0 | (point >> 18)), 0x80 | ((point >> 12) & 0x3f));
      crc = step(step(crc, 0x80 | ((point >> 6) & 0x3f)), 0x80 | (point & 0x3f));
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}
