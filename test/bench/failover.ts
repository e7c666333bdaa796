// Fail-over (P5): what clients feel when a shard's leader is killed under load, when leadership is
// handed over, and when a slot with 100,000 orders moves.

import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { audit } from '../chaos/audit.ts';
import { FeedWatcher } from '../chaos/feeds.ts';
import { type Call, gapMs, type Load, startLoad } from '../chaos/load.ts';
import { openChaosMarket } from '../chaos/market.ts';
import { type ChaosMesh, type NodeId, startChaosMesh } from '../chaos/mesh.ts';
import { waitUntil } from '../support/wait.ts';
import { fillBook, measureMoves } from './failover-moves.ts';
import { measureLags, measureSnapshots } from './failover-standbys.ts';

/** How often each thing is done, unless an option of that name says otherwise. */
const COUNTS = { quiet: 10, kills: 20, handovers: 10, moves: 8, orders: 100_000 };
type Counts = typeof COUNTS;
const CLIENTS = 16;
/** The calls that are due, as a part of those that the clients get answered without a pause. */
const LOAD_PART = 0.5;
/** How long they do that. */
const FULL_MS = 4_000;
const SEED = 7;
/** Calls that a gap is measured by are answered within this time; quiet before and after. */
const SETTLE_MS = 1_500;
const DEADLINE_MS = 30_000;

type Say = (line: string) => void;

/** Measures and prints; the figures that `performance.md` names are in the line of JSON. */
export async function benchFailover(
  args: readonly string[],
  counts: Counts,
  say: Say,
): Promise<Record<string, number>> {
  for (const line of describe()) say(line);
  const mesh = await startChaosMesh(args);
  try {
    const market = await openChaosMarket(mesh);
    const instrumentIds = market.instruments.map(({ instrumentId }) => instrumentId);
    const [marketData] = mesh.marketData;
    if (marketData === undefined) throw new Error('there is no market data');
    const feed = new FeedWatcher('market data', marketData, instrumentIds);
    const load = startLoad(mesh, market, { clients: CLIENTS, seed: SEED });
    await pause(SETTLE_MS);
    let duePerS = 0;
    const lags = await measureLags(mesh, async () => {
      duePerS = await paceLoad(load, say);
    });
    say(
      `meanwhile, from entries' log time: 99 % committed within ${lags.commitMs.toFixed(0)} ms, ` +
        `applied by standbys within ${lags.standbyMs.toFixed(0)} ms`,
    );
    await pause(SETTLE_MS);
    const usual = await measureNothing(mesh, load, counts.quiet, say);
    const kills = await measure(mesh, load, counts.kills, 'kill', say);
    const handovers = await measure(mesh, load, counts.handovers, 'hand-over', say);
    const [instrument] = market.instruments;
    if (instrument === undefined) throw new Error('there is no instrument');
    say(`resting ${counts.orders} orders of ${instrument.instrumentId}`);
    await fillBook(mesh, market, instrument.instrumentId, counts.orders);
    const written = await measureSnapshots(mesh, load);
    say(
      `snapshots written in ${written.seconds.toFixed(1)} s: 99 % of calls within ` +
        `${written.duringP99Ms.toFixed(0)} ms, then within ${written.withoutP99Ms.toFixed(0)} ms`,
    );
    const moves = await measureMoves(mesh, load, instrument.instrumentId, counts.moves, say);
    await load.stop();
    const report = await audit(mesh, market, load, [feed]);
    await feed.stop();
    for (const violation of report.violations.slice(0, 20)) say(`VIOLATION  ${violation}`);
    const figures = {
      kill_gap_p50_ms: median(kills),
      kill_gap_max_ms: Math.max(...kills),
      handover_gap_p50_ms: median(handovers),
      handover_gap_max_ms: Math.max(...handovers),
      move_gap_p50_ms: median(moves.gapsMs),
      move_gap_max_ms: Math.max(...moves.gapsMs),
      move_pause_p50_ms: median(moves.pausesMs),
      due_per_s: duePerS,
      standby_lag_p99_ms: lags.standbyMs,
      log_commit_p99_ms: lags.commitMs,
      snapshot_p99_ms: written.duringP99Ms,
      snapshot_without_p99_ms: written.withoutP99Ms,
      usual_gap_p50_ms: median(usual),
      usual_gap_max_ms: Math.max(...usual),
      acknowledged_lost: report.acknowledgedLost,
      executed_twice: report.executedTwice,
      violations: report.violations.length,
      calls: load.calls.length,
    };
    for (const [name, value] of Object.entries(figures))
      say(`${name.padEnd(28)}${value.toFixed(0)}`);
    return figures;
  } finally {
    await mesh.stop();
  }
}

/** What a gap is, for whoever reads the figures. */
function describe(): readonly string[] {
  return [
    `an exchange with standbys, ${CLIENTS} clients, seed ${SEED}`,
    'a gap: the longest that any client waited for its answer (retries included, nothing taken off),',
    'among calls to the shards concerned that were on their way or due within a second, from the',
    'event or from when the call was due; "nothing happens" is the same of moments without an event',
  ];
}

