// The default venue: applied once, when the exchange is new.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { StartError } from '../../lib/platform/config/start-error.ts';
import { lastReason } from './logs.ts';
import type { Terminal } from './terminal.ts';

const VENUE_FILE = join('deploy', 'venue.yaml');
const APPLY_DEADLINE_MS = 60_000;

export type VenueOptions = {
  readonly folder: string;
  readonly databaseUrl: string;
  /** Carries addresses and ports. */
  readonly env: NodeJS.ProcessEnv;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
};

/**
 * Applies the default venue unless that has been done before. It may be repeated, so an exchange
 * that stops halfway applies it again at its next start.
 */
export async function applyFirstVenue(options: VenueOptions): Promise<void> {
  const client = new pg.Client({ connectionString: options.databaseUrl });
  client.on('error', () => {});
  await client.connect();
  try {
    const applied = await client.query('SELECT 1 FROM venue_applied');
    if (applied.rowCount !== 0) return;
    const step = options.terminal.begin('venue');
    await apply(options);
    await client.query('INSERT INTO venue_applied DEFAULT VALUES ON CONFLICT DO NOTHING');
    step.done(`${VENUE_FILE} applied`);
  } finally {
    await client.end();
  }
}

async function apply({ folder, env, signal }: VenueOptions): Promise<void> {
  const entry = join('services', 'cli', 'main.ts');
  try {
    await promisify(execFile)(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', entry, 'apply', '-f', VENUE_FILE, '--yes'],
      { cwd: folder, env, signal, timeout: APPLY_DEADLINE_MS },
    );
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const reason = lastReason(stderr ?? '') || message;
    throw new StartError(`The venue ${VENUE_FILE} could not be applied: ${reason}`);
  }
}
