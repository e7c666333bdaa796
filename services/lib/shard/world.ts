// Everything through which the shard host touches the world: clocks, timers, chance and the log
// (W-1). There is a real world and a simulated one; the host cannot tell which it lives in.

import type { LogEntry, LogPoint } from './log-entry.ts';
import type { LogUpkeep } from './log-upkeep.ts';

/** A timer that has not fired yet. */
export type Timer = { cancel(): void };

/** What the host may touch. */
export interface World {
  /** A clock that never goes back, in microseconds since some point. Measures durations. */
  monotonicUs(): number;
  /** This machine's idea of the time, in whole microseconds since the Unix epoch. */
  wallClockUs(): number;
  /** Calls back once after `delayMs` milliseconds. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Calls back once the present turn is over and what arrived with it has been taken in. */
  nextTurn(callback: () => void): void;
  /** Bytes that nobody can guess. */
  randomBytes(count: number): Uint8Array;
  /** The only road to the log of a shard. Connects when it is first needed. */
  openLog(shardId: string): LogStore;
  /** The only road to the snapshots of a shard. Connects when it is first needed. */
  openSnapshots(shardId: string): SnapshotStore;
  /** The only road to the upkeep of a shard's log. Connects when it is first needed. */
  openUpkeep(shardId: string): LogUpkeep;
}

/**
 * The only road to the leader of a shard, wherever it is (REP-1): its committed entries behind a
 * point, in order, and a sign of life at least every 200 ms, until the signal is aborted.
 *
 * @throws LeaderUnreachable when there is none, or it went, fell silent or leads no longer.
 */
export type FollowLeader = (
  shardId: string,
  from: FollowFrom,
  signal: AbortSignal,
) => AsyncIterable<EntryBatch>;

/** Where a standby goes on. */
export type FollowFrom = {
  /** The last entry that it has applied. */
  readonly applied: LogPoint;
  /** True when a leader has said that this entry is committed: a log without it is forked. */
  readonly isCommitted: boolean;
  /** Entry for which it computed other events than are recorded (LOG-7). */
  readonly divergedEntryIndex?: number;
};

/** Committed entries of a leader, right behind those of the batch before. */
export type EntryBatch = {
  /** Empty in a sign of life. */
  readonly entries: readonly LogEntry[];
  readonly epoch: number;
  /** The leader's last committed entry. */
  readonly committed: LogPoint;
  /** True for the one standby that has snapshots written (SNAP-2). */
  readonly writesSnapshots: boolean;
  /** In the last batch of a leadership that was handed over: who leads next (REP-5). */
  readonly successor?: Successor | undefined;
};

/** A node that leads as soon as it has applied everything, and the epoch promised to it. */
export type Successor = { readonly nodeId: string; readonly epoch: number };

/** What must hold of the log for an append to succeed (LOG-1). */
export type Fence = {
  /** The leader's epoch, which the shard's row must carry. */
  readonly epoch: number;
  /** The last entry that the leader knows; it must be there, unchanged. */
  readonly previous: LogPoint;
  /** `same`: the previous entry is of this epoch; `lower`: of a lower one (`EpochStarted`). */
  readonly previousEpoch: 'same' | 'lower';
};

/** What an append came to. When the answer got lost, the call throws `LogUnreachable` instead. */
export type AppendResult =
  /** The entry is durable. */
  | 'committed'
  /** The fence held it off, or something is there already. `inspect` tells what. */
  | 'refused';

/** What the log holds around one index, read on a fresh session to the primary (LOG-4). */
export type Inspection = {
  /** What stands at the index, if anything. */
  readonly found: LogPoint | undefined;
  /** What stands right before it, if anything. */
  readonly previous: LogPoint | undefined;
  /** The log's end, with the epoch of its last entry; epoch 0 when the log is empty. */
  readonly end: LogEnd;
  /** Epoch that the shard's row carries; 0 when there is none. */
  readonly shardEpoch: number;
  /** The database's clock, in microseconds since the Unix epoch. */
  readonly databaseTimeUs: number;
};

/** The last entry of a log. */
export type LogEnd = LogPoint & { readonly epoch: number; readonly logTimeUs: number };

/**
 * The log of one shard. Every method may throw `LogUnreachable` (nobody knows what happened at
 * the other side) or `LogNotDurable` (LOG-9).
 */
/** Rows of a log that a node has had. */
export type KeptByNode = { readonly nodeId: string; readonly rows: readonly LogEntry[] };

