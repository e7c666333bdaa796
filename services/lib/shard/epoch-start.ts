// The first entry of a leadership (LOG-2). Where nothing is due, nothing but time would change:
// then it is made without the state, so that a replica whose place in the log another entry took
// can still be used (REP-4).

import { type BuiltEntry, EntryBuilder } from './entry-builder.ts';
import type { EpochStarted } from './entry-codec.ts';
import type { LogEntry } from './log-entry.ts';
import type { Replica } from './replica.ts';
import type { StateMachine } from './state-machine.ts';

export type EpochStart = {
  readonly entry: LogEntry;
  /** True when the replica has applied it; it then has the state checksum (SNAP-3). */
  readonly isApplied: boolean;
};

/** Makes the entry behind the last one of the replica, at this log time. */
export function buildEpochStart<C, E, A>(
  replica: Replica<C, E, A>,
  started: EpochStarted,
  logTimeUs: number,
): EpochStart {
  const unapplied = buildUnappliedEpochStart(replica, started, logTimeUs);
  if (unapplied !== undefined) return { entry: unapplied, isApplied: false };
  const { point } = replica;
  if (point.entryIndex === 0) replica.setIdentityKey(started.identityKey);
  replica.beginNext(logTimeUs);
  replica.builder.startEpoch(started);
  const { entry } = replica.sealNext({ epoch: started.epoch, withStateChecksum: true });
  return { entry, isApplied: true };
}

/** The same where nothing is due: the replica stays as it is. Undefined where something is. */
export function buildUnappliedEpochStart<C, E, A>(
  replica: Replica<C, E, A>,
  started: EpochStarted,
  logTimeUs: number,
): LogEntry | undefined {
  const { point, machine, unfinished } = replica;
  const due = machine.nextDueTimeUs();
  const isIdle = unfinished === undefined && (due === undefined || due > logTimeUs);
  if (point.entryIndex === 0 || !isIdle) return undefined;
  return buildUnapplied(replica, started, logTimeUs).entry;
}

function buildUnapplied<C, E, A>(
  { point, nextSequence, machine, codec }: Replica<C, E, A>,
  started: EpochStarted,
  logTimeUs: number,
): BuiltEntry<E, A> {
  const builder = new EntryBuilder(idle(machine), codec);
  const entryIndex = point.entryIndex + 1;
  builder.begin({ entryIndex, logTimeUs, firstSequence: nextSequence, unfinished: undefined });
  builder.startEpoch(started);
  const { chainChecksum: previousChecksum } = point;
  return builder.seal({ epoch: started.epoch, previousChecksum, withStateChecksum: false });
}

/** A machine in whose place nothing happens. */
function idle<C, E, A>({ formatVersion }: StateMachine<C, E, A>): StateMachine<C, E, A> {
  const never = (): never => {
    throw new Error('nothing is applied before the epoch has begun');
  };
  return {
    formatVersion,
    nextDueTimeUs: () => undefined,
    advance() {},
    apply: never,
    proceed: never,
    stateChecksum: never,
  };
}
