// Orders that this process has placed lately, by client order id: the account shard has said what
// such an id stands for, so a cancel need not ask again (HLD-3). What is not here is asked for.

import { RecentMap } from '../../../lib/base/recent-map.ts';
import type { OrderRecord } from '../../domain/order-record.ts';
import { decodeRecordBytes } from '../codec/hold-reader.ts';
import { fullNameOf, type OpenRequest } from './open-request.ts';

/** Orders remembered at most; the oldest are forgotten first. */
const ORDER_LIMIT = 100_000;

/** What a client order id stands for, from the beginning of its placement on. */
class BegunOrder {
  #state: 'begun' | 'known' | 'none' = 'begun';
  /** As it was when its hold was made; bytes, because few are ever asked for. */
  #recordBytes: Uint8Array | undefined;
  #waiting: (() => void)[] | undefined;
  /** Its placement, until that is answered. */
  request: OpenRequest | undefined;

  constructor(request: OpenRequest | undefined) {
    this.request = request;
  }

  /** Tells which order it became, or that there is none; only the first time counts. */
  tell(recordBytes: Uint8Array | undefined): void {
    if (this.#state !== 'begun') return;
    this.#recordBytes = recordBytes;
    this.#state = recordBytes === undefined ? 'none' : 'known';
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const resume of waiting ?? []) resume();
  }

  /** The order, as soon as it is told. */
  async find(): Promise<OrderRecord | undefined> {
    if (this.#state === 'begun') {
      await new Promise<void>((resume) => {
        this.#waiting ??= [];
        this.#waiting.push(resume);
      });
    }
    return this.#recordBytes === undefined ? undefined : decodeRecordBytes(this.#recordBytes);
  }
}

export type { BegunOrder };

export class KnownOrders {
  readonly #orders = new RecentMap<string, BegunOrder>(ORDER_LIMIT);

  /**
   * Notes a placement that has begun, in place of what its name stood for: a repeat has it told
   * anew by the account shard.
   *
   * @param request what others of the same name wait for
   * @returns what is to be told what became of it
   */
  begin(accountId: string, clientOrderId: string, request?: OpenRequest): BegunOrder {
    const order = new BegunOrder(request);
    this.#orders.set(fullNameOf(accountId, clientOrderId), order);
    return order;
  }

  /** The order, when its hold is made; undefined when it is not known here. */
  find(accountId: string, clientOrderId: string): Promise<OrderRecord | undefined> | undefined {
    return this.#orders.get(fullNameOf(accountId, clientOrderId))?.find();
  }

  /** The placement of that name which is under way. */
  findRequest(accountId: string, clientOrderId: string): OpenRequest | undefined {
    return this.#orders.get(fullNameOf(accountId, clientOrderId))?.request;
  }
}
