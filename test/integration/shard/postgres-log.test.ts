// The one statement that appends, with each part of its fence alone against it (LOG-1).

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  chainChecksum,
  genesisPoint,
  type LogEntry,
  type LogPoint,
} from '../../../services/lib/shard/log-entry.ts';
import { PostgresLog } from '../../../services/lib/shard/postgres-log.ts';
import type { Fence } from '../../../services/lib/shard/world.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { TOY_SHARD } from '../../support/shard/toy-host.ts';
import { openToyLog, type ToyLog } from '../../support/shard/toy-log.ts';

let postgres: TestPostgres;
let log: PostgresLog;
let rows: ToyLog;
let first: LogEntry;
let databaseTimeUs: number;

/** An entry behind a point, one byte each of commands and outcomes. */
function entryBehind(previous: LogPoint, change: Partial<LogEntry> = {}): LogEntry {
  const unchained = {
    entryIndex: previous.entryIndex + 1,
    epoch: 1,
    logTimeUs: databaseTimeUs,
    formatVersion: 1,
    firstSequence: 1,
    eventCount: 0,
    commandCount: 1,
    commands: Buffer.from([0]),
    outcomes: Buffer.from([255]),
    ...change,
  };
  return { ...unchained, chainChecksum: chainChecksum(previous.chainChecksum, unchained) };
}

function fenceBehind(previous: LogPoint, change: Partial<Fence> = {}): Fence {
  return { epoch: 1, previous, previousEpoch: 'same', ...change };
}

beforeEach(async () => {
  postgres = await startTestPostgres();
  log = new PostgresLog(TOY_SHARD, { databaseUrl: postgres.url, requireReplica: false });
  rows = await openToyLog(postgres.url);
  expect(await log.raiseEpoch(1)).toBe(true);
  ({ databaseTimeUs } = await log.inspect(1));
  const genesis = genesisPoint(TOY_SHARD);
  first = entryBehind(genesis);
  expect(await log.append(first, fenceBehind(genesis, { previousEpoch: 'lower' }))).toBe(
    'committed',
  );
});

afterEach(async () => {
  await log.close();
  await rows.close();
  await postgres.stop();
});