export interface LogStore {
  /** Names the epoch for whose sake the next sessions are opened (LOG-13). */
  setEpoch(epoch: number): void;
  /** Appends one entry: one statement, one round trip. At most one call at a time. */
  append(entry: LogEntry, fence: Fence): Promise<AppendResult>;
  /**
   * Raises the epoch of the shard's row, unless a fork was noted, and appends its first entry, in
   * one statement: all that a candidate needs whose replica is level with the log. When it is
   * refused the epoch may be raised all the same.
   */
  appendRaising(entry: LogEntry, fence: Fence): Promise<AppendResult>;
  /** Looks around an index on a session that was opened after this call. */
  inspect(entryIndex: number): Promise<Inspection>;
  /** Returns once another durable write to the same database has committed (LOG-4). */
  confirmDurable(): Promise<void>;
  /** The last entry as the primary has it now. */
  fetchEnd(): Promise<LogEnd>;
  /** Entries from an index up to another, in order, as many as make a reasonable batch. */
  fetchEntries(fromEntryIndex: number, throughEntryIndex: number): Promise<readonly LogEntry[]>;
  /** Raises the epoch of the shard's row; true when it is now exactly `epoch`. */
  raiseEpoch(epoch: number): Promise<boolean>;
  /**
   * Notes that the log is forked, so that nobody leads it before an operator decides (LOG-12).
   *
   * @param kept rows that the node has had, in order: an operator can put them back
   */
  recordFork(description: string, kept?: KeptByNode): Promise<void>;
  /** The fork that was noted, if any. */
  fetchFork(): Promise<string | undefined>;
  /** Ends the sessions of leaders with a lower epoch (LOG-13). */
  endLowerSessions(epoch: number): Promise<void>;
  /** Returns if the database promises durability, throws `LogNotDurable` otherwise (LOG-9). */
  checkDurability(): Promise<void>;
  /** Ends all sessions for good; what is called later throws `LogUnreachable`. */
  close(): Promise<void>;
}

/** What stands before the rows of a snapshot (SNAP-1). */
export type SnapshotHead = {
  /** 32 hexadecimal digits that no other snapshot has. */
  readonly snapshotId: string;
  /** Version of the format of its rows. */
  readonly version: number;
  /** The entry behind which it stands. */
  readonly point: LogPoint;
  readonly rowCount: number;
  /** Checksum of all rows: 32 hexadecimal digits. */
  readonly contentChecksum: string;
};

/** A snapshot that is about to be written. */
export type SnapshotBeginning = Pick<SnapshotHead, 'snapshotId' | 'version' | 'point'> & {
  /** Epoch of the leader for whom it is written; nobody writes for an earlier one. */
  readonly epoch: number;
};

/**
 * The snapshots of one shard. A snapshot is not there before it is completed. Every method may
 * throw `LogUnreachable`, or `LogNotDurable` (LOG-9).
 */
export interface SnapshotStore {
  /** The snapshots that are complete, newest first. */
  fetchHeads(): Promise<readonly SnapshotHead[]>;
  /** Rows from a number on, in order, as many as make a reasonable batch; fewer at the end. */
  fetchRows(snapshotId: string, fromRow: number): Promise<readonly Uint8Array[]>;
  /** Removes what others have left unfinished and begins; false when another epoch is in force. */
  begin(beginning: SnapshotBeginning): Promise<boolean>;
  /** Adds a row of at most `MOST_ROW_BYTES`; false when the snapshot was removed meanwhile. */
  writeRow(snapshotId: string, rowNumber: number, content: Uint8Array): Promise<boolean>;
  /** From here on the snapshot is there; false when rows are missing. */
  complete(head: SnapshotHead): Promise<boolean>;
  remove(snapshotIds: readonly string[]): Promise<void>;
  /** Ends all sessions for good; what is called later throws `LogUnreachable`. */
  close(): Promise<void>;
}

/** Longest row of a snapshot (SNAP-1). */
export const MOST_ROW_BYTES = 256 << 10;

/** No leader of the shard can be followed at present. */
export class LeaderUnreachable extends Error {
  /** True when the leader's log does not have the entry that the standby has applied. */
  readonly isUnknownPoint: boolean;

  constructor(message: string, options: ErrorOptions & { readonly isUnknownPoint?: boolean } = {}) {
    super(message, options);
    this.isUnknownPoint = options.isUnknownPoint ?? false;
  }
}

/** The log did not answer; whether it acted is unknown. */
export class LogUnreachable extends Error {}

/** The database does not promise durability; the message says what is missing (LOG-9). */
export class LogNotDurable extends Error {}
