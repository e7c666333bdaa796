// Clients that trade without a pause: each places orders and cancels some, repeats what failed with
// the same ids at the other order process until it has certainty, and notes what it was told.

import type { Order } from '../../gen/bourse/order/v1/order_pb.ts';
import type {
  CancelOrderResponse,
  GetOrderResponse,
  PlaceOrderResponse,
} from '../../gen/bourse/order/v1/service_pb.ts';
import { OrderType, Side } from '../../gen/bourse/type/v1/order_pb.ts';
import { OperatingError } from '../../services/lib/platform/errors/operating-error.ts';
import { Chance } from '../../services/simulator/domain/chance.ts';
import type { ChaosAccount, ChaosInstrument, ChaosMarket } from './market.ts';
import type { ChaosMesh, OrderClient } from './mesh.ts';

/** A client gives up when it has no certainty after so long. */
const PATIENCE_MS = 60_000;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;
const LOWEST_PRICE = 90;
const HIGHEST_PRICE = 110;
const CANCELS_PERCENT = 25;
/** Orders that a client keeps in mind to cancel. */
const REMEMBERED = 50;

/** One request of one client, from when it was due to its certain answer. */
export type Call = {
  readonly kind: 'place' | 'cancel';
  readonly clientOrderId: string;
  readonly account: ChaosAccount;
  readonly instrument: ChaosInstrument;
  readonly startedMs: number;
  readonly answeredMs: number;
  readonly attempts: number;
  /** The order as the answer had it. */
  readonly order: Order;
};

export type Load = {
  /** Everything that was answered, in the order of the answers. */
  readonly calls: readonly Call[];
  /** Requests that failed although they should not have, in sentences. */
  readonly failures: readonly string[];
  /**
   * From now on each client's calls are due at fixed times, so many milliseconds apart: one that
   * could not begin in time counts from when it was due. Before, each begins when the one before it
   * is answered.
   */
  pace(everyMs: number): void;
  /** Begins no more calls and waits until all have their answer. */
  stop(): Promise<void>;
};

export type LoadOptions = {
  readonly clients: number;
  readonly seed: number;
};

/** Begins at once. */
export function startLoad(mesh: ChaosMesh, market: ChaosMarket, options: LoadOptions): Load {
  const calls: Call[] = [];
  const failures: string[] = [];
  let isStopping = false;
  let pace: Pace | undefined;
  const lane = async (number: number): Promise<void> => {
    const client = new TradingClient(mesh, market, { ...options, number });
    let due: (Pace & { count: number }) | undefined;
    while (!isStopping) {
      if (due === undefined || due.fromMs !== pace?.fromMs) {
        due = pace && { ...pace, count: number / options.clients }; // evenly spread
      }
      const dueMs = due && due.fromMs + due.count++ * due.everyMs;
      try {
        if (dueMs !== undefined) await untilTime(dueMs);
        calls.push(await client.next(dueMs ?? performance.now()));
      } catch (error) {
        failures.push(`client ${number}: ${(error as Error).message}`);
        return;
      }
    }
  };
  const lanes = Array.from({ length: options.clients }, (_, index) => lane(index));
  return {
    calls,
    failures,
    pace: (everyMs) => {
      pace = { everyMs, fromMs: performance.now() };
    },
    async stop() {
      isStopping = true;
      await Promise.all(lanes);
    },
  };
}

type Pace = { readonly everyMs: number; readonly fromMs: number };

async function untilTime(timeMs: number): Promise<void> {
  const earlyMs = timeMs - performance.now();
  if (earlyMs > 0) await new Promise((resolve) => setTimeout(resolve, earlyMs));
}

type OpenOrder = Pick<Call, 'clientOrderId' | 'account' | 'instrument'>;

class TradingClient {
  readonly #orders: readonly OrderClient[];
  readonly #market: ChaosMarket;
  readonly #number: number;
  readonly #chance: Chance;
  readonly #open: OpenOrder[] = [];
  #count = 0;
  #at: number;

  constructor(
    mesh: ChaosMesh,
    market: ChaosMarket,
    { seed, number }: { readonly seed: number; readonly number: number },
  ) {
    this.#orders = mesh.orders;
    this.#market = market;
    this.#number = number;
    this.#chance = new Chance(seed, number);
    this.#at = number % mesh.orders.length;
  }

