// What is recorded of a version: a log of each kind of shard with checksums, and a snapshot.
// Written by `COMPAT_RECORD=1 npm test -- test/compat`, once, when a version is released; never
// again.

import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { decodeDumped, encodeDumped } from '../../services/lib/shard/log-dump.ts';
import type { LogEntry } from '../../services/lib/shard/log-entry.ts';
import type { Replica, ReplicaOptions } from '../../services/lib/shard/replica.ts';
import { snapshotRows } from '../../services/lib/shard/replica-snapshot.ts';
import { buildLog, type TimedCommand } from '../support/logs/build-log.ts';

/** What is known of a recorded log. */
export type Recorded = {
  readonly version: number;
  readonly shardId: string;
  readonly lastEntryIndex: number;
  readonly lastSequence: number;
  readonly chainChecksum: string;
  readonly stateChecksum: string;
  /** Entry behind which the snapshot stands. */
  readonly snapshotEntryIndex: number;
};

export type Recording = {
  readonly recorded: Recorded;
  readonly entries: readonly LogEntry[];
  readonly rows: readonly Uint8Array[];
};

const COMMANDS_PER_ENTRY = 6;
const ENTRIES_PER_CHECKSUM = 20;

const fileOf = (folder: string, kind: string, what: string): URL =>
  new URL(`./${folder}/${kind}.${what}`, import.meta.url);

/** Makes a log of commands and writes it down, with a snapshot from its middle and its end. */
export function record<C, E, A>(
  place: { readonly folder: string; readonly kind: string },
  replicaOptions: ReplicaOptions<C, E, A>,
  commands: readonly TimedCommand<C>[],
): void {
  const { folder, kind } = place;
  const build = (part: readonly TimedCommand<C>[], entries: LogEntry[]): Replica<C, E, A> =>
    buildLog({
      replica: replicaOptions,
      commands: part,
      commandsPerEntry: COMMANDS_PER_ENTRY,
      entriesPerChecksum: ENTRIES_PER_CHECKSUM,
      onEntry: (entry) => entries.push(entry),
    });
  const entries: LogEntry[] = [];
  const end = build(commands, entries);
  const halves = halfOf(commands);
  const half = build(halves, []);
  const recorded: Recorded = {
    version: end.machine.formatVersion,
    shardId: replicaOptions.shardId,
    lastEntryIndex: end.point.entryIndex,
    lastSequence: end.nextSequence - 1,
    chainChecksum: end.point.chainChecksum,
    stateChecksum: end.machine.stateChecksum(),
    snapshotEntryIndex: half.point.entryIndex,
  };
  const log = entries.map((entry) => encodeDumped(replicaOptions.shardId, entry)).join('');
  const rows = [...snapshotRows(half, replicaOptions.shardId)];
  const snapshot = rows.map((row) => Buffer.from(row).toString('base64')).join('\n');
  writeFileSync(fileOf(folder, kind, 'json'), `${JSON.stringify(recorded, undefined, 2)}\n`);
  writeFileSync(fileOf(folder, kind, 'log.gz'), gzipSync(log, { level: 9 }));
  writeFileSync(fileOf(folder, kind, 'snapshot.gz'), gzipSync(snapshot, { level: 9 }));
}

/** Ends where log time moves on, so that its last entry is one of the whole log. */
function halfOf<C>(commands: readonly TimedCommand<C>[]): readonly TimedCommand<C>[] {
  let at = Math.floor(commands.length / 2);
  while (at < commands.length && commands[at]?.logTimeUs === commands[at - 1]?.logTimeUs) at += 1;
  return commands.slice(0, at);
}

export function readRecording(folder: string, kind: string): Recording {
  const read = (what: string): string =>
    gunzipSync(readFileSync(fileOf(folder, kind, what))).toString();
  const recorded = JSON.parse(readFileSync(fileOf(folder, kind, 'json'), 'utf8')) as Recorded;
  const lines = read('log.gz').trimEnd().split('\n');
  return {
    recorded,
    entries: lines.map((line) => decodeDumped(recorded.shardId, line)),
    rows: read('snapshot.gz')
      .split('\n')
      .map((row) => Buffer.from(row, 'base64')),
  };
}
