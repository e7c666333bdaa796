// The process that writes one snapshot and ends (SNAP-2): told what to do by the node that started
// it, gone when that node is.

import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { createRealWorld } from '../../shard/real-world.ts';
import { DEFAULT_MAXIMUM_IDENTITIES } from '../../shard/replica.ts';
import { writeSnapshot } from '../../shard/snapshot-writer.ts';
import type { SnapshotTask } from './snapshot-process.ts';
import type { SnapshotProgram } from './snapshot-program.ts';
import { type VerifyTask, verify } from './verify-task.ts';

/** How long it may take to leave nothing behind when the node is gone. */
const LAST_MOMENT_MS = 2_000;

/** Waits for its task, to write a snapshot or to verify a log, does it, answers and ends. */
export function runSnapshotProcess<C, E, A>(program: SnapshotProgram<C, E, A>): void {
  let isStopped = false;
  process.once('disconnect', () => {
    isStopped = true;
    setTimeout(() => process.exit(), LAST_MOMENT_MS).unref();
  });
  // The terminal's Ctrl-C reaches it, too; the node decides.
  process.on('SIGINT', () => {});
  process.once('message', (task: SnapshotTask | VerifyTask) => {
    lowerPriority();
    if ('verifyShardId' in task) void tellVerified(program, task);
    else void write(program, task, () => isStopped);
  });
}

async function tellVerified<C, E, A>(
  program: SnapshotProgram<C, E, A>,
  task: VerifyTask,
): Promise<void> {
  let said: Promise<unknown> = Promise.resolve();
  await verify(program, task, (saying) => {
    if (process.connected) said = new Promise((sent) => process.send?.(saying, sent));
  });
  await said;
  process.exit();
}

async function write<C, E, A>(
  program: SnapshotProgram<C, E, A>,
  { databaseUrl, order, retentionUs }: SnapshotTask,
  isStopped: () => boolean,
): Promise<void> {
  const world = createRealWorld({ databaseUrl, requireReplica: false });
  const { shardId } = order;
  const log = world.openLog(shardId);
  const end = await writeSnapshot({
    world,
    log,
    openSnapshots: () => world.openSnapshots(shardId),
    replica: { ...program, shardId, maximumIdentities: DEFAULT_MAXIMUM_IDENTITIES },
    order,
    retentionUs,
    isStopped,
  });
  if (process.connected) await new Promise((sent) => process.send?.(end, sent));
  process.exit();
}

/** Of all its threads: on Linux each has its own, and collecting garbage is not the main one's. */
function lowerPriority(): void {
  try {
    const threads = process.platform === 'linux' ? readdirSync('/proc/self/task') : ['0'];
    for (const thread of threads)
      setPriority(Number(thread), constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It rests half of the time anyway.
  }
}
