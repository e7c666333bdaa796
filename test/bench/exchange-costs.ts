// What a load costs the exchange: processor time of each process, bytes of log, and the time of
// every stage, from what the processes themselves show.

import { loadConfig, portsOf } from '../../services/lib/platform/config/load-config.ts';
import { nodeNames } from '../../services/lib/platform/config/node-names.ts';
import { postgresMs } from './process-costs.ts';
import {
  addHistograms,
  type Histogram,
  histogramBetween,
  Page,
  quantileOf,
  scrape,
} from './scrape.ts';

/** In the order of an order's way; the shards' own stand behind what waits for them. */
const STAGES = ['edge', 'hold', 'propose', 'append', 'apply', 'answer'] as const;

type Stage = (typeof STAGES)[number];

const QUANTILES = { p50: 0.5, p90: 0.9, p99: 0.99, p99_9: 0.999 } as const;
const MS_PER_SECOND = 1_000;

type Node = { readonly nodeId: string; readonly service: string; readonly metricsPort: number };

type Reading = {
  readonly pages: ReadonlyMap<string, Page>;
  readonly postgresMs: number;
  readonly clientMs: number;
};

/** What happened between two readings. */
export type Costs = {
  /** Processor time, in milliseconds, by service, `postgres` and `client` among them. */
  readonly processorMs: ReadonlyMap<string, number>;
  readonly logBytes: number;
  readonly stages: ReadonlyMap<Stage, Histogram>;
};

/** Reads the processes of the exchange that a bench drives. */
export class CostReader {
  readonly #nodes: readonly Node[];
  readonly #postgresPort: number | undefined;

  /** @param exchangeArgs options of `npm start`, as the exchange has them */
  constructor(exchangeArgs: readonly string[]) {
    const { settings } = loadConfig([...exchangeArgs], process.env);
    const ports = new Map(portsOf(settings));
    this.#nodes = nodeNames(settings).map(({ nodeId, service }) => {
      const metricsPort = ports.get(`the metrics of ${nodeId}`) ?? 0;
      return { nodeId, service, metricsPort };
    });
    const isOwn = settings.databaseUrl === undefined || settings.databaseUrl === '';
    this.#postgresPort = isOwn ? ports.get('PostgreSQL') : undefined;
  }

  async read(): Promise<Reading> {
    const { user, system } = process.cpuUsage();
    const pages = await Promise.all(
      this.#nodes.map(
        async ({ nodeId, metricsPort }) => [nodeId, await scrape(metricsPort)] as const,
      ),
    );
    return {
      pages: new Map(pages),
      postgresMs: this.#postgresPort === undefined ? 0 : postgresMs(this.#postgresPort),
      clientMs: (user + system) / 1_000,
    };
  }

  between(before: Reading, after: Reading): Costs {
    const processorMs = new Map<string, number>();
    for (const { nodeId, service } of this.#nodes) {
      const ms = this.#since(before, after, nodeId, (page) => page.sum('bourse_process_cpu_time'));
      processorMs.set(service, (processorMs.get(service) ?? 0) + ms * MS_PER_SECOND);
    }
    processorMs.set('postgres', after.postgresMs - before.postgresMs);
    processorMs.set('client', after.clientMs - before.clientMs);
    const logBytes = this.#nodes.reduce(
      (sum, { nodeId }) =>
        sum + this.#since(before, after, nodeId, (page) => page.sum('bourse_log_entry_size_sum')),
      0,
    );
    const stages = STAGES.map((stage) => [stage, this.#stage(before, after, stage)] as const);
    return { processorMs, logBytes, stages: new Map(stages) };
  }

  #since(before: Reading, after: Reading, nodeId: string, of: (page: Page) => number): number {
    const none = new Page('');
    return of(after.pages.get(nodeId) ?? none) - of(before.pages.get(nodeId) ?? none);
  }

  #stage(before: Reading, after: Reading, stage: Stage): Histogram {
    const isShards = stage === 'append' || stage === 'apply';
    const name = isShards ? SHARD_STAGES[stage] : 'bourse_order_stage_duration';
    const label = isShards ? '' : `bourse_stage="${stage}"`;
    const none = new Page('');
    return addHistograms(
      this.#nodes.map(({ nodeId }) => {
        const of = ({ pages }: Reading) => (pages.get(nodeId) ?? none).histogram(name, label);
        return histogramBetween(of(before), of(after));
      }),
    );
  }
}

const SHARD_STAGES = {
  append: 'bourse_log_append_duration',
  apply: 'bourse_shard_apply_duration',
} as const;

/** Prints what a load of so many orders cost. */
export function sayCosts(
  what: string,
  { processorMs, logBytes, stages }: Costs,
  orders: number,
  say: (line: string) => void,
): void {
  say(`${`${what}, ms by stage`.padEnd(30)}     p50     p90     p99   p99.9`);
  for (const [stage, histogram] of stages) {
    const cells = Object.values(QUANTILES).map((share) =>
      (quantileOf(histogram, share) * MS_PER_SECOND).toFixed(2).padStart(8),
    );
    say(`  ${stage.padEnd(28)}${cells.join('')}`);
  }
  const perOrder = [...processorMs].map(([service, ms]) => `${service} ${perOrderUs(ms, orders)}`);
  const total = [...processorMs.values()].reduce((sum, ms) => sum + ms, 0);
  say(`  processor time, us an order: ${perOrder.join(', ')}; in all ${perOrderUs(total, orders)}`);
  say(`  log: ${(logBytes / Math.max(1, orders)).toFixed(0)} bytes an order`);
}

const perOrderUs = (ms: number, orders: number): string =>
  ((ms * 1_000) / Math.max(1, orders)).toFixed(0);

/** The same as named figures. */
export function costFigures(
  prefix: string,
  { processorMs, logBytes, stages }: Costs,
  orders: number,
): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const [stage, histogram] of stages) {
    for (const [name, share] of Object.entries(QUANTILES)) {
      const ms = quantileOf(histogram, share) * MS_PER_SECOND;
      figures[`${prefix}_${stage}_${name}_ms`] = ms;
    }
  }
  let totalMs = 0;
  for (const [service, ms] of processorMs) {
    totalMs += ms;
    figures[`${prefix}_${service}_processor_us_per_order`] = (ms * 1_000) / Math.max(1, orders);
  }
  figures[`${prefix}_processor_us_per_order`] = (totalMs * 1_000) / Math.max(1, orders);
  figures[`${prefix}_log_bytes_per_order`] = logBytes / Math.max(1, orders);
  return figures;
}
