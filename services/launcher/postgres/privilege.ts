// PostgreSQL refuses to run as root. This decides, for a root launcher, as whom it runs instead.
//
// Nothing is ever created for it: no user, no group.

import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
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
 * Chooses how to run the server whose folder this is; a folder without a cluster may change hands.
 *
 * @throws StartError when the launcher is root and there is no way to run without it.
 */
export function choosePrivilege(folder: string, program: string): Privilege {
  if (process.getuid?.() !== 0) return choosePrivilegeOfUser(program);

  const cluster = join(folder, 'cluster');
  const isNew = !existsSync(cluster);
  const owner = statSync(isNew ? folder : cluster);
  if (owner.uid !== 0) return { prefix: [], ids: { uid: owner.uid, gid: owner.gid } };
  if (runs(NAMESPACE, [program, '--version']) && runs(NAMESPACE, ['test', '-w', folder])) {
    return { prefix: NAMESPACE };
  }
  for (const ids of isNew ? listUnprivileged(folder) : []) {
    chownSync(folder, ids.uid, ids.gid);
    if (runs([], [program, '--version'], ids) && runs([], ['test', '-w', folder], ids)) {
      return { prefix: [], ids };
    }
    chownSync(folder, 0, 0);
  }
  throw new StartError(
    'PostgreSQL does not run as root, user namespaces are forbidden here and no other user can ' +
      `reach ${folder}: start as an ordinary user, allow user namespaces, or set DATABASE_URL.`,
  );
}

/** PostgreSQL wants a user with a name; in a container, an id may be all there is. */
function choosePrivilegeOfUser(program: string): Privilege {
  try {
    userInfo();
    return { prefix: [] };
  } catch {
    return { prefix: runs(NAMESPACE, [program, '--version']) ? NAMESPACE : [] };
  }
}

/** Who may own the server instead of root: the owner of a folder above, else `nobody`. */
function listUnprivileged(folder: string): { uid: number; gid: number }[] {
  const nobody = { uid: NOBODY, gid: NOBODY };
  for (let above = folder; dirname(above) !== above; above = dirname(above)) {
    const { uid, gid } = statSync(above);
    if (uid !== 0) return [{ uid, gid }, nobody];
  }
  return [nobody];
}

function runs(prefix: readonly string[], args: readonly string[], ids?: Privilege['ids']): boolean {
  const [command = '', ...rest] = [...prefix, ...args];
  return spawnSync(command, rest, { ...ids, cwd: '/', stdio: 'ignore' }).status === 0;
}
