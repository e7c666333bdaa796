// Which version the orders have that this process has amended lately. A record that an account
// shard tells may be older: the amend of what it says would be sized by what is no more, declined
// by the book, and by its second try come behind what the client sent after it (MOV-9).

import type { OrderKey } from '../../domain/book-event.ts';
import { formatOrderId } from '../../domain/order-id.ts';

/** Orders remembered; the oldest is forgotten first. */
const ORDER_LIMIT = 100_000;

export class AmendedOrders {
  readonly #versions = new Map<string, number>();

  /** Notes the version that an amend has given an order. */
  note(order: OrderKey, version: number): void {
    const id = formatOrderId(order);
    if (version <= (this.#versions.get(id) ?? 0)) return;
    this.#versions.delete(id);
    this.#versions.set(id, version);
    if (this.#versions.size <= ORDER_LIMIT) return;
    for (const oldest of this.#versions.keys()) {
      this.#versions.delete(oldest);
      return;
    }
  }

  /** Whether a record is from before an amend that this process has the answer to. */
  isOlder(record: OrderKey & { readonly version: number }): boolean {
    return record.version < (this.#versions.get(formatOrderId(record)) ?? 0);
  }
}
