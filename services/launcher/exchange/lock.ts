// One launcher per data folder.

import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StartError } from '../../lib/platform/config/start-error.ts';

export type FolderLock = {
  /** True when a launcher that ended without stopping had left its lock. */
  readonly wasStale: boolean;
  release(): void;
};

/**
 * Makes the folder and takes its lock.
 *
 * @throws StartError when the folder cannot be written or another launcher runs there.
 */
export function lockFolder(folder: string): FolderLock {
  const file = join(folder, 'launcher.lock');
  let wasStale = false;
  for (;;) {
    try {
      makeFolder(folder);
      linkOwner(file);
      return { wasStale, release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new StartError(`The folder ${folder} cannot be written: ${describe(error)}.`);
      }
    }
    const owner = readOwner(file);
    if (isLauncher(owner)) {
      throw new StartError(
        `The exchange already runs in ${folder} (process ${owner}): stop it first, ` +
          'or start another one with --data-folder FOLDER and --port-offset 10.',
      );
    }
    rmSync(file, { force: true });
    wasStale = true;
  }
}

/** Not mkdir's `recursive`, which never returns where the system denies that anything exists. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Puts the lock there with its owner in it, both or neither. */
function linkOwner(file: string): void {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, `${process.pid}\n`);
  try {
    linkSync(own, file);
  } finally {
    rmSync(own, { force: true });
  }
}

function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such place';
  return code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? 'permission denied' : message;
}

function readOwner(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0; // given back in the meantime
  }
}

/** Whether that process lives and is a launcher: after a reboot its number may be anyone's. */
function isLauncher(processId: number): boolean {
  if (!(processId > 0)) return false;
  try {
    process.kill(processId, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  try {
    return readFileSync(`/proc/${processId}/cmdline`, 'utf8').includes('services/launcher/');
  } catch {
    return false;
  }
}
