// A market with two accounts that no other test uses, and the short ways to trade in it.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Order } from '../../../gen/bourse/order/v1/order_pb.ts';
import type { PlaceOrderRequestSchema } from '../../../gen/bourse/order/v1/service_pb.ts';
import {
  balanceOf,
  createAccount,
  createMarket,
  limit,
  type Market,
} from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';
import { mesh } from './shared-mesh.ts';

type PlaceInit = Exclude<MessageInitShape<typeof PlaceOrderRequestSchema>, { $typeName: string }>;

export class FreshMarket {
  readonly market: Market;
  readonly alice: string;
  readonly bob: string;

  constructor(market: Market, alice: string, bob: string) {
    this.market = market;
    this.alice = alice;
    this.bob = bob;
  }

  /** Alice has what is said, bob more than enough. */
  static async open(
    rules: Parameters<typeof createMarket>[1] = {},
    funds: { readonly base?: string; readonly quote?: string } = {},
  ): Promise<FreshMarket> {
    const market = await createMarket(mesh, rules);
    const alice = await createAccount(mesh, {
      [market.baseAssetId]: funds.base ?? '1000',
      [market.quoteAssetId]: funds.quote ?? '1000000',
    });
    const bob = await createAccount(mesh, {
      [market.baseAssetId]: '1000',
      [market.quoteAssetId]: '1000000',
    });
    return new FreshMarket(market, alice, bob);
  }

  limit(accountId: string, text: string, more: PlaceInit = {}): PlaceInit {
    return limit(this.market, accountId, text, more);
  }

  place(accountId: string, text: string, more: PlaceInit = {}) {
    return mesh.orders.placeOrder(this.limit(accountId, text, more));
  }

  /** Lets two other orders trade at a price, so that it is the last price. */
  async print(price: string): Promise<void> {
    await this.place(this.bob, `sell 0.001 at ${price}`);
    const other = await createAccount(mesh, { [this.market.quoteAssetId]: '1000' });
    await this.place(other, `buy 0.001 at ${price}`);
  }

  ref(order: Order | undefined) {
    const id = { case: 'orderId', value: order?.orderId ?? '' } as const;
    return { instrumentId: this.market.instrumentId, id };
  }

  async get(accountId: string, order: Order | undefined): Promise<Order | undefined> {
    return (await mesh.orders.getOrder({ accountId, order: this.ref(order) })).order;
  }

  /** Waits until the order stands so; everything is settled by then. */
  until(accountId: string, order: Order | undefined, wanted: (now: Order) => boolean) {
    return waitUntil(
      async () => {
        const now = await this.get(accountId, order);
        if (now === undefined || !wanted(now)) throw new Error(`it is ${now?.status}`);
        return now;
      },
      { what: `order ${order?.orderId}` },
    );
  }

  base(accountId: string): Promise<[string, string, string]> {
    return balanceOf(mesh, accountId, this.market.baseAssetId);
  }

  quote(accountId: string): Promise<[string, string, string]> {
    return balanceOf(mesh, accountId, this.market.quoteAssetId);
  }

  /** What is held of both assets. */
  async held(accountId: string): Promise<[base: string, quote: string]> {
    return [(await this.base(accountId))[2], (await this.quote(accountId))[2]];
  }
}
