// Execution reports: the snapshot of open orders, then every report, gap-free and resumable.

import { describe, expect, test } from '@jest/globals';
import type { ExecutionReport } from '../../../gen/bourse/order/v1/order_pb.ts';
import { ExecutionType, OrderStatus } from '../../../gen/bourse/type/v1/order_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { createAccount, createMarket, limit, type Market } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';
import { listen } from './listen.ts';
import { mesh } from './shared-mesh.ts';

let at: Market;
let alice: string;
let bob: string;

async function fresh() {
  at = await createMarket(mesh);
  const funds = { [at.baseAssetId]: '1000', [at.quoteAssetId]: '1000000' };
  alice = await createAccount(mesh, funds);
  bob = await createAccount(mesh, funds);
}

const typesOf = (reports: readonly ExecutionReport[]) =>
  reports.map(({ executionType }) => executionType);

describe('a stream of execution reports', () => {
  test('CON-3 begins with the open orders, then tells everything that happens to any', async () => {
    await fresh();
    const before = await mesh.orders.placeOrder(limit(at, alice, 'sell 2 at 100'));
    const stream = listen(alice);
    const snapshot = await stream.untilSnapshot();
    expect(stream.messages[0]?.message.case).toBe('started');
    expect(snapshot).toMatchObject({ complete: true, orders: [{ status: OrderStatus.ACTIVE }] });
    expect(snapshot.orders[0]).toEqual(before.order);

    const after = limit(at, alice, 'sell 1 at 101');
    const second = await mesh.orders.placeOrder(after);
    const taken = await mesh.orders.placeOrder(limit(at, bob, 'buy 1 at 100'));
    const id = { case: 'orderId', value: second.order?.orderId ?? '' } as const;
    const order = { instrumentId: at.instrumentId, id };
    await mesh.orders.amendOrder({ accountId: alice, order, price: '102', clientRequestId: 'am' });
    await mesh.orders.cancelOrder({ accountId: alice, order, clientRequestId: 'ca' });

    const reports = await stream.untilReports(4);
    expect(typesOf(reports)).toEqual([
      ExecutionType.NEW,
      ExecutionType.TRADE,
      ExecutionType.REPLACED,
      ExecutionType.CANCELED,
    ]);
    expect(reports.map(({ causeClientId }) => causeClientId)).toEqual([
      after.clientOrderId,
      '',
      'am',
      'ca',
    ]);
    expect(reports[1]).toMatchObject({
      tradeId: taken.fills[0]?.tradeId,
      lastPrice: '100',
      lastQuantity: '1',
      fee: '0.01',
      order: { status: OrderStatus.PARTIALLY_FILLED, remainingQuantity: '1' },
    });
    expect(reports[0]?.previousSequence).toBe(before.sequence);
    for (const [index, report] of reports.entries()) {
      if (index > 0) expect(report.previousSequence).toBe(reports[index - 1]?.sequence);
    }
    stream.stop();
  });

  test('CON-3 a declined order is reported in the numbering of the account', async () => {
    await fresh();
    const stream = listen(alice);
    await stream.untilSnapshot();
    await mesh.orders.placeOrder(limit(at, alice, 'buy 1000000 at 100'));
    await mesh.orders.placeOrder(limit(at, alice, 'buy 1000000 at 100'));
    const [first, second] = await stream.untilReports(2);
    expect(first).toMatchObject({ executionType: ExecutionType.REJECTED, sequence: 0n });
    expect(first?.accountSequence).toBeGreaterThan(0n);
    expect(second?.previousAccountSequence).toBe(first?.accountSequence);
    stream.stop();
  });

  test('CON-3 goes on behind any token, with nothing lost and nothing twice', async () => {
    await fresh();
    const stream = listen(alice);
    await stream.untilSnapshot();
    for (let index = 0; index < 5; index++) {
      await mesh.orders.placeOrder(limit(at, alice, `sell 1 at ${100 + index}`));
    }
    const all = await stream.untilReports(5);
    stream.stop();
    const tokens = stream.messages.filter(({ message }) => message.case === 'report');
    const resumed = listen(alice, tokens[1]?.resumeToken);
    await mesh.orders.placeOrder(limit(at, alice, 'sell 1 at 200'));
    const rest = await resumed.untilReports(4);
    expect(resumed.messages[0]?.message).toMatchObject({
      case: 'started',
      value: { resumed: true },
    });
    expect(rest.slice(0, 3)).toEqual(all.slice(2));
    resumed.stop();
  });

  test('CON-3 an unknown account, and a token of another account, are refused', async () => {
    await fresh();
    const nobody = await listen('nobody').ended;
    expect(nobody).toBeInstanceOf(OperatingError);
    expect((nobody as OperatingError).reason).toBe('ACCOUNT_UNKNOWN');
    const stream = listen(alice);
    await stream.untilSnapshot();
    const token = stream.messages.at(-1)?.resumeToken;
    const foreign = (await listen(bob, token).ended) as OperatingError;
    expect(foreign.reason).toBe('RESUME_TOKEN_INVALID');
    stream.stop();
  });

  test('heartbeats come while nothing happens', async () => {
    await fresh();
    const stream = listen(alice);
    await waitUntil(() => stream.messages.some(({ message }) => message.case === 'heartbeat'), {
      what: 'a heartbeat',
    });
    stream.stop();
  });
});
