// Brings a database's schema up: numbered SQL files, forward only, one at a time under a lock.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { StartError } from '../config/start-error.ts';

const FOLDER = new URL('./migrations/', import.meta.url);
/** Any number will do, as long as only schema changes of this program use it. */
const LOCK = 7_204_001;

type Migration = { readonly number: number; readonly name: string };

/**
 * Applies every migration that the database has not seen, each in a transaction of its own, and
 * returns the names of those it applied. Several programs may call it at once.
 *
 * @throws StartError when the database has been brought up by a newer program.
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'migrations' });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(
      `CREATE TABLE IF NOT EXISTS schema_migration (
         number integer PRIMARY KEY,
         name text NOT NULL,
         applied_at timestamptz NOT NULL DEFAULT now())`,
    );
    const rows = await client.query('SELECT number FROM schema_migration ORDER BY number');
    const applied = new Set(rows.rows.map((row) => Number(row.number)));
    const known = listMigrations();
    refuseNewerSchema(Math.max(0, ...applied), known.at(-1)?.number ?? 0);

    const missing = known.filter((migration) => !applied.has(migration.number));
    for (const migration of missing) await applyMigration(client, migration);
    return missing.map((migration) => migration.name);
  } finally {
    await client.end(); // ends the session, and its lock with it
  }
}

function refuseNewerSchema(present: number, newestKnown: number): void {
  if (present <= newestKnown) return;
  throw new StartError(
    `The database has schema ${present}, this program knows schemas up to ${newestKnown}: ` +
      'start the newer program, or use another database.',
  );
}

async function applyMigration(client: pg.Client, migration: Migration): Promise<void> {
  const statements = readFileSync(new URL(migration.name, FOLDER), 'utf8');
  await client.query('BEGIN');
  await client.query(statements);
  await client.query('INSERT INTO schema_migration (number, name) VALUES ($1, $2)', [
    migration.number,
    migration.name,
  ]);
  await client.query('COMMIT');
}

/** The migrations of this program, by number; a repeated number is a mistake in them. */
function listMigrations(): readonly Migration[] {
  const names = readdirSync(fileURLToPath(FOLDER)).filter((name) => name.endsWith('.sql'));
  const migrations = names
    .map((name) => ({ number: Number.parseInt(name, 10), name }))
    .sort((one, other) => one.number - other.number);
  migrations.forEach(({ number, name }, index) => {
    if (number === migrations[index + 1]?.number) throw new Error(`migration ${name} repeats`);
  });
  return migrations;
}
