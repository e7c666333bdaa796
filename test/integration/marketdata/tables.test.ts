// Market data's tables in a real database: what is saved is what a restart goes on from (CON-1).

import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { EventSchema } from '../../../gen/bourse/matching/v1/event_pb.ts';
import { EntryEventsSchema } from '../../../gen/bourse/matching/v1/service_pb.ts';
import { OrderType, Side } from '../../../gen/bourse/type/v1/order_pb.ts';
import { createPool } from '../../../services/lib/platform/postgres/pool.ts';
import { Feeds } from '../../../services/marketdata/adapter/feeds.ts';
import type { ReadPlace } from '../../../services/marketdata/adapter/follow-shard.ts';
import { PostgresMarketTables } from '../../../services/marketdata/adapter/tables/market-tables.ts';
import type { InstrumentFeed } from '../../../services/marketdata/domain/instrument-feed.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

type Kind = ReturnType<typeof create<typeof EventSchema>>['kind'];

const SHARD_ID = 'matching-1';
const FIRST_TIME_US = 1_700_000_000_000_000;

let postgres: TestPostgres;
let pool: pg.Pool;
let tables: PostgresMarketTables;

beforeAll(async () => {
  postgres = await startTestPostgres();
  pool = createPool({ databaseUrl: postgres.url, name: 'test tables' });
  tables = new PostgresMarketTables(pool);
  await pool.query('INSERT INTO log_shard (shard_id, epoch) VALUES ($1, 1)', [SHARD_ID]);
}, 60_000);
afterAll(async () => {
  await pool?.end();
  await postgres?.stop();
}, 30_000);

/** Events of one shard for instruments, as its log would have them. */
class Source {
  readonly entries: ReturnType<typeof create<typeof EntryEventsSchema>>[] = [];
  #sequences = new Map<number, number>();
  #placement = 0;
  timeUs = FIRST_TIME_US;

