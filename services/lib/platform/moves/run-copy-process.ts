// The process that copies slots (MOV-3): told what to do by the node that started it, gone when
// that node is, or when there is nothing more to copy.

import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { type CopyMessage, type CopyOrder, SlotCopier } from '../../shard/moves/slot-copy.ts';
import type { ShardCodec } from '../../shard/proposal.ts';
import { createRealWorld } from '../../shard/real-world.ts';
import { DEFAULT_MAXIMUM_IDENTITIES } from '../../shard/replica.ts';
import type { StateMachine } from '../../shard/state-machine.ts';
import { type CopyReport, type CopyTask, GO_ON } from './copy-process.ts';

export type CopyProgram<C, E, A> = {
  readonly createMachine: () => StateMachine<C, E, A>;
  readonly codec: ShardCodec<C, E, A>;
};

/** Does one task after the other, until the node lets go of it. */
export function runCopyProcess<C, E, A>(program: CopyProgram<C, E, A>): void {
  process.once('disconnect', () => process.exit());
  // The terminal's Ctrl-C reaches it, too; the node decides.
  process.on('SIGINT', () => {});
  let copier: SlotCopier<C, E, A> | undefined;
  let before = Promise.resolve();
  process.on('message', (said: CopyTask | typeof GO_ON) => {
    if (said === GO_ON) return; // whoever waits for it hears it, too
    const { databaseUrl, order } = said;
    copier ??= new SlotCopier<C, E, A>({
      world: createRealWorld({ databaseUrl, requireReplica: false }),
      replica: { ...program, maximumIdentities: DEFAULT_MAXIMUM_IDENTITIES },
    });
    const next = copier;
    before = before.then(() => copy(next, order));
  });
}

async function copy<C, E, A>(copier: SlotCopier<C, E, A>, order: CopyOrder): Promise<void> {
  setPriorityOfAll(constants.priority.PRIORITY_BELOW_NORMAL);
  try {
    await copier.copy({ order, send, isStopped: () => !process.connected });
  } catch (error) {
    await report({ kind: 'failed', reason: (error as Error).message });
    process.exit();
  }
}

/** Resolves when the node has done what the message asks for. */
async function send<C>(message: CopyMessage<C>): Promise<void> {
  const answered = new Promise<void>((resolve) => {
    process.once('message', (answer) => {
      if (answer === GO_ON) resolve();
    });
  });
  await report({ kind: 'message', message });
  // The long part is over: whoever trades in the slot waits for the rest.
  if (message.kind === 'round' && message.isReady) {
    setPriorityOfAll(constants.priority.PRIORITY_NORMAL);
  }
  await answered;
}

function report<C>(said: CopyReport<C>): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(said, () => resolve());
  });
}

/** Of all its threads: on Linux each has its own, and collecting garbage is not the main one's. */
function setPriorityOfAll(priority: number): void {
  try {
    const threads = process.platform === 'linux' ? readdirSync('/proc/self/task') : ['0'];
    for (const thread of threads) setPriority(Number(thread), priority);
  } catch {
    // Not everybody may become quicker again; it has little to do by then.
  }
}
