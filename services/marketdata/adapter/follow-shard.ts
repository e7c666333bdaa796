// Follows the committed events of one matching shard from the first one on, wherever it is led
// (CON-2). A position is given back with its checksum, so that a shard whose log is not the one
// seen before is noticed (LOG-12); then nothing more is shown of it.

import { type Link, ROOT_CONTEXT, type Span } from '@opentelemetry/api';
import {
  MatchingService,
  type StreamEventsResponse,
} from '../../../gen/bourse/matching/v1/service_pb.ts';
import { type ClusterWorld, pause } from '../../lib/platform/cluster/cluster-world.ts';
import type { FollowedPoint } from '../../lib/platform/cluster/join-cluster.ts';
import type { ClusterWatch } from '../../lib/platform/cluster/watch-cluster.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { createRpcChannel } from '../../lib/platform/rpc/channel.ts';
import { createRpcClient, outsideOfTrace } from '../../lib/platform/rpc/client.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import { addToMetric, recordMetric } from '../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS, SPANS } from '../../lib/platform/telemetry/names.ts';
import { startSpan } from '../../lib/platform/telemetry/spans.ts';
import { linksToTraceparents } from '../../lib/platform/telemetry/trace-context.ts';
import { forceTrace } from '../../lib/platform/telemetry/tracing.ts';
import type { Feeds } from './feeds.ts';

/** Pause before the next attempt when a leader does not answer or is not known. */
const RETRY_MS = 100;
/** Without a word for so long the stream counts as dead: five signs of life are missing. */
const SILENCE_MS = 1_000;
/** A quiet shard's candles close this long after their end by this process's clock. */
const CANDLE_MARGIN_MS = 1_000;

export type ShardFollower = {
  readonly shardId: string;
  /** True once everything that was committed when it first connected has been applied. */
  readonly caughtUp: boolean;
  /** The last place of the log that its leader called committed (LOG-12). */
  readonly followed: FollowedPoint | undefined;
  stop(): void;
};

type Surroundings = {
  readonly feeds: Feeds;
  readonly watch: ClusterWatch;
  readonly world: ClusterWorld;
  readonly logger: Logger;
};

/** Starts to follow a shard; goes on until stopped. */
export function followShard(shardId: string, around: Surroundings): ShardFollower {
  const follower = new Follower(shardId, around);
  outsideOfTrace(() => void follower.run());
  return follower;
}

class Follower implements ShardFollower {
  readonly shardId: string;
  readonly #around: Surroundings;
  readonly #stopping = new AbortController();
  #through = 0n;
  #seenEntryIndex = 0n;
  #seenChainChecksum: Uint8Array = new Uint8Array();
  /** Where the log ended when the first leader was reached. */
  #firstEnd: bigint | undefined;

  constructor(shardId: string, around: Surroundings) {
    this.shardId = shardId;
    this.#around = around;
  }

  get caughtUp(): boolean {
    return this.#firstEnd !== undefined && this.#seenEntryIndex >= this.#firstEnd;
  }

  get followed(): FollowedPoint | undefined {
    if (this.#seenEntryIndex === 0n) return undefined;
    const chainChecksum = Buffer.from(this.#seenChainChecksum).toString('hex');
    return { shardId: this.shardId, entryIndex: Number(this.#seenEntryIndex), chainChecksum };
  }

  stop(): void {
    this.#stopping.abort();
  }

  async run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const address = this.#leaderAddress();
      if (address !== undefined) await this.#followAt(address);
      await pause(this.#around.world, RETRY_MS, signal);
    }
  }

  #leaderAddress(): string | undefined {
    return this.#around.watch.table()?.shards.get(this.shardId)?.leader?.address;
  }

  async #followAt(address: string): Promise<void> {
    const channel = createRpcChannel(address);
    const attempt = new AbortController();
    const end = (): void => attempt.abort();
    this.#stopping.signal.addEventListener('abort', end);
    let timer = setTimeout(end, SILENCE_MS);
    try {
      const client = createRpcClient(MatchingService, channel);
      const request = {
        shardId: this.shardId,
        fromSequence: this.#through + 1n,
        seenEntryIndex: this.#seenEntryIndex,
        seenChainChecksum: this.#seenChainChecksum,
      };
      for await (const response of client.streamEvents(request, { signal: attempt.signal })) {
        clearTimeout(timer);
        timer = setTimeout(end, SILENCE_MS);
        this.#take(response);
        if (response.closing) return;
      }
    } catch (error) {
      this.#report(error, address);
    } finally {
      clearTimeout(timer);
      this.#stopping.signal.removeEventListener('abort', end);
      attempt.abort();
      channel.close();
    }
  }

  #take(response: StreamEventsResponse): void {
    const { feeds } = this.#around;
    const nowMs = performance.now();
    this.#firstEnd ??= response.committedEntryIndex;
    if (response.entries.length > 0) this.#publish(response, nowMs);
    feeds.heard(this.shardId, nowMs);
    if (response.entries.length === 0) feeds.closeCandles((Date.now() - CANDLE_MARGIN_MS) * 1000);
    this.#through = response.throughSequence;
    this.#seenEntryIndex = response.committedEntryIndex;
    this.#seenChainChecksum = response.committedChainChecksum;
  }

  #publish(response: StreamEventsResponse, nowMs: number): void {
    const links = linksToTraceparents(contextsOf(response));
    const span = links.length === 0 ? undefined : this.#startPublishSpan(links);
    const tradeCount = this.#around.feeds.apply(this.shardId, response.entries, nowMs);
    span?.end();
    if (tradeCount > 0) addToMetric(METRICS.trades, tradeCount);
    const lastUs = Number(response.entries.at(-1)?.logTimeUs ?? 0n);
    if (this.caughtUp) recordMetric(METRICS.bookLag, Math.max(0, Date.now() / 1e3 - lastUs / 1e6));
  }

  /** Links lead to recorded spans only, so what they are published by is recorded, too. */
  #startPublishSpan(links: readonly Link[]): Span {
    const attributes = { [ATTRIBUTES.shardId]: this.shardId };
    return startSpan(SPANS.publish, { links, attributes, parent: forceTrace(ROOT_CONTEXT) });
  }

  #report(error: unknown, address: string): void {
    if (this.#stopping.signal.aborted) return;
    const fields = { shardId: this.shardId, address, err: error };
    if (error instanceof OperatingError && error.reason === 'LOG_FORKED') {
      this.#around.logger.error(fields, 'the shard log is not the one seen before (LOG-12)');
      this.stop();
    } else {
      this.#around.logger.info(fields, 'the stream of a shard ended; going on from its last place');
    }
  }
}

function* contextsOf(response: StreamEventsResponse): Generator<string> {
  for (const entry of response.entries) {
    for (const command of entry.commands) {
      if (command.traceContext !== '') yield command.traceContext;
    }
  }
}
