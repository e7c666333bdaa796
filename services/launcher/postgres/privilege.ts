// PostgreSQL refuses to run as root. This decides, for a root launcher, as whom it runs instead.
//
// Nothing is ever created for it: no user, no group.

import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartError } from '../../lib/platform/config/start-error.ts';

/** How to start PostgreSQL's programs: what stands before the command, and under which ids. */
export type Privilege = {
  readonly prefix: readonly string[];
  readonly ids?: { readonly uid: number; readonly gid: number };
};

/** The user that every Unix has for work without rights. */
const NOBODY = 65534;
/** A user namespace in which root appears as `nobody`: files keep their owner, nothing is made. */
const NAMESPACE = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'];

/**
 * Chooses how to run a server on `folder` (which need not exist yet, its parent must).
 *
 * @throws StartError when the launcher is root and there is no way to run without it.
 */
export function choosePrivilege(folder: string, program: string): Privilege {
  if (process.getuid?.() !== 0) return { prefix: [] };

  const owner = statSync(existsSync(folder) ? folder : dirname(folder));
  if (owner.uid !== 0) {
    const ids = { uid: owner.uid, gid: owner.gid };
    if (runs([], program, ids)) return { prefix: [], ids };
  } else if (runs(NAMESPACE, program)) {
    return { prefix: NAMESPACE };
  }
  const ids = { uid: NOBODY, gid: NOBODY };
  if (isEmptyFolder(folder) && runs([], program, ids)) {
    chownSync(folder, NOBODY, NOBODY);
    if (reaches(folder, ids)) return { prefix: [], ids };
    chownSync(folder, 0, 0);
  }
  throw new StartError(
    'PostgreSQL does not run as root, user namespaces are forbidden here and no other user can ' +
      `reach ${folder}: start as an ordinary user, allow user namespaces, or set DATABASE_URL.`,
  );
}

function isEmptyFolder(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).length === 0;
}

function runs(prefix: readonly string[], program: string, ids?: Privilege['ids']): boolean {
  const [command = program, ...rest] = [...prefix, program, '--version'];
  return spawnSync(command, rest, { ...ids, stdio: 'ignore' }).status === 0;
}

function reaches(folder: string, ids: NonNullable<Privilege['ids']>): boolean {
  return spawnSync('test', ['-w', folder], { ...ids, stdio: 'ignore' }).status === 0;
}
