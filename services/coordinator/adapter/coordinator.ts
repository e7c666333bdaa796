// Waits for the term, is the active coordinator while it holds it, and waits again when it has lost
// it (CRD-2). A second coordinator is harmless: it waits.

import { pause } from '../../lib/platform/cluster/cluster-world.ts';
import { ACTIVE_ADDRESS_KEY } from '../../lib/platform/cluster/coordinator-road.ts';
import type { ProbingWorld } from '../../lib/platform/cluster/probe.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import type { ShardCounts } from '../domain/first-tables.ts';
import type { ExpectedNodes } from '../domain/placement.ts';
import type { RebalancePatience } from '../domain/rebalancing.ts';
import { ActiveCoordinator } from './active-coordinator.ts';
import type { CoordinatorStores } from './coordinator-stores.ts';
import { TERM_RENEWAL_MS, TERM_TIMEOUT_MS } from './term-store.ts';

export type CoordinatorOptions = {
  readonly stores: CoordinatorStores;
  readonly world: ProbingWorld;
  readonly log: Logger;
  readonly shardCounts: ShardCounts;
  readonly expectedNodes: ExpectedNodes;
  /** Of each shard: the leader and its standbys. */
  readonly replicas: number;
  /** How patient it is before it moves slots by itself; it never does when absent (MOV-10). */
  readonly rebalance?: RebalancePatience | undefined;
  /** Told when this process becomes, or stops being, one that can change its tables. */
  readonly onActive: (isActive: boolean) => void;
};

const RETRY_MS = 500;

export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #abort = new AbortController();
  #active: ActiveCoordinator | undefined;
  /** Who was active when this one looked last, as it named itself. */
  #holder = '';
  /** While the database does not answer: said once, not every 200 ms. */
  #isCutOff = false;
  /** When the database was asked last in vain. */
  #cutOffUs = Number.NEGATIVE_INFINITY;
  #done: Promise<void> | undefined;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
  }

  /** @throws OperatingError NOT_READY while this process does not hold the term. */
  active(): ActiveCoordinator {
    if (this.#active !== undefined) return this.#active;
    throw new OperatingError(
      'NOT_READY',
      'This coordinator is not the active one, or is starting.',
      {
        ...{ metadata: describeHolder(this.#holder), retryDelayMs: RETRY_MS },
      },
    );
  }

  start(): void {
    this.#done ??= this.#run();
  }

  /** Lets the next coordinator in at once. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    const { stores, world } = this.#options;
    while (!signal.aborted) {
      try {
        const term = this.#mayTake() ? await stores.terms.take() : undefined;
        if (term === undefined) this.#holder = await stores.terms.findHolder();
        this.#sayCutOff(undefined);
        if (term !== undefined) await this.#serve(term);
      } catch (error) {
        this.#cutOffUs = world.monotonicUs();
        this.#sayCutOff(error);
      }
      await pause(world, TERM_RENEWAL_MS, signal);
    }
  }

  /** Whoever has the term was not heard either while the database answered nobody. */
  #mayTake(): boolean {
    const reachesUs = this.#options.world.monotonicUs() - this.#cutOffUs;
    return this.#holder === '' || reachesUs >= TERM_TIMEOUT_MS * 1_000;
  }

  /** Serves until the term is lost or the process stops. */
  async #serve(term: number): Promise<void> {
    const { onActive, ...options } = this.#options;
    const { log, stores, world } = options;
    const lost = new AbortController();
    const active = await ActiveCoordinator.begin({
      ...{ ...options, term },
      onTermLost: () => lost.abort(),
    });
    this.#active = active;
    onActive(true);
    log.info({ term }, `active coordinator in term ${term}`);
    const over = AbortSignal.any([lost.signal, this.#abort.signal]);
    while (!over.aborted) {
      await pause(world, TERM_RENEWAL_MS, over);
      if (!over.aborted && !(await this.#renew(active))) lost.abort();
    }
    this.#active = undefined;
    onActive(false);
    active.stop();
    if (lost.signal.aborted) log.warn({ term }, `term ${term} is over`);
    await stores.terms.giveBack(term).catch(() => {});
  }

  async #renew({ term, clock }: ActiveCoordinator): Promise<boolean> {
    const { stores, world } = this.#options;
    const askedUs = world.monotonicUs();
    try {
      const isOurs = await stores.terms.renew(term);
      clock.heardDatabase({ askedUs, isAnswered: true });
      this.#sayCutOff(undefined);
      return isOurs;
    } catch (error) {
      // Nobody else can take the term either while the database is away.
      clock.heardDatabase({ askedUs, isAnswered: false });
      this.#sayCutOff(error);
      return true;
    }
  }

  #sayCutOff(error: unknown): void {
    const isCutOff = error !== undefined;
    if (isCutOff === this.#isCutOff) return;
    this.#isCutOff = isCutOff;
    const { log, onActive } = this.#options;
    if (isCutOff) log.warn({ error }, 'the coordinator cannot reach its tables, trying again');
    else log.info('the coordinator reaches its tables again');
    if (this.#active !== undefined) onActive(!isCutOff);
  }
}

/** How a coordinator names itself: whoever asks another one is sent there (CRD-2). */
export function nameHolder(nodeId: string, address: string): string {
  return `${nodeId} at ${address}`;
}

function describeHolder(holder: string): Readonly<Record<string, string>> {
  const [nodeId = '', address = ''] = holder.split(' at ');
  if (address === '') return {};
  return { coordinator_node_id: nodeId, [ACTIVE_ADDRESS_KEY]: address };
}
