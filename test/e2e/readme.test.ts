// The sessions on the front page, run as they stand there: a person copies them, block by block,
// and they end in a trade.

import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ROOT, startTestExchange, type TestExchange } from '../support/exchange.ts';

const DEADLINE_MS = 120_000;
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

let exchange: TestExchange;
beforeAll(async () => {
  exchange = await startTestExchange();
}, DEADLINE_MS);
afterAll(() => exchange?.stop(), DEADLINE_MS);

/** The blocks of commands below a heading, until the next one. */
function blocksBelow(heading: string): string[] {
  const [, section = ''] = README.split(new RegExp(`^#+ ${heading}.*$`, 'm'));
  const [own = ''] = section.split(/^#+ .*$/m);
  return [...own.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands = '']) => commands);
}

/** Runs a block at the ports of the test's exchange. @returns what it says on standard output. */
async function run(block: string): Promise<string> {
  const atOffset = block.replace(/127\.0\.0\.1:(7\d{3})/g, (_, port: string) => {
    return `127.0.0.1:${Number(port) + exchange.launcher.portOffset}`;
  });
  const child = spawn('sh', ['-ec', atOffset], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    errors += String(chunk);
  });
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (exitCode !== 0) throw new Error(`${atOffset}\nends with ${exitCode}: ${errors}${output}`);
  return output;
}

async function runAll(blocks: readonly string[]): Promise<string[]> {
  const outputs: string[] = [];
  for (const block of blocks) outputs.push(await run(block));
  return outputs;
}

describe('the front page', () => {
  test(
    'has a session with buf curl that ends in a trade',
    async () => {
      const outputs = await runAll(blocksBelow('With what the clone has'));
      expect(outputs).toHaveLength(5);
      const [deposit, offer, book, take, after] = outputs;
      expect(deposit).toContain('"clientTransferId": "readme-1"');
      expect(offer).toContain('ORDER_STATUS_ACTIVE');
      expect(book).toMatch(/"asks": \[\s*\{\s*"price": "50000",\s*"quantity": "0\.5"/);
      expect(take).toContain('ORDER_STATUS_FILLED');
      expect(take).toMatch(/"fills": \[\s*\{/);
      expect(after).toMatch(/"assetId": "BTC",\s*"total": "0\.5"/);
      expect(after).toMatch(/"trades": \[\s*\{\s*"tradeId"/);
    },
    DEADLINE_MS,
  );

  const hasGrpcurl = spawnSync('grpcurl', ['-version']).status === 0;
  if (!hasGrpcurl) console.warn('skipped: the session with grpcurl needs grpcurl on the PATH');
  (hasGrpcurl ? test : test.skip)(
    'has a session with grpcurl that ends in a trade',
    async () => {
      const outputs = await runAll(blocksBelow('With grpcurl'));
      expect(outputs).toHaveLength(4);
      expect(outputs[0]).toContain('bourse.order.v1.OrderService');
      expect(outputs[0]).toContain('rpc PlaceOrder');
      expect(outputs[2]).toContain('ORDER_STATUS_ACTIVE');
      expect(outputs[3]).toContain('ORDER_STATUS_FILLED');
    },
    DEADLINE_MS,
  );

  test(
    'says how one request is traced, and its id comes back',
    async () => {
      const [, request = ''] = blocksBelow('Looking at a trace');
      const said = await run(`${request.trimEnd()} 2>&1`);
      expect(said).toMatch(/x-bourse-trace-id: [0-9a-f]{32}/i);
      expect(said).toContain('ORDER_STATUS_ACTIVE');
    },
    DEADLINE_MS,
  );

  test('names every npm script and every dependency', () => {
    const { scripts, dependencies, devDependencies, optionalDependencies } = JSON.parse(
      readFileSync(join(ROOT, 'package.json'), 'utf8'),
    );
    const unnamed = Object.keys(scripts).filter(
      (name) => !README.includes(`npm run ${name}`) && !README.includes(`npm ${name}`),
    );
    expect(unnamed.filter((name) => name !== 'bourse')).toEqual([]);
    const patterns = [...README.matchAll(/`(@?[a-z][\w./*@-]*)`/g)].map(([, name = '']) => {
      return new RegExp(`^${name.replaceAll('*', '.*')}$`);
    });
    const all = { ...dependencies, ...devDependencies, ...optionalDependencies };
    const unexplained = Object.keys(all).filter(
      (name) => !patterns.some((pattern) => pattern.test(name)),
    );
    expect(unexplained).toEqual([]);
  });
});
