// Runs the comparison of the engine with the naive book as a program of its own (main.ts).

import { execFile } from 'node:child_process';
import { join } from 'node:path';

const MOST_BYTES = 16 * 1024 * 1024;

/** What it says; a disagreement is in it, as a scenario. */
export function runModel(...args: readonly string[]): Promise<string> {
  const program = join(import.meta.dirname, 'main.ts');
  const nodeArgs = ['--disable-warning=ExperimentalWarning', program, ...args];
  return new Promise((told) => {
    execFile(process.execPath, nodeArgs, { maxBuffer: MOST_BYTES }, (_, stdout, stderr) => {
      told(`${stdout}${stderr}`);
    });
  });
}
