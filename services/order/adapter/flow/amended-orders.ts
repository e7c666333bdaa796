// Which version the orders have that this process has amended lately. A record that an account
// shard tells may be older: the amend of what it says would be sized by what is no more, declined
// by the book, and by its second try come behind what the client sent after it (MOV-9).

import { RecentMap } from '../../../lib/base/recent-map.ts';
import type { OrderKey } from '../../domain/book-event.ts';
import { formatOrderId } from '../../domain/order-id.ts';

/** Orders remembered at most; the oldest are forgotten first. */
const ORDER_LIMIT = 100_000;

export class AmendedOrders {
  readonly #versions = new RecentMap<string, number>(ORDER_LIMIT);

  /** Notes the version that an amend has given an order. */
  note(order: OrderKey, version: number): void {
    const id = formatOrderId(order);
    if (version <= (this.#versions.get(id) ?? 0)) return;
    this.#versions.set(id, version);
  }

  /** Whether a record is from before an amend that this process has the answer to. */
  isOlder(record: OrderKey & { readonly version: number }): boolean {
    return record.version < (this.#versions.get(formatOrderId(record)) ?? 0);
  }
}
