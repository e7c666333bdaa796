// Follows another shard's events, wherever it is led (CON-2), and settles them on one account
// shard, in order and exactly once (SET-1): whatever arrived while a range was being committed is
// the next range. What the events are is the source's business: trades of a book, or transfers.
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { pause } from '../../../lib/platform/cluster/cluster-world.ts';
import {
  LeaderFollower,
  type MessageEnd,
  type StreamEnd,
} from '../../../lib/platform/cluster/follow-leader.ts';
import type { LeaderPlace, TableWatch } from '../../../lib/platform/cluster/leader-place.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { passStep } from '../../../lib/platform/steps.ts';
import type { Logger } from '../../../lib/platform/telemetry/logger.ts';
import { recordMetric } from '../../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS, SPANS } from '../../../lib/platform/telemetry/names.ts';
import { startSpan } from '../../../lib/platform/telemetry/spans.ts';
import {
  formatTraceparent,
  linksToTraceparents,
} from '../../../lib/platform/telemetry/trace-context.ts';
import { forceTrace } from '../../../lib/platform/telemetry/tracing.ts';
import type { Proposal, ProposalResult } from '../../../lib/shard/proposal.ts';
import type { Timer, World } from '../../../lib/shard/world.ts';
import type { Command } from '../../domain/command.ts';
import type { Answer, Event } from '../../domain/event.ts';
import { beginSource } from './begin-source.ts';
import type {
  EventSource,
  LateSlot,
  SettledPlace,
  SourceItem,
  SourceMessage,
} from './event-source.ts';
import { settleLateSlot } from './late-slots.ts';

/** Events in one range; a range may end inside a matching command. */
const MOST_EVENTS_PER_RANGE = 500;
/**
 * Fewer events than a range takes are settled this often, unless somebody waits for them: the log
 * has one append in flight, and a hold that comes meanwhile would wait for one of settlement's.
 */
const PACE_US = 8_000;
/** Events read ahead of settlement before the stream is read no further. */
const MOST_EVENTS_AHEAD = 50_000;
const VALIDITY_US = 30_000_000;
/** A stream without a word for this long counts as dead: five signs of life are missing (CON-2). */
const SILENCE_MS = 1_000;
/** After so many attempts in a row that brought nothing, the log says so. */
const ATTEMPTS_BEFORE_WARNING = 5;

/** How long an audit may keep a source from being settled further. */
const LONGEST_HOLD_MS = 3_000;

export type SourceFollowerOptions<Item extends SourceItem> = {
  readonly sourceShardId: string;
  readonly source: EventSource<Item>;
  readonly world: World;
  readonly log: Logger;
  readonly watch: TableWatch;
  /** What is settled, from the state. */
  readonly settledPlace: () => SettledPlace;
  /** Whether the shard may begin the source where it is now, from the state (MOV-8). */
  readonly isNew: () => boolean;
  /** Slots that lack what the rest of the shard has settled, from the state. */
  readonly lateSlots: () => readonly LateSlot[];
  /** Where a range has to end because a slot is settled up to there, at or behind a sequence. */
  readonly nextBoundary: (fromSequence: number) => number;
  readonly propose: (proposal: Proposal<Command>) => Promise<ProposalResult<Event, Answer>>;
};

/** One event that waits to be settled. */
type Pending<Item> = { readonly item: Item; readonly arrivedUs: number };

type Waiter = { readonly sequence: number; readonly resolve: () => void };

export class SourceFollower<Item extends SourceItem = SourceItem> {
  readonly #options: SourceFollowerOptions<Item>;
  readonly #abort = new AbortController();
  readonly #follower: LeaderFollower<SourceMessage<Item>>;
  #pending: Pending<Item>[] = [];
  #settling = false;
  /** Every event up to here has been read. */
  #readSequence = 0;
  /** Every event up to here is settled and committed. */
  #settledSequence = 0;
  #recordedUs = Number.NEGATIVE_INFINITY;
  #seen: { readonly entryIndex: number; readonly chainChecksum: string } | undefined;
  /** Of the slots by which what waits was filtered. */
  #slotsVersion = 0;
  #waiters: Waiter[] = [];
  #wakeReader: (() => void) | undefined;
  /** While an audit holds the source: nothing beyond this is settled. */
  #limitSequence = Number.POSITIVE_INFINITY;
  #holdTimer: Timer | undefined;
  /** Settles what has come since the last range. */
  #paceTimer: Timer | undefined;
  /** Up to here the state has to know what is settled, although nothing may be (MOV-6). */
  #recordedThrough = 0;
  /** Streams in a row that brought nothing. */
  #attempts = 0;

