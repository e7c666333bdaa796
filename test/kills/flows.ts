// The flows of orders and money as named steps, each with the call that a client makes and repeats
// with the same ids.

import { OrderStatus, RejectReason } from '../../gen/bourse/type/v1/order_pb.ts';
import { limit } from '../support/trading.ts';
import { waitUntil } from '../support/wait.ts';
import type { KillFolder } from './plan.ts';
import { untilExplained, type Venue, type Victim } from './venue.ts';

/** What an answer says for certain. */
export type Certainty = {
  /** Of the order or posting that the call's id stands for. */
  readonly id: string;
  /** True when an earlier attempt has done it. */
  readonly isRepeat: boolean;
};

/** Makes the call; every time with the same ids. */
export type Call = () => Promise<Certainty>;

export type Flow = {
  readonly name: string;
  /** What an undisturbed flow passes, and whose process takes the step. */
  readonly steps: readonly (readonly [step: string, owner: Victim])[];
  /** Who may die in it. */
  readonly victims: readonly Victim[];
  /** Does what must be there before; `run` makes its ids unique. */
  readonly prepare: (venue: Venue, run: string, folder: KillFolder) => Promise<Call>;
};

type Steps = Flow['steps'];

/** How long an order that its order service has lost may still arrive. */
const ORPHAN_MS = 1_500;
const ANYBODY: readonly Victim[] = ['order', 'account', 'matching'];

/** Of a command in its shard, up to the commit of the event that tells of it. */
function inShard(owner: Victim, command: string, event: string): Steps {
  return [
    [`arrived ${command}`, owner],
    [`applied ${command}`, owner],
    [`committed ${event}`, owner],
  ];
}

const SETTLED: Steps = [['followed', 'account'], ...inShard('account', 'settle', 'orderExecuted')];

function calls(method: string, owner: Victim, between: Steps): Steps {
  return [[`read bourse.${method}`, owner], ...between, [`replied bourse.${method}`, owner]];
}

const rest: Flow = {
  name: 'rest',
  victims: ANYBODY,
  steps: [
    ...calls('order.v1.OrderService/PlaceOrder', 'order', [
      ['room', 'order'],
      ['proposed placeHold', 'order'],
      ...inShard('account', 'placeHold', 'holdPlaced'),
      ['proposed placeOrder', 'order'],
      ...inShard('matching', 'placeOrder', 'orderAccepted'),
    ]),
    ...SETTLED,
  ],
  prepare: async (venue, run) => placement(venue, venue.alice, `buy 1 at 90`, run),
};

const trade: Flow = {
  name: 'trade',
  victims: ANYBODY,
  steps: [...inShard('matching', 'placeOrder', 'traded'), ...SETTLED],
  async prepare(venue, run) {
    await placement(venue, venue.bob, 'sell 1 at 110', `${run}-maker`)();
    await untilExplained(venue);
    return placement(venue, venue.alice, 'buy 1 at 110', run);
  },
};

const amend: Flow = {
  name: 'amend',
  victims: ANYBODY,
  steps: [
    ...calls('order.v1.OrderService/AmendOrder', 'order', [
      ['room', 'order'],
      ['proposed amendHold', 'order'],
      ...inShard('account', 'amendHold', 'amendHoldPlaced'),
      ['proposed amendOrder', 'order'],
      ...inShard('matching', 'amendOrder', 'orderAmended'),
    ]),
    ...SETTLED,
  ],
  async prepare(venue, run) {
    const { mesh, alice } = venue;
    const order = await restingOrder(venue, run);
    const request = { accountId: alice, order, price: '91', clientRequestId: run };
    return async () => {
      const answer = await mesh.orders.amendOrder(request);
      return { id: answer.order?.orderId ?? '', isRepeat: answer.duplicate };
    };
  },
};

const cancel: Flow = {
  name: 'cancel',
  victims: ANYBODY,
  steps: [
    ...calls('order.v1.OrderService/CancelOrder', 'order', [
      ['proposed cancelOrder', 'order'],
      ...inShard('matching', 'cancelOrder', 'orderCanceled'),
    ]),
    ...SETTLED,
  ],
  async prepare(venue, run) {
    return cancellation(venue, await restingOrder(venue, run), run);
  },
};

/** A cancel that comes before its order, which is then kept from arriving. */
const forget: Flow = {
  name: 'forget',
  victims: ANYBODY,
  steps: calls('order.v1.OrderService/CancelOrder', 'order', [
    ['proposed prepareCancel', 'order'],
    ...inShard('account', 'prepareCancel', 'cancelRecorded'),
  ]),
  prepare: async (venue, run) => cancellation(venue, refTo(venue, run), run),
};

