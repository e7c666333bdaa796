// The states of a shard host: one named state, never several booleans.

import type { LogPoint } from './log-entry.ts';
import type { ReadFailure } from './read-gate.ts';

export type HostState =
  /** Leads nothing and waits to be told. `reason` says why it stopped leading, if it did. */
  | { readonly kind: 'follower'; readonly reason: string | undefined }
  /** Reads the log and repeats it, in order to lead; `logTrouble` says why it gets no further. */
  | {
      readonly kind: 'loading';
      readonly epoch: number;
      readonly appliedIndex: number;
      readonly logTrouble: string | undefined;
    }
  /** Has read the log and tries to append `EpochStarted`. */
  | { readonly kind: 'candidate'; readonly epoch: number }
  /** Takes proposals. While `logTrouble` is set it cannot reach its log (REP-6). */
  | { readonly kind: 'leading'; readonly epoch: number; readonly logTrouble: string | undefined }
  /** Takes no proposals any more and finishes what it has (REP-9). */
  | { readonly kind: 'draining'; readonly epoch: number }
  /** Will not lead again in this process. */
  | { readonly kind: 'stopped'; readonly reason: StopReason };

/** Why a host does not lead although it was told to. */
export type LeadRefusal =
  /** The log or the shard's row has an equal or higher epoch (LOG-2). */
  | 'EPOCH_TOO_LOW'
  /** The database does not promise durability (LOG-9). */
  | 'NOT_DURABLE'
  /** Told to lead a later epoch, or to end, meanwhile. */
  | 'SUPERSEDED'
  /** The log was found to be forked, now or before; an operator decides (LOG-12). */
  | 'LOG_FORKED'
  /** This host has stopped for good. */
  | 'STOPPED';

/** What came of telling a host to lead. */
export type LeadResult =
  | { readonly kind: 'leading'; readonly epoch: number }
  | {
      readonly kind: 'refused';
      readonly reason: LeadRefusal | 'FAILED';
      readonly message: string;
    };

export function refused(reason: LeadRefusal | 'FAILED', message: string): LeadResult {
  return { kind: 'refused', reason, message };
}

/** Who leads next (REP-5). */
export type HandOverTarget = {
  readonly nodeId: string;
  readonly address: string;
  /** The epoch that was promised to it: it leads when this leader lets go; 0: when it is told to. */
  readonly nextEpoch: number;
};

/** What a read is told beside the state. */
export type ReadPlace = {
  /** Sequence of the last event that the state contains. */
  readonly lastSequence: number;
  readonly logTimeUs: number;
};

export type ReadResult<T> =
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'notAnswered'; readonly reason: ReadFailure };

/** How far a shard has committed. */
export type ShardPosition = {
  readonly epoch: number;
  readonly committed: LogPoint;
  readonly lastSequence: number;
  readonly logTimeUs: number;
};

export type StopReason =
  | { readonly kind: 'ended' }
  /** The log lacks, or differs at, a point that was seen (LOG-12). An operator decides. */
  | {
      readonly kind: 'LOG_FORKED';
      readonly seen: LogPoint;
      readonly found: LogPoint | undefined;
      readonly seenBy: string;
    }
  /** The log cannot be read, or this replica computes otherwise (LOG-6, LOG-7), or a bug. */
  | { readonly kind: 'FAILED'; readonly error: Error };

/** One sentence about why a host has stopped. */
export function describeStop(reason: StopReason): string {
  switch (reason.kind) {
    case 'ended':
      return 'the host was ended';
    case 'FAILED':
      return reason.error.message;
    case 'LOG_FORKED': {
      const found =
        reason.found === undefined
          ? 'nothing'
          : `entry ${reason.found.entryIndex} with checksum ${reason.found.chainChecksum}`;
      return (
        `LOG_FORKED: ${reason.seenBy} has seen entry ${reason.seen.entryIndex} with checksum ` +
        `${reason.seen.chainChecksum}, the log has ${found}`
      );
    }
  }
}
