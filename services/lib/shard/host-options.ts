// What a shard host is made of.

import type { HostObserver } from './observer.ts';
import type { ShardCodec } from './proposal.ts';
import type { QueueLimits } from './proposal-queue.ts';
import type { SnapshotPlan } from './snapshot-keeper.ts';
import type { StateMachine } from './state-machine.ts';
import { type EntryBatch, type FollowLeader, LeaderUnreachable, type World } from './world.ts';

export type ShardHostOptions<C, E, A> = {
  readonly world: World;
  /** How a standby reaches the leader (REP-1); when absent, it has the log alone. */
  readonly followLeader?: FollowLeader | undefined;
  readonly shardId: string;
  readonly nodeId: string;
  /** Makes the state machine in its first state. */
  readonly createMachine: () => StateMachine<C, E, A>;
  readonly codec: ShardCodec<C, E, A>;
  readonly observer?: HostObserver<E, A>;
  readonly queueLimits?: QueueLimits;
  /** Why a command is not taken at present, although nothing is wrong with it (SNAP-5). */
  readonly refuses?: (command: C) => 'LOG_SPACE_LOW' | undefined;
  /** Most identities remembered; at the bound new commands are refused (LOG-11). */
  readonly maximumIdentities?: number;
  /** The cluster's key of identity hashes, for a shard without a log; random when absent. */
  readonly identityKey?: Uint8Array;
  readonly stateChecksumInterval?: number;
  /** When and by whom snapshots are written; none are when absent. */
  readonly snapshots?: SnapshotPlan | undefined;
};

/** For a host that was given no road to leaders. */
// biome-ignore lint/correctness/useYield: it has nothing to say
export async function* followNobody(): AsyncGenerator<EntryBatch> {
  throw new LeaderUnreachable('nobody here knows who leads');
}
