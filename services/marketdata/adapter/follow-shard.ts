// Follows the committed events of one matching shard, wherever it is led (CON-2). A position is
// given back with its checksum, so that a shard whose log is not the one seen before is noticed
// (LOG-12); then nothing more is shown of it. Behind the import of a slot it waits until the shard
// that the slot came from has been read up to the export (MOV-6).

import { type Link, ROOT_CONTEXT, type Span } from '@opentelemetry/api';
import {
  type EntryEvents,
  MatchingService,
  type StreamEventsResponse,
} from '../../../gen/bourse/matching/v1/service_pb.ts';
import {
  LeaderFollower,
  type MessageEnd,
  type StreamEnd,
} from '../../lib/platform/cluster/follow-leader.ts';
import type { FollowedPoint } from '../../lib/platform/cluster/join-cluster.ts';
import type { LeaderPlace, TableWatch } from '../../lib/platform/cluster/leader-place.ts';
import type { NodeChannels } from '../../lib/platform/cluster/node-channels.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { createRpcClient } from '../../lib/platform/rpc/client.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import { addToMetric, recordMetric } from '../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS, SPANS } from '../../lib/platform/telemetry/names.ts';
import { startSpan } from '../../lib/platform/telemetry/spans.ts';
import { linksToTraceparents } from '../../lib/platform/telemetry/trace-context.ts';
import { forceTrace } from '../../lib/platform/telemetry/tracing.ts';
import type { Feeds, MarketWorld } from './feeds.ts';

/** Without a word for so long the stream counts as dead: five signs of life are missing. */
const SILENCE_MS = 1_000;
/** A quiet shard's candles close this long after their end by this process's clock. */
const CANDLE_MARGIN_MS = 1_000;

/** How far a shard has been read: everything up to the sequence, in a log with this entry. */
export type ReadPlace = {
  readonly sequence: number;
  readonly entryIndex: number;
  /** Hexadecimal; empty while entry index is 0. */
  readonly chainChecksum: string;
};

export const NOTHING_READ: ReadPlace = { sequence: 0, entryIndex: 0, chainChecksum: '' };

type Surroundings = {
  readonly feeds: Feeds;
  readonly watch: TableWatch;
  readonly world: MarketWorld;
  readonly logger: Logger;
  readonly channels: NodeChannels;
  /** How far another shard has been read. */
  readonly throughOf: (shardId: string) => number;
  /** Told when more has been read. */
  readonly onProgress: () => void;
};

/** An import that is not to be passed yet. */
type Import = { readonly sourceShardId: string; readonly exportSequence: number };

const NONE: readonly Import[] = [];

/** Follows a shard from a place on until it is stopped. */
export class ShardFollower {
  readonly shardId: string;
  readonly #around: Surroundings;
  readonly #follower: LeaderFollower<StreamEventsResponse>;
  #place: ReadPlace;
  /** Every event up to here has been applied: further than the place while a message is held. */
  #throughSequence: number;
  /** Where the log ended when the first leader was reached. */
  #firstEnd: number | undefined;
  #wakeBehindImport: (() => void) | undefined;
  #isStopped = false;

