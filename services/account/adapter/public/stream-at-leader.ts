// One stream of an account for its reader, over as many leaders as it takes: each goes on behind
// the last token that was sent, and only the first says that it has begun.

import { findShardOfAccount } from '../../../lib/platform/cluster/cluster-table.ts';
import { pause } from '../../../lib/platform/cluster/cluster-world.ts';
import {
  findLeader,
  NO_EPOCH,
  onAccountElsewhere,
  pauseForChange,
} from '../../../lib/platform/cluster/leader-place.ts';
import type { RpcContext } from '../../../lib/platform/rpc/call-context.ts';
import { shardUnavailable } from '../shard/refusals.ts';
import type { LeaderRoad, OtherLeader } from './leader-road.ts';

/** How long nobody may lead before the reader is told. */
const LEADERLESS_LIMIT_MS = 30_000;
/** A leader without a word for this long is left: three of its signs of life are missing. */
const SILENCE_MS = 3_000;
const PAUSE_MS = 50;
const CLOSING = { comment: 'The server is stopping.', grace: { seconds: 0n, nanos: 0 } };

type StreamRequest = Readonly<Record<string, unknown>>;

/** What every stream's message has. */
type StreamMessage = {
  readonly resumeToken?: string;
  readonly message?: { readonly case: string | undefined; readonly value?: unknown };
};

export type FollowAtLeaderOptions = {
  readonly road: LeaderRoad;
  readonly call: RpcContext;
  readonly request: StreamRequest;
  readonly accountId: string;
  /** The leader, when it is another node. */
  readonly leaderOf: () => OtherLeader | undefined;
  readonly openLocal: (request: StreamRequest, call: RpcContext) => AsyncIterable<StreamMessage>;
  readonly openRemote: (
    leader: OtherLeader,
    request: StreamRequest,
    signal: AbortSignal,
  ) => AsyncIterable<StreamMessage>;
  readonly isWorthAnother: (error: unknown) => boolean;
};

/** @throws OperatingError what the account's shard refuses, or SHARD_UNAVAILABLE. */
export async function* followAtLeader(
  options: FollowAtLeaderOptions,
): AsyncGenerator<StreamMessage, void, void> {
  const { call, request, road, isWorthAnother } = options;
  const { world, watch } = road;
  let token = (request['resumeToken'] as string | undefined) ?? '';
  let hasBegun = false;
  let heardUs = world.wallClockUs();
  let refusal: unknown;
  while (!call.signal.aborted && !call.draining.aborted) {
    refusal = undefined;
    try {
      for await (const message of openStream(options, { ...request, resumeToken: token })) {
        heardUs = world.wallClockUs();
        const kind = message.message?.case;
        if (kind === 'closing' && !call.draining.aborted) break;
        token = message.resumeToken ?? token;
        if (kind === 'started' && hasBegun) continue;
        hasBegun = true;
        yield message;
        if (kind === 'closing') return;
      }
    } catch (error) {
      if (!isWorthAnother(error)) throw error;
      refusal = error;
    }
    if (call.signal.aborted || call.draining.aborted) break;
    const silentMs = (world.wallClockUs() - heardUs) / 1_000;
    if (silentMs > LEADERLESS_LIMIT_MS) throw refusal ?? shardUnavailable('');
    await pauseForChange(watch, world, { delayMs: PAUSE_MS, signal: call.signal });
  }
  if (call.signal.aborted) return;
  yield { resumeToken: token, message: { case: 'closing', value: CLOSING } };
}

/** The stream of whoever leads now; it ends when the account is served elsewhere, or when it hangs. */
async function* openStream(
  options: FollowAtLeaderOptions,
  request: StreamRequest,
): AsyncGenerator<StreamMessage, void, void> {
  const { call, road, accountId, leaderOf, openLocal, openRemote } = options;
  const { watch, world } = road;
  const attempt = new AbortController();
  const { signal } = attempt;
  const stop = (): void => attempt.abort();
  const leader = leaderOf();
  const unwatch = onAccountElsewhere(watch, placeOf(road, accountId, leader), stop);
  // A stream of this node says itself that it closes; one of another node has to be left.
  const ends = leader === undefined ? [call.signal] : [call.signal, call.draining];
  for (const end of ends) end.addEventListener('abort', stop);
  const source =
    leader === undefined
      ? openLocal(request, { ...call, signal })
      : openRemote(leader, request, signal);
  const messages = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await nextOrSilence(messages, world, stop);
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    unwatch();
    for (const end of ends) end.removeEventListener('abort', stop);
    attempt.abort();
    // It may say once more that it was aborted.
    await Promise.resolve(messages.return?.()).catch(() => {});
  }
}

/** Where the account is served now; by this node, if it leads a shard that the table does not show. */
function placeOf({ watch }: LeaderRoad, accountId: string, leader: OtherLeader | undefined) {
  if (leader !== undefined) return { accountId, shardId: leader.shardId, epoch: leader.epoch };
  const table = watch.table();
  const { shardId = '' } = (table && findShardOfAccount(table, accountId)) ?? {};
  return { accountId, shardId, epoch: findLeader(table, shardId)?.epoch ?? NO_EPOCH };
}

/** The next message; a source that is silent for too long is stopped, and ends. */
async function nextOrSilence(
  messages: AsyncIterator<StreamMessage>,
  world: LeaderRoad['world'],
  stop: () => void,
): Promise<IteratorResult<StreamMessage, unknown>> {
  const waiting = new AbortController();
  void pause(world, SILENCE_MS, waiting.signal).then(() => {
    if (!waiting.signal.aborted) stop();
  });
  try {
    return await messages.next();
  } finally {
    waiting.abort();
  }
}
