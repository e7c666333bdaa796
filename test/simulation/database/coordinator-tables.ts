// The coordinator's tables in a simulated database: the same promises as the statements of
// services/coordinator/adapter (CRD-1, CRD-2), behind the same bad network as the logs.

import type { CoordinatorStores } from '../../../services/coordinator/adapter/coordinator-stores.ts';
import type {
  ReferenceWrite,
  StoredRequest,
} from '../../../services/coordinator/adapter/reference-store.ts';
import { TERM_TIMEOUT_MS } from '../../../services/coordinator/adapter/term-store.ts';
import { TablesChanged } from '../../../services/coordinator/adapter/versioned-write.ts';
import {
  applyChanges,
  type ClusterTables,
} from '../../../services/coordinator/domain/cluster-tables.ts';
import type { ReferenceTables } from '../../../services/coordinator/domain/reference-tables.ts';

/** What is stored; every value is replaced, never changed. */
export type StoredTables = {
  term: number;
  holder: string;
  renewedUs: number;
  cluster: ClusterTables;
  reference: ReferenceTables;
  readonly requests: Map<string, StoredRequest>;
};

export function emptyTables(): StoredTables {
  return {
    term: 0,
    holder: '',
    renewedUs: Number.NEGATIVE_INFINITY,
    cluster: {
      version: 0,
      nodes: new Map(),
      shards: new Map(),
      slots: { matching: [], account: [] },
      moves: new Map(),
    },
    reference: { version: 0, assets: new Map(), instruments: new Map() },
    requests: new Map(),
  };
}

/** The road of one process to the tables. */
export type TablesRoad = {
  readonly stored: StoredTables;
  /** The database's clock. */
  readonly nowUs: () => number;
  /** Runs a statement in the database, with what may go wrong on the way there and back. */
  readonly run: <T>(statement: () => T) => Promise<T>;
};

/** The stores of one coordinator process. */
export function simulatedStores(
  { stored, nowUs, run }: TablesRoad,
  holder: string,
): CoordinatorStores {
  const assertRead = (term: number, version: number, present: number): void => {
    if (stored.term === term && version === present) return;
    throw new TablesChanged(`version ${version} of term ${term} is not in force any more`);
  };
  return {
    terms: {
      take: () =>
        run(() => {
          if (nowUs() - stored.renewedUs <= TERM_TIMEOUT_MS * 1_000) return undefined;
          stored.term += 1;
          stored.holder = holder;
          stored.renewedUs = nowUs();
          return stored.term;
        }),
      findHolder: () => run(() => stored.holder),
      renew: (term) =>
        run(() => {
          if (stored.term !== term) return false;
          stored.renewedUs = nowUs();
          return true;
        }),
      giveBack: (term) =>
        run(() => {
          if (stored.term === term) stored.renewedUs = Number.NEGATIVE_INFINITY;
        }),
    },
    loadClusterTables: () => run(() => stored.cluster),
    storeClusterChanges: ({ term, version }, changes) =>
      run(() => {
        assertRead(term, version, stored.cluster.version);
        stored.cluster = applyChanges(stored.cluster, changes);
      }),
    loadReferenceTables: () => run(() => stored.reference),
    storeReference: ({ term, version }, write) =>
      run(() => {
        assertRead(term, version, stored.reference.version);
        stored.reference = withRows(stored.reference, write);
        if (write.request !== undefined) {
          stored.requests.set(write.request.clientRequestId, write.request);
        }
      }),
    findRequest: (clientRequestId) => run(() => stored.requests.get(clientRequestId)),
  };
}

function withRows(tables: ReferenceTables, write: ReferenceWrite): ReferenceTables {
  const assets = new Map(tables.assets);
  const instruments = new Map(tables.instruments);
  for (const asset of write.assets ?? []) assets.set(asset.assetNumber, asset);
  for (const row of write.instruments ?? []) instruments.set(row.instrumentNumber, row);
  return { version: tables.version + 1, assets, instruments };
}
