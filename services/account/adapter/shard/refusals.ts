// Refusals of the state machine and of the shard's host, as errors of calls.

import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { type ErrorReasonName, isErrorReasonName } from '../../../lib/platform/errors/reasons.ts';
import type { AppliedResult, ProposalResult } from '../../../lib/shard/proposal.ts';
import type { Refusal } from '../../../lib/shard/state-machine.ts';
import type { Answer, Event } from '../../domain/event.ts';

const SENTENCES: Partial<Record<ErrorReasonName, string>> = {
  ACCOUNT_UNKNOWN: 'There is no such account.',
  ACCOUNT_ALREADY_EXISTS: 'The account exists with other settings.',
  ASSET_UNKNOWN: 'There is no such asset.',
  INSTRUMENT_UNKNOWN: 'There is no such instrument.',
  INSUFFICIENT_FUNDS: 'The available balance is too small.',
  AMOUNT_TOO_LARGE: 'The balance would pass what the exchange can count.',
  CLIENT_TRANSFER_ID_ALREADY_EXISTS: 'The id was used for another transfer.',
  SETTLEMENT_LAG: 'Settlement is behind the books; nothing was done.',
  SHARD_OVERLOADED: 'The shard has more to do than it takes; nothing was done.',
  LOG_UNAVAILABLE: 'The shard cannot reach its log; nothing was done.',
};

/** A refusal by the state machine as an error; `detail` becomes its metadata. */
export function errorOfRefusal({ reason, detail }: Refusal): OperatingError {
  const name: ErrorReasonName = isErrorReasonName(reason) ? reason : 'INTERNAL';
  const sentence = SENTENCES[name] ?? `The shard refused it: ${name}.`;
  return new OperatingError(name, sentence, { metadata: detail ?? {} });
}

export function accountUnknown(refusal: Refusal, accountId: string): OperatingError {
  return errorOfRefusal({ ...refusal, detail: { ...refusal.detail, account_id: accountId } });
}

/** How a result of a proposal looks to a client that knows no shards: applied, or an error. */
export function assertApplied(
  result: ProposalResult<Event, Answer>,
  shardId: string,
): AppliedResult<Event, Answer> & { readonly outcome: { readonly kind: 'done' } } {
  const metadata = { shard_id: shardId };
  if (result.kind === 'unknown') {
    const sentence = 'The shard went away before it could answer; repeat with the same id.';
    throw new OperatingError('OUTCOME_UNKNOWN', sentence, { metadata });
  }
  if (result.kind === 'notApplied') {
    if (result.reason === 'SHARD_OVERLOADED' || result.reason === 'LOG_UNAVAILABLE') {
      throw errorOfRefusal({ reason: result.reason, detail: metadata });
    }
    if (result.reason === 'PROPOSAL_INVALID') throw errorOfRefusal({ reason: 'INTERNAL' });
    throw shardUnavailable(shardId);
  }
  const { outcome } = result;
  if (outcome.kind === 'refused') {
    if (outcome.refusal.reason === 'WRONG_SHARD') throw shardUnavailable(shardId);
    throw errorOfRefusal(outcome.refusal);
  }
  return { ...result, outcome };
}

export function logUnavailable(shardId: string): OperatingError {
  return new OperatingError('LOG_UNAVAILABLE', `Shard ${shardId} cannot reach its log.`, {
    metadata: { shard_id: shardId },
  });
}

export function shardUnavailable(shardId: string): OperatingError {
  return new OperatingError('SHARD_UNAVAILABLE', 'The account’s shard is not led here now.', {
    metadata: { shard_id: shardId },
    retryDelayMs: 100,
  });
}
