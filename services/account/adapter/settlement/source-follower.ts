// Follows one matching shard's events, wherever it is led (CON-2), and settles them on one account
// shard, in order and exactly once (SET-1): whatever arrived while a range was being committed is
// the next range.
import { ROOT_CONTEXT } from '@opentelemetry/api';
import type {
  EntryEvents,
  StreamEventsResponse,
} from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { pause } from '../../../lib/platform/cluster/cluster-world.ts';
import {
  LeaderFollower,
  type MessageEnd,
  type StreamEnd,
} from '../../../lib/platform/cluster/follow-leader.ts';
import type { LeaderPlace } from '../../../lib/platform/cluster/leader-place.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
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
import type { World } from '../../../lib/shard/world.ts';
import type { Command } from '../../domain/command.ts';
import type { Answer, Event } from '../../domain/event.ts';
import type { MatchingEvent } from '../../domain/matching-event.ts';
import { hexOf } from '../codec/record-codec.ts';
import { settledEventOf } from '../codec/settled-codec.ts';
import type { MatchingNodes } from './matching-nodes.ts';

/** Events in one range; a range may end inside a matching command. */
const MOST_EVENTS_PER_RANGE = 500;
/** Events read ahead of settlement before the stream is read no further. */
const MOST_EVENTS_AHEAD = 50_000;
/** How often a stretch without events of ours is recorded, when there is nothing else to settle. */
const EMPTY_RANGE_MS = 1_000;
const VALIDITY_US = 30_000_000;
/** A stream without a word for this long counts as dead: five signs of life are missing (CON-2). */
const SILENCE_MS = 1_000;
/** After so many attempts in a row that brought nothing, the log says so. */
const ATTEMPTS_BEFORE_WARNING = 5;

/** How far a source is settled, as the shard's state has it. */
export type SettledPlace = {
  readonly sequence: number;
  readonly entryIndex: number;
  readonly chainChecksum: string;
};

