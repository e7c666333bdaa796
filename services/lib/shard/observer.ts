// What the host tells whoever watches it: for metrics, spans and alarms. Nothing here influences
// what the host does; a hook must not throw.

import type { CommittedEntry } from './committed-entry.ts';
import type { HostState } from './host-state.ts';
import type { LogPoint } from './log-entry.ts';
import type { PassedOver } from './snapshot-loader.ts';
import type { SnapshotEnd } from './snapshot-writer.ts';

/** Times of one traced command, in microseconds since the Unix epoch on the leader's clock. */
export type TracedCommand = {
  readonly identity: string;
  readonly traceContext: string;
  readonly arrivedUs: number;
  readonly applyStartUs: number;
  readonly applyEndUs: number;
};

/** A committed entry and what it took; times as in `TracedCommand`. */
export type CommitReport<E, A> = {
  readonly entry: CommittedEntry<E, A>;
  readonly appendStartUs: number;
  readonly appendEndUs: number;
  /** Time spent in the state machine and in encoding. */
  readonly applyDurationUs: number;
  readonly traced: readonly TracedCommand[];
};

export interface HostObserver<E = unknown, A = unknown> {
  /** Whether spans are wanted for a command with this trace context; asked once per command. */
  isTraced?(traceContext: string): boolean;
  /** A command has arrived in the queue, or stands in an entry that is not in the log yet. */
  onStep?(step: 'arrived' | 'applied', command: unknown): void;
  onCommit?(report: CommitReport<E, A>): void;
  onStateChange?(state: HostState): void;
  /** A snapshot did not count at a start, or when the next one was to be written (SNAP-3). */
  onSnapshotPassedOver?(passed: PassedOver): void;
  /** A start goes on from the snapshot of an entry. */
  onSnapshotRestored?(point: LogPoint): void;
  /** A snapshot was written, or was not. */
  onSnapshotEnd?(end: SnapshotEnd): void;
  /** A standby is warm now, or not any more, or there is another reason why it cannot lead. */
  onStandbyChange?(): void;
  /** A standby has applied entries, the last of them this long after its log time. */
  onStandbyApplied?(commandCount: number, behindUs: number): void;
  /** A standby computed something else than is recorded, and begins anew (LOG-7). */
  onDiverged?(error: Error): void;
  /** Proposals that were refused without being applied, by reason. */
  onRefused?(reason: string, count: number): void;
}
