// `npm run -s engine:replay -- FILE`: a day of commands in, the reports out, byte for byte.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, expect, test } from '@jest/globals';
import { findRecording } from '../../support/recordings.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'bourse-engine-replay-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Row = {
  readonly type: 0 | 1 | 2;
  readonly id: number;
  readonly side?: 0 | 1;
  readonly ioc?: 0 | 1;
  readonly quantity?: number;
  readonly price?: number;
};

function writeDay(name: string, rows: readonly Row[], count = rows.length): string {
  const bytes = Buffer.alloc(16 + 40 * rows.length);
  bytes.writeUInt32LE(1, 8);
  bytes.writeUInt32LE(count, 12);
  rows.forEach(({ type, id, side = 0, ioc = 0, quantity = 0, price = 0 }, index) => {
    const at = 16 + 40 * index;
    bytes.set([type, side, ioc], at);
    bytes.writeUInt32LE(quantity, at + 4);
    bytes.writeBigUInt64LE(BigInt(index + 1), at + 8);
    bytes.writeBigUInt64LE(BigInt(id), at + 16);
    bytes.writeBigInt64LE(BigInt(price), at + 24);
  });
  const path = join(folder, name);
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(bytes) : bytes);
  return path;
}

function replay(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const program = join(ROOT, 'services/launcher/run.mjs');
  const command = [program, 'services/matching/replay/main.ts', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { status, stdout, stderr };
}

const ROWS: readonly Row[] = [
  { type: 0, id: 7, side: 1, quantity: 5, price: 100 },
  { type: 0, id: 8, side: 1, quantity: 5, price: 2 ** 29 },
  { type: 0, id: 9, side: 0, ioc: 1, quantity: 8, price: 101 },
  { type: 1, id: 9 },
  { type: 2, id: 8, quantity: 3, price: 90 },
  { type: 0, id: 9, side: 0, quantity: 2, price: 95 },
  { type: 2, id: 8, quantity: 4, price: 91 },
  { type: 2, id: 77, quantity: 4, price: 91 },
  { type: 1, id: 8 },
];

const REPORTS = [
  '0,1,1,7,100,5',
  `0,2,1,8,${2 ** 29},5`,
  '0,3,0,9,101,8',
  '1,3,100,5,7,9',
  '2,3,0,9,101',
  '4,4,9',
  '3,5,1,8,90,3',
  '0,6,0,9,95,2',
  '1,6,90,2,8,9',
  '3,7,1,8,91,4',
  '5,8,77',
  '2,9,1,8,91',
].join('\n');

test('a day gives its reports, compressed or not, without a newline at the end', () => {
  for (const name of ['day.bin', 'day.bin.gz']) {
    const { status, stdout, stderr } = replay(writeDay(name, ROWS));
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: REPORTS, stderr: '' });
  }
}, 30_000);

test('a day without commands gives nothing', () => {
  expect(replay(writeDay('empty.bin', []))).toEqual({ status: 0, stdout: '', stderr: '' });
}, 30_000);

test('a file that is no day is refused in one sentence', () => {
  const unknown = [{ type: 3, id: 1 } as unknown as Row];
  const long = writeDay('long.bin', ROWS, ROWS.length - 1);
  for (const path of [
    join(folder, 'absent.bin'),
    writeDay('short.bin', ROWS, ROWS.length + 1),
    writeDay('unknown.bin', unknown),
    long,
  ]) {
    const { status, stderr } = replay(path);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^engine:replay: .+\n$/);
  }
  expect(replay().stderr).toBe('engine:replay: give one file of commands\n');
}, 30_000);

for (const day of ['normal-seed7', 'flash-crash-seed7']) {
  const commands = findRecording(`flow/${day}.bin.gz`, `the day ${day}`);
  const reports = findRecording(`flow/${day}.reports.txt.gz`, `the day ${day}`);
  const run = commands === undefined || reports === undefined ? test.skip : test;
  run(
    `the recorded day ${day} gives its reports byte for byte`,
    () => {
      const { status, stdout } = replay(commands as string);
      expect(status).toBe(0);
      expect(stdout === gunzipSync(readFileSync(reports as string)).toString('utf8')).toBe(true);
    },
    60_000,
  );
}
