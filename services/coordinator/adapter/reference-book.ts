// Assets and instruments of the active coordinator: one change at a time, stored before anyone
// hears of it (CRD-1), shown to callers once the shards have committed it (CRD-5).

import type { ClusterWorld } from '../../lib/platform/cluster/cluster-world.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import {
  type Holdings,
  heldState,
  isAssetAgreed,
  isInstrumentAgreed,
} from '../domain/agreement.ts';
import type { ClusterTables } from '../domain/cluster-tables.ts';
import {
  type InstrumentRow,
  type InstrumentTerms,
  isPublished,
  type ReferenceTables,
} from '../domain/reference-tables.ts';
import type { CoordinatorStores } from './coordinator-stores.ts';
import type { ReferenceWrite } from './reference-store.ts';
import { TablesChanged } from './versioned-write.ts';

export type ReferenceBookOptions = {
  readonly stores: Pick<CoordinatorStores, 'storeReference'>;
  readonly term: number;
  readonly tables: ReferenceTables;
  readonly world: ClusterWorld;
  readonly log: Logger;
  /** What the shards are known to have committed. */
  readonly cluster: () => {
    readonly tables: ClusterTables;
    readonly holdings: ReadonlyMap<string, Holdings>;
  };
  /** Another coordinator has the term. */
  readonly onTermLost: () => void;
};

export class ReferenceBook {
  readonly #options: ReferenceBookOptions;
  readonly #listeners = new Set<() => void>();
  #tables: ReferenceTables;
  #queue: Promise<unknown> = Promise.resolve();
  #isPublishing = false;
  #stopped = false;

  constructor(options: ReferenceBookOptions) {
    this.#options = options;
    this.#tables = options.tables;
  }

  get tables(): ReferenceTables {
    return this.#tables;
  }

  /** Calls back after every stored change, published or not; returns what ends it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Lets `decide` look at the tables while nobody changes them, and stores what it wants written.
   *
   * @throws OperatingError NOT_READY when another coordinator has taken over; what `decide` threw.
   */
  change<T>(
    decide: (tables: ReferenceTables) => Promise<{ write?: ReferenceWrite; result: T }>,
  ): Promise<T> {
    const turn = this.#queue.then(() => this.#change(decide));
    this.#queue = turn.catch(() => {});
    return turn;
  }

  /** Shows callers everything that the shards have agreed on meanwhile. */
  publishSoon(): void {
    if (this.#isPublishing || this.#stopped || this.#findAgreed() === undefined) return;
    this.#isPublishing = true;
    this.change(async () => {
      const write = this.#findAgreed();
      return write === undefined ? { result: undefined } : { write, result: undefined };
    })
      .catch((error) => this.#options.log.warn({ error }, 'cannot publish, trying again'))
      .finally(() => {
        this.#isPublishing = false;
        if (this.#stopped || this.#findAgreed() === undefined) return;
        this.#options.world.setTimer(50, () => this.publishSoon());
      });
  }

  /**
   * Resolves when callers see it.
   *
   * @throws OperatingError OUTCOME_UNKNOWN when not by `deadlineMs` from now: the wish is stored
   * and will be carried out.
   */
  waitUntil(isSeen: (tables: ReferenceTables) => boolean, deadlineMs: number): Promise<void> {
    if (isSeen(this.#tables)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = this.#options.world.setTimer(deadlineMs, () => {
        end();
        const message = 'The change is stored, but not all shards have confirmed it yet.';
        reject(new OperatingError('OUTCOME_UNKNOWN', message));
      });
      const end = this.listen(() => {
        if (!isSeen(this.#tables)) return;
        timer.cancel();
        end();
        resolve();
      });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#listeners.clear();
  }

  async #change<T>(
    decide: (tables: ReferenceTables) => Promise<{ write?: ReferenceWrite; result: T }>,
  ): Promise<T> {
    if (this.#stopped) throw new OperatingError('NOT_READY', 'The coordinator is not active.');
    const { write, result } = await decide(this.#tables);
    if (write !== undefined) await this.#store(write);
    return result;
  }

  async #store(write: ReferenceWrite): Promise<void> {
    const { stores, term, onTermLost } = this.#options;
    const { version } = this.#tables;
    try {
      await stores.storeReference({ term, version }, write);
    } catch (error) {
      if (error instanceof TablesChanged) {
        onTermLost();
        throw new OperatingError('NOT_READY', 'Another coordinator has taken over.');
      }
      // Whether it was stored is unknown, so the tables here may be behind: begin anew.
      onTermLost();
      const message = 'The database did not answer; whether the change is stored is not known.';
      throw new OperatingError('OUTCOME_UNKNOWN', message, { cause: error });
    }
    const assets = new Map(this.#tables.assets);
    const instruments = new Map(this.#tables.instruments);
    for (const asset of write.assets ?? []) assets.set(asset.assetNumber, asset);
    for (const row of write.instruments ?? []) instruments.set(row.instrumentNumber, row);
    this.#tables = { version: version + 1, assets, instruments };
    for (const listener of [...this.#listeners]) listener();
  }

  /** What the shards agree on and callers do not see yet, stamped with the version to come. */
  #findAgreed(): ReferenceWrite | undefined {
    const { tables: cluster, holdings } = this.#options.cluster();
    const publishedAt = this.#tables.version + 1;
    const assets = [...this.#tables.assets.values()]
      .filter((asset) => asset.publishedAt === undefined)
      .filter((asset) => isAssetAgreed(cluster, holdings, asset))
      .map((asset) => ({ ...asset, publishedAt }));
    const instruments = [...this.#tables.instruments.values()].flatMap((instrument) => {
      const published = this.#findTerms(instrument);
      if (published === undefined) return [];
      // A new schedule begins anew: what it says now is carried out, whatever the old one had done.
      const isSameSchedule = published.sessionsVersion === instrument.published?.sessionsVersion;
      const sessionTimeUs = isSameSchedule ? instrument.sessionTimeUs : 0;
      return [{ ...instrument, published, publishedAt, sessionTimeUs }];
    });
    return assets.length + instruments.length === 0 ? undefined : { assets, instruments };
  }

  /** What callers shall see of an instrument; undefined when that is what they see. */
  #findTerms(instrument: InstrumentRow): InstrumentTerms | undefined {
    const { tables: cluster, holdings } = this.#options.cluster();
    const { wish, published } = instrument;
    const isNew = !isPublished(instrument) && isInstrumentAgreed(cluster, holdings, instrument);
    const terms = isNew ? wish : published;
    if (terms === undefined) return undefined;
    // The shard alone knows the state: the book itself changes it, too (BND-1, STA-1).
    const state = heldState(cluster, holdings, instrument) ?? published?.state ?? wish.state;
    if (!isNew && state === terms.state) return undefined;
    const isOtherState = state !== published?.state;
    const updateTimeUs = isOtherState ? this.#options.world.wallClockUs() : terms.updateTimeUs;
    return { ...terms, state, updateTimeUs };
  }
}
