// The dead man's switch is state of the account's shard: it goes off although every process that
// could remember it has died (CXL-2).

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CancelReason, OrderStatus, OrderType } from '../../../gen/bourse/type/v1/order_pb.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { balanceOf, createAccount, createMarket, limit } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

let mesh: Mesh;

beforeAll(async () => {
  mesh = await startMesh();
}, 150_000);
afterAll(async () => {
  await mesh?.stop();
}, 30_000);

describe('the dead man’s switch', () => {
  test('CXL-2 cancels everything after the account node and the order service were killed', async () => {
    const at = await createMarket(mesh);
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '1000000' });
    await mesh.orders.placeOrder(limit(at, accountId, 'buy 1 at 90'));
    const stop = { type: OrderType.STOP, stopPrice: '110' };
    await mesh.orders.placeOrder(limit(at, accountId, 'buy 1 at ', stop));
    await mesh.orders.cancelAllAfter({ accountId, timeout: { seconds: 1n } });
    await mesh.kill('account-1', 'SIGKILL');
    await mesh.kill('order', 'SIGKILL');
    await mesh.start('account-1');
    await waitUntil(async () => (await balanceOf(mesh, accountId, at.quoteAssetId))[2] === '0', {
      what: 'everything to be canceled',
      deadlineMs: 60_000,
    });
    await mesh.start('order');
    const { orders } = await waitUntil(() => mesh.orders.listOrders({ accountId }), {
      what: 'the orders',
      deadlineMs: 60_000,
    });
    expect(orders.map(({ status, cancelReason }) => [status, cancelReason])).toEqual([
      [OrderStatus.CANCELED, CancelReason.DEAD_MAN_SWITCH],
      [OrderStatus.CANCELED, CancelReason.DEAD_MAN_SWITCH],
    ]);
  }, 150_000);
});
