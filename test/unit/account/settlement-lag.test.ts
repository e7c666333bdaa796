// Settlement that trails its book: it is waited for at most 250 ms (SET-4), how far it is behind is
// a metric, and too far an alarm (SET-3), at which new holds are refused (SNAP-5).

import { PassThrough } from 'node:stream';
import { afterEach, expect, test } from '@jest/globals';
import { MatchingService } from '../../../gen/bourse/matching/v1/service_pb.ts';
import { LedgerNodes } from '../../../services/account/adapter/settlement/ledger-nodes.ts';
import { MatchingNodes } from '../../../services/account/adapter/settlement/matching-nodes.ts';
import {
  Settlement,
  type SettlementOptions,
} from '../../../services/account/adapter/settlement/settlement.ts';
import type { ClusterTable } from '../../../services/lib/platform/cluster/cluster-table.ts';
import type { ClusterWatch } from '../../../services/lib/platform/cluster/watch-cluster.ts';
import { loadDescriptors } from '../../../services/lib/platform/rpc/descriptors.ts';
import { createRpcServer } from '../../../services/lib/platform/rpc/server.ts';
import { createLogger } from '../../../services/lib/platform/telemetry/logger.ts';
import { startTelemetry } from '../../../services/lib/platform/telemetry/telemetry.ts';
import { SLOT_COUNT } from '../../../services/lib/routing/slot.ts';
import { makeSlotMap } from '../../../services/lib/routing/slot-map.ts';
import { createRealWorldWithoutLogs } from '../../../services/lib/shard/real-world.ts';
import type { World } from '../../../services/lib/shard/world.ts';
import { freePort } from '../../support/ports.ts';
import { waitUntil } from '../../support/wait.ts';

const EVENT_US = 1_700_000_000_000_000;
const LAG_LIMIT_US = 5_000_000;
const INSTRUMENT_ID = 'BTC-USD';
/** Of 250 ms, on a machine that is busy. */
const LONGEST_WAIT_MS = 5_000;

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The node of a book with one event of its log time. */
async function startBook(): Promise<string> {
  const log = createLogger({ service: 'matching', node: 'test', level: 'silent' });
  const server = createRpcServer({ logger: log, descriptors: loadDescriptors() });
  const unused = () => Promise.reject(new Error('not asked here'));
  const value = { accountNumber: 4096, placement: 1n };
  const kind = { case: 'orderAccepted' as const, value };
  const events = [{ instrumentNumber: 1, instrumentSequence: 1n, kind }];
  const commands = [{ identity: 'c', firstSequence: 1n, events }];
  const entries = [{ entryIndex: 1n, logTimeUs: BigInt(EVENT_US), commands }];
  server.add(MatchingService, {
    // biome-ignore lint/correctness/useYield: it refuses before it could yield
    async *propose() {
      await unused();
    },
    // biome-ignore lint/correctness/useYield: it refuses before it could yield
    async *streamEntries() {
      await unused();
    },
    async *streamEvents(_request, call) {
      yield { entries, throughSequence: 1n, committedEntryIndex: 1n };
      while (!call.signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        yield { throughSequence: 1n, committedEntryIndex: 1n };
      }
    },
    getBook: unused,
    getPosition: async () => ({ sequence: 1n }),
  });
  const port = await server.listen(0);
  closers.push(() => server.drain(500));
  return `127.0.0.1:${port}`;
}

function tableOf(address: string): ClusterTable {
  const leader = { nodeId: 'matching-1', address };
  const shard = { shardId: 'matching-1', kind: 'matching', epoch: 1, leader, replicaNodeIds: [] };
  const owners = Array.from({ length: SLOT_COUNT }, () => 'matching-1');
  const slotMaps = { matching: makeSlotMap(1, owners), account: makeSlotMap(1, owners) };
  const shards = new Map([['matching-1', shard]]);
  return { nodes: new Map(), shards, slotMaps } as unknown as ClusterTable;
}

