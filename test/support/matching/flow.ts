// Reads the synthetic days of `data/flow`: commands in records of 40 bytes, and the reports that
// they must give.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const HEADER_BYTES = 16;
const RECORD_BYTES = 40;

/** One command of a day. */
export type FlowCommand = {
  readonly kind: 'new' | 'cancel' | 'amend';
  readonly side: 'BUY' | 'SELL';
  readonly isIoc: boolean;
  /** Of an amend: the new open quantity. */
  readonly quantityUnits: number;
  readonly sequence: number;
  readonly orderId: number;
  readonly priceUnits: number;
};

const KINDS = ['new', 'cancel', 'amend'] as const;

/** Commands of a `.bin.gz` file. */
export function readFlow(path: string): FlowCommand[] {
  const bytes = gunzipSync(readFileSync(path));
  const count = bytes.readUInt32LE(12);
  const commands: FlowCommand[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = HEADER_BYTES + index * RECORD_BYTES;
    const kind = KINDS[bytes.readUInt8(at)];
    if (kind === undefined) throw new Error(`record ${index} has no known type`);
    commands.push({
      kind,
      side: bytes.readUInt8(at + 1) === 0 ? 'BUY' : 'SELL',
      isIoc: bytes.readUInt8(at + 2) === 1,
      quantityUnits: bytes.readUInt32LE(at + 4),
      sequence: Number(bytes.readBigUInt64LE(at + 8)),
      orderId: Number(bytes.readBigUInt64LE(at + 16)),
      priceUnits: Number(bytes.readBigInt64LE(at + 24)),
    });
  }
  return commands;
}

/** Lines of a `.reports.txt.gz` file. */
export function readReports(path: string): string[] {
  return gunzipSync(readFileSync(path)).toString('utf8').split('\n');
}
