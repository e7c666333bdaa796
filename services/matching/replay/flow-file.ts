// Reads a day of commands from a file, compressed or not, a part at a time.
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { FlowMalformed, FlowRecords, HEADER_BYTES, RECORD_BYTES } from './flow-records.ts';

/** Where the header says how many records follow. */
const COUNT_AT = 12;

/**
 * The records of a `.bin` or `.bin.gz` file, in order, some thousands at a time.
 *
 * @throws FlowMalformed when the file is not what its header says, and what reading throws
 */
export async function* readFlowFile(path: string, accounts = 1): AsyncGenerator<FlowRecords> {
  let left = -1;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of openFile(path)) {
    let bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (left < 0) {
      rest = bytes;
      if (bytes.length < HEADER_BYTES) continue;
      left = bytes.readUInt32LE(COUNT_AT);
      bytes = bytes.subarray(HEADER_BYTES);
    }
    const whole = Math.min(Math.floor(bytes.length / RECORD_BYTES), left);
    if (whole > 0) yield new FlowRecords(bytes.subarray(0, whole * RECORD_BYTES), accounts);
    left -= whole;
    rest = bytes.subarray(whole * RECORD_BYTES);
    if (left === 0 && rest.length > 0) throw new FlowMalformed('more bytes than its header says');
  }
  if (left < 0) throw new FlowMalformed('no header');
  if (left > 0) throw new FlowMalformed(`cut off, ${left} commands are missing`);
}

async function* openFile(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: 1 << 20 });
  if (!path.endsWith('.gz')) {
    yield* file as AsyncIterable<Buffer>;
    return;
  }
  const gunzip = createGunzip({ chunkSize: 1 << 20 });
  file.on('error', (error) => gunzip.destroy(error));
  yield* file.pipe(gunzip) as AsyncIterable<Buffer>;
}