  /** @param startedMs from when on the call counts */
  next(startedMs: number): Promise<Call> {
    const isCancel = this.#open.length > 0 && this.#chance.happens(CANCELS_PERCENT);
    return isCancel ? this.#cancel(startedMs) : this.#place(startedMs);
  }

  async #place(startedMs: number): Promise<Call> {
    const account = this.#pick(this.#market.accounts);
    const instrument = this.#pick(this.#market.instruments);
    this.#count += 1;
    const clientOrderId = `c${this.#number}-${this.#count}`;
    const request = {
      ...{ accountId: account.accountId, instrumentId: instrument.instrumentId, clientOrderId },
      side: this.#chance.happens(50) ? Side.BUY : Side.SELL,
      type: OrderType.LIMIT,
      orderQuantity: { case: 'quantity' as const, value: String(this.#chance.between(1, 9)) },
      price: String(this.#chance.between(LOWEST_PRICE, HIGHEST_PRICE)),
    };
    const subject = { clientOrderId, account, instrument, startedMs };
    const call = await this.#persist<PlaceOrderResponse>('place', subject, (orders) =>
      orders.placeOrder(request),
    );
    this.#open.push({ clientOrderId, account, instrument });
    if (this.#open.length > REMEMBERED) this.#open.shift();
    return call;
  }

  #cancel(startedMs: number): Promise<Call> {
    const at = this.#chance.between(0, this.#open.length - 1);
    const [subject] = this.#open.splice(at, 1) as [OpenOrder];
    const { clientOrderId, account, instrument } = subject;
    const request = {
      accountId: account.accountId,
      clientRequestId: `x-${clientOrderId}`,
      order: {
        instrumentId: instrument.instrumentId,
        id: { case: 'clientOrderId' as const, value: clientOrderId },
      },
    };
    return this.#persist<CancelOrderResponse | GetOrderResponse>(
      'cancel',
      { ...subject, startedMs },
      async (orders) => {
        try {
          return await orders.cancelOrder(request);
        } catch (error) {
          // What has traded cannot be canceled: then its fills are what is known.
          if (!(error instanceof OperatingError) || error.reason !== 'ORDER_NOT_OPEN') throw error;
          return await orders.getOrder({ accountId: account.accountId, order: request.order });
        }
      },
    );
  }

  /** Asks, at one order process after the other, until the outcome is certain. */
  async #persist<R extends { readonly order?: Order | undefined }>(
    kind: Call['kind'],
    subject: OpenOrder & Pick<Call, 'startedMs'>,
    ask: (orders: OrderClient) => Promise<R>,
  ): Promise<Call> {
    const beganMs = performance.now();
    let pauseMs = FIRST_PAUSE_MS;
    for (let attempts = 1; ; attempts += 1) {
      try {
        const { order } = await ask(this.#orders[this.#at] as OrderClient);
        if (order === undefined) throw new Error('the answer has no order');
        return { kind, ...subject, answeredMs: performance.now(), attempts, order };
      } catch (error) {
        const advice = error instanceof OperatingError ? error.retryAdvice : 'never';
        const isHopeless = advice !== 'safe' && advice !== 'repeat';
        if (isHopeless || performance.now() - beganMs > PATIENCE_MS) {
          const { message } = error as Error;
          throw new Error(`${kind} ${subject.clientOrderId}, attempt ${attempts}: ${message}`);
        }
        this.#at = (this.#at + 1) % this.#orders.length;
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#chance.between(0, items.length - 1)] as T;
  }
}

/**
 * What clients felt of something that happened at a time: the longest that a call took from then
 * on, among those that were on their way or begun within a second, in milliseconds.
 */
export function gapMs(
  calls: readonly Call[],
  atMs: number,
  concerns: (call: Call) => boolean,
): number {
  let longest = 0;
  for (const call of calls) {
    if (call.answeredMs < atMs || call.startedMs > atMs + 1_000 || !concerns(call)) continue;
    longest = Math.max(longest, call.answeredMs - Math.max(call.startedMs, atMs));
  }
  return longest;
}
