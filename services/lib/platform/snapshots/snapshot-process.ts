// Has snapshots written by a process of their own (SNAP-2): on another core, with a low priority,
// so that the leader feels nothing of it; and what happens to it there happens to nobody else.

import type { ChildProcess } from 'node:child_process';
import type { SnapshotPlan } from '../../shard/snapshot-keeper.ts';
import type { SnapshotEnd, SnapshotOrder, SnapshotRun } from '../../shard/snapshot-writer.ts';
import type { NodeConfig } from '../config/node-config.ts';
import { forkInBackground } from './fork-in-background.ts';

/** What the process is told. */
export type SnapshotTask = {
  readonly databaseUrl: string;
  readonly order: SnapshotOrder;
  /** How old an entry has to be to be cut off; none is when absent (SNAP-4). */
  readonly retentionUs?: number | undefined;
};

type PlanConfig = Pick<NodeConfig, 'snapshots' | 'databaseUrl' | 'logRetentionUs'>;

/** How much of what it says when it dies is kept. */
const LAST_WORDS = 2_000;

/**
 * When this node has snapshots written; undefined when the configuration says never.
 *
 * @param program a program that calls `runSnapshotProcess`
 */
export function planSnapshots(
  { snapshots, databaseUrl, logRetentionUs }: PlanConfig,
  program: URL,
): SnapshotPlan | undefined {
  if (snapshots.everyCommands === 0) return undefined;
  const retentionUs = logRetentionUs;
  const start: SnapshotPlan['start'] = (order) =>
    startProcess(program, { databaseUrl, order, retentionUs });
  return { ...snapshots, start };
}

function startProcess(program: URL, task: SnapshotTask): SnapshotRun {
  const child = forkInBackground(program, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const ended = Promise.withResolvers<SnapshotEnd>();
  const stop = (): void => {
    ended.resolve({ kind: 'dropped', reason: 'told to stop' });
    // It hears that nobody is there any more, leaves nothing behind and exits.
    if (child.connected) child.disconnect();
  };
  child.send(task, () => {}); // a process that could not start says so by its end
  listen(child, ended.resolve);
  return { ended: ended.promise, stop };
}

/** Tells how it ended; what comes later says nothing new. */
function listen(child: ChildProcess, resolve: (end: SnapshotEnd) => void): void {
  let lastWords = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    lastWords = (lastWords + chunk.toString()).slice(-LAST_WORDS);
  });
  child.once('message', (end) => resolve(end as SnapshotEnd));
  child.once('error', ({ message: reason }) => {
    resolve({ kind: 'failed', reason, isDivergent: false });
  });
  child.once('close', (code, signal) => {
    const reason = `its process ended (${signal ?? code}) ${lastWords}`.trim();
    resolve({ kind: 'failed', reason, isDivergent: false });
  });
}
