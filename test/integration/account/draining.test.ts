// How an account node stops: what is in flight ends, streams are told, and it is quick.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { createAccount, createMarket, limit } from '../../support/trading.ts';

let mesh: Mesh;

beforeAll(async () => {
  mesh = await startMesh();
}, 120_000);
afterAll(async () => {
  await mesh?.stop();
}, 30_000);

test('REP-9 SIGTERM: streams end with a notice, and the process with nothing left to wait for', async () => {
  const at = await createMarket(mesh);
  const accountId = await createAccount(mesh, { [at.quoteAssetId]: '1000' });
  await mesh.orders.placeOrder(limit(at, accountId, 'buy 1 at 50'));
  const cases: string[] = [];
  const signal = AbortSignal.timeout(20_000);
  const reading = (async () => {
    for await (const { message } of mesh.accounts.streamBalances({ accountId }, { signal })) {
      cases.push(message.case ?? '');
    }
  })();
  while (!cases.includes('snapshot')) await new Promise((resolve) => setTimeout(resolve, 20));
  const began = performance.now();
  await mesh.kill('account-1', 'SIGTERM');
  const tookMs = performance.now() - began;
  await reading;
  expect(cases.at(-1)).toBe('closing');
  // Below the time at which streams that do not end would be cut.
  expect(tookMs).toBeLessThan(2_800);
}, 60_000);
