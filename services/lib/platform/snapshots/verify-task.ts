// What the process of a snapshot can be told to do instead: verify a log from end to end.

import { closeSync, openSync, writeSync } from 'node:fs';
import { encodeDumped } from '../../shard/log-dump.ts';
import { type VerifyProgress, type VerifyResult, verifyLog } from '../../shard/log-verifier.ts';
import { createRealWorld } from '../../shard/real-world.ts';
import { DEFAULT_MAXIMUM_IDENTITIES } from '../../shard/replica.ts';
import type { SnapshotProgram } from './snapshot-program.ts';

/** What the process is told. */
export type VerifyTask = {
  readonly databaseUrl: string;
  readonly verifyShardId: string;
  /** A file that every sound entry is written to; empty: none. */
  readonly dumpPath: string;
};

/** What it says. */
export type VerifySaying =
  | { readonly kind: 'progress'; readonly progress: VerifyProgress }
  | { readonly kind: 'result'; readonly result: VerifyResult }
  | { readonly kind: 'failed'; readonly reason: string };

/** Verifies, and says how far it is and what it came to. */
export async function verify<C, E, A>(
  { createMachine, codec }: SnapshotProgram<C, E, A>,
  { databaseUrl, verifyShardId: shardId, dumpPath }: VerifyTask,
  say: (saying: VerifySaying) => void,
): Promise<void> {
  const world = createRealWorld({ databaseUrl, requireReplica: false });
  const log = world.openLog(shardId);
  const dump = dumpPath === '' ? undefined : openSync(dumpPath, 'w');
  try {
    const result = await verifyLog({
      ...{ world, log },
      replica: { shardId, createMachine, codec, maximumIdentities: DEFAULT_MAXIMUM_IDENTITIES },
      onProgress: (progress) => say({ kind: 'progress', progress }),
      onEntry: (entry) => dump !== undefined && writeSync(dump, encodeDumped(shardId, entry)),
    });
    say({ kind: 'result', result });
  } catch (error) {
    say({ kind: 'failed', reason: (error as Error).message });
  } finally {
    if (dump !== undefined) closeSync(dump);
    await log.close();
  }
}
