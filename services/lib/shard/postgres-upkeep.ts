// The upkeep of a shard's log in PostgreSQL. Tables: migrations 0001 and 0008.

import type {
  ConsumedPlace,
  CutOrder,
  LogConsumer,
  LogUpkeep,
  QuarantineRecord,
} from './log-upkeep.ts';
import { PostgresSession, type Statement } from './postgres-session.ts';

const TIMEOUT_MS = 5_000;

const QUARANTINE: Statement = {
  name: 'quarantine',
  text: `
  INSERT INTO log_quarantine (shard_id, identity, epoch, problem)
  VALUES ($1, $2, $3::bigint, $4) ON CONFLICT DO NOTHING`,
};

const FETCH_QUARANTINED: Statement = {
  name: 'fetch_quarantined',
  text: 'SELECT identity FROM log_quarantine WHERE shard_id = $1',
};

const CONFIRM: Statement = {
  name: 'confirm_consumed',
  text: `
  INSERT INTO log_consumer (shard_id, consumer, entry_index, sequence)
  VALUES ($1, $2, $3::bigint, $4::bigint)
  ON CONFLICT (shard_id, consumer) DO UPDATE
  SET entry_index = excluded.entry_index, sequence = excluded.sequence,
    confirmed_time = clock_timestamp()
  WHERE log_consumer.entry_index <= excluded.entry_index`,
};

const FETCH_CONSUMERS: Statement = {
  name: 'fetch_consumers',
  text: `
  SELECT consumer, entry_index, sequence FROM log_consumer
  WHERE shard_id = $1 ORDER BY consumer`,
};

const REMOVE_CONSUMER: Statement = {
  name: 'remove_consumer',
  text: 'DELETE FROM log_consumer WHERE shard_id = $1 AND consumer = $2',
};

const FETCH_START: Statement = {
  name: 'fetch_start',
  text: 'SELECT entry_index FROM log_entry WHERE shard_id = $1 ORDER BY entry_index LIMIT 1',
};

const FETCH_LOG_TIMES: Statement = {
  name: 'fetch_log_times',
  text: `
  SELECT log_time_us FROM log_entry
  WHERE shard_id = $1 AND entry_index = ANY ($2::bigint[]) ORDER BY entry_index`,
};

// The consumers are looked at by the statement that removes: who registers at this moment is either
// seen, or finds that the log begins later.
const CUT: Statement = {
  name: 'cut',
  text: `
  DELETE FROM log_entry WHERE shard_id = $1 AND entry_index IN (
    SELECT entry_index FROM log_entry
    WHERE shard_id = $1 AND entry_index <= least($2::bigint,
      (SELECT min(entry_index) - 1 FROM log_consumer WHERE shard_id = $1))
    ORDER BY entry_index LIMIT $3::integer)`,
};

export class PostgresUpkeep implements LogUpkeep {
  readonly #shardId: string;
  readonly #session: PostgresSession;

  constructor(
    shardId: string,
    options: { readonly databaseUrl: string; readonly requireReplica: boolean },
  ) {
    this.#shardId = shardId;
    const name = `bourse ${shardId} upkeep`;
    this.#session = new PostgresSession({ ...options, name, timeoutMs: TIMEOUT_MS });
  }

  async quarantine({ identity, epoch, problem }: QuarantineRecord): Promise<void> {
    await this.#session.query(QUARANTINE, [this.#shardId, identity, epoch, problem]);
  }

  async fetchQuarantined(): Promise<readonly string[]> {
    const { rows } = await this.#session.query(FETCH_QUARANTINED, [this.#shardId]);
    return rows.map(([identity]) => identity as string);
  }

  async confirmConsumed(consumer: string, place: ConsumedPlace): Promise<void> {
    const { entryIndex, sequence } = place;
    await this.#session.query(CONFIRM, [this.#shardId, consumer, entryIndex, sequence]);
  }

  async fetchConsumers(): Promise<readonly LogConsumer[]> {
    const { rows } = await this.#session.query(FETCH_CONSUMERS, [this.#shardId]);
    return rows.map((row) => {
      const [consumer, entryIndex, sequence] = row as [string, number, number];
      return { consumer, entryIndex, sequence };
    });
  }

  async removeConsumer(consumer: string): Promise<void> {
    await this.#session.query(REMOVE_CONSUMER, [this.#shardId, consumer]);
  }

  async fetchStart(): Promise<number> {
    const { rows } = await this.#session.query(FETCH_START, [this.#shardId]);
    return (rows[0]?.[0] as number | undefined) ?? 0;
  }

  async fetchLogTimes(entryIndices: readonly number[]): Promise<readonly number[]> {
    const { rows } = await this.#session.query(FETCH_LOG_TIMES, [this.#shardId, entryIndices]);
    return rows.map(([logTimeUs]) => logTimeUs as number);
  }

  async cut({ throughEntryIndex, limit }: CutOrder): Promise<number> {
    const values = [this.#shardId, throughEntryIndex, limit];
    const { changedRows } = await this.#session.query(CUT, values);
    return changedRows;
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
