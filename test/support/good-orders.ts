// Good requests about orders of every kind and groups of them, for the test of fields' bounds:
// between them they reach every field.

import {
  OrderType,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../gen/bourse/type/v1/order_pb.ts';
import type { MeshClients } from './mesh.ts';
import type { Market } from './trading.ts';

type Init = Readonly<Record<string, unknown>>;
type Good = () => Init | Promise<Init>;

export type GoodOrdersOptions = {
  readonly mesh: () => MeshClients;
  readonly market: () => Market;
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
const RESTING = {
  ...COMMON,
  side: Side.BUY,
  type: OrderType.LIMIT,
  orderQuantity: { case: 'quantity', value: '1' },
  timeInForce: TimeInForce.GTC,
  acceptBeforeTime: FAR,
};
const KINDS = [RESTING, BY_BUDGET, WAITING, BY_OFFSET, BY_BPS, AT_LEAST];
const NAMES = ['orderId', 'clientOrderId'] as const;

/** What exits say: neither side nor quantity. */
function exitOf(order: Init): Init {
  const { side, orderQuantity, displayQuantity, ...exit } = order;
  return exit;
}

const FIRST_PAGE = { pageSize: 10 };

/** The short ways in which requests name an account, an order and themselves. */
class Naming {
  readonly #options: GoodOrdersOptions;

  constructor(options: GoodOrdersOptions) {
    this.#options = options;
  }

  get account() {
    return { accountId: this.#options.accountId() };
  }

  get place() {
    const { market } = this.#options;
    return { ...this.account, instrumentId: market().instrumentId };
  }

  get request() {
    return { clientRequestId: this.#options.fresh('r') };
  }

  order(more: Init): Init {
    return { ...more, ...this.place, clientOrderId: this.#options.fresh('o') };
  }

  leg(more: Init): Init {
    return { ...more, clientOrderId: this.#options.fresh('leg') };
  }

  /** An order that was just placed, by one of its two names. */
  async open(name: 'orderId' | 'clientOrderId', more: Init = RESTING) {
    const { order } = await this.#options.mesh().orders.placeOrder(this.order(more));
    const id = { case: name, value: order?.[name] ?? '' };
    return { ...this.account, order: { instrumentId: this.place.instrumentId, id } };
  }

  batch(kind: string, good: Good): Good {
    return async () => ({
      clientBatchId: this.#options.fresh('b'),
      items: [{ request: { case: kind, value: await good() } }],
    });
  }
}

/** By full name of the method without its package's first part. */
export function goodOrders(options: GoodOrdersOptions): Readonly<Record<string, readonly Good[]>> {
  const name = new Naming(options);
  const place = KINDS.map((kind) => () => name.order(kind));
  const cancel = NAMES.map((by) => async () => ({ ...(await name.open(by)), ...name.request }));
  const amend = [
    ...NAMES.map((by) => async () => ({
      ...(await name.open(by)),
      ...{ quantity: '0.5', price: '1', expectedVersion: 1n },
      ...name.request,
    })),
    async () => ({
      ...(await name.open('orderId', WAITING)),
      stopPrice: '2',
      displayQuantity: '0.4',
      expireTime: { ...FAR, seconds: FAR.seconds + 1n },
      ...name.request,
    }),
  ];
  const groups = goodGroups(name);
  const cancelGroup = async () => {
    const placed = await options.mesh().orders.placeOrderGroup((await groups[0]?.()) ?? {});
    return { ...name.place, groupId: placed.group?.groupId ?? '', ...name.request };
  };
  const timeout = { seconds: 3_600n, nanos: 0 };
  const one = 'order.v1.OrderService';
  return {
    [`${one}.PlaceOrder`]: place,
    [`${one}.PreviewOrder`]: place.map((good) => () => ({ order: good() })),
    [`${one}.CancelOrder`]: cancel,
    [`${one}.AmendOrder`]: amend,
    [`${one}.CancelAllOrders`]: [() => ({ ...name.account, ...name.request })],
    [`${one}.CancelAllAfter`]: [() => ({ ...name.account, timeout, ...name.request })],
    [`${one}.PlaceOrderGroup`]: groups,
    [`${one}.CancelOrderGroup`]: [cancelGroup],
    [`${one}.GetOrder`]: NAMES.map((by) => () => name.open(by)),
    [`${one}.ListOrders`]: [() => ({ ...name.account, ...FIRST_PAGE })],
    [`${one}.ListFills`]: NAMES.map((by) => async () => ({
      ...(await name.open(by)),
      ...FIRST_PAGE,
    })),
    [`${one}.SubmitOrders`]: [
      ...place.map((good) => name.batch('placeOrder', good)),
      ...cancel.map((good) => name.batch('cancelOrder', good)),
      ...amend.map((good) => name.batch('amendOrder', good)),
      ...groups.map((good) => name.batch('placeOrderGroup', good)),
      name.batch('cancelOrderGroup', cancelGroup),
    ],
    [`${one}.StreamExecutionReports`]: [() => name.account],
  };
}

function goodGroups(name: Naming): readonly Good[] {
  const group = (value: Init) => ({ ...name.place, acceptBeforeTime: FAR, group: value });
  const oco = (first: Init, second: Init) => () =>
    group({ case: 'oco', value: { first: name.leg(first), second: name.leg(second) } });
  const profit = { ...exitOf(WAITING), type: OrderType.TAKE_PROFIT_LIMIT };
  const bracket = (entry: Init, loss: Init) => () => {
    const exits = { takeProfit: name.leg(profit), stop: name.leg(exitOf(loss)) };
    return group({ case: 'bracket', value: { entry: name.leg(entry), ...exits } });
  };
  return [
    oco(WAITING, BY_OFFSET),
    oco(BY_BPS, { ...WAITING, displayQuantity: '' }),
    bracket(AT_LEAST, WAITING),
    bracket(BY_BUDGET, BY_OFFSET),
    bracket(AT_LEAST, BY_BPS),
  ];
}
