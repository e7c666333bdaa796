// `bourse quarantine`: commands that are refused because a shard's process died of them (LOG-14).

import type { Command } from 'commander';
import { StartError } from '../../../lib/platform/config/start-error.ts';
import { fetchShards, runOnLogs } from '../logs/log-database.ts';
import { printTable } from '../output.ts';
import type { Terminal } from './command.ts';

const FETCH = `
  SELECT shard_id, identity, epoch::text, recorded_time, problem FROM log_quarantine
  WHERE $1::text IS NULL OR shard_id = $1 ORDER BY recorded_time`;

export function addQuarantine(program: Command, terminal: Terminal): void {
  const quarantine = program
    .command('quarantine')
    .description('commands that are refused because a process died of them');
  quarantine
    .command('list')
    .argument('[shard]', 'only of this shard')
    .description('show what is quarantined, and what went wrong')
    .action(async (shardId: string | undefined, _options: object, command: Command) => {
      await runOnLogs(command, terminal, async ({ database, output }) => {
        const { rows } = await database.query(FETCH, [shardId ?? null]);
        if (output.isJson) {
          output.write(JSON.stringify({ quarantined: rows }));
          return;
        }
        const cells = rows.map(({ shard_id, identity, epoch, recorded_time, problem }) => [
          ...[shard_id, identity, epoch, recorded_time.toISOString()],
          problem.split('\n')[0],
        ]);
        printTable(output, ['SHARD', 'IDENTITY', 'EPOCH', 'RECORDED', 'PROBLEM'], cells);
      });
    });
  quarantine
    .command('lift')
    .argument('<shard>')
    .argument('<identity>', 'as the list shows it')
    .description('let the shard take the command again; it dies again if its cause is still there')
    .action(async (shardId: string, identity: string, _options: object, command: Command) => {
      await runOnLogs(command, terminal, async (session) => {
        await fetchShards(session, shardId);
        const { rowCount } = await session.database.query(
          'DELETE FROM log_quarantine WHERE shard_id = $1 AND identity = $2',
          [shardId, identity],
        );
        if (rowCount !== 1) throw new StartError(`${identity} is not quarantined in ${shardId}.`);
        const said = { shard_id: shardId, identity, lifted: true };
        const sentence = `${identity} is lifted: ${shardId} takes it from its next attempts on`;
        session.output.write(session.output.isJson ? JSON.stringify(said) : sentence);
      });
    });
}
