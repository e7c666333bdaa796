// What `npm start` shows a newcomer: three commands, copied as they are, that end in a trade.

import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ROOT, startTestExchange, type TestExchange } from '../support/exchange.ts';

const DEADLINE_MS = 120_000;

let exchange: TestExchange;
beforeAll(async () => {
  exchange = await startTestExchange();
}, DEADLINE_MS);
afterAll(() => exchange?.stop(), DEADLINE_MS);

/** Runs a line as a person's shell would, until it ends or `isEnough` of what it said. */
async function runLine(line: string, isEnough: (said: string) => boolean): Promise<string> {
  const child = spawn('sh', ['-c', line], { cwd: ROOT, detached: true });
  const end = () => child.pid !== undefined && process.kill(-child.pid, 'SIGTERM');
  let said = '';
  const hear = (chunk: unknown) => {
    said += String(chunk);
    if (isEnough(said)) end();
  };
  child.stdout.on('data', hear);
  child.stderr.resume(); // npm may warn of a person's own settings
  await new Promise((closed) => child.once('close', closed));
  return said;
}

test(
  'deposit, place, watch',
  async () => {
    const lines = exchange.launcher.output().split('\n');
    const [deposit, place, watch] = lines.filter((line) => line.startsWith('npx '));
    const never = () => false;

    const deposited = JSON.parse(await runLine(deposit as string, never));
    expect(JSON.stringify(deposited)).toContain('100000');

    const placed = JSON.parse(await runLine(place as string, never));
    expect(placed.results).toMatchObject([
      { placeOrder: { order: { status: 'ORDER_STATUS_ACTIVE' } } },
      { placeOrder: { order: { status: 'ORDER_STATUS_FILLED' }, fills: [{ price: '50000' }] } },
    ]);

    const watched = await runLine(watch as string, (said) => said.includes('"50000"'));
    expect(watched).toContain('"50000"');
  },
  DEADLINE_MS,
);
