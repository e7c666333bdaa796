// Subscribers of market data that check what they get: books rebuilt from updates without a gap,
// a tape on which every trade stands once.

import type {
  StreamOrderBookResponse,
  StreamTradesResponse,
} from '../../gen/bourse/marketdata/v1/service_pb.ts';
import { EndlessStream } from '../../services/simulator/replay/endless-stream.ts';
import { waitUntil } from '../support/wait.ts';
import { unitsOf } from './market.ts';
import type { MarketDataClient } from './mesh.ts';

const DEPTH = 1_000;
const CATCH_UP_MS = 30_000;

type Sides = { readonly bids: Map<string, string>; readonly asks: Map<string, string> };
type Level = { readonly price: string; readonly quantity: string };

/** One subscriber of all instruments at one market-data process. */
export class FeedWatcher {
  /** What was wrong, in sentences. */
  readonly violations: string[] = [];
  readonly #marketData: MarketDataClient;
  readonly #instrumentIds: readonly string[];
  readonly #name: string;
  readonly #books = new Map<string, Sides>();
  readonly #bookSequences = new Map<string, bigint>();
  readonly #tapeSequences = new Map<string, bigint>();
  readonly #tradeIds = new Set<string>();
  readonly #tradedUnits = new Map<string, bigint>();
  readonly #streams: readonly { readonly failure: Promise<never>; stop(): Promise<void> }[];

  constructor(name: string, marketData: MarketDataClient, instrumentIds: readonly string[]) {
    this.#name = name;
    this.#marketData = marketData;
    this.#instrumentIds = instrumentIds;
    for (const instrumentId of instrumentIds) {
      this.#books.set(instrumentId, { bids: new Map(), asks: new Map() });
    }
    let bookToken = '';
    let tapeToken = '';
    const books = new EndlessStream<StreamOrderBookResponse>({
      what: `books at ${name}`,
      open: (signal) =>
        marketData.streamOrderBook(
          { instrumentIds: [...instrumentIds], depth: DEPTH, resumeToken: bookToken },
          { signal },
        ),
      onMessage: (response) => {
        this.#takeBook(response);
        bookToken = response.resumeToken;
      },
      onBroken: ({ reason }) => {
        if (reason !== 'RESUME_TOKEN_TOO_OLD') return false;
        bookToken = '';
        return true;
      },
    });
    const tape = new EndlessStream<StreamTradesResponse>({
      what: `trades at ${name}`,
      open: (signal) =>
        marketData.streamTrades(
          { instrumentIds: [...instrumentIds], resumeToken: tapeToken },
          { signal },
        ),
      onMessage: (response) => {
        this.#takeTrades(response);
        tapeToken = response.resumeToken;
      },
    });
    this.#streams = [books, tape];
    for (const { failure } of this.#streams) {
      failure.catch((error: unknown) => this.#violated((error as Error).message));
    }
  }

  /** What was traded of an instrument, as the tape has it. */
  tradedUnits(instrumentId: string): bigint {
    return this.#tradedUnits.get(instrumentId) ?? 0n;
  }

  /** Compares the rebuilt books with what GetOrderBook says, once nobody trades any more. */
  async compareBooks(): Promise<void> {
    for (const instrumentId of this.#instrumentIds) {
      const compare = async (): Promise<string | undefined> => {
        const book = await this.#marketData.getOrderBook({ instrumentId, depth: DEPTH });
        const mine = this.#books.get(instrumentId) as Sides;
        const sequence = this.#bookSequences.get(instrumentId);
        if (sequence !== book.sequence) return `stands at ${sequence}, not ${book.sequence}`;
        const agrees = agree(mine.bids, book.bids) && agree(mine.asks, book.asks);
        return agrees ? undefined : `differs at sequence ${sequence}`;
      };
      let difference: string | undefined;
      const isSame = async () => {
        difference = await compare();
        return difference === undefined;
      };
      await waitUntil(isSame, { what: 'the feed', deadlineMs: CATCH_UP_MS, pollMs: 50 }).catch(() =>
        this.#violated(`the book of ${instrumentId} ${difference}`),
      );
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#streams.map((stream) => stream.stop()));
  }

  #takeBook({ message }: StreamOrderBookResponse): void {
    if (message.case === 'snapshot') {
      const { instrumentId, sequence, bids, asks } = message.value;
      const book = this.#books.get(instrumentId) as Sides;
      book.bids.clear();
      book.asks.clear();
      setTotals(book.bids, bids);
      setTotals(book.asks, asks);
      this.#bookSequences.set(instrumentId, sequence);
    } else if (message.case === 'updates') {
      for (const { instrumentId, sequence, previousSequence, bids, asks } of message.value
        .updates) {
        const known = this.#bookSequences.get(instrumentId);
        if (known !== previousSequence) {
          this.#violated(
            `book of ${instrumentId}: at ${known} came what follows ${previousSequence}`,
          );
        }
        const book = this.#books.get(instrumentId) as Sides;
        setTotals(book.bids, bids);
        setTotals(book.asks, asks);
        this.#bookSequences.set(instrumentId, sequence);
      }
    }
  }

  #takeTrades({ message }: StreamTradesResponse): void {
    if (message.case === 'snapshot') {
      for (const { instrumentId, sequence } of message.value.places) {
        this.#tapeSequences.set(instrumentId, sequence);
      }
    } else if (message.case === 'update') {
      const { instrumentId, sequence, previousSequence, trades } = message.value;
      const known = this.#tapeSequences.get(instrumentId);
      if (known !== previousSequence) {
        this.#violated(
          `tape of ${instrumentId}: at ${known} came what follows ${previousSequence}`,
        );
      }
      this.#tapeSequences.set(instrumentId, sequence);
      for (const { tradeId, quantity } of trades) {
        if (this.#tradeIds.has(tradeId)) this.#violated(`trade ${tradeId} came twice`);
        this.#tradeIds.add(tradeId);
        const traded = (this.#tradedUnits.get(instrumentId) ?? 0n) + unitsOf(quantity);
        this.#tradedUnits.set(instrumentId, traded);
      }
    }
  }

  #violated(what: string): void {
    this.violations.push(`${this.#name}: ${what}`);
  }
}

function setTotals(side: Map<string, string>, levels: readonly Level[]): void {
  for (const { price, quantity } of levels) {
    if (quantity === '0') side.delete(price);
    else side.set(price, quantity);
  }
}

function agree(side: ReadonlyMap<string, string>, levels: readonly Level[]): boolean {
  return (
    side.size === levels.length &&
    levels.every(({ price, quantity }) => side.get(price) === quantity)
  );
}
