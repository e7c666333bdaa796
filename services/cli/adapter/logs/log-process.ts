// Has the program of a service that knows a shard's state machine do long work: verify the log, or
// write a snapshot.

import type { ChildProcess, StdioOptions } from 'node:child_process';
import { forkInBackground } from '../../../lib/platform/snapshots/fork-in-background.ts';
import type { SnapshotTask } from '../../../lib/platform/snapshots/snapshot-process.ts';
import type { VerifySaying, VerifyTask } from '../../../lib/platform/snapshots/verify-task.ts';
import type { VerifyProgress, VerifyResult } from '../../../lib/shard/log-verifier.ts';
import type { SnapshotEnd } from '../../../lib/shard/snapshot-writer.ts';
import type { LoggedShard } from './log-database.ts';

const PROGRAMS: Readonly<Record<LoggedShard['kind'], URL>> = {
  matching: new URL('../../../matching/write-snapshot.ts', import.meta.url),
  account: new URL('../../../account/write-snapshot.ts', import.meta.url),
};

/** @throws Error when it could not be done; what is wrong with the log is in the result */
export async function verifyInProcess(
  { kind }: LoggedShard,
  task: VerifyTask,
  { onProgress, signal }: { onProgress: (progress: VerifyProgress) => void; signal: AbortSignal },
): Promise<VerifyResult> {
  const child = start(kind, task, signal);
  return new Promise((resolve, reject) => {
    child.on('message', (message) => {
      const saying = message as VerifySaying;
      if (saying.kind === 'progress') onProgress(saying.progress);
      else if (saying.kind === 'result') resolve(saying.result);
      else reject(new Error(saying.reason));
    });
    rejectAtEnd(child, reject);
  });
}

/** Writes a snapshot behind an entry that has a state checksum. */
export async function writeInProcess(
  { kind }: LoggedShard,
  task: SnapshotTask,
  signal: AbortSignal,
): Promise<SnapshotEnd> {
  const child = start(kind, task, signal);
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as SnapshotEnd));
    rejectAtEnd(child, reject);
  });
}

function start(
  kind: LoggedShard['kind'],
  task: SnapshotTask | VerifyTask,
  signal: AbortSignal,
): ChildProcess {
  const stdio: StdioOptions = ['ignore', 'ignore', 'inherit', 'ipc'];
  const child = forkInBackground(PROGRAMS[kind], { stdio });
  child.send(task, () => {}); // a process that could not start says so by its end
  const stop = (): void => {
    if (child.connected) child.disconnect();
  };
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  child.once('close', () => signal.removeEventListener('abort', stop));
  return child;
}

/** What has been said before stands. */
function rejectAtEnd(child: ChildProcess, reject: (error: Error) => void): void {
  child.once('error', reject);
  child.once('close', (code, signal) => {
    reject(new Error(`the process that does it has ended (${signal ?? code})`));
  });
}
