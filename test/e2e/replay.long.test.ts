// `npm run replay` as a person runs it, against the exchange as `npm start` runs it: recorded days
// agree, what was changed in them is found, and what cannot be read is named.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestExchange, type TestExchange } from '../support/exchange.ts';
import {
  beginningOfDay,
  hasLobsterDay,
  type ReplayFiles,
  type ReplayOutcome,
  removeReplayFiles,
  runReplay,
  SKIPPED_BECAUSE,
} from '../support/lobster.ts';

const DEADLINE_MS = 120_000;
const LINES = 6_000;

let exchange: TestExchange;
beforeAll(async () => {
  exchange = await startTestExchange();
}, DEADLINE_MS);
afterAll(async () => {
  await exchange?.stop();
  removeReplayFiles();
}, DEADLINE_MS);

if (!hasLobsterDay) console.warn(SKIPPED_BECAUSE);
const testWithDay = hasLobsterDay ? test : test.skip;

function replay(...args: string[]): Promise<ReplayOutcome> {
  return runReplay(args, exchange.launcher.portOffset);
}

function replayDay({ commands, book }: ReplayFiles, ...more: string[]): Promise<ReplayOutcome> {
  return replay('lobster', '--commands', commands, '--book', book, ...more);
}

/** Raises the quantity of the first fill of an exact take, somewhere in the middle. */
function changeOneFill(lines: string[]): number {
  const index = lines.findIndex((line, i) => {
    const isTake = line.includes('"op":"take"') && line.includes('"exact":true');
    return i > lines.length / 2 && isTake;
  });
  const take = JSON.parse(lines[index] as string);
  take.expect[0][2] += 1;
  lines[index] = JSON.stringify(take);
  return index + 1;
}

/** Raises the best ask's quantity of a row that is compared, after a line. */
function changeOneRow(lines: string[], book: string[], after: number): number {
  const line = lines.find((text, i) => i > after && text.includes('"ok":true'));
  const row: number = JSON.parse(line as string).i;
  const cells = (book[row] as string).split(',');
  cells[1] = String(Number(cells[1]) + 1);
  book[row] = cells.join(',');
  return row;
}

describe('a LOBSTER day', () => {
  testWithDay(
    'LED-3 SET-2 agrees in every exact take and every good row, and in what was settled, to the unit',
    async () => {
      const files = beginningOfDay(LINES, (lines) => {
        expect(lines).toHaveLength(LINES);
      });
      const { exitCode, output, json } = await replayDay(files, '--audit');
      expect(json).toMatchObject({ sums_agreed: 5, sums_differ: 0 });
      expect(output).toMatch(/^takes +\d+ agreed, 0 different$/m);
      expect(output).toMatch(/^rows +\d+ agreed, 0 different$/m);
      expect(json).toMatchObject({ takes_agreed: 142, rows_agreed: 2605, rows_unseen: 0 });
      expect(json).toMatchObject({ takes_differ: 0, rows_differ: 0, refused: 0 });
      expect(exitCode).toBe(0);
    },
    DEADLINE_MS,
  );

  testWithDay(
    'with one changed fill and one changed row differs in exactly those, and in the sums',
    async () => {
      let line = 0;
      let row = 0;
      const files = beginningOfDay(LINES, (lines, book) => {
        line = changeOneFill(lines);
        row = changeOneRow(lines, book, line + 100);
      });
      const { exitCode, output, json } = await replayDay(files, '--audit');
      // A share more on both sides; the exchange itself is in order.
      expect(json).toMatchObject({ sums_agreed: 1, sums_differ: 4 });
      expect(json).toMatchObject({ takes_agreed: 141, takes_differ: 1 });
      expect(json).toMatchObject({ rows_agreed: 2604, rows_differ: 1, rows_unseen: 0 });
      expect(output).toMatch(new RegExp(`^  line ${line}: take traded \\[.*recorded \\[`, 'm'));
      expect(output).toMatch(new RegExp(`^  line \\d+: row ${row} of the book, ask 1: `, 'm'));
      expect(exitCode).toBe(1);
    },
    DEADLINE_MS,
  );

  testWithDay(
    'names a malformed line by its number and ends there, or goes on when told to skip',
    async () => {
      const files = beginningOfDay(400, (lines) => {
        lines.splice(200, 0, '{"op":"add","id":"x"');
      });
      const fatal = await replayDay(files);
      expect(fatal.output).toContain(
        `line 201 of ${files.commands} is malformed: not a JSON object`,
      );
      expect(fatal.exitCode).toBe(2);

      const skipped = await replayDay(files, '--malformed', 'skip');
      expect(skipped.output).toContain(`line 201 of ${files.commands} is malformed`);
      expect(skipped.json).toMatchObject({ malformed_lines: 1, takes_differ: 0, rows_differ: 0 });
      expect(skipped.exitCode).toBe(0);
    },
    DEADLINE_MS,
  );
});

describe('recorded trades', () => {
  const TRADES = [
    'id,price,qty,time,side',
    '1,50000.10,0.500000,1700000000000,buy',
    '2,50000.05,1.25,1700000000100,sell',
    '3,49999.99,0.000001,1700000000250,sell',
    '4,50001,2,1700000000300,buy',
  ];

  const folder = mkdtempSync(join(tmpdir(), 'bourse-trades-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  function writeTrades(lines: readonly string[]): string {
    const file = join(folder, `${lines.length}.csv`);
    writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  }

  test(
    'become the tape of the exchange',
    async () => {
      const { exitCode, output, json } = await replay(
        ...['binance-trades', '--trades', writeTrades(TRADES)],
      );
      expect(output).toMatch(/^takes +4 agreed, 0 different$/m);
      expect(json).toMatchObject({ format: 'binance-trades', commands: 8, refused: 0 });
      expect(exitCode).toBe(0);
    },
    DEADLINE_MS,
  );

  test(
    'that are malformed are named by their line',
    async () => {
      const file = writeTrades([...TRADES, '5,1e5,1,1700000000400,buy', '6,50000,1']);
      const skipped = await replay('binance-trades', '--trades', file, '--malformed', 'skip');
      expect(skipped.output).toContain(`line 6 of ${file} is malformed: price`);
      expect(skipped.output).toContain(`line 7 of ${file} is malformed: expected 5 columns`);
      expect(skipped.json).toMatchObject({ takes_agreed: 4, malformed_lines: 2 });
      expect(skipped.exitCode).toBe(0);
      expect((await replay('binance-trades', '--trades', file)).exitCode).toBe(2);
    },
    DEADLINE_MS,
  );
});
