// What is done with the contracts: lint, generated code, and the comparison with what was there
// before. The breaking check runs in a repository of its own.

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TIMEOUT_MS = 60_000;
const BUF = join(ROOT, 'node_modules/@bufbuild/buf/bin/buf');

function node(folder: string, ...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
}

function expectClean({ status, stdout, stderr }: SpawnSyncReturns<string>): void {
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
}

describe('the contracts', () => {
  test('pass buf lint, STANDARD and COMMENTS', () => {
    const config = readFileSync(join(ROOT, 'buf.yaml'), 'utf8');
    expect(config).toMatch(/use:\n\s+- STANDARD\n\s+- COMMENTS\n/);
    expectClean(node(ROOT, BUF, 'lint'));
  });

  test('are formatted', () => {
    expectClean(node(ROOT, BUF, 'format', '--diff', '--exit-code'));
  });

  test(
    'are what gen/ was made of',
    () => {
      expectClean(node(ROOT, 'services/launcher/gen.mjs', '--check'));
    },
    TIMEOUT_MS,
  );

  test('keep every line below 100 columns', () => {
    const listed = spawnSync('git', ['ls-files', 'proto/bourse'], { cwd: ROOT, encoding: 'utf8' });
    const long = listed.stdout
      .split('\n')
      .filter((file) => file.endsWith('.proto'))
      .flatMap((file) => readFileSync(join(ROOT, file), 'utf8').split('\n'))
      .filter((line) => line.length >= 100 && !line.trimStart().startsWith('rpc '));
    expect(long).toEqual([]);
  });
});

describe('a change that breaks the contracts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bourse-contracts-'));
  const orders = join(folder, 'proto/bourse/order/v1/service.proto');
  const breaking = (): SpawnSyncReturns<string> => node(folder, 'services/launcher/breaking.mjs');

  function git(...args: string[]): void {
    const identity = ['-c', 'user.name=test', '-c', 'user.email=test@localhost'];
    const result = spawnSync('git', [...identity, ...args], { cwd: folder, encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`git ${args[0]}: ${result.stderr}`);
  }

  beforeAll(() => {
    for (const name of ['proto', 'buf.yaml', 'services/launcher/breaking.mjs']) {
      cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, '.gitignore'), 'node_modules\n');
    git('init', '--quiet', '--initial-branch', 'main');
    git('add', '.');
    git('commit', '--quiet', '--message', 'as it is');
    git('checkout', '--quiet', '-b', 'change');
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test(
    'is refused unless proto/CHANGES.md names it, and always after the first tag',
    () => {
      expectClean(breaking());

      const before = readFileSync(orders, 'utf8');
      writeFileSync(orders, before.replace('string price = 8;', 'string limit_price = 8;'));
      const refused = breaking();
      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain('changed name from "price" to "limit_price"');

      const changes = join(folder, 'proto/CHANGES.md');
      const list = readFileSync(changes, 'utf8');
      writeFileSync(changes, `${list}\n- \`PlaceOrderRequest.price\` is \`limit_price\` now.\n`);
      expectClean(breaking());
      git('commit', '--quiet', '--all', '--message', 'rename');
      expectClean(breaking());

      git('tag', 'v1');
      expect(breaking().status).toBe(1);
    },
    TIMEOUT_MS,
  );
});