export type SourceFollowerOptions = {
  readonly sourceShardId: string;
  readonly world: World;
  readonly log: Logger;
  readonly nodes: MatchingNodes;
  /** What is settled, from the state. */
  readonly settledPlace: () => SettledPlace;
  /** Account slots that the shard owns, as a bitmap in the form of the filter. */
  readonly ownedSlots: () => Uint8Array;
  /** How far another source is settled here. */
  readonly settledOf: (sourceShardId: string) => number;
  /** Resolves when another source is settled up to a sequence, or the signal is aborted. */
  readonly untilSettled: (
    sourceShardId: string,
    sequence: number,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly propose: (proposal: Proposal<Command>) => Promise<ProposalResult<Event, Answer>>;
};

/** A slot of instruments that came from another source: its earlier events are there. */
type SlotImport = { readonly sourceShardId: string; readonly exportSequence: number };

/** One event that waits to be settled. */
type Pending = {
  readonly sequence: number;
  readonly identity: string;
  readonly traceContext: string;
  readonly logTimeUs: number;
  readonly event: MatchingEvent;
  readonly arrivedUs: number;
};

type Waiter = { readonly sequence: number; readonly resolve: () => void };

export class SourceFollower {
  readonly #options: SourceFollowerOptions;
  readonly #abort = new AbortController();
  readonly #follower: LeaderFollower<StreamEventsResponse>;
  #pending: Pending[] = [];
  #settling = false;
  /** Every event up to here has been read. */
  #readSequence = 0;
  /** Every event up to here is settled and committed. */
  #settledSequence = 0;
  #recordedUs = Number.NEGATIVE_INFINITY;
  #seen: { readonly entryIndex: number; readonly chainChecksum: string } | undefined;
  #waiters: Waiter[] = [];
  #wakeReader: (() => void) | undefined;
  /** Slots that the present stream was opened for. */
  #streamedSlots: Uint8Array = new Uint8Array();
  /** Streams in a row that brought nothing. */
  #attempts = 0;

  constructor(options: SourceFollowerOptions) {
    this.#options = options;
    const { sourceShardId: shardId, world, nodes } = options;
    this.#follower = new LeaderFollower({
      watch: nodes.watch,
      world,
      shardId,
      silenceMs: SILENCE_MS,
      open: (leader, signal) => this.#open(leader, signal),
      onMessage: (response) => this.#receive(response),
      onEnd: (end, heard) => this.#report(end, heard),
    });
  }

  /** Every event up to here is settled, or was read and found not to concern this shard. */
  get settledSequence(): number {
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
    return new Promise((resolve) => this.#waiters.push({ sequence, resolve }));
  }

  async stop(): Promise<void> {
    this.#abort.abort();
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
  ): Promise<AsyncIterable<StreamEventsResponse>> {
    const { nodes, sourceShardId, settledPlace, ownedSlots } = this.#options;
    await this.#settlingEnds();
    const place = settledPlace();
    this.#pending = [];
    this.#settledSequence = place.sequence;
    this.#readSequence = place.sequence;
    this.#streamedSlots = ownedSlots();
    const request = {
      shardId: sourceShardId,
      fromSequence: BigInt(place.sequence + 1),
      accountSlots: this.#streamedSlots,
      seenEntryIndex: BigInt(place.entryIndex),
      seenChainChecksum: Buffer.from(place.chainChecksum, 'hex'),
    };
    return nodes.clientOf(address).streamEvents(request, { signal });
  }

  async #receive(response: StreamEventsResponse): Promise<MessageEnd> {
    this.#noteHeard();
    // Nothing happens in a book for an account before its shard has committed a hold of it. So
    // what was filtered by the slots that are owned now has left nothing out; else it counts
    // for nothing, and is read again.
    if (!isEqual(this.#streamedSlots, this.#options.ownedSlots())) return 'closing';
    if (!(await this.#takeBehindImports(response))) return 'closing';
    if (response.closing) return 'closing';
    while (this.#pending.length > MOST_EVENTS_AHEAD && !this.#abort.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
    return undefined;
  }

  /**
   * Takes what has come; behind the import of a slot only when everything that its source had up
   * to the export is settled (MOV-6).
   *
   * @returns false when the follower was stopped meanwhile
   */
  async #takeBehindImports(response: StreamEventsResponse): Promise<boolean> {
    this.#seen = {
      entryIndex: Number(response.committedEntryIndex),
      chainChecksum: hexOf(response.committedChainChecksum),
    };
    const { entries } = response;
    let from = 0;
    for (const [index, entry] of entries.entries()) {
      const held = importsOf(entry).filter((one) => !this.#isPassed(one));
      if (held.length === 0) continue;
      const before = Number(entry.commands[0]?.firstSequence ?? 1n) - 1;
      this.#take(entries.slice(from, index), before);
      from = index;
      for (const { sourceShardId, exportSequence } of held) {
        await this.#options.untilSettled(sourceShardId, exportSequence, this.#abort.signal);
      }
      if (this.#abort.signal.aborted) return false;
    }
    this.#take(entries.slice(from), Number(response.throughSequence));
    return true;
  }

  #isPassed({ sourceShardId, exportSequence }: SlotImport): boolean {
    return this.#options.settledOf(sourceShardId) >= exportSequence;
  }

  /** A range in flight ends before the state is asked how far it is. */
  async #settlingEnds(): Promise<void> {
    while (this.#settling && !this.#abort.signal.aborted) {
      await pause(this.#options.world, 1, this.#abort.signal);
    }
  }

  #take(entries: readonly EntryEvents[], throughSequence: number): void {
    const arrivedUs = this.#options.world.monotonicUs();
    for (const entry of entries) this.#takeEntry(entry, arrivedUs);
    this.#readSequence = Math.max(this.#readSequence, throughSequence);
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

  #takeEntry(entry: EntryEvents, arrivedUs: number): void {
    const logTimeUs = Number(entry.logTimeUs);
    for (const { identity, traceContext, firstSequence, events } of entry.commands) {
      events.forEach((message, index) => {
        const sequence = Number(firstSequence) + index;
        if (sequence <= this.#readSequence) return;
        const event = settledEventOf(message);
        if (event === undefined) return;
        this.#pending.push({ sequence, identity, traceContext, logTimeUs, event, arrivedUs });
      });
    }
  }

  #settleNext(): void {
    if (this.#settling || this.#abort.signal.aborted || this.#seen === undefined) return;
    const { world } = this.#options;
    if (this.#pending.length === 0) {
      const isDue = (world.monotonicUs() - this.#recordedUs) / 1000 >= EMPTY_RANGE_MS;
      if (!isDue || this.#readSequence <= this.#settledSequence) return;
    }
    const range = this.#pending.slice(0, MOST_EVENTS_PER_RANGE);
    const isWhole = range.length === this.#pending.length;
    const last = range.at(-1)?.sequence ?? this.#readSequence;
    const throughSequence = isWhole ? this.#readSequence : last;
    this.#settling = true;
    this.#recordedUs = world.monotonicUs();
    void this.#settle(range, throughSequence).finally(() => {
      this.#settling = false;
      this.#wakeReader?.();
      this.#releaseWaiters();
      this.#settleNext();
    });
  }

  async #settle(range: readonly Pending[], throughSequence: number): Promise<void> {
    const { sourceShardId, world, propose } = this.#options;
    const fromSequence = this.#settledSequence + 1;
    const traces = range.map(({ traceContext }) => traceContext).filter((text) => text !== '');
    const links = linksToTraceparents(traces);
    // Links lead to recorded spans only, so what they are settled by is recorded too.
    const parent = forceTrace(ROOT_CONTEXT);
    const span = links.length === 0 ? undefined : startSpan(SPANS.settle, { links, parent });
    const validUntilUs = world.wallClockUs() + VALIDITY_US;
    const result = await propose({
      identity: `settle/${sourceShardId}/${fromSequence}/${throughSequence}/${validUntilUs}`,
      validUntilUs,
      traceContext: formatTraceparent(span?.spanContext()),
      commandClass: 'internal',
      command: {
        kind: 'settle',
        sourceShardId,
        fromSequence,
        throughSequence,
        sourceEntryIndex: this.#seen?.entryIndex ?? 0,
        sourceChainChecksum: this.#seen?.chainChecksum ?? '',
        entries: entriesOf(range),
      },
    });
    span?.setAttribute(ATTRIBUTES.eventCount, range.length);
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
    this.#pending = this.#pending.slice(range.length);
    for (const { logTimeUs } of range) {
      recordMetric(METRICS.settlementLag, Math.max(0, result.logTimeUs - logTimeUs) / 1e6);
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

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function importsOf(entry: EntryEvents): readonly SlotImport[] {
  return entry.commands.flatMap(({ events }) =>
    events.flatMap(({ kind }) => {
      if (kind.case !== 'slotMoved' || kind.value.step.case !== 'imported') return [];
      const { sourceShardId, exportSequence } = kind.value.step.value;
      return [{ sourceShardId, exportSequence: Number(exportSequence) }];
    }),
  );
}

/** Groups events by entry and command again. */
function entriesOf(range: readonly Pending[]) {
  const entries: {
    logTimeUs: number;
    commands: { identity: string; events: MatchingEvent[] }[];
  }[] = [];
  for (const { logTimeUs, identity, event } of range) {
    let entry = entries.at(-1);
    if (entry === undefined || entry.logTimeUs !== logTimeUs) {
      entry = { logTimeUs, commands: [] };
      entries.push(entry);
    }
    const command = entry.commands.at(-1);
    if (command === undefined || command.identity !== identity) {
      entry.commands.push({ identity, events: [event] });
    } else {
      command.events.push(event);
    }
  }
  return entries;
}