describe('an append', () => {
  test('LOG-1: is committed behind the entry that the leader knows', async () => {
    expect(await log.append(entryBehind(first), fenceBehind(first))).toBe('committed');
    const [found] = await log.fetchEntries(2, 2);
    expect(found).toEqual(entryBehind(first));
  });

  test('LOG-1: is refused when the place is taken', async () => {
    await log.append(entryBehind(first), fenceBehind(first));
    const other = entryBehind(first, { commands: Buffer.from([1]) });
    expect(await log.append(other, fenceBehind(first))).toBe('refused');
  });

  test('LOG-1: is refused when the previous entry is missing', async () => {
    const missing = entryBehind(first);
    expect(await log.append(entryBehind(missing), fenceBehind(missing))).toBe('refused');
  });

  test('LOG-1: is refused when the previous entry has another checksum', async () => {
    const other = { ...first, chainChecksum: 'ab'.repeat(16) };
    expect(await log.append(entryBehind(other), fenceBehind(other))).toBe('refused');
  });

  test('LOG-1: is refused when the previous entry is of a lower epoch', async () => {
    await log.raiseEpoch(2);
    const entry = entryBehind(first, { epoch: 2 });
    expect(await log.append(entry, fenceBehind(first, { epoch: 2 }))).toBe('refused');
  });

  test('LOG-2: EpochStarted is refused behind an entry of its own epoch', async () => {
    const fence = fenceBehind(first, { previousEpoch: 'lower' });
    expect(await log.append(entryBehind(first), fence)).toBe('refused');
  });

  test('LOG-2: EpochStarted is committed behind an entry of a lower epoch', async () => {
    await log.raiseEpoch(2);
    const entry = entryBehind(first, { epoch: 2 });
    const fence = fenceBehind(first, { epoch: 2, previousEpoch: 'lower' });
    expect(await log.append(entry, fence)).toBe('committed');
  });

  test('LOG-1: is refused when the row of the shard has another epoch', async () => {
    await log.raiseEpoch(2);
    expect(await log.append(entryBehind(first), fenceBehind(first))).toBe('refused');
    await rows.query('UPDATE log_shard SET epoch = 0');
    expect(await log.append(entryBehind(first), fenceBehind(first))).toBe('refused');
  });

  test('LOG-15: is refused more than 1 s ahead of the database, and only then', async () => {
    ({ databaseTimeUs } = await log.inspect(1));
    const far = entryBehind(first, { logTimeUs: databaseTimeUs + 30_000_000 });
    expect(await log.append(far, fenceBehind(first))).toBe('refused');
    const near = entryBehind(first, { logTimeUs: databaseTimeUs + 900_000 });
    expect(await log.append(near, fenceBehind(first))).toBe('committed');
  });

  test('LOG-2: the epoch of a shard is never lowered', async () => {
    expect(await log.raiseEpoch(5)).toBe(true);
    expect(await log.raiseEpoch(5)).toBe(true);
    expect(await log.raiseEpoch(4)).toBe(false);
    expect((await log.inspect(1)).shardEpoch).toBe(5);
  });

  describe('that raises the epoch', () => {
    const started = (epoch: number): [LogEntry, Fence] => [
      entryBehind(first, { epoch }),
      fenceBehind(first, { epoch, previousEpoch: 'lower' }),
    ];

    test('LOG-2: is committed by a candidate that is level with the log', async () => {
      expect(await log.appendRaising(...started(3))).toBe('committed');
      expect(await log.inspect(2)).toMatchObject({ shardEpoch: 3, end: { epoch: 3 } });
      // Whoever led before cannot commit any more.
      expect(await log.append(entryBehind(first), fenceBehind(first))).toBe('refused');
    });

    test('REP-4: is refused behind what the log does not end with, and holds others off', async () => {
      await log.append(entryBehind(first), fenceBehind(first));
      expect(await log.appendRaising(...started(3))).toBe('refused');
      expect(await log.inspect(2)).toMatchObject({ shardEpoch: 3, end: { epoch: 1 } });
    });

    test('LOG-2: is refused below the epoch of the shard, which stays', async () => {
      await log.raiseEpoch(5);
      expect(await log.appendRaising(...started(4))).toBe('refused');
      expect((await log.inspect(1)).shardEpoch).toBe(5);
    });

    test('LOG-12: is refused where a fork was noted', async () => {
      await log.recordFork('two points');
      expect(await log.appendRaising(...started(3))).toBe('refused');
      expect(await log.inspect(2)).toMatchObject({ shardEpoch: 1, end: { entryIndex: 1 } });
    });
  });

  test('LOG-6: content is stored as it is, not compressed', async () => {
    const zeros = entryBehind(first, { commands: Buffer.alloc(500_000) });
    await log.append(zeros, fenceBehind(first));
    const [size] = await rows.query(
      'SELECT pg_column_size(commands) AS bytes FROM log_entry WHERE entry_index = 2',
    );
    expect(Number(size?.['bytes'])).toBeGreaterThanOrEqual(500_000);
    const [found] = await log.fetchEntries(2, 2);
    expect(Buffer.compare(found?.commands ?? Buffer.alloc(0), zeros.commands)).toBe(0);
  });

  test('LOG-4: an inspection says what stands around an index', async () => {
    const second = entryBehind(first);
    await log.append(second, fenceBehind(first));
    const { chainChecksum: one } = first;
    const { chainChecksum: two } = second;
    expect(await log.inspect(2)).toMatchObject({
      found: { entryIndex: 2, chainChecksum: two },
      previous: { entryIndex: 1, chainChecksum: one },
      end: { entryIndex: 2, chainChecksum: two, epoch: 1 },
      shardEpoch: 1,
    });
    expect(await log.inspect(4)).toMatchObject({ found: undefined, previous: undefined });
  });
});
