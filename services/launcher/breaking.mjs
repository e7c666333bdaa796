// Compares the contracts with the merge base on main (`buf breaking`). Until the first tag a break
// is allowed when proto/CHANGES.md names it in the same change; afterwards never.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const CHANGES = 'proto/CHANGES.md';

function run(command, args) {
  return spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

/** What git prints, trimmed; undefined when it fails. */
function git(...args) {
  const result = run('git', args);
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/**
 * The commit to compare with: where this branch left main. On main itself that is the present
 * commit while the contracts have changes that are not committed, else the one before it.
 */
function findBase() {
  const main = ['origin/main', 'main'].find((name) => git('rev-parse', '--verify', name));
  const base = main && git('merge-base', 'HEAD', main);
  if (base === undefined || base !== git('rev-parse', 'HEAD')) return base;
  if (git('status', '--porcelain', 'proto') !== '') return base;
  return git('rev-parse', '--verify', 'HEAD~1') ?? base;
}

/** Every break as buf describes it; empty when there is none. */
function findBreaks(base) {
  const folder = mkdtempSync(join(tmpdir(), 'bourse-breaking-'));
  try {
    const archive = join(folder, 'base.tar');
    if (git('archive', '--output', archive, base, 'proto', 'buf.yaml') === undefined) return [];
    const buf = join(root, 'node_modules/@bufbuild/buf/bin/buf');
    const result = run(process.execPath, [buf, 'breaking', '--against', archive]);
    if (result.status === 0) return [];
    const breaks = result.stdout.split('\n').filter((line) => line !== '');
    if (breaks.length > 0) return breaks;
    throw new Error(`buf breaking failed: ${result.stderr}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Lines that the change adds to the list of breaks. */
function addedNames(base) {
  const difference = git('diff', '--unified=0', base, '--', CHANGES) ?? '';
  return difference
    .split('\n')
    .filter((line) => line.startsWith('+') && !line.startsWith('+++'))
    .join('\n');
}

/** True when the list names one of the elements that buf's sentence quotes. */
function isNamed(sentence, list) {
  const names = [...sentence.matchAll(/"([^"]*)"/g)].map(([, name]) => name);
  return names.some((name) => /[A-Za-z]/.test(name) && list.includes(name));
}

const base = findBase();
if (base === undefined) {
  console.log('buf breaking: skipped, main is not in this clone');
} else {
  const released = (git('tag', '--list') ?? '') !== '';
  const list = released ? '' : addedNames(base);
  const unnamed = findBreaks(base).filter((sentence) => !isNamed(sentence, list));
  for (const sentence of unnamed) console.error(sentence);
  if (unnamed.length > 0) {
    console.error(
      released
        ? 'contracts never break after the first tag'
        : `name each break in ${CHANGES}, or take it back`,
    );
    process.exitCode = 1;
  }
}
