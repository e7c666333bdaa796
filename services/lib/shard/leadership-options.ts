// What a leadership is made of and how it ends.

import type { LogTrouble } from './appender.ts';
import type { LogPoint } from './log-entry.ts';
import type { FindBar } from './intake.ts';
import type { HostObserver } from './observer.ts';
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

export type LeadershipOptions<C, E, A> = {
  readonly world: World;
  readonly log: LogStore;
  readonly shardId: string;
  readonly epoch: number;
  readonly replica: Replica<C, E, A>;
  readonly codec: ShardCodec<C, E, A>;
  readonly queueLimits: QueueLimits;
  /** Why a command that is not known yet is not taken now (LOG-14, SNAP-5). */
  readonly findBar: FindBar<C>;
  /** Every entry whose index is a multiple of this has the state checksum, among others (SNAP-3). */
  readonly stateChecksumInterval: number;
  readonly observer: HostObserver<E, A>;
  readonly onTrouble: (trouble: LogTrouble | undefined) => void;
  readonly onEnded: (end: LeadershipEnd) => void;
  /** Told about every entry right after its commit. */
  readonly onEntry: (point: LogPoint, commandCount: number, hasStateChecksum: boolean) => void;
};
