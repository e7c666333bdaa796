// Serves every account at every node: what another node leads is asked there, for as long as the
// caller has patience, wherever the account's shard is led meanwhile. Clients know no shards.

import { Metadata } from 'nice-grpc-common';
import {
  type LeaderPlace,
  onNewerLeader,
  pauseForChange,
} from '../../../lib/platform/cluster/leader-place.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { RpcContext } from '../../../lib/platform/rpc/call-context.ts';
import { createRpcClient } from '../../../lib/platform/rpc/client.ts';
import { type AnyService, rpcMethods } from '../../../lib/platform/rpc/definition.ts';
import type { Handlers } from '../../../lib/platform/rpc/server.ts';
import { shardUnavailable } from '../shard/refusals.ts';
import { type LeaderRoad, type OtherLeader, otherLeaderOf } from './leader-road.ts';
import { followAtLeader } from './stream-at-leader.ts';

export { type LeaderRoad, openLeaderRoad } from './leader-road.ts';

/** Says that a node passes the call on: whoever gets it answers at once, whatever that is. */
const FORWARDED_KEY = 'x-bourse-forwarded';

/** How long a leader that answers is looked for; less when the caller's deadline is nearer. */
const PATIENCE_MS = 8_000;
/** Part of the caller's time after which it is told, while it still listens. */
const PATIENCE_PART = 0.8;
/** A leader that takes longer is asked again. */
const ATTEMPT_MS = 2_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;

type AnyRequest = Readonly<Record<string, unknown>>;
type RemoteOptions = {
  readonly signal: AbortSignal;
  readonly metadata: Metadata;
  readonly timeoutMs?: number;
  readonly deadlineMs?: number;
};
type Local = (request: AnyRequest, call: RpcContext) => unknown;
type Remote = (request: AnyRequest, options: RemoteOptions) => unknown;

/** The same service, for all accounts. */
export function atLeader<S extends AnyService>(
  service: S,
  handlers: Handlers<S>,
  road: LeaderRoad,
): Handlers<S> {
  const locals = handlers as unknown as Readonly<Record<string, Local>>;
  const served = rpcMethods(service).map(([name, { responseStream }]) => {
    const local = locals[name] as Local;
    const remoteOf = (leader: LeaderPlace): Remote => {
      const client = createRpcClient(service, road.channels.channelOf(leader.address));
      return (client as unknown as Readonly<Record<string, Remote>>)[name] as Remote;
    };
    const handler = responseStream
      ? streamHandler(road, local, remoteOf)
      : unaryHandler(road, local, { remoteOf, isRead: /^(get|list)/.test(name) });
    return [name, handler];
  });
  return Object.fromEntries(served) as Handlers<S>;
}

type RemoteOf = (leader: LeaderPlace) => Remote;

function unaryHandler(
  road: LeaderRoad,
  local: Local,
  { remoteOf, isRead }: { readonly remoteOf: RemoteOf; readonly isRead: boolean },
) {
  return async (sent: AnyRequest, call: RpcContext): Promise<unknown> => {
    const accountId = accountIdOf(sent);
    if (accountId === undefined || isForwarded(call)) return await local(sent, call);
    const request = withIds(sent, road);
    const { world, watch } = road;
    const limitUs = patienceEndUs(world.wallClockUs(), call.deadlineMs);
    for (let delayMs = FIRST_PAUSE_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const leader = otherLeaderOf(road, accountId);
        if (leader === undefined) return await local(request, call);
        return await askRemote(road, leader, { call, request, remote: remoteOf(leader) });
      } catch (error) {
        if (!isWorthAnother(error)) throw error;
        if (world.wallClockUs() > limitUs || call.signal.aborted) throw givenUp(error, isRead);
      }
      await pauseForChange(watch, world, { delayMs, signal: call.signal });
    }
  };
}

async function askRemote(
  { watch }: LeaderRoad,
  { shardId, epoch }: OtherLeader,
  asked: { readonly call: RpcContext; readonly request: AnyRequest; readonly remote: Remote },
): Promise<unknown> {
  const { call, request, remote } = asked;
  const attempt = new AbortController();
  const unwatch = onNewerLeader(watch, { shardId, epoch }, () => attempt.abort());
  try {
    return await remote(request, {
      signal: AbortSignal.any([call.signal, attempt.signal]),
      metadata: Metadata({ [FORWARDED_KEY]: '1' }),
      timeoutMs: ATTEMPT_MS,
      deadlineMs: call.deadlineMs,
    });
  } finally {
    unwatch();
  }
}

function streamHandler(road: LeaderRoad, local: Local, remoteOf: RemoteOf) {
  return (request: AnyRequest, call: RpcContext): unknown => {
    const accountId = accountIdOf(request);
    if (accountId === undefined || isForwarded(call)) return local(request, call);
    return followAtLeader({
      road,
      call,
      request,
      accountId,
      leaderOf: () => otherLeaderOf(road, accountId),
      openLocal: (next, inner) => local(next, inner) as never,
      openRemote: (leader, next, signal) =>
        remoteOf(leader)(next, { signal, metadata: Metadata({ [FORWARDED_KEY]: '1' }) }) as never,
      isWorthAnother,
    });
  };
}

/** Of a transfer the account that pays, whose shard begins it. */
function accountIdOf(request: AnyRequest): string | undefined {
  const accountId = request['accountId'] ?? request['fromAccountId'];
  return typeof accountId === 'string' && accountId !== '' ? accountId : undefined;
}

function isForwarded(call: RpcContext): boolean {
  return call.metadata.get(FORWARDED_KEY) === '1';
}

/** A change that may be asked for twice has its id from the first time on. */
function withIds(request: AnyRequest, { world }: LeaderRoad): AnyRequest {
  const filled: Record<string, unknown> = { ...request };
  for (const field of ['clientTransferId', 'clientRequestId']) {
    if (request[field] !== '') continue;
    filled[field] = `made-${Buffer.from(world.randomBytes(16)).toString('hex')}`;
  }
  return filled;
}

function patienceEndUs(nowUs: number, deadlineMs: number): number {
  const leftMs = deadlineMs - nowUs / 1_000;
  return nowUs + Math.min(PATIENCE_MS, leftMs * PATIENCE_PART) * 1_000;
}

/** Whether a moment later, or elsewhere, the same request may be served. */
function isWorthAnother(error: unknown): boolean {
  if (!(error instanceof OperatingError)) return false;
  switch (error.reason) {
    case 'SHARD_UNAVAILABLE':
    case 'LOG_UNAVAILABLE':
    case 'SETTLEMENT_LAG':
    case 'SLOT_MOVING':
    case 'NOT_LEADER':
    case 'WRONG_SHARD':
    case 'NOT_READY':
    case 'OUTCOME_UNKNOWN':
      return true;
    default:
      return error.reason === undefined && error.isOutcomeUnknown;
  }
}

/** What a caller is told whose patience is over; a read that nobody answered did nothing. */
function givenUp(error: unknown, isRead: boolean): unknown {
  if (!(error instanceof OperatingError) || error.reason !== undefined) return error;
  if (isRead) return shardUnavailable('');
  const sentence = 'The account’s leader did not answer; repeat with the same id.';
  return new OperatingError('OUTCOME_UNKNOWN', sentence, { cause: error });
}