/** An order whose order service died behind its hold: its account's shard forbids it (HLD-4). */
const orphan: Flow = {
  name: 'orphan',
  victims: ['account', 'matching'],
  steps: [...inShard('matching', 'forbidOrder', 'orderForbidden'), ...SETTLED],
  async prepare(venue, run, folder) {
    const { mesh, alice, market } = venue;
    const endMs = Date.now() + ORPHAN_MS;
    const seconds = BigInt(Math.floor(endMs / 1_000));
    const acceptBeforeTime = { seconds, nanos: (endMs % 1_000) * 1_000_000 };
    folder.plan({ step: 'proposed placeOrder', pid: mesh.pidOf('order') ?? 0 });
    const more = { clientOrderId: run, acceptBeforeTime };
    await mesh.orders.placeOrder(limit(market, alice, 'buy 1 at 90', more)).then(
      () => Promise.reject(new Error('the order service did not die')),
      () => {},
    );
    await mesh.kill('order');
    return async () => {
      const order = refTo(venue, run);
      const isOver = async () => {
        const found = (await mesh.orders.getOrder({ accountId: alice, order })).order;
        if (found?.status !== OrderStatus.REJECTED) return undefined;
        if (found.rejectReason !== RejectReason.NOT_DELIVERED) throw new Error('another reason');
        return { id: found.orderId, isRepeat: true };
      };
      return await waitUntil(isOver, { what: 'the orphan to end', deadlineMs: 30_000 });
    };
  },
};

function moneyFlow(name: 'deposit' | 'withdraw', method: string): Flow {
  return {
    name,
    victims: ['account'],
    steps: calls(`account.v1.AccountAdminService/${method}`, 'account', [
      ...inShard('account', name, 'transferPosted'),
    ]),
    async prepare({ mesh, market, alice }, run) {
      const what = { accountId: alice, assetId: market.baseAssetId, amount: '1' };
      const request = { ...what, clientTransferId: run };
      return async () => {
        const { posting, duplicate } = await mesh.accountAdmin[name](request);
        return { id: posting?.postingId ?? '', isRepeat: duplicate };
      };
    },
  };
}

/** From one account shard to the other, through clearing (LED-5). */
const transfer: Flow = {
  name: 'transfer',
  victims: ['account'],
  steps: calls('account.v1.AccountService/Transfer', 'account', [
    ...inShard('account', 'transfer', 'transferPosted'),
    ['followed', 'account'],
    ...inShard('account', 'settleTransfers', 'rangeSettled'),
  ]),
  async prepare({ mesh, market, alice, bob }, run) {
    const what = { accountId: alice, toAccountId: bob, assetId: market.baseAssetId, amount: '1' };
    const request = { ...what, clientTransferId: run };
    return async () => {
      const { posting, duplicate } = await mesh.accounts.transfer(request);
      return { id: posting?.postingId ?? '', isRepeat: duplicate };
    };
  },
};

export const FLOWS: readonly Flow[] = [
  ...[rest, trade, amend, cancel, forget, orphan],
  ...[moneyFlow('deposit', 'Deposit'), moneyFlow('withdraw', 'Withdraw'), transfer],
];

function placement({ mesh, market }: Venue, accountId: string, text: string, run: string): Call {
  const request = limit(market, accountId, text, { clientOrderId: run });
  return async () => {
    const { order, duplicate } = await mesh.orders.placeOrder(request);
    if (order?.status === OrderStatus.REJECTED) throw new Error(`${run} was rejected`);
    return { id: order?.orderId ?? '', isRepeat: duplicate };
  };
}

function refTo({ market }: Venue, clientOrderId: string) {
  const id = { case: 'clientOrderId' as const, value: clientOrderId };
  return { instrumentId: market.instrumentId, id };
}

/** An order in its book, settled. */
async function restingOrder(venue: Venue, run: string) {
  await placement(venue, venue.alice, 'buy 1 at 90', `${run}-order`)();
  await untilExplained(venue);
  return refTo(venue, `${run}-order`);
}

function cancellation({ mesh, alice }: Venue, order: ReturnType<typeof refTo>, run: string): Call {
  const request = { accountId: alice, order, clientRequestId: run };
  return async () => {
    const answer = await mesh.orders.cancelOrder(request);
    const id = answer.order?.orderId || run;
    return { id, isRepeat: answer.duplicate || answer.alreadyFinal };
  };
}
