// Looks at the log of the toy shard in a database, past all hosts.

import pg from 'pg';
import { decodeCommandBatch } from '../../../services/lib/shard/entry-codec.ts';
import { TOY_SHARD } from './toy-host.ts';

/** A session of the test's own. */
export type ToyLog = {
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Identities of all commands in the log, in order. */
  fetchIdentities(): Promise<string[]>;
  /** Epoch of every entry, in order. */
  fetchEpochs(): Promise<number[]>;
  close(): Promise<void>;
};

export async function openToyLog(databaseUrl: string): Promise<ToyLog> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on('error', () => {});
  await client.connect();
  const query = async (text: string, values: unknown[] = []) =>
    (await client.query(text, values)).rows as Record<string, unknown>[];
  const fetchColumn = (column: string) =>
    query(`SELECT ${column} AS value FROM log_entry WHERE shard_id = $1 ORDER BY entry_index`, [
      TOY_SHARD,
    ]);
  return {
    query,
    async fetchIdentities() {
      const rows = await fetchColumn('commands');
      return rows.flatMap(({ value }) =>
        decodeCommandBatch(value as Buffer)
          .map(({ identity }) => identity)
          .filter((identity) => identity !== ''),
      );
    },
    async fetchEpochs() {
      const rows = await fetchColumn('epoch');
      return rows.map(({ value }) => Number(value));
    },
    close: () => client.end(),
  };
}
