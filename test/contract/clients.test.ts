// Clients in other languages: what buf.gen.clients.yaml offers, and one that is really generated
// where its plugins are installed.

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TIMEOUT_MS = 60_000;

function generate(...args: string[]): SpawnSyncReturns<string> {
  const script = join(ROOT, 'services/launcher/gen.mjs');
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
}

function isOnPath(name: string): boolean {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .some((folder) => existsSync(join(folder, name)));
}

test('Go, Python, Java, Rust and C# have a client, in managed mode and with local plugins', () => {
  const template = parse(readFileSync(join(ROOT, 'buf.gen.clients.yaml'), 'utf8'));
  const plugins: Record<string, unknown>[] = template.plugins;
  expect(template.managed.enabled).toBe(true);
  expect([...new Set(plugins.map(({ out }) => out))]).toEqual([
    'go',
    'python',
    'java',
    'rust',
    'csharp',
  ]);
  expect(plugins.filter((plugin) => 'remote' in plugin)).toEqual([]);
});

test('another language is refused with the list of those there are', () => {
  const { status, stderr } = generate('--client', 'cobol', '--output', tmpdir());
  expect(status).toBe(2);
  expect(stderr).toBe('usage: npm run gen -- --client go|python|java|rust|csharp --output DIR\n');
});

test('--help explains the options, and what is none is refused with them', () => {
  expect(generate('--help')).toMatchObject({ status: 0, stderr: '' });
  const { status, stderr } = generate('--hepl');
  expect(status).toBe(2);
  expect(stderr).toMatch(/^Unknown option '--hepl'/);
  expect(stderr).toContain('usage: npm run gen -- [options]');
});

const hasGo = isOnPath('protoc-gen-go') && isOnPath('protoc-gen-go-grpc');
const testWithGo = hasGo ? test : test.skip;
const because = hasGo ? '' : ' (skipped: protoc-gen-go and protoc-gen-go-grpc are not installed)';

testWithGo(
  `a client in Go has every public service and no copy of Google's packages${because}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'bourse-client-'));
    try {
      expect(generate('--client', 'go', '--output', folder)).toMatchObject({ status: 0 });
      for (const name of ['order', 'account', 'marketdata', 'reference']) {
        const file = join(folder, `go/bourse/${name}/v1/service_grpc.pb.go`);
        expect(readFileSync(file, 'utf8')).toContain('ServiceClient interface');
      }
      expect(existsSync(join(folder, 'go/google'))).toBe(false);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  TIMEOUT_MS,
);
