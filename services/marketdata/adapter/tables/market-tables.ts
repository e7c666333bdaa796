// Market data's own tables (CON-1): what feeds need to go on after a restart, with the places in
// the shards' logs behind which they have to read, written in one transaction. All processes of
// market data share them: whoever is further writes.

import type pg from 'pg';
import type { FeedEntry, Feeds } from '../feeds.ts';
import type { ReadPlace } from '../follow-shard.ts';
import { loadFeeds } from './load-feeds.ts';
import { FeedWriter, type WrittenFeed } from './write-feed.ts';

/** Name among the consumers of the shards' logs (SNAP-4). */
const CONSUMER = 'marketdata';
/** Any number will do, as long as only these tables use it. */
const LOCK = 7_204_009;

export type Places = ReadonlyMap<string, ReadPlace>;

/** What came of an attempt to save. */
export type SaveResult =
  | 'saved'
  /** Another process saves now, has just done so, or is further; or nothing is new. */
  | 'notNeeded';

export type SaveRequest = {
  /** Every event up to them has been applied. */
  readonly places: Places;
  /** Instruments as they are; they may be ahead of the places, never behind. */
  readonly feeds: Iterable<FeedEntry>;
  /** Nothing is written when what stands there is younger. */
  readonly minimumAgeMs: number;
};

/** What the process needs of the tables. */
export interface MarketTables {
  /** Restores feeds that are empty. @returns the places behind which to read on. */
  load(feeds: Feeds): Promise<Places>;
  save(request: SaveRequest): Promise<SaveResult>;
}

/** The tables in PostgreSQL. */
export class PostgresMarketTables implements MarketTables {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  load(feeds: Feeds): Promise<Places> {
    const begin = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';
    return this.#transact(begin, async (client) => {
      const { rows } = await client.query(
        'SELECT shard_id, sequence, entry_index, chain_checksum FROM marketdata_place',
      );
      await loadFeeds(client, feeds);
      return new Map(rows.map((row) => [row.shard_id as string, placeOf(row)]));
    });
  }

  save(request: SaveRequest): Promise<SaveResult> {
    return this.#transact('BEGIN', async (client) => {
      const { rows } = await client.query('SELECT pg_try_advisory_xact_lock($1) AS locked', [LOCK]);
      if (rows[0]?.locked !== true) return 'notNeeded';
      if (!(await isNeeded(client, request))) return 'notNeeded';
      const written = await fetchWritten(client);
      const writer = new FeedWriter(client);
      for (const entry of request.feeds) {
        const before = written.get(entry.instrumentNumber);
        if (entry.feed.sequence > (before?.sequence ?? 0)) await writer.write(entry, before);
      }
      for (const [shardId, place] of request.places) await writePlace(client, shardId, place);
      return 'saved';
    });
  }

  async #transact<T>(begin: string, run: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    try {
      await client.query(begin);
      const result = await run(client);
      await client.query('COMMIT');
      client.release();
      return result;
    } catch (error) {
      // Whatever it was, the session ends, and with it the transaction.
      client.release(error as Error);
      throw error;
    }
  }
}

type PlaceRow = {
  readonly sequence: string;
  readonly entry_index: string;
  readonly chain_checksum: string;
};

function placeOf({ sequence, entry_index, chain_checksum }: PlaceRow): ReadPlace {
  return {
    sequence: Number(sequence),
    entryIndex: Number(entry_index),
    chainChecksum: chain_checksum,
  };
}

/** Only forwards, in every shard; and not before what stands there is old enough. */
async function isNeeded(client: pg.PoolClient, request: SaveRequest): Promise<boolean> {
  const { places, minimumAgeMs } = request;
  const { rows } = await client.query(
    `SELECT shard_id, entry_index, sequence,
            extract(epoch FROM clock_timestamp() - saved_time) * 1000 AS age_ms
       FROM marketdata_place`,
  );
  let isFurther = places.size > rows.length;
  for (const row of rows) {
    const place = places.get(row.shard_id);
    if (place === undefined || place.sequence < Number(row.sequence)) return false;
    if (place.entryIndex < Number(row.entry_index)) return false;
    if (Number(row.age_ms) < minimumAgeMs) return false;
    isFurther ||= place.entryIndex > Number(row.entry_index);
  }
  return isFurther;
}

async function fetchWritten(client: pg.PoolClient): Promise<Map<number, WrittenFeed>> {
  const { rows } = await client.query(
    `SELECT instrument_number, sequence, (state->>'tradeCount')::bigint AS trade_count
       FROM marketdata_feed`,
  );
  return new Map(
    rows.map((row) => {
      const written = { sequence: Number(row.sequence), tradeCount: Number(row.trade_count) };
      return [row.instrument_number as number, written];
    }),
  );
}

async function writePlace(
  client: pg.PoolClient,
  shardId: string,
  { sequence, entryIndex, chainChecksum }: ReadPlace,
): Promise<void> {
  await client.query(
    `INSERT INTO marketdata_place (shard_id, sequence, entry_index, chain_checksum)
     VALUES ($1, $2, $3, $4)
     ON CONFLICT (shard_id) DO UPDATE
        SET sequence = excluded.sequence, entry_index = excluded.entry_index,
            chain_checksum = excluded.chain_checksum, saved_time = clock_timestamp()`,
    [shardId, sequence, entryIndex, chainChecksum],
  );
  await client.query(
    `INSERT INTO log_consumer (shard_id, consumer, entry_index, sequence)
     SELECT shard_id, $2, $3, $4 FROM log_shard WHERE shard_id = $1
     ON CONFLICT (shard_id, consumer) DO UPDATE
        SET entry_index = excluded.entry_index, sequence = excluded.sequence,
            confirmed_time = clock_timestamp()
      WHERE log_consumer.entry_index <= excluded.entry_index`,
    [shardId, CONSUMER, entryIndex, sequence],
  );
}
