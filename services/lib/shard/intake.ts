// Decides about one proposal at its turn: known already, not acceptable, too late, or to be
// applied (LOG-11).

import type { CommittedLog } from './committed-log.ts';
import {
  type CarriedCommand,
  carriedOf,
  type EntryInFlight,
  type OpenEntry,
  settleApplied,
} from './entry-in-work.ts';
import type { KnownAnswer } from './identities.ts';
import {
  type AppliedResult,
  MAXIMUM_IDENTITY_BYTES,
  type NotAppliedReason,
  type Proposal,
  type ProposalResult,
} from './proposal.ts';
import type { Settle, Waiting } from './proposal-queue.ts';

/** Makes the result of a proposal that is not applied. */
export type Refuse<E, A> = (
  reason: NotAppliedReason,
  detail?: Readonly<Record<string, string>>,
) => ProposalResult<E, A>;

/** Why a command is not taken at present; it is not one that was applied already. */
export type FindBar<C> = (proposal: Proposal<C>) => NotAppliedReason | undefined;

/** Refuses a command that is barred. @returns whether it was */
export function refuseBarred<C, E, A>(
  { proposal, settle }: Waiting<C, E, A>,
  findBar: FindBar<C>,
  refuse: Refuse<E, A>,
): boolean {
  const reason = findBar(proposal);
  if (reason !== undefined) settle(refuse(reason));
  return reason !== undefined;
}

/** Why a proposal is not even put into the queue, if it is not. */
export function findRefusal(
  proposal: Proposal<unknown>,
  isServing: boolean,
  hasTrouble: boolean,
): Parameters<Refuse<never, never>> | undefined {
  if (!isServing) return ['NOT_LEADER'];
  const field = findInvalidField(proposal);
  if (field !== undefined) return ['PROPOSAL_INVALID', { field }];
  return hasTrouble ? ['LOG_UNAVAILABLE'] : undefined;
}

/** The field of a proposal that makes it none, as far as that can be seen before its turn. */
function findInvalidField({ identity, validUntilUs }: Proposal<unknown>): string | undefined {
  if (!isIdentity(identity)) return 'identity';
  return Number.isSafeInteger(validUntilUs) && validUntilUs > 0 ? undefined : 'valid_until';
}

function isIdentity(identity: string): boolean {
  const longest = MAXIMUM_IDENTITY_BYTES;
  if (identity.length === 0 || identity.length > longest) return false;
  return identity.length * 3 <= longest || Buffer.byteLength(identity) <= longest;
}

/** Where the first attempt of a command may be found. */
export type Attempts<C, E, A> = {
  readonly committed: CommittedLog<C, E, A>;
  readonly inFlight: EntryInFlight<E, A> | undefined;
  readonly open: OpenEntry<E, A> | undefined;
  readonly carried: CarriedCommand<E, A> | undefined;
};

/** Answers a retry with the first answer, once that is committed. */
export function answerDuplicate<C, E, A>(
  { committed, inFlight, open, carried }: Attempts<C, E, A>,
  position: KnownAnswer,
  settle: Settle<E, A>,
  refuse: Refuse<E, A>,
): void {
  const { entryIndex, record } = position;
  const isCommitted = position.shardId !== undefined || entryIndex <= committed.end.entryIndex;
  if (!isCommitted) {
    const entry = open?.entryIndex === entryIndex ? open : inFlight;
    const pending = entry?.pending[record];
    if (pending === undefined) throw new Error(`nobody knows record ${record} of ${entryIndex}`);
    pending.duplicates ??= [];
    pending.duplicates.push(settle);
  } else if (isCarried(carried, position)) {
    carried.duplicates.push(settle);
  } else {
    answerFromLog(committed, position, { settle, refuse, duplicate: true });
  }
}

function isCarried<E, A>(
  carried: CarriedCommand<E, A> | undefined,
  { entryIndex, record, shardId }: KnownAnswer,
): carried is CarriedCommand<E, A> {
  return shardId === undefined && carried?.entryIndex === entryIndex && carried.record === record;
}

/**
 * Answers those who wait for the commands of an entry that is committed.
 *
 * @returns the command that goes on in the next entry
 */
export function answerEntry<C, E, A>(
  entry: EntryInFlight<E, A>,
  carried: CarriedCommand<E, A> | undefined,
  committed: CommittedLog<C, E, A>,
  refuse: Refuse<E, A>,
): CarriedCommand<E, A> | undefined {
  const { continued } = entry.built.committed;
  let goesOn = carried;
  if (continued !== undefined && continued.outcome.kind !== 'unfinished') {
    answerCarried(committed, carried, refuse);
    goesOn = undefined;
  }
  for (const pending of entry.pending) {
    const { kind } = pending.command.outcome;
    if (kind === 'unfinished') goesOn = carriedOf(pending, entry);
    else settleApplied(pending, entry);
  }
  for (const settle of entry.expired) settle(refuse('COMMAND_EXPIRED'));
  return goesOn;
}

/** Answers everybody who waits for a command whose last part is committed (LOG-17). */
function answerCarried<C, E, A>(
  committed: CommittedLog<C, E, A>,
  carried: CarriedCommand<E, A> | undefined,
  refuse: Refuse<E, A>,
): void {
  if (carried === undefined) return;
  const { settle: first, duplicates } = carried;
  if (first !== undefined) {
    answerFromLog(committed, carried, { settle: first, refuse, duplicate: false });
  }
  for (const settle of duplicates) {
    answerFromLog(committed, carried, { settle, refuse, duplicate: true });
  }
}

/** Answers with what the log records about a command whose last part is committed. */
function answerFromLog<C, E, A>(
  committed: CommittedLog<C, E, A>,
  position: KnownAnswer,
  to: {
    readonly settle: Settle<E, A>;
    readonly refuse: Refuse<E, A>;
    readonly duplicate: boolean;
  },
): void {
  const { settle, refuse, duplicate } = to;
  const answered = (result: AppliedResult<E, A>): void => settle({ ...result, duplicate });
  const failed = (): void => settle(refuse('LOG_UNAVAILABLE'));
  committed.fetchAnswer(position).then(answered, failed);
}
