// LedgerService: the account shards as the mesh sees them.

import type { LedgerService } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { serveEntries } from '../../lib/platform/cluster/serve-entries.ts';
import { safeNumber } from '../../lib/platform/codec/numbers.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { takingRaw } from '../../lib/platform/rpc/definition.ts';
import { fanout } from '../../lib/platform/rpc/fanout.ts';
import { takeFirst } from '../../lib/platform/rpc/first-request.ts';
import type { Handlers } from '../../lib/platform/rpc/server.ts';
import type { CommittedCommand } from '../../lib/shard/committed-entry.ts';
import { serveProposeStream } from '../../lib/shard/propose-stream.ts';
import { streamEvents } from '../../lib/shard/stream-events.ts';
import { SubscriptionEnded } from '../../lib/shard/subscription.ts';
import { LogUnreachable } from '../../lib/shard/world.ts';
import type { Answer, Event } from '../domain/event.ts';
import { accountResponses } from './account-messages.ts';
import { holdSettlement, takeTotals } from './audit/shard-totals.ts';
import { mayBeFollowed } from './codec/peek-event.ts';
import { hexOf } from './codec/record-codec.ts';
import { eventsResponse, proposalBatchOf, RAW_PROPOSALS } from './ledger-messages.ts';
import { findOrder, listOrderRecords } from './ledger-reads.ts';
import { listFillRecords } from './list-fills.ts';
import { encodeResults } from './propose-answers.ts';
import { readAccountHistory } from './read-past.ts';
import type { AccountNode } from './shard/account-node.ts';
import type { AccountShard } from './shard/account-shard.ts';
import { followAccount } from './shard/follow-account.ts';
import { logUnavailable } from './shard/refusals.ts';

const ACCOUNT_HEARTBEAT_MS = 1_000;

export function ledgerHandlers(node: AccountNode): Handlers<typeof LedgerService> {
  return {
    propose: proposeHandler(node),

    async *streamEvents(request, call) {
      const shard = node.shard(request.shardId);
      const seenIndex = Number(request.seenEntryIndex);
      const seen = { entryIndex: seenIndex, chainChecksum: hexOf(request.seenChainChecksum) };
      const messages = streamEvents({
        host: shard.host,
        world: node.world,
        fromSequence: Math.max(1, Number(request.fromSequence)),
        ...(seenIndex === 0 ? {} : { seen }),
        passes: request.sentOnly ? hasSent : () => true,
        signal: AbortSignal.any([call.signal, call.draining]),
      });
      try {
        for await (const message of messages) yield eventsResponse(message);
      } catch (error) {
        throw subscriptionError(error, shard);
      }
    },

    streamEntries: fanout((request, subscriber) => {
      serveEntries(node.shard(request.shardId).host, request, subscriber);
    }),

    async *streamAccount(request, call) {
      const { accountId, afterSequence } = request;
      const shard = node.shardOfAccount(accountId);
      const seenIndex = safeNumber(request.seenEntryIndex);
      const seen = { entryIndex: seenIndex, chainChecksum: hexOf(request.seenChainChecksum) };
      const messages = followAccount({
        shard,
        world: node.world,
        accountId,
        afterSequence: afterSequence === undefined ? undefined : safeNumber(afterSequence),
        seen: seenIndex === 0 ? undefined : seen,
        heartbeatMs: ACCOUNT_HEARTBEAT_MS,
        signal: call.signal,
        draining: call.draining,
        wants: 'events',
      });
      for await (const message of messages) {
        // The server passes bytes on.
        yield* accountResponses(message, shard.host.position?.committed) as Iterable<object>;
      }
    },

    getPosition: ({ shardId }) => readPosition(node.shard(shardId)),

    ...settlementHandlers(node),
    findOrder: (request) => findOrder(node, request),
    listOrderRecords: (request) => listOrderRecords(node, request),
    listFillRecords: (request) => listFillRecords(node, request),
    readAccountHistory: (request) => readAccountHistory(node, request),
  };
}

async function readPosition(shard: AccountShard) {
  const position = await shard.host.readPosition();
  if (position.kind === 'notAnswered') {
    if (position.reason === 'NOT_LEADER') throw shard.notLeader();
    throw logUnavailable(shard.host.shardId);
  }
  const { committed, lastSequence } = position.value;
  return {
    sequence: BigInt(lastSequence),
    entryIndex: BigInt(committed.entryIndex),
    chainChecksum: Buffer.from(committed.chainChecksum, 'hex'),
  };
}

function proposeHandler(node: AccountNode): Handlers<typeof LedgerService>['propose'] {
  return takingRaw(RAW_PROPOSALS, async function* (requests, call) {
    // When the node drains, its shards have answered everything before the server says so.
    const signal = AbortSignal.any([call.signal, call.draining]);
    const taken = await takeFirst(requests, signal);
    if (taken === undefined) return;
    const shard = node.shard(taken.first.shardId);
    await shard.untilLed(signal);
    if (shard.leadershipSignal === undefined) throw shard.notLeader();
    yield* serveProposeStream({
      host: shard.gate,
      requests: taken.all,
      decode: proposalBatchOf,
      encode: (batch) => encodeResults(batch) as object, // the server passes bytes on
      signal,
    });
  });
}

type SettlementMethod = 'waitSettled' | 'holdSettlement' | 'takeTotals';

/** What other account shards and audits ask about settlement. */
function settlementHandlers(
  node: AccountNode,
): Pick<Handlers<typeof LedgerService>, SettlementMethod> {
  return {
    async waitSettled({ shardId, sourceShardId, sequence }) {
      const shard = node.shard(shardId);
      return { settled: await shard.waitSettled(sourceShardId, safeNumber(sequence)) };
    },

    async holdSettlement({ shardId }) {
      const held = await holdSettlement(node.shard(shardId));
      const points = [...held].map(([sourceShardId, sequence]) => {
        return { sourceShardId, sequence: BigInt(sequence) };
      });
      return { points };
    },

    takeTotals({ shardId, points, withBalances }) {
      const wanted = points.map(({ sourceShardId, sequence }) => {
        return [sourceShardId, safeNumber(sequence)] as const;
      });
      return takeTotals(node.shard(shardId), new Map(wanted), withBalances);
    },
  };
}

/** What other account shards follow. Most commands are told by a look at their events' bytes. */
function hasSent(group: CommittedCommand<Event, Answer>): boolean {
  if (!group.encodedEvents.some(mayBeFollowed)) return false;
  return group.events.some((event) => {
    return (event.kind === 'transferPosted' || event.kind === 'tradeBusted') && event.byClearing;
  });
}

function subscriptionError(error: unknown, shard: AccountShard): unknown {
  const { shardId } = shard.host;
  if (error instanceof LogUnreachable) return logUnavailable(shardId);
  if (!(error instanceof SubscriptionEnded)) return error;
  if (error.reason === 'NOT_LEADER') return shard.notLeader();
  return new OperatingError(error.reason, error.message, { metadata: { shard_id: shardId } });
}
