// What `.ci/run` runs: both test runs and all checks, each under a deadline, and one sum.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MINUTE_MS = 60_000;
/** A stage that is late may stop what it has started, then it is killed. */
const KILL_AFTER_MS = 20_000;

type Count = { readonly passed: number; readonly failed: number };

type Stage = {
  readonly script: string;
  /** For a machine that is busy with other things: idle, all stages take about fifteen minutes. */
  readonly deadlineMs: number;
  /** Arguments that make the script leave its result in a file. */
  readonly args: (resultFile: string) => string[];
  readonly read: (result: Record<string, number>) => Count;
};

const jest = {
  args: (file: string) => ['--ci', '--json', `--outputFile=${file}`],
  // A suite that cannot even be loaded has no tests to fail.
  read: (result: Record<string, number>): Count => ({
    passed: result['numPassedTests'] ?? 0,
    failed: (result['numFailedTests'] ?? 0) + (result['numRuntimeErrorTestSuites'] ?? 0),
  }),
};

const STAGES: readonly Stage[] = [
  {
    script: 'check',
    deadlineMs: 4 * MINUTE_MS,
    args: (file) => [`--summary=${file}`],
    read: ({ passed = 0, failed = 0 }) => ({ passed, failed }),
  },
  { script: 'test', deadlineMs: 12 * MINUTE_MS, ...jest },
  { script: 'test:long', deadlineMs: 25 * MINUTE_MS, ...jest },
];

/** Runs a stage to its end or its deadline; what leaves no result behind counts as one failure. */
async function runStage({ script, deadlineMs, args, read }: Stage, folder: string): Promise<Count> {
  const resultFile = join(folder, `${script.replace(':', '-')}.json`);
  const startMs = performance.now();
  console.log(`\n== npm run ${script}`);
  const child = spawn('npm', ['run', '--silent', script, '--', ...args(resultFile)], {
    cwd: ROOT,
    detached: true, // so that a late stage ends with everything it started
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const send = (signal: NodeJS.Signals) => process.kill(-(child.pid as number), signal);
  const kill = () => send('SIGKILL');
  const timers = [
    setTimeout(() => send('SIGTERM'), deadlineMs),
    setTimeout(kill, deadlineMs + KILL_AFTER_MS),
  ];
  process.once('exit', kill);
  const code = await new Promise<number | null>((exited) => child.once('exit', exited));
  timers.forEach(clearTimeout);
  process.off('exit', kill);
  const seconds = Math.round((performance.now() - startMs) / 1000);
  const count = readCount(resultFile, read);
  const failed = code !== 0 && count.failed === 0 ? 1 : count.failed;
  console.log(`== npm run ${script}: ${count.passed} passed, ${failed} failed in ${seconds} s`);
  return { passed: count.passed, failed };
}

function readCount(file: string, read: Stage['read']): Count {
  try {
    return read(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return { passed: 0, failed: 1 };
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const folder = mkdtempSync(join(tmpdir(), 'bourse-ci-'));
const total = { passed: 0, failed: 0 };
for (const stage of STAGES) {
  const { passed, failed } = await runStage(stage, folder);
  total.passed += passed;
  total.failed += failed;
}
rmSync(folder, { recursive: true, force: true });
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
