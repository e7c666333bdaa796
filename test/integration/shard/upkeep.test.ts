// The upkeep of a shard's log in a real PostgreSQL (LOG-14, SNAP-4).

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cutLog } from '../../../services/lib/shard/log-cutter.ts';
import { createRealWorld } from '../../../services/lib/shard/real-world.ts';
import type { World } from '../../../services/lib/shard/world.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { add, createToyHost, propose, TOY_SHARD } from '../../support/shard/toy-host.ts';
import { openToyLog, type ToyLog } from '../../support/shard/toy-log.ts';

let postgres: TestPostgres;
let world: World;
let log: ToyLog;

beforeAll(async () => {
  postgres = await startTestPostgres();
  world = createRealWorld({ databaseUrl: postgres.url, requireReplica: false });
  log = await openToyLog(postgres.url);
}, 60_000);
afterAll(async () => {
  await log?.close();
  await postgres?.stop();
});

describe('upkeep', () => {
  test('LOG-14: a command that kills one host is refused by the next, until it is lifted', async () => {
    const dying = createToyHost(world);
    expect(await dying.lead(1)).toMatchObject({ kind: 'leading' });
    await propose(dying, add(world, 'fine'));
    await propose(dying, add(world, 'poison', { command: { kind: 'crash' } }));
    await dying.end(1_000);
    const [record] = await log.query('SELECT * FROM log_quarantine');
    expect(record).toMatchObject({ shard_id: TOY_SHARD, identity: 'poison', epoch: '1' });
    expect(record?.['problem']).toContain('the toy is broken');
    expect(await log.fetchIdentities()).toEqual(['fine']);

    const next = createToyHost(world);
    expect(await next.lead(2)).toMatchObject({ kind: 'leading' });
    const refused = await propose(next, add(world, 'poison'));
    expect(refused).toMatchObject({ reason: 'COMMAND_QUARANTINED' });
    expect(await propose(next, add(world, 'other'))).toMatchObject({ kind: 'applied' });
    await next.end(1_000);

    await log.query('DELETE FROM log_quarantine');
    const last = createToyHost(world);
    expect(await last.lead(3)).toMatchObject({ kind: 'leading' });
    expect(await propose(last, add(world, 'poison'))).toMatchObject({ kind: 'applied' });
    await last.end(1_000);
  }, 30_000);

  test('SNAP-4: cuts from the beginning, below what every consumer has confirmed', async () => {
    await log.query(`INSERT INTO log_shard (shard_id, epoch) VALUES ('long', 1)`);
    await log.query(`INSERT INTO log_entry SELECT i, 1, i::bigint * 1000000, i, 1, 1, 1, 'long',
      decode(repeat('00', 16), 'hex'), '', '' FROM generate_series(1, 3000) AS i`);
    const upkeep = world.openUpkeep('long');
    const store = world.openLog('long');
    const run = () =>
      cutLog({
        ...{ world, upkeep, log: store, retentionUs: 0 },
        olderSnapshotIndex: 1_900,
        pause: () => Promise.resolve(),
      });
    await upkeep.confirmConsumed('slow', { entryIndex: 700, sequence: 700 });
    await upkeep.confirmConsumed('slow', { entryIndex: 600, sequence: 600 });
    expect(await run()).toMatchObject({ removedEntries: 699, heldUpBy: [{ consumer: 'slow' }] });
    expect(await upkeep.fetchStart()).toBe(700);
    expect(await upkeep.fetchConsumers()).toEqual([
      { consumer: 'slow', entryIndex: 700, sequence: 700 },
    ]);
    await upkeep.removeConsumer('slow');
    expect(await run()).toEqual({ removedEntries: 1_200, throughEntryIndex: 1_899, heldUpBy: [] });
    expect(await upkeep.fetchStart()).toBe(1_900);
    await Promise.all([upkeep.close(), store.close()]);
  }, 30_000);
});
