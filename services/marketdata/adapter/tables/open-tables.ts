// Market data's tables as configured: in the database, or none where no database is named.

import type { NodeConfig } from '../../../lib/platform/config/node-config.ts';
import type { Lifecycle } from '../../../lib/platform/lifecycle/run-service.ts';
import { createPool } from '../../../lib/platform/postgres/pool.ts';
import { type MarketTables, PostgresMarketTables } from './market-tables.ts';

/** Everything is rebuilt from the logs with every start; nothing of them may be cut off then. */
const NO_TABLES: MarketTables = {
  load: async () => new Map(),
  save: async () => 'notNeeded',
};

export function openTables(
  { databaseUrl, nodeId }: Pick<NodeConfig, 'databaseUrl' | 'nodeId'>,
  lifecycle: Lifecycle,
): MarketTables {
  if (databaseUrl === '') return NO_TABLES;
  const pool = createPool({ databaseUrl, name: `${nodeId} tables`, max: 1 });
  lifecycle.onStop('tables', () => pool.end());
  return new PostgresMarketTables(pool);
}
