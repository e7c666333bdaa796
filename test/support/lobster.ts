// The recorded day of ../shared/data, or its beginning, for tests that replay it; and the replay
// itself as a person runs it. The data is not part of the project: without it there is nothing.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ROOT } from './exchange.ts';

const FOLDER = join(process.env['BOURSE_DATA'] ?? join(ROOT, '../shared/data'), 'lobster');
const COMMANDS = join(FOLDER, 'GOOG_2012-06-21_10.replay.jsonl.gz');
const BOOK = join(FOLDER, 'GOOG_2012-06-21_10.orderbook.csv.gz');

/** True where the data is; a test without it is skipped with `SKIPPED_BECAUSE`. */
export const hasLobsterDay = existsSync(COMMANDS) && existsSync(BOOK);
export const SKIPPED_BECAUSE = `skipped: there is no recorded day in ${FOLDER}`;

const made: string[] = [];

export type ReplayFiles = { readonly commands: string; readonly book: string };

/** The first lines of the day, changed by `edit`, as files of their own. */
export function beginningOfDay(
  lineCount: number,
  edit: (lines: string[], book: string[]) => void = () => {},
): ReplayFiles {
  const lines = unpack(COMMANDS).split('\n').slice(0, lineCount);
  const book = unpack(BOOK).trimEnd().split('\n');
  edit(lines, book);
  const folder = mkdtempSync(join(tmpdir(), 'bourse-lobster-'));
  made.push(folder);
  const files = { commands: join(folder, 'commands.jsonl'), book: join(folder, 'book.csv') };
  writeFileSync(files.commands, `${lines.join('\n')}\n`);
  writeFileSync(files.book, `${book.join('\n')}\n`);
  return files;
}

/** Removes what `beginningOfDay` has written; for after all tests of a file. */
export function removeReplayFiles(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}

function unpack(path: string): string {
  return gunzipSync(readFileSync(path)).toString('latin1');
}

export type ReplayOutcome = {
  readonly exitCode: number | null;
  readonly output: string;
  /** The closing line of JSON; empty when there was none. */
  readonly json: Readonly<Record<string, number | string>>;
};

/** Runs `npm run replay` with these arguments and the exchange at an offset. */
export async function runReplay(
  args: readonly string[],
  portOffset: number,
): Promise<ReplayOutcome> {
  const main = join(ROOT, 'services/simulator/replay/main.ts');
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, ...args, '--port-offset', `${portOffset}`],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  let last = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
    last += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    output += String(chunk);
  });
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const line = last.trim().split('\n').at(-1) ?? '';
  return { exitCode, output, json: line.startsWith('{') ? JSON.parse(line) : {} };
}