  add(instrumentNumber: number, kinds: readonly Kind[]): void {
    this.timeUs += 250_000;
    const events = kinds.map((kind) => {
      const instrumentSequence = (this.#sequences.get(instrumentNumber) ?? 0) + 1;
      this.#sequences.set(instrumentNumber, instrumentSequence);
      const sequence = BigInt(instrumentSequence);
      return create(EventSchema, { instrumentNumber, instrumentSequence: sequence, kind });
    });
    const fields = { entryIndex: BigInt(this.entries.length + 1), logTimeUs: BigInt(this.timeUs) };
    this.entries.push(create(EntryEventsSchema, { ...fields, commands: [{ events }] }));
  }

  /** A resting order, of every kind that a book tells apart; some of them are taken in part. */
  trade(instrumentNumber: number, index: number): void {
    this.#placement += 2;
    const [maker, taker] = [this.#placement - 1, this.#placement];
    const side = index % 2 === 0 ? Side.BUY : Side.SELL;
    const price = BigInt(side === Side.BUY ? 1_000 - (index % 50) : 1_001 + (index % 50));
    const type = index % 7 === 0 ? OrderType.STOP_LIMIT : OrderType.LIMIT;
    const displayUnits = index % 5 === 0 ? 3n : 0n;
    this.add(instrumentNumber, [
      accepted(maker, { side, price, quantity: 10n, displayUnits, type }),
    ]);
    if (type === OrderType.STOP_LIMIT || index % 3 !== 0) return;
    const other = side === Side.BUY ? Side.SELL : Side.BUY;
    this.add(instrumentNumber, [
      accepted(taker, { side: other, price, quantity: 4n, displayUnits: 0n, type }),
      traded({ maker, taker, price, quantity: 4n, side: other }),
    ]);
  }
}

function accepted(
  placement: number,
  terms: {
    readonly side: Side;
    readonly price: bigint;
    readonly quantity: bigint;
    readonly displayUnits: bigint;
    readonly type: OrderType;
  },
): Kind {
  const { side, price, quantity, displayUnits, type } = terms;
  const sent = { side, type, displayUnits, priceUnits: price, quantityUnits: quantity };
  const value = { accountNumber: 1, placement: BigInt(placement), terms: sent };
  return create(EventSchema, { kind: { case: 'orderAccepted', value } }).kind;
}

function traded(trade: {
  readonly maker: number;
  readonly taker: number;
  readonly price: bigint;
  readonly quantity: bigint;
  readonly side: Side;
}): Kind {
  const { maker, taker, price, quantity, side } = trade;
  const value = {
    priceUnits: price,
    quantityUnits: quantity,
    aggressorSide: side,
    maker: { accountNumber: 1, placement: BigInt(maker) },
    taker: { accountNumber: 1, placement: BigInt(taker) },
  };
  return create(EventSchema, { kind: { case: 'traded', value } }).kind;
}

/** Everything that a client can see of a feed. */
function seen(feed: InstrumentFeed) {
  const all = { fromUs: 0, beforeUs: Number.MAX_SAFE_INTEGER, limit: 100_000 };
  const intervals = ['1s', '1m', '5m', '1h', '1d'] as const;
  return {
    sequence: feed.sequence,
    phase: feed.phase,
    bids: feed.book.bids.top(1_000),
    asks: feed.book.asks.top(1_000),
    open: feed.book.openOrderCount,
    trades: feed.tape.before(Number.MAX_SAFE_INTEGER, 100_000),
    candles: intervals.map((interval) => feed.series(interval).list(all)),
    ticker: feed.ticker(FIRST_TIME_US),
  };
}

function feedOf(feeds: Feeds, instrumentNumber: number): InstrumentFeed {
  return feeds.restoring(instrumentNumber, SHARD_ID).feed;
}

const placeAt = (entryIndex: number): Map<string, ReadPlace> =>
  new Map([[SHARD_ID, { sequence: entryIndex * 2, entryIndex, chainChecksum: 'ab'.repeat(16) }]]);

const save = (feeds: Feeds, entryIndex: number, minimumAgeMs = 0) =>
  tables.save({ places: placeAt(entryIndex), feeds: feeds.all(), minimumAgeMs });

describe('the tables of market data', () => {
  test('CON-1 a restart from them and the rest of the log is as if nothing had been', async () => {
    const source = new Source();
    for (let index = 0; index < 3_000; index += 1) source.trade(1 + (index % 2), index);
    const whole = new Feeds();
    whole.apply(SHARD_ID, source.entries);

    const running = new Feeds();
    const cuts = [700, 1_500, 2_900];
    let from = 0;
    for (const cut of cuts) {
      running.apply(SHARD_ID, source.entries.slice(from, cut));
      from = cut;
      expect(await save(running, cut)).toBe('saved');
    }
    const restarted = new Feeds();
    const places = await tables.load(restarted);
    expect(places).toEqual(placeAt(2_900));
    // Read again from a little before: what is known already counts for nothing.
    restarted.apply(SHARD_ID, source.entries.slice(2_800));

    for (const number of [1, 2]) {
      expect(seen(feedOf(restarted, number))).toEqual(seen(feedOf(whole, number)));
    }
  }, 60_000);

  test('CON-1 rows that are ahead of the place are not applied twice', async () => {
    const source = new Source();
    for (let index = 0; index < 400; index += 1) source.trade(3, index);
    const running = new Feeds();
    running.apply(SHARD_ID, source.entries);
    expect(await save(running, 3_100)).toBe('saved');
    const restarted = new Feeds();
    await tables.load(restarted);
    restarted.apply(SHARD_ID, source.entries);
    expect(seen(feedOf(restarted, 3))).toEqual(seen(feedOf(running, 3)));
  }, 60_000);

  test('CON-1 a process that is behind, or right behind another, writes nothing', async () => {
    const feeds = new Feeds();
    expect(await save(feeds, 3_000)).toBe('notNeeded');
    expect(await save(feeds, 3_100)).toBe('notNeeded');
    expect(await save(feeds, 3_200, 60_000)).toBe('notNeeded');
    expect(await tables.load(new Feeds())).toEqual(placeAt(3_100));
  });

  test('SNAP-4 the log knows market data as a consumer, with the place that it confirms', async () => {
    const { rows } = await pool.query(
      'SELECT shard_id, consumer, entry_index::int, sequence::int FROM log_consumer',
    );
    expect(rows).toEqual([
      { shard_id: SHARD_ID, consumer: 'marketdata', entry_index: 3_100, sequence: 6_200 },
    ]);
  });
});
