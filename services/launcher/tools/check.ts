// `npm run check`: format, lint, types, import directions, dead code, and the contracts.
//
// Every check runs even when an earlier one fails; a failed one shows what its tool said.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BINARIES = join(ROOT, 'node_modules', '.bin');
const PATH = `${BINARIES}${delimiter}${process.env['PATH']}`;

type Verdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly output: string }
  /** There is nothing to check, or not here. */
  | { readonly kind: 'skipped'; readonly reason: string };

type Check = { readonly name: string; readonly run: () => Verdict };

const CHECKS: readonly Check[] = [
  { name: 'format and lint (biome)', run: tool('biome', 'check', '--error-on-warnings', '.') },
  { name: 'types (tsc)', run: tool('tsc', '--noEmit') },
  {
    name: 'import directions (dependency-cruiser)',
    run: tool('depcruise', '--config', '.dependency-cruiser.mjs', 'services', 'test', 'gen'),
  },
  {
    name: 'dead code (knip)',
    run: tool('knip', '--no-progress', '--treat-config-hints-as-errors'),
  },
  { name: 'contracts (buf lint)', run: tool('buf', 'lint') },
  { name: 'contracts (buf format)', run: tool('buf', 'format', '--diff', '--exit-code') },
  {
    name: 'contracts do not break (buf breaking)',
    run: tool('node', 'services/launcher/breaking.mjs'),
  },
  { name: 'gen/ is fresh', run: tool('node', 'services/launcher/gen.mjs', '--check') },
  { name: 'lock file is for every machine', run: checkLockFile },
];

function tool(command: string, ...args: string[]): () => Verdict {
  return () => {
    const result = spawnSync(command, args, {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, PATH },
    });
    const skipped = result.stdout?.match(/skipped, (.*)/)?.[1];
    if (skipped !== undefined) return { kind: 'skipped', reason: skipped };
    if (result.status === 0) return { kind: 'passed' };
    const output = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`;
    return { kind: 'failed', output };
  };
}

/**
 * No registry's address, so that any registry serves it; and every platform's optional packages,
 * without which `npm ci` refuses it. npm leaves them out when the registry at hand lacks them.
 */
function checkLockFile(): Verdict {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }>;
  };
  const faults = Object.entries(packages).flatMap(([path, entry]) => {
    const missing = Object.keys(entry.optionalDependencies ?? {}).filter(
      (name) => !(`${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages),
    );
    return [
      ...(entry.resolved === undefined ? [] : [`${path} names the registry ${entry.resolved}`]),
      ...missing.map((name) => `${path} wants ${name}, which has no entry`),
    ];
  });
  return faults.length === 0 ? { kind: 'passed' } : { kind: 'failed', output: faults.join('\n') };
}

function report({ name, run }: Check): Verdict['kind'] {
  const startMs = performance.now();
  const verdict = run();
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const reason = verdict.kind === 'skipped' ? `: ${verdict.reason}` : '';
  console.log(`${verdict.kind.padEnd(7)} ${name} (${seconds} s)${reason}`);
  if (verdict.kind === 'failed') console.log(verdict.output.replace(/^/gm, '        '));
  return verdict.kind;
}

const verdicts = CHECKS.map(report);
const count = (kind: Verdict['kind']) => verdicts.filter((verdict) => verdict === kind).length;
const summary = { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
console.log(
  `Checks: ${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped`,
);
const summaryFile = process.argv.find((argument) => argument.startsWith('--summary='));
if (summaryFile !== undefined) {
  writeFileSync(summaryFile.slice('--summary='.length), JSON.stringify(summary));
}
process.exitCode = summary.failed === 0 ? 0 : 1;
