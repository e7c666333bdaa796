// Everything that the coordinator stores, as its only road to PostgreSQL: there is a real one and
// a simulated one (W-1).

import type pg from 'pg';
import type { ClusterTables, TableChange } from '../domain/cluster-tables.ts';
import type { ReferenceTables } from '../domain/reference-tables.ts';
import { loadClusterTables, storeClusterChanges } from './cluster-store.ts';
import {
  findRequest,
  loadReferenceTables,
  type ReferenceWrite,
  type StoredRequest,
  storeReference,
} from './reference-store.ts';
import { TermStore } from './term-store.ts';
import type { Read } from './versioned-write.ts';

/** The right to change the tables (CRD-2). */
export type Terms = Pick<TermStore, 'take' | 'findHolder' | 'renew' | 'giveBack'>;

/** Every method throws when the database does not answer; what it did is unknown then. */
export interface CoordinatorStores {
  readonly terms: Terms;
  /** Bytes of the logs of all shards, with indexes; absent where nobody can say. */
  readonly measureLogs?: () => Promise<number>;
  /** Reads the tables as they are at one moment. */
  loadClusterTables(): Promise<ClusterTables>;
  /** @throws TablesChanged when the term or version is no longer the one that was read. */
  storeClusterChanges(read: Read, changes: readonly TableChange[]): Promise<void>;
  /** Reads assets and instruments as they are at one moment. */
  loadReferenceTables(): Promise<ReferenceTables>;
  /** @throws TablesChanged when the term or version is no longer the one that was read. */
  storeReference(read: Read, write: ReferenceWrite): Promise<void>;
  /** A change that was asked for under a client request id; undefined when there is none. */
  findRequest(clientRequestId: string): Promise<StoredRequest | undefined>;
}

/** @param holder name of this process, for whoever looks at the table */
export function postgresStores(pool: pg.Pool, holder: string): CoordinatorStores {
  return {
    terms: new TermStore(pool, holder),
    measureLogs: () => measureLogs(pool),
    loadClusterTables: () => loadClusterTables(pool),
    storeClusterChanges: (read, changes) => storeClusterChanges(pool, read, changes),
    loadReferenceTables: () => loadReferenceTables(pool),
    storeReference: (read, write) => storeReference(pool, read, write),
    findRequest: (clientRequestId) => findRequest(pool, clientRequestId),
  };
}

async function measureLogs(pool: pg.Pool): Promise<number> {
  const found = await pool.query<{ bytes: string }>(
    "SELECT pg_total_relation_size('log_entry') AS bytes",
  );
  return Number(found.rows[0]?.bytes ?? 0);
}
