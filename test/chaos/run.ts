// One run: a mesh under load, faults as the seed has them, then the audit.

import { setTimeout as delay } from 'node:timers/promises';
import { Chance } from '../../services/simulator/domain/chance.ts';
import { type AuditReport, audit } from './audit.ts';
import { chooseFault, commit, describeFault, type FaultKind } from './faults.ts';
import { FeedWatcher } from './feeds.ts';
import { type Call, gapMs, startLoad } from './load.ts';
import { openChaosMarket } from './market.ts';
import { startChaosMesh } from './mesh.ts';

export type ChaosOptions = {
  readonly seconds: number;
  readonly seed: number;
  readonly kinds: readonly FaultKind[];
  readonly clients: number;
  /** More options of `npm start`. */
  readonly startArgs: readonly string[];
};

export type ChaosReport = AuditReport & {
  readonly faults: readonly {
    readonly what: string;
    readonly atS: number;
    readonly gapMs: number;
  }[];
  readonly calls: number;
  readonly repeated: number;
};

const CLIENTS_BEGIN_MS = 1_000;
const SHORTEST_REST_MS = 500;
const LONGEST_REST_MS = 3_500;

/** Runs it on a mesh of its own. */
export async function runChaos(
  { seconds, seed, kinds, clients, startArgs }: ChaosOptions,
  say: (line: string) => void,
): Promise<ChaosReport> {
  say('starting an exchange with standbys');
  const mesh = await startChaosMesh(startArgs, { hasNetwork: kinds.includes('cut') });
  const feeds: FeedWatcher[] = [];
  try {
    const market = await openChaosMarket(mesh);
    const instrumentIds = market.instruments.map(({ instrumentId }) => instrumentId);
    for (const [index, marketData] of mesh.marketData.entries()) {
      feeds.push(new FeedWatcher(`market data ${index + 1}`, marketData, instrumentIds));
    }
    const load = startLoad(mesh, market, { clients, seed });
    await delay(CLIENTS_BEGIN_MS);
    const done: { what: string; atMs: number }[] = [];
    const chance = new Chance(seed, -1);
    const beginMs = performance.now();
    while (performance.now() - beginMs < seconds * 1_000) {
      const fault = chooseFault(chance, kinds);
      const atMs = performance.now();
      if (await commit(mesh, fault)) {
        const what = describeFault(fault);
        done.push({ what, atMs });
        say(`${((atMs - beginMs) / 1_000).toFixed(1).padStart(6)} s  ${what}`);
      }
      await delay(chance.between(SHORTEST_REST_MS, LONGEST_REST_MS));
    }
    say('no more faults; waiting until every call has its answer');
    await load.stop();
    say(`auditing ${load.calls.length} answers`);
    const report = await audit(mesh, market, load, feeds);
    const isAnyCall = (): boolean => true;
    const faults = done.map(({ what, atMs }) => {
      return { what, atS: (atMs - beginMs) / 1_000, gapMs: gapMs(load.calls, atMs, isAnyCall) };
    });
    const repeated = load.calls.filter(({ attempts }: Call) => attempts > 1).length;
    return { ...report, faults, calls: load.calls.length, repeated };
  } finally {
    await Promise.all(feeds.map((feed) => feed.stop()));
    await mesh.stop();
  }
}
