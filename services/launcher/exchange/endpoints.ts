// The table of endpoints and the three commands that a newcomer copies.

import type { ServiceName } from '../../lib/platform/config/node-config.ts';
import type { Exchange } from './exchange.ts';
import type { Node } from './nodes.ts';

/** What a service serves to its callers, for the table. */
const SERVES: Record<ServiceName, string> = {
  coordinator: 'ReferenceService, ReferenceAdminService (and the mesh)',
  order: 'OrderService',
  matching: '(the mesh)',
  account: 'AccountService, AccountAdminService (and the mesh)',
  marketdata: 'MarketDataService',
};

/** The text that a person sees when all is ready. */
export function describeEndpoints({ nodes, database }: Exchange): string {
  const rows = [
    ['process', 'gRPC', 'Prometheus', 'serves'],
    ...nodes.map(({ nodeId, address, metricsPort, service }) => [
      nodeId,
      address,
      `${address.replace(/:\d+$/, '')}:${metricsPort}/metrics`,
      SERVES[service],
    ]),
    ['PostgreSQL', database.address, '', ''],
  ];
  const addressOf = (service: ServiceName) => findAddress(nodes, service);
  return [
    ...alignColumns(rows),
    '',
    'Try it, from this folder (the services describe themselves, so any gRPC client will do):',
    '',
    '1. deposit',
    call(addressOf('account'), 'account.v1.AccountAdminService/Deposit', {
      account_id: 'alice',
      asset_id: 'USD',
      amount: '100000',
    }),
    '',
    '2. place: bob sells, alice buys',
    call(addressOf('order'), 'order.v1.OrderService/SubmitOrders', {
      items: [
        { place_order: exampleOrder('bob', 'SIDE_SELL') },
        { place_order: exampleOrder('alice', 'SIDE_BUY') },
      ],
    }),
    '',
    '3. watch (Ctrl-C ends it)',
    call(addressOf('marketdata'), 'marketdata.v1.MarketDataService/StreamTickers', {
      instrument_ids: ['BTC-USD'],
    }),
    '',
    'Ctrl-C here stops the exchange.',
    '',
  ].join('\n');
}

function exampleOrder(accountId: string, side: string) {
  return {
    account_id: accountId,
    instrument_id: 'BTC-USD',
    side,
    type: 'ORDER_TYPE_LIMIT',
    quantity: '1',
    price: '50000',
  };
}

function call(address: string, method: string, request: object): string {
  return (
    `npx buf curl --protocol grpc --http2-prior-knowledge -d '${JSON.stringify(request)}' ` +
    `http://${address}/bourse.${method}`
  );
}

function findAddress(nodes: readonly Node[], service: ServiceName): string {
  return nodes.find((node) => node.service === service)?.address ?? '';
}

function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