/** From as fast as it goes to a part of that, so that nobody waits only for the machine. */
async function paceLoad(load: Load, say: Say): Promise<number> {
  const before = load.calls.length;
  const beganMs = performance.now();
  await pause(FULL_MS);
  const fullPerS = ((load.calls.length - before) * 1_000) / (performance.now() - beganMs);
  const duePerS = Math.max(1, fullPerS * LOAD_PART);
  load.pace((CLIENTS * 1_000) / duePerS);
  say(`${fullPerS.toFixed(0)} calls a second without a pause; from here on ${duePerS.toFixed(0)}`);
  return duePerS;
}

/** The same figure for moments at which nothing happens, of each shard in turn. */
async function measureNothing(
  mesh: ChaosMesh,
  load: Load,
  times: number,
  say: Say,
): Promise<number[]> {
  const shardIds = [...(await mesh.leaders()).keys()].sort();
  const gaps: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const shardId = shardIds[time % shardIds.length] ?? '';
    const atMs = performance.now();
    await pause(SETTLE_MS);
    gaps.push(gapMs(load.calls, atMs, isOf(new Set([shardId]))));
  }
  say(`nothing happens: ${gaps.map((gap) => gap.toFixed(0)).join(', ')} ms`);
  return gaps;
}

/** Whether a call has to do with one of these shards. */
function isOf(shardIds: ReadonlySet<string>): (call: Call) => boolean {
  return ({ instrument, account }) =>
    shardIds.has(instrument.shardId) || shardIds.has(account.shardId);
}

/** Does it to the shards in turn and gives each gap, in milliseconds. */
async function measure(
  mesh: ChaosMesh,
  load: Load,
  times: number,
  what: 'kill' | 'hand-over',
  say: Say,
): Promise<number[]> {
  const gaps: number[] = [];
  for (let time = 0; time < times; time += 1) {
    await mesh.healthy();
    await pause(SETTLE_MS);
    const shards = [...(await mesh.leaders()).values()].sort((one, other) =>
      one.shardId < other.shardId ? -1 : 1,
    );
    const led = shards[time % shards.length];
    if (led === undefined) throw new Error('no shard has a leader');
    const { shardId, epoch, nodeId } = led;
    const atMs = performance.now();
    if (what === 'kill') mesh.signal(nodeId as NodeId, 'SIGKILL');
    else await handOver(mesh, shardId);
    const ownedByNode = new Set(
      shards.filter((one) => one.nodeId === nodeId).map((one) => one.shardId),
    );
    const concerned = what === 'kill' ? ownedByNode : new Set([shardId]);
    const isLedAgain = async () => ((await mesh.leaders()).get(shardId)?.epoch ?? 0) > epoch;
    await waitUntil(isLedAgain, { what: `${shardId} to be led again`, deadlineMs: DEADLINE_MS });
    await pause(SETTLE_MS);
    const gap = gapMs(load.calls, atMs, isOf(concerned));
    gaps.push(gap);
    say(`${what} ${String(time + 1).padStart(2)}: ${shardId} on ${nodeId}: ${gap.toFixed(0)} ms`);
    if (load.failures.length > 0) throw new Error(load.failures[0]);
  }
  return gaps;
}

/** The other node's replica may just be on its way back. */
async function handOver({ services }: ChaosMesh, shardId: string): Promise<void> {
  const options = { what: `a standby of ${shardId}`, deadlineMs: DEADLINE_MS, pollMs: 100 };
  await waitUntil(() => services.cluster.transferLeadership({ shardId }), options);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0; // 0 when nothing was done
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Takes `--kills N` and the like out of the arguments. */
function takeCounts(args: string[]): Counts {
  const counts = { ...COUNTS };
  for (const name of Object.keys(COUNTS) as (keyof Counts)[]) {
    const at = args.indexOf(`--${name}`);
    if (at < 0) continue;
    const [, text = ''] = args.splice(at, 2);
    if (!/^\d{1,7}$/.test(text)) throw new Error(`--${name} must be a whole number, not ${text}.`);
    counts[name] = Number(text);
  }
  return counts;
}

/** `[--kills N] [--handovers N] [--moves N] [--orders N] [options of npm start] [--json [FILE]]` */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const at = args.indexOf('--json');
  const next = at < 0 ? undefined : args[at + 1];
  const file = next === undefined || next.startsWith('--') ? undefined : next;
  const rest = at < 0 ? args : args.toSpliced(at, file === undefined ? 1 : 2);
  const counts = takeCounts(rest);
  const figures = await benchFailover(rest, counts, (line) => process.stdout.write(`${line}\n`));
  const line = JSON.stringify({ bench: 'failover', ...figures });
  if (file === undefined) process.stdout.write(`${line}\n`);
  else writeFileSync(file, `${line}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  main().then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`bench failover: ${error instanceof Error ? error.message : error}\n`);
      process.exit(1);
    },
  );
}
