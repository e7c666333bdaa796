// Runs golden files: commands above a line, below it everything that they must lead to.
// GOLDEN_UPDATE=1 rewrites what is below the line.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { LINE } from './line.ts';

/** Turns the commands of a golden file into everything that they lead to, line by line. */
export type Interpret = (commands: readonly string[]) => string[];

/**
 * Declares a test for every `.txt` file of a folder. Its first lines, `# MAT-1 …`, are the ids of
 * the rules that it proves and a sentence; they are the test's name.
 */
export function testGoldens(folder: string, interpret: Interpret): void {
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  for (const file of files.sort((a, b) => (a < b ? -1 : 1))) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    const commands = (text.split(`${LINE}\n`)[0] ?? '').trimEnd().split('\n');
    test(titleOf(commands), () => {
      const actual = [...commands, '', LINE, ...interpret(commands), ''].join('\n');
      if (process.env['GOLDEN_UPDATE'] === '1') writeFileSync(path, actual);
      expect(actual).toBe(readFileSync(path, 'utf8'));
    });
  }
}

function titleOf(commands: readonly string[]): string {
  const title: string[] = [];
  for (const line of commands) {
    if (!line.startsWith('#')) break;
    title.push(line.slice(1).trim());
  }
  return title.join(' ');
}
