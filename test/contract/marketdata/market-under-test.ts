// Market data behind a real server, fed with events as a matching shard sends them.

import { create } from '@bufbuild/protobuf';
import { MarketDataService } from '../../../gen/bourse/marketdata/v1/service_pb.ts';
import { type Event, EventSchema } from '../../../gen/bourse/matching/v1/event_pb.ts';
import { EntryEventsSchema } from '../../../gen/bourse/matching/v1/service_pb.ts';
import { Side } from '../../../gen/bourse/type/v1/order_pb.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { Feeds } from '../../../services/marketdata/adapter/feeds.ts';
import { marketDataHandlers } from '../../../services/marketdata/adapter/handlers.ts';
import { Streams } from '../../../services/marketdata/adapter/streams.ts';
import { startServer } from '../platform/server-under-test.ts';

export const FIRST_TIME_US = 1_700_000_000_000_000;

type Kind = Event['kind'];

/** Makes a matching shard's events for instruments, numbered as the shard numbers them. */
export class FedMarket {
  readonly feeds = new Feeds();
  readonly streams = new Streams(this.feeds);
  #entryIndex = 0n;
  #sequences = new Map<number, bigint>();
  #placement = 0n;
  timeUs = FIRST_TIME_US;

  constructor(instrumentIds: readonly string[]) {
    this.feeds.isReady = true;
    instrumentIds.forEach((instrumentId, i) => {
      const instrumentNumber = i + 1;
      this.feeds.setScale({
        instrumentId,
        instrumentNumber,
        priceUnit: { coefficient: 1n, scale: 2 },
        quantityUnit: { coefficient: 1n, scale: 3 },
        quoteScale: 5,
      });
    });
  }

  /** One entry with one command. @returns the instrument's sequence after it. */
  command(instrumentNumber: number, kinds: readonly Kind[]): bigint {
    this.#entryIndex += 1n;
    this.timeUs += 1_000;
    const events = kinds.map((kind) => {
      const instrumentSequence = (this.#sequences.get(instrumentNumber) ?? 0n) + 1n;
      this.#sequences.set(instrumentNumber, instrumentSequence);
      return create(EventSchema, { instrumentNumber, instrumentSequence, kind });
    });
    const entry = create(EntryEventsSchema, {
      entryIndex: this.#entryIndex,
      logTimeUs: BigInt(this.timeUs),
      commands: [{ identity: `c${this.#entryIndex}`, events }],
    });
    this.feeds.apply('matching-1', [entry]);
    return this.#sequences.get(instrumentNumber) ?? 0n;
  }

  /** A resting order. @returns its placement. */
  rest(instrumentNumber: number, order: { side: Side; price: bigint; quantity: bigint }): bigint {
    this.#placement += 1n;
    this.command(instrumentNumber, [this.#accepted(this.#placement, order)]);
    return this.#placement;
  }

  /** An order that trades with a resting one and is gone. */
  take(
    instrumentNumber: number,
    maker: { placement: bigint; side: Side; price: bigint },
    quantity: bigint,
  ): bigint {
    this.#placement += 1n;
    const side = maker.side === Side.BUY ? Side.SELL : Side.BUY;
    const { price } = maker;
    return this.command(instrumentNumber, [
      this.#accepted(this.#placement, { side, price, quantity }),
      create(EventSchema, {
        kind: {
          case: 'traded',
          value: {
            priceUnits: price,
            quantityUnits: quantity,
            aggressorSide: side,
            maker: { accountNumber: 1, placement: maker.placement },
            taker: { accountNumber: 1, placement: this.#placement },
          },
        },
      }).kind,
    ]);
  }

  #accepted(
    placement: bigint,
    { side, price, quantity }: { side: Side; price: bigint; quantity: bigint },
  ): Kind {
    return create(EventSchema, {
      kind: {
        case: 'orderAccepted',
        value: {
          accountNumber: 1,
          placement,
          terms: { side, priceUnits: price, quantityUnits: quantity },
        },
      },
    }).kind;
  }
}

/** Serves a fed market. */
export async function serveMarket(instrumentIds: readonly string[]) {
  const market = new FedMarket(instrumentIds);
  const handlers = marketDataHandlers(market.feeds, market.streams);
  const running = await startServer(MarketDataService, handlers);
  return {
    market,
    client: createRpcClient(MarketDataService, running.channel),
    async close(): Promise<void> {
      market.streams.stop();
      await running.close();
    },
  };
}
