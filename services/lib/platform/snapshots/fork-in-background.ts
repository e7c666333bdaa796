// Starts programs whose work nobody waits for.

import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';

/**
 * Starts a program with a low priority from its first moment on: loading a program takes more of a
 * processor than many a task. Threads that it starts have the priority of whoever starts them.
 */
export function forkInBackground(program: URL, options: ForkOptions): ChildProcess {
  const child = fork(program, options);
  try {
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, which its listeners hear, or lowers its priority itself.
  }
  return child;
}
