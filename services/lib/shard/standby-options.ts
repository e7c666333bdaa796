// What a standby is made of, what it tells, and what it leaves behind.

import type { StopReason } from './host-state.ts';
import type { LogPoint } from './log-entry.ts';
import type { HostObserver } from './observer.ts';
import type { Replica, ReplicaDiverged } from './replica.ts';
import type { ReplicaSource } from './replica-source.ts';
import type { SnapshotPlan } from './snapshot-keeper.ts';
import type { SnapshotEnd } from './snapshot-writer.ts';
import type { FollowLeader, LogStore, World } from './world.ts';

export type StandbyOptions<C, E, A> = {
  readonly world: World;
  readonly followLeader: FollowLeader;
  readonly shardId: string;
  /** This node. */
  readonly nodeId: string;
  readonly log: LogStore;
  readonly source: Pick<ReplicaSource<C, E, A>, 'create' | 'load'>;
  /** Learns, and opens, what a leader needs besides the log. */
  readonly prepare: () => Promise<void>;
  /** When and by whom snapshots are written while the leader leaves that to this standby. */
  readonly snapshots: {
    readonly plan: SnapshotPlan | undefined;
    readonly onEnd: ((end: SnapshotEnd) => void) | undefined;
  };
  /** What this host has of an earlier life, if anything. */
  readonly kept: KeptReplica<C, E, A> | undefined;
  readonly listener: StandbyListener;
};

/** A replica between two lives, with what is known of it. */
export type KeptReplica<C, E, A> = {
  readonly replica: Replica<C, E, A>;
  /** Entries up to here were told to be committed; what was applied behind may be undone. */
  readonly committedIndex: number;
  /** It was led with until just now, and everything in it was committed (REP-5). */
  readonly isLevel?: boolean;
};

/** Hears what becomes of a standby; must not throw. */
export type StandbyListener = {
  /** It is warm from now on, or not any more, or the reason why it cannot lead has changed. */
  readonly onChange: () => void;
  /** Entries were applied, the last of them this long after its log time. */
  readonly onApplied: (commandCount: number, behindUs: number) => void;
  /** It computed something else than is recorded, and begins anew (LOG-7). */
  readonly onDiverged: (error: ReplicaDiverged) => void;
  /** The leader has let go, and this node was promised the epoch (REP-5). */
  readonly onSucceed: (epoch: number) => void;
  /** An entry that was told to be committed is not in the log (LOG-12). */
  readonly onForked: (seen: LogPoint & { readonly seenBy: string }, found: LogPoint) => void;
  /** Something that is not foreseen: the process must end. */
  readonly onFailed: (error: Error) => void;
};

/** What a host does about what its standby hears. */
export function standbyListener(
  observer: Pick<HostObserver, 'onStandbyChange' | 'onStandbyApplied' | 'onDiverged'>,
  onStopped: (reason: StopReason) => void,
  onSucceed: StandbyListener['onSucceed'],
): StandbyListener {
  return {
    onChange: () => observer.onStandbyChange?.(),
    onApplied: (commandCount, behindUs) => observer.onStandbyApplied?.(commandCount, behindUs),
    onDiverged: (error) => observer.onDiverged?.(error),
    onSucceed,
    onForked: (seen, found) => onStopped({ kind: 'LOG_FORKED', seen, found, seenBy: seen.seenBy }),
    onFailed: (error) => onStopped({ kind: 'FAILED', error }),
  };
}

/** How a standby is. */
export type StandbyView = {
  readonly isWarm: boolean;
  /** The last entry that it has applied, and its epoch. */
  readonly point: LogPoint;
  readonly epoch: number;
  /** The last entry that a leader has told it to be committed; 0 when none. */
  readonly committedIndex: number;
  /** For how long it has not been level with its leader; undefined when it follows none. */
  readonly lagMs: number | undefined;
  /** Why it must not lead although it is warm (LOG-9); empty when it may. */
  readonly fault: string;
};
