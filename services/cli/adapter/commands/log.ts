// `bourse log`: verifies the logs of the shards, and puts back what one has lost.

import type { Command } from 'commander';
import { StartError } from '../../../lib/platform/config/start-error.ts';
import type { VerifyResult } from '../../../lib/shard/log-verifier.ts';
import { fetchShards, type LoggedShard, type LogSession, runOnLogs } from '../logs/log-database.ts';
import { verifyInProcess } from '../logs/log-process.ts';
import { dumpedEntries, fetchKeepers, giveUp, keptEntries, repairLog } from '../logs/repair.ts';
import { printFields } from '../output.ts';
import type { Terminal } from './command.ts';

/** Between two lines that say how far it is. */
const PROGRESS_MS = 5_000;

export function addLog(program: Command, terminal: Terminal): void {
  const log = program.command('log').description('verify and repair the logs of the shards');
  log
    .command('verify')
    .argument('[shard]', 'only this shard')
    .option('--dump <file>', 'write every sound entry to this file, for `log repair`')
    .description('check chain, epochs, recorded events and state checksums; exit code 1 if unsound')
    .action(async (shardId: string | undefined, options: { dump?: string }, command: Command) => {
      await runOnLogs(command, terminal, async (session) => {
        if (options.dump !== undefined && shardId === undefined) {
          throw new StartError('A dump is of one shard: name it.');
        }
        for (const shard of await fetchShards(session, shardId)) {
          await verifyShard(session, shard, options.dump ?? '', terminal);
        }
      });
    });
  log
    .command('repair')
    .argument('<shard>')
    .option('--from <file>', 'put back the entries of a dump that the log has lost at its end')
    .option('--from-standby <node>', 'put back what this node had when it found them missing')
    .option('--accept-loss', 'let the shard be led although entries that were seen are lost')
    .option('--yes', 'do not ask')
    .description('end a fork of a log (LOG_FORKED): put entries back, or give them up')
    .action(async (shardId: string, options: RepairOptions, command: Command) => {
      await runOnLogs(command, terminal, (session) => repair(session, shardId, options, terminal));
    });
}

async function verifyShard(
  { databaseUrl, output }: LogSession,
  shard: LoggedShard,
  dumpPath: string,
  terminal: Terminal,
): Promise<void> {
  const { shardId, fork } = shard;
  const beganMs = Date.now();
  let saidMs = beganMs;
  const task = { databaseUrl, verifyShardId: shardId, dumpPath };
  const result = await verifyInProcess(shard, task, {
    signal: terminal.interrupted,
    onProgress: ({ entryIndex, lastEntryIndex }) => {
      if (Date.now() - saidMs < PROGRESS_MS) return;
      saidMs = Date.now();
      terminal.writeError(`${shardId}: entry ${entryIndex} of ${lastEntryIndex}`);
    },
  });
  const seconds = (Date.now() - beganMs) / 1_000;
  if (result.problem !== undefined || fork !== '') terminal.setExitCode(1);
  if (output.isJson) output.write(JSON.stringify(jsonOf(shard, result, seconds)));
  else print(output.write, shard, result, seconds);
}

function jsonOf({ shardId, fork }: LoggedShard, result: VerifyResult, seconds: number) {
  return {
    shard_id: shardId,
    sound: result.problem === undefined && fork === '',
    problem: result.problem ?? null,
    fork: fork || null,
    first_entry_index: result.firstEntryIndex,
    last_entry_index: result.last.entryIndex,
    chain_checksum: result.last.chainChecksum,
    epoch: result.epoch,
    version: result.version,
    entries: result.entries,
    commands: result.commands,
    events: result.events,
    repeated_behind: result.repeatedBehind,
    state_checksums: result.checksums,
    seconds,
  };
}

function print(
  write: (line: string) => void,
  { shardId, fork }: LoggedShard,
  result: VerifyResult,
  seconds: number,
): void {
  const { problem, repeatedBehind } = result;
  const sound = problem === undefined && fork === '';
  write(`${shardId}: ${sound ? 'sound' : 'NOT SOUND'}`);
  printFields(
    { isJson: false, write: (line) => write(`  ${line}`) },
    {
      problem: problem ?? '',
      fork,
      entries: `${result.firstEntryIndex} to ${result.last.entryIndex}, epoch ${result.epoch}`,
      chain: result.last.chainChecksum,
      repeated: `${result.commands} commands, ${result.events} events, in ${seconds.toFixed(1)} s`,
      'begins behind': repeatedBehind === 0 ? '' : `the snapshot of entry ${repeatedBehind}`,
      'state checksums': `${result.checksums} came out as recorded`,
    },
  );
}

type RepairOptions = {
  readonly from?: string;
  readonly fromStandby?: string;
  readonly acceptLoss?: true;
  readonly yes?: true;
};

async function repair(
  session: LogSession,
  shardId: string,
  options: RepairOptions,
  terminal: Terminal,
): Promise<void> {
  const { output, database } = session;
  const [shard] = await fetchShards(session, shardId);
  if (shard === undefined) return;
  if (!output.isJson) await describeFork(session, shard);
  const { from, fromStandby, acceptLoss } = options;
  if ([from, fromStandby, acceptLoss].filter((one) => one !== undefined).length !== 1) {
    throw new StartError('Say --from FILE, --from-standby NODE or --accept-loss.');
  }
  const source =
    fromStandby === undefined
      ? from && dumpedEntries(shardId, from)
      : keptEntries(database, shardId, fromStandby);
  const question = source
    ? `Put entries of ${source.name} at the end of the log of ${shardId}?`
    : `Give up what was seen of ${shardId} and is not in its log?`;
  if (options.yes !== true && !(await terminal.confirm?.(question))) {
    throw new StartError('Nothing was changed: say --yes.');
  }
  const repaired = source
    ? await repairLog(database, shardId, source)
    : await giveUp(database, shardId);
  const said = { shard_id: shardId, ...repaired };
  const sentence = `${repaired.entries} entries were put back; ${shardId} ends with entry ${repaired.last_entry_index}`;
  output.write(output.isJson ? JSON.stringify(said) : sentence);
}

/** What is wrong, and who has what is missing. */
async function describeFork(
  { database, output }: LogSession,
  { shardId, fork }: LoggedShard,
): Promise<void> {
  output.write(fork === '' ? `${shardId} is not forked` : fork);
  for (const { nodeId, first, last } of await fetchKeepers(database, shardId)) {
    output.write(`${nodeId} has kept entries ${first} to ${last}: --from-standby ${nodeId}`);
  }
}