test('SET-3 SET-4 SNAP-5 an event that is not settled is waited for a moment, after five seconds an alarm', async () => {
  const prometheusPort = await freePort();
  const telemetry = await startTelemetry({ service: 'account', node: 'a', prometheusPort });
  closers.push(() => telemetry.shutdown());
  const table = tableOf(await startBook());
  const watch = {
    table: () => table,
    onChange: (listener: (now: ClusterTable) => void) => {
      listener(table);
      return () => {};
    },
  };
  const [nodes, ledgers] = [new MatchingNodes(watch), new LedgerNodes(watch)];
  closers.push(
    () => nodes.close(),
    () => ledgers.close(),
  );
  const lines: { level: string; message: string }[] = [];
  const destination = new PassThrough();
  destination.on('data', (line: Buffer) => lines.push(JSON.parse(line.toString())));
  const log = createLogger({ service: 'account', node: 'a', destination });
  const real = createRealWorldWithoutLogs();
  // Only the clock of lags jumps; timers are the real ones.
  let aheadUs = 0;
  const world = {
    monotonicUs: () => real.monotonicUs() + aheadUs,
    wallClockUs: () => real.wallClockUs(),
    setTimer: (delayMs: number, run: () => void) => real.setTimer(delayMs, run),
    nextTurn: (run: () => void) => real.nextTurn(run),
    randomBytes: (count: number) => real.randomBytes(count),
  };
  let commit: () => void = () => {};
  let settledSequence = 0;
  // Of the world only clocks and timers are used, of the watch only the table.
  const around = { watch: watch as ClusterWatch, world: world as unknown as World };
  const options: SettlementOptions = {
    ...{ ...around, nodes, ledgers, log, shardId: 'account-1' },
    settledPlace: () => ({ sequence: settledSequence, entryIndex: 0, chainChecksum: '' }),
    isNew: () => false,
    slotPlaces: () => [],
    slotsVersion: () => 0,
    ownSequence: async () => 0,
    ownedSlots: () => new Uint8Array(512),
    ownsSlot: () => true,
    propose: async () => {
      await new Promise<void>((resolve) => {
        commit = resolve;
      });
      settledSequence = 1;
      const place = { duplicate: false, entryIndex: 1, firstSequence: 1, events: [] };
      const logTimeUs = EVENT_US + 6_000_000;
      return { kind: 'applied', ...place, logTimeUs, outcome: { kind: 'done' } } as const;
    },
  };
  const settlement = new Settlement(options);
  closers.push(() => settlement.stop());
  const lagMs = () => settlement.lagsMs()[0]?.[1] ?? 0;

  await waitUntil(() => lagMs() > 0, { what: 'the event to be read' });
  expect(settlement.isTooFarBehind()).toBe(false);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  const beganUs = real.monotonicUs();
  expect(await settlement.waitFor([INSTRUMENT_ID])).toBe(false);
  const waitedMs = (real.monotonicUs() - beganUs) / 1_000;
  expect(waitedMs).toBeGreaterThan(200);
  expect(waitedMs).toBeLessThan(LONGEST_WAIT_MS);
  aheadUs = LAG_LIMIT_US;
  expect(settlement.isTooFarBehind()).toBe(true);
  const isAlarm = ({ level, message }: (typeof lines)[number]) =>
    level === 'error' && message.includes('SET-3');
  await waitUntil(() => lines.some(isAlarm), { what: 'the alarm' });

  commit();
  await waitUntil(() => lagMs() === 0, { what: 'settlement' });
  expect(settlement.isTooFarBehind()).toBe(false);
  expect(await settlement.waitFor([INSTRUMENT_ID])).toBe(true);
  await waitUntil(() => lines.some(({ message }) => message.includes('caught up')), {
    what: 'the end of the alarm',
  });
  const metrics = await (await fetch(`http://127.0.0.1:${prometheusPort}/metrics`)).text();
  expect(metrics).toMatch(/bourse_settlement_lag_count(\{[^}]*\})? 1/);
  expect(metrics).toMatch(/bourse_settlement_lag_sum(\{[^}]*\})? 6/);
});
