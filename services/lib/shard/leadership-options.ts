// What a leadership is made of and how it ends.

import type { LogTrouble } from './appender.ts';
import type { FindBar } from './intake.ts';
import type { LogPoint } from './log-entry.ts';
import type { HostObserver } from './observer.ts';
import type { OwnSnapshot } from './own-snapshot.ts';
import type { ShardCodec } from './proposal.ts';
import type { QueueLimits } from './proposal-queue.ts';
import type { Replica } from './replica.ts';
import type { LogStore, World } from './world.ts';

/** How a leadership ends. */
export type LeadershipEnd =
  /** Another leads, or is about to. */
  | { readonly kind: 'deposed'; readonly reason: string }
  | { readonly kind: 'forked'; readonly seen: LogPoint; readonly found: LogPoint | undefined }
  | { readonly kind: 'failed'; readonly error: Error }
  /** The owner asked for it. */
  | { readonly kind: 'released' };

/** What has become of the replica when a leadership has ended. */
export type ReplicaFate =
  /** Everything that it has applied is committed. */
  | 'committed'
  /** The last entry that it has applied was sent, and may or may not be in the log. */
  | 'sent'
  /** It has applied what is not in the log: it has to be built anew (LOG-5). */
  | 'spoilt';

export type LeadershipOptions<C, E, A> = {
  readonly world: World;
  readonly log: LogStore;
  readonly shardId: string;
  readonly epoch: number;
  readonly replica: Replica<C, E, A>;
  /** Whether the replica's last entry has the state checksum (SNAP-3). */
  readonly hasStateChecksum: boolean;
  readonly codec: ShardCodec<C, E, A>;
  readonly queueLimits: QueueLimits;
  /** Why a command that is not known yet is not taken now (LOG-14, SNAP-5). */
  readonly findBar: FindBar<C>;
  /** Every entry whose index is a multiple of this has the state checksum, among others (SNAP-3). */
  readonly stateChecksumInterval: number;
  readonly observer: HostObserver<E, A>;
  /** Sees every entry with a state checksum. */
  readonly ownSnapshot: Pick<OwnSnapshot, 'want' | 'sealed'>;
  readonly onTrouble: (trouble: LogTrouble | undefined) => void;
  readonly onEnded: (end: LeadershipEnd) => void;
  /** Told about every entry right after its commit. */
  readonly onEntry: (point: LogPoint, commandCount: number, hasStateChecksum: boolean) => void;
};
