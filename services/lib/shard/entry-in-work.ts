// An entry on its way from the first command to the commit, with everybody who waits for it.

import type { CommittedCommand } from './committed-entry.ts';
import type { BuiltEntry } from './entry-builder.ts';
import type { LogPoint } from './log-entry.ts';
import type { TracedCommand } from './observer.ts';
import type { AppliedResult, FinalOutcome, ProposalResult } from './proposal.ts';
import type { Settle } from './proposal-queue.ts';

/** A command that is applied and waits for its commit, with those who asked for it. */
export type PendingAnswer<E, A> = {
  readonly command: CommittedCommand<E, A>;
  readonly settle: Settle<E, A>;
  /** Retries that came before the commit; allocated when the first one comes. */
  duplicates: Settle<E, A>[] | undefined;
};

/** An entry that takes commands. */
export type OpenEntry<E, A> = {
  readonly entryIndex: number;
  readonly logTimeUs: number;
  /** By record number. */
  readonly pending: PendingAnswer<E, A>[];
  /** Commands that came too late: the commit of this entry proves that (LOG-11). */
  readonly expired: Settle<E, A>[];
  readonly traced: TracedCommand[];
  applyDurationUs: number;
};

/** An entry whose append is under way. */
export type EntryInFlight<E, A> = OpenEntry<E, A> & {
  readonly built: BuiltEntry<E, A>;
  readonly previous: LogPoint;
  readonly appendStartUs: number;
  readonly hasStateChecksum: boolean;
};

/** A command that takes several entries and whose first part is committed (LOG-17). */
export type CarriedCommand<E, A> = {
  readonly entryIndex: number;
  readonly record: number;
  /** Undefined when the command began under an earlier leadership. */
  readonly settle: Settle<E, A> | undefined;
  readonly duplicates: Settle<E, A>[];
};

/** Answers everybody who waits for a command that is committed and finished. */
export function settleApplied<E, A>(
  { command, settle, duplicates }: PendingAnswer<E, A>,
  place: { readonly entryIndex: number; readonly logTimeUs: number },
): void {
  const result: AppliedResult<E, A> = {
    kind: 'applied',
    duplicate: false,
    logTimeUs: place.logTimeUs,
    entryIndex: place.entryIndex,
    firstSequence: command.firstSequence,
    events: command.events,
    encodedEvents: command.encodedEvents,
    outcome: command.outcome as FinalOutcome<A>,
  };
  settle(result);
  for (const other of duplicates ?? []) other({ ...result, duplicate: true });
}

/** A command of a committed entry that goes on in the next one. */
export function carriedOf<E, A>(
  pending: PendingAnswer<E, A>,
  { entryIndex, pending: all }: OpenEntry<E, A>,
): CarriedCommand<E, A> {
  const { settle, duplicates } = pending;
  return { entryIndex, record: all.indexOf(pending), settle, duplicates: duplicates ?? [] };
}

/** The leadership ends before the command does: whoever leads next goes on with it. */
export function answerCarriedUnknown<E, A>(carried: CarriedCommand<E, A> | undefined): void {
  carried?.settle?.({ kind: 'unknown' });
  for (const settle of carried?.duplicates ?? []) settle({ kind: 'unknown' });
}

/** Answers everybody who waits for an entry with one result. */
export function answerAll<E, A>(
  entry: OpenEntry<E, A> | undefined,
  result: ProposalResult<E, A>,
): void {
  for (const { settle, duplicates } of entry?.pending ?? []) {
    settle(result);
    for (const other of duplicates ?? []) other(result);
  }
  for (const settle of entry?.expired ?? []) settle(result);
}
