// Before all tests: chooses the folder of the run's PostgreSQL (started only when a test asks for
// it) and removes what runs that were killed have left behind.

import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  FOLDER_PREFIX,
  makeTestPostgresFolder,
  removeTestPostgres,
  TEST_POSTGRES_FOLDER,
} from './postgres.ts';

export default async function setUp(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const owner = Number(name.match(`^${FOLDER_PREFIX}(\\d+)-`)?.[1]);
    if (Number.isInteger(owner) && !isAlive(owner)) await removeTestPostgres(join(tmpdir(), name));
  }
  process.env[TEST_POSTGRES_FOLDER] = makeTestPostgresFolder();
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
