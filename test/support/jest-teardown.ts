// After all tests: stops the run's PostgreSQL.

import { removeTestPostgres, TEST_POSTGRES_FOLDER } from './postgres.ts';

export default async function tearDown(): Promise<void> {
  const folder = process.env[TEST_POSTGRES_FOLDER];
  if (folder !== undefined) await removeTestPostgres(folder);
}
