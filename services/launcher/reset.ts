// `npm run reset`: forgets everything that this clone's exchange knows.

import { readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeSettings } from '../lib/platform/config/describe.ts';
import { loadConfig } from '../lib/platform/config/load-config.ts';
import { StartError } from '../lib/platform/config/start-error.ts';
import { lockFolder } from './exchange/lock.ts';
import { adoptPostgres } from './postgres/server.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What the launcher makes; anything else in the folder is not ours to remove. */
const OURS = ['postgres', 'logs', 'compile-cache'];
const HELP = `usage: npm run reset -- [--data-folder FOLDER]

Removes what the exchange of this clone knows: its database, its logs, what was compiled. It must
have been stopped. The other options are those of npm start and change nothing here.`;

async function main(): Promise<void> {
  const loaded = loadConfig(process.argv.slice(2), process.env);
  if (loaded.ask === 'help') return console.log(HELP);
  if (loaded.ask === 'print-config') return console.log(describeSettings(loaded));
  const { settings } = loaded;
  if (settings.databaseUrl !== '') {
    throw new StartError('DATABASE_URL is set: empty that database with its own tools.');
  }
  const folder = resolve(ROOT, settings.dataFolder);
  const lock = lockFolder(folder); // refuses while the exchange runs
  try {
    const server = await adoptPostgres(join(folder, 'postgres'));
    await server?.stop();
    const present = readdirSync(folder).filter((name) => OURS.includes(name));
    for (const name of present) rmSync(join(folder, name), { recursive: true });
    console.log(present.length === 0 ? 'There was nothing.' : `Removed ${present.join(' and ')}.`);
  } finally {
    lock.release();
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
