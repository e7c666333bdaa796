// A service that the launcher started stops by itself when the launcher dies, however it dies.
//
// The launcher holds the write end of the service's standard input and never writes. The system
// closes it with the launcher, even after kill -9; no polling, no process ids that may be reused.

/** Set by the launcher for the processes that it starts. */
export const PARENT_PIPE = 'BOURSE_PARENT_PIPE';

/** Calls `stop` once the launcher has gone; does nothing in a process that was started by hand. */
export function onParentGone(stop: () => void, env: NodeJS.ProcessEnv = process.env): void {
  if (env[PARENT_PIPE] !== '1') return;
  process.stdin.once('end', stop);
  process.stdin.on('error', stop);
  process.stdin.resume(); // an unread stream never notices its end
  const pipe: { unref?: () => void } = process.stdin;
  pipe.unref?.(); // it must not keep a process alive that has finished
}
