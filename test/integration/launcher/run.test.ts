// run.mjs, where every npm script begins: installs once, finds a Node, ends as the program ends.

import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ROOT } from '../../support/exchange.ts';
import { waitUntil } from '../../support/wait.ts';

type Ended = { readonly code: number | null; readonly out: string; readonly err: string };

/** A clone of next to nothing: one dependency that lies beside it, so that no network is needed. */
let clone: string;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'bourse-clone-'));
  mkdirSync(join(clone, 'services/launcher'), { recursive: true });
  cpSync(join(ROOT, 'services/launcher/run.mjs'), join(clone, 'services/launcher/run.mjs'));
  writeFileSync(join(clone, 'say.mjs'), 'console.log(process.argv.slice(2).join(" "));');
  writeLock('1.0.0');
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));

function writeLock(version: string): void {
  mkdirSync(join(clone, 'beside'), { recursive: true });
  const write = (file: string, content: object) =>
    writeFileSync(join(clone, file), JSON.stringify(content));
  const dependencies = { beside: 'file:beside' };
  write('beside/package.json', { name: 'beside', version });
  write('package.json', { name: 'clone', version: '1.0.0', dependencies });
  write('package-lock.json', {
    name: 'clone',
    version: '1.0.0',
    lockfileVersion: 3,
    packages: {
      '': { name: 'clone', version: '1.0.0', dependencies },
      beside: { version },
      'node_modules/beside': { resolved: 'beside', link: true },
    },
  });
}

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [join(clone, 'services/launcher/run.mjs'), ...args], {
    cwd: tmpdir(), // wherever it is called from
    env: { ...process.env, npm_execpath: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function ended(child: ChildProcess): Promise<Ended> {
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    err += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}

const run = (...args: string[]) => ended(start(args));
const say = () => join(clone, 'say.mjs');

describe('installing', () => {
  test('happens on the first run, and not on the second', async () => {
    const first = await run(say(), 'hello');
    expect(first).toMatchObject({ code: 0, out: 'hello\n' });
    expect(first.err).toMatch(/^Installing .*\nInstalled in \d+ s\.\n$/);
    expect(await run(say(), 'again')).toEqual({ code: 0, out: 'again\n', err: '' });
  });

  test('happens once when two start together', async () => {
    const both = await Promise.all([run(say(), 'one'), run(say(), 'two')]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.filter(({ err }) => err.includes('Installed'))).toHaveLength(1);
  });

  test('happens again when the lock file has changed', async () => {
    await run(say());
    writeLock('1.0.1');
    expect((await run(say())).err).toMatch('Installed');
  });

  test('does not happen when someone has installed by hand', async () => {
    await run(say());
    rmSync(join(clone, 'node_modules/.bourse-installed'));
    expect((await run(say())).err).toBe('');
  });

  test('happens again when it was interrupted', async () => {
    await run(say());
    rmSync(join(clone, 'node_modules/.bourse-installed'));
    rmSync(join(clone, 'node_modules/.package-lock.json'));
    expect((await run(say())).err).toMatch('Installed');
  });

  test('takes over the lock of one that died', async () => {
    mkdirSync(join(clone, '.bourse'));
    const dead = spawn(process.execPath, ['--version']);
    await new Promise((resolve) => dead.once('exit', resolve));
    writeFileSync(join(clone, '.bourse/install.lock'), String(dead.pid));
    expect((await run(say(), 'hello')).out).toBe('hello\n');
    expect(existsSync(join(clone, '.bourse/install.lock'))).toBe(false);
  });

  test('that fails is told, and is tried again the next time', async () => {
    const manifest = join(clone, 'package.json');
    const right = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, right.replace('"beside":', '"not-in-the-lock-file":'));
    const failed = await run(say());
    expect(failed).toMatchObject({ code: 1, out: '' });
    expect(failed.err).toMatch('The dependencies could not be installed');
    writeFileSync(manifest, right);
    expect(await run(say(), 'hello')).toMatchObject({ code: 0, out: 'hello\n' });
  });
});

describe('running', () => {
  test('the program gets its arguments, and its exit code is ours', async () => {
    writeFileSync(say(), 'console.log(process.argv.slice(2)); process.exit(7);');
    const { code, out } = await run(say(), 'a b', '--flag');
    expect({ code, out: out.trim() }).toEqual({ code: 7, out: "[ 'a b', '--flag' ]" });
  });

  test('programs that it starts find the same Node', async () => {
    writeFileSync(
      say(),
      'import { execSync } from "node:child_process";' +
        'console.log(execSync("node --version").toString().trim() === process.version);',
    );
    expect((await run(say())).out).toBe('true\n');
  });

  test('a signal is handed on', async () => {
    writeFileSync(
      say(),
      'process.on("SIGTERM", () => process.exit(3)); setInterval(() => {}, 1e6);' +
        'console.log("ready");',
    );
    const child = start([say()]);
    const end = ended(child);
    let isReady = false;
    child.stdout?.on('data', () => {
      isReady = true;
    });
    await waitUntil(() => isReady, { what: 'the program', deadlineMs: 20_000 });
    child.kill('SIGTERM');
    expect((await end).code).toBe(3);
  });
});
