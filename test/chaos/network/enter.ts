// Where links can be cut: in namespaces of their own, into which a run moves itself. Processes,
// networks and mounts inside are the run's alone, and the system removes them with its last
// process, however the run ends.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { userInfo } from 'node:os';
import { onParentGone, PARENT_PIPE } from '../../../services/lib/platform/lifecycle/parent-pipe.ts';
import { cleanEnv } from '../../support/exchange.ts';

/** Set in a run that has moved. */
const INSIDE = 'CHAOS_NETWORK';
const UNSHARE = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--'];

/** Whether this process runs in namespaces of its own, of which it is the first. */
export function isInside(): boolean {
  return process.env[INSIDE] === '1' && process.pid === 1;
}

/** Why links cannot be cut here, as the end of a sentence; undefined where they can. */
export function findObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux';
  if (userInfo().uid !== 0) return 'only root may make network namespaces';
  if (spawnSync('ip', ['-V']).status !== 0) return 'there is no ip (of iproute2) here';
  if (spawnSync('unshare', [...UNSHARE, 'true']).status !== 0) {
    return 'new namespaces are forbidden here';
  }
  return undefined;
}

/** Runs this program again, with these arguments, inside; gives its exit code. */
export async function runInside(args: readonly string[]): Promise<number> {
  const program = [process.execPath, ...process.execArgv, process.argv[1] as string, ...args];
  const env = { ...cleanEnv(), [INSIDE]: '1', [PARENT_PIPE]: '1' };
  const child = spawn('unshare', [...UNSHARE, ...program], {
    env,
    // By the end of its input it notices that we have gone.
    stdio: ['pipe', 'inherit', 'inherit'],
    detached: true,
  });
  child.stdin.on('error', () => {}); // it ends first
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => child.stdin.end());
  }
  const [code, signal] = await once(child, 'exit');
  return code ?? (signal === null ? 1 : 130);
}

/** Ends this process, and with it everything inside, when the one that moved it has gone. */
export function endWithParent(): void {
  onParentGone(() => process.exit(130));
}
