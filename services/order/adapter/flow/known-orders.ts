// Orders that this process has placed lately, by client order id: the account shard has said what
// such an id stands for, so a cancel need not ask again (HLD-3). What is not here is asked for.

import { RecentMap } from '../../../lib/base/recent-map.ts';
import type { OrderRecord } from '../../domain/order-record.ts';

/** An order as it was when this process had its hold made. */
export type KnownOrder = OrderRecord;

/** Orders remembered at most; the oldest are forgotten first. */
const ORDER_LIMIT = 100_000;

export class KnownOrders {
  /** Placements that have begun and became nothing yet. */
  readonly #begun = new Map<string, Promise<KnownOrder | undefined>>();
  readonly #orders = new RecentMap<string, KnownOrder>(ORDER_LIMIT);

  /**
   * Notes a placement that has begun. @returns what tells the order that it became, or that there
   * is none of this process's making.
   */
  begin(accountId: string, clientOrderId: string): (order: KnownOrder | undefined) => void {
    const name = `${accountId} ${clientOrderId}`;
    if (this.#begun.has(name) || this.#orders.has(name)) return () => {};
    let tell: (order: KnownOrder | undefined) => void = () => {};
    const told = new Promise<KnownOrder | undefined>((resolve) => {
      tell = resolve;
    });
    this.#begun.set(name, told);
    return (order) => {
      tell(order);
      if (this.#begun.get(name) !== told) return;
      this.#begun.delete(name);
      if (order !== undefined) this.#orders.set(name, order);
    };
  }

  /** The order, at once or when its hold is made; undefined when it is not known here. */
  find(
    accountId: string,
    clientOrderId: string,
  ): KnownOrder | Promise<KnownOrder | undefined> | undefined {
    const name = `${accountId} ${clientOrderId}`;
    return this.#begun.get(name) ?? this.#orders.get(name);
  }
}
