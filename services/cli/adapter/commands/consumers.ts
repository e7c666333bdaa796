// `bourse consumers`: who reads the logs of the shards, and how far (SNAP-4).

import type { Command } from 'commander';
import { StartError } from '../../../lib/platform/config/start-error.ts';
import { describeMissed } from '../../../lib/shard/log-cutter.ts';
import { fetchShards, type LogSession, runOnLogs } from '../logs/log-database.ts';
import { printTable } from '../output.ts';
import type { Terminal } from './command.ts';

type Registered = {
  readonly shard_id: string;
  readonly consumer: string;
  readonly entry_index: number;
  readonly sequence: number;
  readonly confirmed_seconds_ago: number;
  /** The end of the shard's log. */
  readonly last_entry_index: number;
  readonly last_sequence: number;
};

const FETCH = `
  SELECT shard_id, consumer, log_consumer.entry_index, sequence,
    extract(epoch FROM clock_timestamp() - confirmed_time)::bigint AS confirmed_seconds_ago,
    log_end.entry_index AS last_entry_index,
    log_end.first_sequence + log_end.event_count - 1 AS last_sequence
  FROM log_consumer, LATERAL (
    SELECT entry_index, first_sequence, event_count FROM log_entry
    WHERE log_entry.shard_id = log_consumer.shard_id
    ORDER BY entry_index DESC LIMIT 1) AS log_end
  WHERE $1::text IS NULL OR shard_id = $1 ORDER BY shard_id, consumer`;

async function fetchConsumers({ database }: LogSession, shardId?: string): Promise<Registered[]> {
  const { rows } = await database.query(FETCH, [shardId ?? null]);
  return rows.map((row) => {
    const { shard_id, consumer, ...numbers } = row as Record<string, string>;
    const whole = Object.entries(numbers).map(([name, value]) => [name, Number(value)]);
    return { shard_id, consumer, ...Object.fromEntries(whole) } as Registered;
  });
}

function missedBy(registered: Registered): string {
  const { entry_index, sequence, last_entry_index, last_sequence } = registered;
  return describeMissed(
    { entryIndex: entry_index, sequence },
    { entryIndex: last_entry_index, sequence: last_sequence },
  );
}

export function addConsumers(program: Command, terminal: Terminal): void {
  const consumers = program
    .command('consumers')
    .description('who reads the logs of the shards; nothing is cut off that one of them needs');
  consumers
    .command('list')
    .argument('[shard]', 'only of this shard')
    .description('show how far each has come')
    .action(async (shardId: string | undefined, _options: object, command: Command) => {
      await runOnLogs(command, terminal, async (session) => {
        const { output } = session;
        const registered = await fetchConsumers(session, shardId);
        if (output.isJson) {
          output.write(JSON.stringify({ consumers: registered }));
          return;
        }
        printTable(
          output,
          ['SHARD', 'CONSUMER', 'ENTRY', 'BEHIND', 'CONFIRMED'],
          registered.map((one) => [
            ...[one.shard_id, one.consumer, String(one.entry_index)],
            `${one.last_entry_index - one.entry_index} entries`,
            `${one.confirmed_seconds_ago} s ago`,
          ]),
        );
      });
    });
  consumers
    .command('remove')
    .argument('<shard>')
    .argument('<consumer>', 'its name, as the list shows it')
    .option('--yes', 'do not ask')
    .description('forget a consumer that is gone for good; says what it will miss')
    .action(
      async (shardId: string, consumer: string, options: { yes?: true }, command: Command) => {
        await runOnLogs(command, terminal, async (session) => {
          await remove(session, { shardId, consumer, isSure: options.yes === true }, terminal);
        });
      },
    );
}

async function remove(
  session: LogSession,
  { shardId, consumer, isSure }: { shardId: string; consumer: string; isSure: boolean },
  terminal: Terminal,
): Promise<void> {
  await fetchShards(session, shardId);
  const registered = await fetchConsumers(session, shardId);
  const found = registered.find((one) => one.consumer === consumer);
  if (found === undefined) throw new StartError(`${shardId} has no consumer ${consumer}.`);
  const misses = missedBy(found);
  const { output, database } = session;
  if (!output.isJson) output.write(`${consumer} will miss ${misses}`);
  if (!isSure && !(await terminal.confirm?.(`Remove ${consumer}?`))) {
    throw new StartError('Nothing was removed: say --yes.');
  }
  await database.query('DELETE FROM log_consumer WHERE shard_id = $1 AND consumer = $2', [
    shardId,
    consumer,
  ]);
  const said = { shard_id: shardId, consumer, removed: true, misses };
  output.write(output.isJson ? JSON.stringify(said) : `${consumer} was removed`);
}
