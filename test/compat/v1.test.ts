// Logs and snapshots of version 1: whoever changes what they come to has to raise the version.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ledgerCodec } from '../../services/account/adapter/codec/ledger-codec.ts';
import { AccountMachine } from '../../services/account/domain/account-machine.ts';
import type { Command } from '../../services/account/domain/command.ts';
import { decodeEntry } from '../../services/lib/shard/committed-entry.ts';
import { Replica, type ReplicaOptions } from '../../services/lib/shard/replica.ts';
import { ReplicaRestorer, snapshotRows } from '../../services/lib/shard/replica-snapshot.ts';
import { matchingCodec } from '../../services/matching/adapter/codec/matching-codec.ts';
import { MatchingMachine } from '../../services/matching/domain/machine.ts';
import { act, step } from '../model/account/ledger-properties.ts';
import { LedgerWorld } from '../model/account/ledger-world.ts';
import type { TimedCommand } from '../support/logs/build-log.ts';
import { matchingCommands } from './commands.ts';
import { readRecording, record } from './record.ts';

const VERSION = 'v1';
const COMMANDS = 1_000;
const maximumIdentities = 100_000;

const matching = {
  shardId: 'matching-1',
  createMachine: () => new MatchingMachine(),
  codec: matchingCodec,
  maximumIdentities,
};
const account = {
  shardId: 'account-1',
  createMachine: () => new AccountMachine(),
  codec: ledgerCodec,
  maximumIdentities,
};

function accountCommands(count: number): TimedCommand<Command>[] {
  const world = new LedgerWorld();
  const steps = fc.sample(step, { seed: 1, numRuns: count });
  for (const [index, one] of steps.entries()) act(world, one, `id-${index}`);
  return world.commands;
}

if (process.env['COMPAT_RECORD'] === '1') {
  record({ folder: VERSION, kind: 'matching' }, matching, matchingCommands(11, COMMANDS));
  record({ folder: VERSION, kind: 'account' }, account, accountCommands(COMMANDS));
}

const KINDS: readonly (readonly [string, ReplicaOptions<never, unknown, never>])[] = [
  ['matching', matching as unknown as ReplicaOptions<never, unknown, never>],
  ['account', account as unknown as ReplicaOptions<never, unknown, never>],
];

describe.each(KINDS)('version 1 of a %s shard', (kind, options) => {
  const { recorded, entries, rows } = readRecording(VERSION, kind);

  test('LOG-16, LOG-7: its log repeats event by event to the recorded checksums', () => {
    const replica = new Replica(options);
    for (const entry of entries) replica.repeat(entry, 0);
    expect(entries.every(({ formatVersion }) => formatVersion === recorded.version)).toBe(true);
    expect(replica.machine.formatVersion).toBe(recorded.version);
    expect(replica.point.entryIndex).toBe(recorded.lastEntryIndex);
    expect(replica.point.chainChecksum).toBe(recorded.chainChecksum);
    expect(replica.nextSequence - 1).toBe(recorded.lastSequence);
    expect(replica.machine.stateChecksum()).toBe(recorded.stateChecksum);
  });

  test('LOG-16, LOG-6: every event in its log can be read', () => {
    let events = 0;
    for (const entry of entries) {
      const { due, continued, commands } = decodeEntry(entry, options.codec);
      for (const group of [due, continued, ...commands]) events += group?.events.length ?? 0;
    }
    expect(events).toBe(recorded.lastSequence);
  });

  test('LOG-16, SNAP-1: its snapshot is taken over, and what follows comes to the same', () => {
    const restorer = new ReplicaRestorer(options);
    for (const row of rows) restorer.take(row);
    const replica = restorer.end();
    expect(replica.point.entryIndex).toBe(recorded.snapshotEntryIndex);
    const written = [...snapshotRows(replica, recorded.shardId)].map((row) => Buffer.from(row));
    expect(Buffer.concat(written).equals(Buffer.concat(rows))).toBe(true);
    for (const entry of entries.slice(recorded.snapshotEntryIndex)) replica.repeat(entry, 0);
    expect(replica.machine.stateChecksum()).toBe(recorded.stateChecksum);
  });
});
