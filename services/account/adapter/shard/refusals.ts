// Refusals of the state machine and of the shard's host, as errors of calls.

import type { ShardLeader } from '../../../lib/platform/cluster/cluster-table.ts';
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
  { shardId, leader }: { readonly shardId: string; readonly leader: ShardLeader | undefined },
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
    throw shardUnavailable(shardId, leader);
  }
  const { outcome } = result;
  if (outcome.kind === 'refused') {
    if (outcome.refusal.reason === 'WRONG_SHARD') throw shardUnavailable(shardId, leader);
    throw errorOfRefusal(outcome.refusal);
  }
  return { ...result, outcome };
}

export function logUnavailable(shardId: string): OperatingError {
  return new OperatingError('LOG_UNAVAILABLE', `Shard ${shardId} cannot reach its log.`, {
    metadata: { shard_id: shardId },
  });
}

/** For callers inside the mesh: this node does not lead the shard, and who does when known. */
export function notLeader(shardId: string, leader?: ShardLeader): OperatingError {
  const metadata = { shard_id: shardId, ...leaderMetadata(leader) };
  return new OperatingError('NOT_LEADER', `Shard ${shardId} is led elsewhere.`, { metadata });
}

/** For clients, who may go to the leader, or come back when there is one. */
export function shardUnavailable(shardId: string, leader?: ShardLeader): OperatingError {
  const sentence =
    leader === undefined
      ? 'No node leads the account’s shard now; repeat.'
      : `The account’s shard is led by ${leader.nodeId} at ${leader.address}; repeat there.`;
  return new OperatingError('SHARD_UNAVAILABLE', sentence, {
    metadata: { shard_id: shardId, ...leaderMetadata(leader) },
    retryDelayMs: 100,
  });
}

function leaderMetadata(leader: ShardLeader | undefined): Readonly<Record<string, string>> {
  if (leader === undefined) return {};
  return { leader_node_id: leader.nodeId, leader_address: leader.address };
}
