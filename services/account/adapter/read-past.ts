// The past of an account, wherever its logs are: a shard that is led here is read here, another one
// by whoever leads it.

import type {
  ReadAccountHistoryRequest,
  ReadAccountHistoryResponse,
} from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { safeNumber } from '../../lib/platform/codec/numbers.ts';
import { LogUnreachable } from '../../lib/shard/world.ts';
import { eventMessage, eventOf } from './codec/event-codec.ts';
import type { PastPlace, PastStretch } from './shard/account-history.ts';
import type { AccountNode } from './shard/account-node.ts';
import type { AccountShard } from './shard/account-shard.ts';
import { logUnavailable } from './shard/refusals.ts';

const CALL_TIMEOUT_MS = 20_000;

/** @throws OperatingError NOT_LEADER, LOG_UNAVAILABLE. */
export async function readPast(
  node: AccountNode,
  accountNumber: number,
  { shardId, beforeSequence }: PastPlace,
): Promise<PastStretch> {
  const isHere = (shard: AccountShard): boolean =>
    shard.host.shardId === shardId && shard.leadershipSignal !== undefined;
  const shard = node.shards().find(isHere);
  if (shard !== undefined) return readHere(shard, accountNumber, beforeSequence);
  const leader = node.ledgers.findLeader(shardId);
  if (leader === undefined) throw node.noLeader(shardId);
  const request = { shardId, accountNumber, beforeSequence: BigInt(beforeSequence) };
  const options = { timeoutMs: CALL_TIMEOUT_MS };
  return stretchOf(await leader.ledger.readAccountHistory(request, options));
}

async function readHere(
  shard: AccountShard,
  accountNumber: number,
  beforeSequence: number,
): Promise<PastStretch> {
  const end = shard.host.position;
  if (end === undefined || shard.leadershipSignal === undefined) throw shard.notLeader();
  try {
    return await shard.past.readBack(end, accountNumber, beforeSequence);
  } catch (error) {
    if (error instanceof LogUnreachable) throw logUnavailable(shard.host.shardId);
    throw error;
  }
}

function stretchOf(message: ReadAccountHistoryResponse): PastStretch {
  const { events, nextShardId: shardId, nextBeforeSequence, gone } = message;
  const happenings = events.flatMap(({ sequence, logTimeUs, traceContext, event }) =>
    event === undefined
      ? []
      : {
          sequence: safeNumber(sequence),
          logTimeUs: safeNumber(logTimeUs),
          traceContext,
          event: eventOf(event),
        },
  );
  const beforeSequence = safeNumber(nextBeforeSequence);
  const ended = gone ? 'gone' : 'begun';
  return { happenings, next: shardId === '' ? ended : { shardId, beforeSequence } };
}

/** LedgerService.ReadAccountHistory. */
export async function readAccountHistory(node: AccountNode, request: ReadAccountHistoryRequest) {
  const { shardId, accountNumber, beforeSequence } = request;
  const shard = node.shard(shardId);
  const stretch = await readHere(shard, accountNumber, safeNumber(beforeSequence));
  const { happenings, next } = stretch;
  const events = happenings.map(({ sequence, logTimeUs, traceContext, event }) => {
    const place = { sequence: BigInt(sequence), logTimeUs: BigInt(logTimeUs) };
    return { ...place, event: eventMessage(event), traceContext };
  });
  const [nextShardId, nextBefore] =
    typeof next === 'object' ? [next.shardId, next.beforeSequence] : ['', 0];
  return {
    events,
    nextShardId,
    nextBeforeSequence: BigInt(nextBefore),
    gone: next === 'gone',
  };
}
