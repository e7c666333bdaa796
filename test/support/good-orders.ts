// Good requests about orders of every kind and groups of them, for the test of fields' bounds:
// between them they reach every field.

import {
  OrderType,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../gen/bourse/type/v1/order_pb.ts';
import type { MeshClients } from './mesh.ts';

type Init = Readonly<Record<string, unknown>>;
type Good = () => Init | Promise<Init>;

export type GoodOrdersOptions = {
  readonly mesh: () => MeshClients;
  readonly instrumentId: () => string;
  readonly accountId: () => string;
  /** A name that nothing has yet. */
  readonly fresh: (noun: string) => string;
};

const FAR = { seconds: 4_000_000_000n, nanos: 0 };

const COMMON = {
  price: '1',
  selfTradePrevention: SelfTradePrevention.CANCEL_MAKER,
};
/** Waits, and could then rest for a time, of which a part is seen. */
const WAITING = {
  ...COMMON,
  side: Side.BUY,
  type: OrderType.STOP_LIMIT,
  orderQuantity: { case: 'quantity', value: '1' },
  stopPrice: '1',
  timeInForce: TimeInForce.GTD,
  expireTime: FAR,
  displayQuantity: '0.5',
};
const trailing = (choice: Init) => ({
  ...COMMON,
  side: Side.BUY,
  type: OrderType.TRAILING_STOP,
  orderQuantity: { case: 'quantity', value: '1' },
  timeInForce: TimeInForce.GTC,
  trailing: choice,
});
const BY_OFFSET = trailing({ case: 'trailingOffset', value: '0.1' });
const BY_BPS = trailing({ case: 'trailingOffsetBps', value: 10 });
const AT_LEAST = {
  ...COMMON,
  side: Side.BUY,
  type: OrderType.LIMIT,
  orderQuantity: { case: 'quantity', value: '1' },
  timeInForce: TimeInForce.IOC,
  minimumQuantity: '0.5',
};
const BY_BUDGET = {
  ...COMMON,
  side: Side.BUY,
  type: OrderType.MARKET,
  orderQuantity: { case: 'quoteQuantity', value: '1' },
  timeInForce: TimeInForce.IOC,
};
const KINDS = [WAITING, BY_OFFSET, BY_BPS, AT_LEAST];

/** What exits say: neither side nor quantity. */
function exitOf(order: Init): Init {
  const { side, orderQuantity, displayQuantity, ...exit } = order;
  return exit;
}

/** By full name of the method without its package's first part. */
export function goodOrders(options: GoodOrdersOptions): Readonly<Record<string, readonly Good[]>> {
  const { mesh, instrumentId, accountId, fresh } = options;
  const place = (order: Init) => () => ({
    ...order,
    accountId: accountId(),
    instrumentId: instrumentId(),
    clientOrderId: fresh('kind'),
  });
  const leg = (order: Init) => ({ ...order, clientOrderId: fresh('leg') });
  const group = (value: Init) => ({
    accountId: accountId(),
    instrumentId: instrumentId(),
    acceptBeforeTime: FAR,
    group: value,
  });
  const oco = (first: Init, second: Init) => () =>
    group({ case: 'oco', value: { first: leg(first), second: leg(second) } });
  const profit = { ...exitOf(WAITING), type: OrderType.TAKE_PROFIT_LIMIT };
  const bracket = (entry: Init, takeProfit: Init, stop: Init) => () =>
    group({
      case: 'bracket',
      value: { entry: leg(entry), takeProfit: leg(takeProfit), stop: leg(stop) },
    });
  const groups: readonly Good[] = [
    oco(WAITING, BY_OFFSET),
    oco(BY_BPS, { ...WAITING, displayQuantity: '' }),
    bracket(AT_LEAST, profit, exitOf(WAITING)),
    bracket(BY_BUDGET, profit, exitOf(BY_OFFSET)),
    bracket(AT_LEAST, profit, exitOf(BY_BPS)),
  ];
  const cancel = async () => {
    const placed = await mesh().orders.placeOrderGroup((await groups[0]?.()) ?? {});
    const groupId = placed.group?.groupId ?? '';
    const named = { accountId: accountId(), instrumentId: instrumentId(), groupId };
    return { ...named, clientRequestId: fresh('r') };
  };
  const amend = async () => {
    const { order } = await mesh().orders.placeOrder(place(WAITING)());
    return {
      accountId: accountId(),
      order: {
        instrumentId: instrumentId(),
        id: { case: 'orderId', value: order?.orderId ?? '' },
      },
      stopPrice: '2',
      displayQuantity: '0.4',
      expireTime: { ...FAR, seconds: FAR.seconds + 1n },
      expectedVersion: 1n,
      clientRequestId: fresh('r'),
    };
  };
  const timeout = { seconds: 3_600n, nanos: 0 };
  return {
    PlaceOrder: KINDS.map(place),
    PreviewOrder: KINDS.map((order) => () => ({ order: place(order)() })),
    AmendOrder: [amend],
    PlaceOrderGroup: groups,
    CancelOrderGroup: [cancel],
    CancelAllAfter: [() => ({ accountId: accountId(), timeout, clientRequestId: fresh('r') })],
  };
}