  constructor(options: SourceFollowerOptions<Item>) {
    this.#options = options;
    const { sourceShardId: shardId, world, watch } = options;
    this.#follower = new LeaderFollower({
      watch,
      world,
      shardId,
      silenceMs: SILENCE_MS,
      open: (leader, signal) => this.#open(leader, signal),
      onMessage: (message) => this.#receive(message),
      onEnd: (end, heard) => this.#report(end, heard),
    });
  }

  /** Every event up to here is settled, or was read and found not to concern this shard. */
  get settledSequence(): number {
    if (this.#options.lateSlots().length > 0) return 0;
    return this.#pending.length === 0 && !this.#settling
      ? this.#readSequence
      : this.#settledSequence;
  }

  /** The last place of the source's log that a leader of it called committed (LOG-12). */
  get seenPoint(): { readonly entryIndex: number; readonly chainChecksum: string } | undefined {
    return this.#seen;
  }

  /** Age of the oldest event that was read and is not settled, in milliseconds. */
  lagMs(): number {
    const [oldest] = this.#pending;
    if (oldest === undefined) return 0;
    return (this.#options.world.monotonicUs() - oldest.arrivedUs) / 1000;
  }

  /** Resolves when everything up to the sequence is settled. */
  waitFor(sequence: number): Promise<void> {
    if (this.settledSequence >= sequence) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push({ sequence, resolve });
      this.#settleNext();
    });
  }

  /** Has the state know that everything up to a sequence is settled, as soon as that is read. */
  recordThrough(sequence: number): void {
    this.#recordedThrough = Math.max(this.#recordedThrough, sequence);
    this.#settleNext();
  }

  /**
   * Settles nothing further for a while, until `settleThrough` says how far or `letGo` is called.
   *
   * @returns last sequence that is settled, once nothing is in flight
   */
  async hold(): Promise<number> {
    this.letGo();
    this.#limitSequence = 0;
    this.#holdTimer = this.#options.world.setTimer(LONGEST_HOLD_MS, () => this.letGo());
    await this.#settlingEnds();
    return this.#options.settledPlace().sequence;
  }

  /**
   * Settles through a sequence exactly, while the source is held.
   *
   * @returns false when it is settled further, or not held, or held for too long
   */
  async settleThrough(sequence: number): Promise<boolean> {
    this.#limitSequence = sequence;
    for (;;) {
      await this.#settlingEnds();
      const settled = this.#options.settledPlace().sequence;
      if (this.#holdTimer === undefined || this.#abort.signal.aborted) return false;
      if (settled >= sequence) return settled === sequence;
      this.#settleNext();
      await pause(this.#options.world, 1, this.#abort.signal);
    }
  }

  /** Settles on, after `hold`. */
  letGo(): void {
    this.#holdTimer?.cancel();
    this.#holdTimer = undefined;
    this.#limitSequence = Number.POSITIVE_INFINITY;
    this.#settleNext();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#holdTimer?.cancel();
    this.#paceTimer?.cancel();
    const stopped = this.#follower.stop();
    this.#wakeReader?.();
    await stopped;
  }

  #report(end: StreamEnd, heard: boolean): boolean {
    const { log, sourceShardId: source_shard_id } = this.#options;
    const failure = end.kind === 'failed' ? end.error : undefined;
    const fields = { err: failure, end: end.kind, source_shard_id };
    if (failure instanceof OperatingError && failure.reason === 'LOG_FORKED') {
      log.error(fields, `the log of ${source_shard_id} is not the one seen before (LOG-12)`);
      return false;
    }
    this.#attempts = heard ? 1 : this.#attempts + 1;
    if (this.#attempts === ATTEMPTS_BEFORE_WARNING) {
      log.warn(fields, `settlement cannot follow ${source_shard_id} and goes on trying`);
    }
    return false;
  }

  /** The stream behind what is settled; what was read and is not settled is read again. */
  async #open(
    { address }: LeaderPlace,
    signal: AbortSignal,
  ): Promise<AsyncIterable<SourceMessage<Item>>> {
    const { source, settledPlace } = this.#options;
    await this.#settlingEnds();
    if (this.#options.isNew()) await beginSource({ ...this.#options, address });
    await this.#bringSlots(address, signal);
    const place = settledPlace();
    this.#pending = [];
    this.#settledSequence = place.sequence;
    this.#readSequence = place.sequence;
    return source.open(address, place, signal);
  }

  /** What single slots lack comes first: until then the shard settles nothing of this source. */
  async #bringSlots(address: string, signal: AbortSignal): Promise<void> {
    const { sourceShardId, settledPlace, lateSlots } = this.#options;
    for (const { slot, place } of lateSlots()) {
      const end = settledPlace();
      await settleLateSlot({ ...this.#options, address, signal, slot, place, end, sourceShardId });
    }
  }

  async #receive(message: SourceMessage<Item>): Promise<MessageEnd> {
    this.#noteHeard();
    if (message.closing) return 'closing';
    // A slot has come that lacks something.
    if (this.#options.lateSlots().length > 0) return 'closing';
    this.#take(message);
    while (this.#pending.length > MOST_EVENTS_AHEAD && !this.#abort.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
    return undefined;
  }

  /** A range in flight ends before the state is asked how far it is. */
  async #settlingEnds(): Promise<void> {
    while (this.#settling && !this.#abort.signal.aborted) {
      await pause(this.#options.world, 1, this.#abort.signal);
    }
  }

  #take(message: SourceMessage<Item>): void {
    const arrivedUs = this.#options.world.monotonicUs();
    if (message.items.length > 0) passStep('followed', this.#options.sourceShardId);
    for (const item of message.items) {
      if (item.sequence > this.#readSequence) this.#pending.push({ item, arrivedUs });
    }
    this.#readSequence = Math.max(this.#readSequence, message.throughSequence);
    this.#seen = message.committed;
    this.#slotsVersion = message.slotsVersion;
    this.#settleNext();
    this.#releaseWaiters();
  }

  #noteHeard(): void {
    const { log, sourceShardId: source_shard_id } = this.#options;
    const wasLost = this.#attempts >= ATTEMPTS_BEFORE_WARNING;
    this.#attempts = 0;
    if (!wasLost) return;
    log.info({ source_shard_id }, `settlement follows ${source_shard_id} again`);
  }

  #settleNext(): void {
    if (this.#settling || this.#abort.signal.aborted || this.#seen === undefined) return;
    if (this.#isEarly()) return;
    const next = this.#nextRange();
    if (next === undefined) return;
    this.#settling = true;
    this.#recordedUs = this.#options.world.monotonicUs();
    void this.#settle(next.items, next.throughSequence).finally(() => {
      this.#settling = false;
      this.#wakeReader?.();
      this.#releaseWaiters();
      this.#settleNext();
    });
  }

  /** Whether what has come can wait for more; it is settled then when the time has come. */
  #isEarly(): boolean {
    if (this.#pending.length === 0 || this.#pending.length >= MOST_EVENTS_PER_RANGE) return false;
    const isAwaited = this.#waiters.length > 0 || this.#holdTimer !== undefined;
    const { world } = this.#options;
    const leftUs = this.#recordedUs + PACE_US - world.monotonicUs();
    if (isAwaited || leftUs <= 0) return false;
    this.#paceTimer ??= world.setTimer(Math.ceil(leftUs / 1000), () => {
      this.#paceTimer = undefined;
      this.#settleNext();
    });
    return true;
  }

  /** What is settled next and through which sequence; undefined when there is nothing to do. */
  #nextRange(): { readonly items: readonly Item[]; readonly throughSequence: number } | undefined {
    const isHeld = this.#limitSequence !== Number.POSITIVE_INFINITY;
    const boundary = this.#options.nextBoundary(this.#settledSequence + 1);
    const limit = Math.min(this.#limitSequence, boundary);
    const end = Math.min(this.#readSequence, limit);
    const items: Item[] = [];
    for (const { item } of this.#pending) {
      if (item.sequence > limit || items.length === MOST_EVENTS_PER_RANGE) break;
      items.push(item);
    }
    if (items.length > 0) {
      const following = this.#pending[items.length]?.item.sequence ?? Number.POSITIVE_INFINITY;
      const isWhole = following > end;
      return { items, throughSequence: isWhole ? end : (items.at(-1)?.sequence ?? end) };
    }
    const events = end - this.#settledSequence;
    if (events <= 0) return undefined;
    if (end === boundary) return { items, throughSequence: end };
    if (isHeld) return end === limit ? { items, throughSequence: end } : undefined;
    const ms = (this.#options.world.monotonicUs() - this.#recordedUs) / 1000;
    const wanted = this.#recordedThrough;
    const isWanted = this.#settledSequence < wanted && wanted <= end;
    const isDue = isWanted || this.#options.source.isRecorded({ events, ms });
    return isDue ? { items, throughSequence: end } : undefined;
  }

  async #settle(items: readonly Item[], throughSequence: number): Promise<void> {
    const { sourceShardId, source, world, propose } = this.#options;
    const fromSequence = this.#settledSequence + 1;
    const traced = items.filter(({ traceContext }) => traceContext !== '');
    const links = linksToTraceparents(traced.map(({ traceContext }) => traceContext));
    // Links lead to recorded spans only, so what they are settled by is recorded too.
    const parent = forceTrace(ROOT_CONTEXT);
    const span = links.length === 0 ? undefined : startSpan(SPANS.settle, { links, parent });
    const validUntilUs = world.wallClockUs() + VALIDITY_US;
    const range = {
      sourceShardId,
      fromSequence,
      throughSequence,
      sourceEntryIndex: this.#seen?.entryIndex ?? 0,
      sourceChainChecksum: this.#seen?.chainChecksum ?? '',
      slotsVersion: this.#slotsVersion,
    };
    const result = await propose({
      identity: `settle/${sourceShardId}/${fromSequence}/${throughSequence}/${validUntilUs}`,
      validUntilUs,
      traceContext: formatTraceparent(span?.spanContext()),
      commandClass: 'internal',
      command: source.commandOf(range, items),
    });
    span?.setAttribute(ATTRIBUTES.eventCount, items.length);
    span?.end();
    if (result.kind !== 'applied' || result.outcome.kind === 'refused') {
      // Whatever it was: begin again from what the state says (SET-1). What was read counts for
      // nothing until then, so that nobody who waits is told that it is settled.
      this.#pending = [];
      this.#readSequence = this.#settledSequence;
      this.#follower.restart();
      return;
    }
    this.#settledSequence = throughSequence;
    this.#pending = this.#pending.slice(items.length);
    this.#recordLag(items, result.logTimeUs);
  }

  /** Of every entry of the source, whose events are settled together. */
  #recordLag(items: readonly Item[], settledUs: number): void {
    let recordedUs = -1;
    for (const { logTimeUs } of items) {
      if (logTimeUs === recordedUs) continue;
      recordMetric(METRICS.settlementLag, Math.max(0, settledUs - logTimeUs) / 1e6);
      recordedUs = logTimeUs;
    }
  }

  #releaseWaiters(): void {
    if (this.#waiters.length === 0) return;
    const { settledSequence } = this;
    const waiting: Waiter[] = [];
    for (const waiter of this.#waiters) {
      if (waiter.sequence <= settledSequence) waiter.resolve();
      else waiting.push(waiter);
    }
    this.#waiters = waiting;
  }
}