  constructor(shardId: string, place: ReadPlace, around: Surroundings) {
    this.shardId = shardId;
    this.#around = around;
    this.#place = place;
    this.#throughSequence = place.sequence;
    const { watch, world } = around;
    this.#follower = new LeaderFollower({
      ...{ watch, world, shardId, silenceMs: SILENCE_MS },
      open: (leader, signal) => this.#open(leader, signal),
      onMessage: (response) => this.#take(response),
      onEnd: (end, _heard, leader) => this.#report(end, leader),
    });
  }

  /** Everything up to here has been applied. */
  get place(): ReadPlace {
    return this.#place;
  }

  /**
   * Every event up to here has been applied. Others that wait behind an import wait for this, not
   * for whole messages: two shards that have given slots to each other would wait for ever.
   */
  get throughSequence(): number {
    return this.#throughSequence;
  }

  /** True once everything that was committed when it first connected has been applied. */
  get caughtUp(): boolean {
    return this.#firstEnd !== undefined && this.#place.entryIndex >= this.#firstEnd;
  }

  /** The last place of the log that its leader called committed (LOG-12). */
  get followed(): FollowedPoint | undefined {
    const { entryIndex, chainChecksum } = this.#place;
    return entryIndex === 0 ? undefined : { shardId: this.shardId, entryIndex, chainChecksum };
  }

  /** Another shard has been read further. */
  onOthersProgress(): void {
    this.#wakeBehindImport?.();
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    const stopped = this.#follower.stop();
    this.#wakeBehindImport?.();
    return stopped;
  }

  #open(leader: LeaderPlace, signal: AbortSignal): AsyncIterable<StreamEventsResponse> {
    const channel = this.#around.channels.channelOf(leader.address);
    const client = createRpcClient(MatchingService, channel);
    const { sequence, entryIndex, chainChecksum } = this.#place;
    const request = {
      shardId: this.shardId,
      fromSequence: BigInt(sequence + 1),
      seenEntryIndex: BigInt(entryIndex),
      seenChainChecksum: Buffer.from(chainChecksum, 'hex'),
    };
    return client.streamEvents(request, { signal });
  }

  async #take(response: StreamEventsResponse): Promise<MessageEnd> {
    const { feeds, world, onProgress } = this.#around;
    const { entries } = response;
    this.#firstEnd ??= Number(response.committedEntryIndex);
    let from = 0;
    for (const [index, entry] of entries.entries()) {
      const held = this.#heldBy(entry);
      if (held.length === 0) continue;
      this.#publish(entries.slice(from, index));
      from = index;
      this.#throughSequence = Number(entry.commands[0]?.firstSequence ?? 1n) - 1;
      onProgress();
      for (const one of held) await this.#untilPassed(one);
      if (this.#isStopped) return 'closing';
    }
    this.#publish(entries.slice(from));
    feeds.heard(this.shardId);
    // Nothing that is committed is still to come: what comes later is of later log time.
    if (entries.length === 0) {
      feeds.closeCandles(this.shardId, world.wallClockUs() - CANDLE_MARGIN_MS * 1_000);
    }
    this.#throughSequence = Number(response.throughSequence);
    this.#place = {
      sequence: this.#throughSequence,
      entryIndex: Number(response.committedEntryIndex),
      chainChecksum: Buffer.from(response.committedChainChecksum).toString('hex'),
    };
    onProgress();
    return response.closing ? 'closing' : undefined;
  }

  /** Imports that wait for events of another shard which have not been read yet. */
  #heldBy(entry: EntryEvents): readonly Import[] {
    let held: Import[] | undefined;
    for (const { events } of entry.commands) {
      for (const { kind } of events) {
        if (kind.case !== 'slotMoved' || kind.value.step.case !== 'imported') continue;
        const { sourceShardId, exportSequence } = kind.value.step.value;
        const one = { sourceShardId, exportSequence: Number(exportSequence) };
        if (!this.#isPassed(one)) held = [...(held ?? []), one];
      }
    }
    return held ?? NONE;
  }

  #isPassed({ sourceShardId, exportSequence }: Import): boolean {
    return this.#around.throughOf(sourceShardId) >= exportSequence;
  }

  async #untilPassed(one: Import): Promise<void> {
    while (!this.#isStopped && !this.#isPassed(one)) {
      await new Promise<void>((resolve) => {
        this.#wakeBehindImport = resolve;
      });
    }
    this.#wakeBehindImport = undefined;
  }

  #publish(entries: readonly EntryEvents[]): void {
    if (entries.length === 0) return;
    const { feeds, world } = this.#around;
    const contexts = contextsOf(entries);
    const links = contexts.length === 0 ? [] : linksToTraceparents(contexts);
    const span = links.length === 0 ? undefined : this.#startPublishSpan(links);
    const tradeCount = feeds.apply(this.shardId, entries);
    span?.end();
    if (tradeCount > 0) addToMetric(METRICS.trades, tradeCount);
    const lastUs = Number(entries.at(-1)?.logTimeUs ?? 0n);
    const lagUs = Math.max(0, world.wallClockUs() - lastUs);
    if (this.caughtUp) recordMetric(METRICS.bookLag, lagUs / 1e6);
  }

  /** Links lead to recorded spans only, so what they are published by is recorded, too. */
  #startPublishSpan(links: readonly Link[]): Span {
    const attributes = { [ATTRIBUTES.shardId]: this.shardId };
    return startSpan(SPANS.publish, { links, attributes, parent: forceTrace(ROOT_CONTEXT) });
  }

  #report(end: StreamEnd, { address }: LeaderPlace): boolean {
    const { logger } = this.#around;
    const error = end.kind === 'failed' ? end.error : undefined;
    const fields = { shard_id: this.shardId, address, end: end.kind, err: error };
    if (error instanceof OperatingError && error.reason === 'LOG_FORKED') {
      logger.error(fields, 'the shard log is not the one seen before (LOG-12)');
      return true;
    }
    logger.info(fields, 'the stream of a shard ended; going on from its last place');
    return false;
  }
}

function contextsOf(entries: readonly EntryEvents[]): readonly string[] {
  const contexts: string[] = [];
  for (const { commands } of entries) {
    for (const { traceContext } of commands) {
      if (traceContext !== '') contexts.push(traceContext);
    }
  }
  return contexts;
}
