// Runs seeds of the simulator as a program of its own (main.ts).

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { Finding } from './check/findings.ts';
import type { RunResult } from './run.ts';

const MOST_BYTES = 16 * 1024 * 1024;

/** What one run came to, without what happened in it. */
type SeedResult = Omit<RunResult, 'history'>;
type SeedFinding = Finding & { readonly seed: number };

type SeedsRun = {
  readonly results: readonly SeedResult[];
  readonly findings: readonly SeedFinding[];
  /** The program's last words. */
  readonly said: string;
};

/** @throws Error when the program did not come to its end */
export function runSeeds(...args: readonly string[]): Promise<SeedsRun> {
  const program = join(import.meta.dirname, 'main.ts');
  const nodeArgs = ['--disable-warning=ExperimentalWarning', program, '--json', ...args];
  return new Promise((told, failed) => {
    execFile(process.execPath, nodeArgs, { maxBuffer: MOST_BYTES }, (error, stdout, stderr) => {
      // 1: there are findings.
      if (error !== null && error.code !== 1) {
        failed(new Error(`${error.message}\n${stderr}`));
        return;
      }
      const lines = stdout.split('\n').filter((line) => line !== '');
      const results = lines.map((line) => JSON.parse(line) as SeedResult);
      const findings = results.flatMap((result) =>
        result.findings.map((found) => ({ seed: result.seed, ...found })),
      );
      told({ results, findings, said: stderr.trim() });
    });
  });
}
