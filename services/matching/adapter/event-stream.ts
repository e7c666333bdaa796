// MatchingService.StreamEvents: committed entries to settlement and market data. An entry's events
// are in their wire form already and are put together once for all who follow the whole stream.

import type { StreamEventsRequest } from '../../../gen/bourse/matching/v1/service_pb.ts';
import { safeNumber } from '../../lib/platform/codec/numbers.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Subscriber } from '../../lib/platform/rpc/fanout.ts';
import { addToMetric } from '../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../lib/platform/telemetry/names.ts';
import { SLOT_COUNT } from '../../lib/routing/slot.ts';
import { type CommittedCommand, eventGroups } from '../../lib/shard/committed-entry.ts';
import type { ShardHost } from '../../lib/shard/host.ts';
import {
  type EntryEvents,
  type EventsMessage,
  type StreamEventsOptions,
  streamEvents,
} from '../../lib/shard/stream-events.ts';
import { SubscriptionEnded } from '../../lib/shard/subscription.ts';
import { numberFieldLength, WireWriter } from '../../lib/shard/wire.ts';
import { LogUnreachable, type World } from '../../lib/shard/world.ts';
import type { MatchingCommand } from '../domain/command.ts';
import type { MatchingEvent } from '../domain/event.ts';
import { concernsSlots } from './slot-filter.ts';

type Entry = EntryEvents<MatchingEvent, never>;
type Group = CommittedCommand<MatchingEvent, never>;
export type MatchingHost = ShardHost<MatchingCommand, MatchingEvent, never>;

/** More than this is not written before the connection has taken what was. */
const BUFFERED_BYTES_LIMIT = 4 << 20;
const FILTER_BYTES = SLOT_COUNT / 8;

/** Serves one follower until it goes, or the leadership ends. */
export function serveEvents(
  host: MatchingHost,
  world: World,
  request: StreamEventsRequest,
  subscriber: Subscriber,
): void {
  const options = optionsOf(host, world, request, subscriber);
  const attributes = { [ATTRIBUTES.stream]: 'matching events', [ATTRIBUTES.shardId]: host.shardId };
  addToMetric(METRICS.streams, 1, attributes);
  sendAll(options, subscriber)
    .then(
      () => subscriber.end(),
      (error) => subscriber.end(errorOf(host, error)),
    )
    .finally(() => addToMetric(METRICS.streams, -1, attributes));
}

function optionsOf(
  host: MatchingHost,
  world: World,
  request: StreamEventsRequest,
  { signal, peer }: Subscriber,
): StreamEventsOptions<MatchingCommand, MatchingEvent, never> {
  const { accountSlots, seenEntryIndex, seenChainChecksum } = request;
  if (accountSlots.length !== 0 && accountSlots.length !== FILTER_BYTES) {
    const message = `account_slots must be empty or ${FILTER_BYTES} bytes.`;
    throw new OperatingError('NUMBER_OUT_OF_RANGE', message, {
      metadata: { field: 'account_slots' },
    });
  }
  if (request.fromSequence < 1n) {
    const metadata = { field: 'from_sequence' };
    throw new OperatingError('NUMBER_OUT_OF_RANGE', 'Sequences begin at 1.', { metadata });
  }
  const seen = {
    entryIndex: safeNumber(seenEntryIndex),
    chainChecksum: Buffer.from(seenChainChecksum).toString('hex'),
  };
  return {
    host,
    world,
    fromSequence: safeNumber(request.fromSequence),
    ...(seen.entryIndex === 0 ? {} : { seen, seenBy: `the follower at ${peer}` }),
    ...(accountSlots.length === 0 ? {} : { passes: concernsSlots(accountSlots) }),
    signal,
  };
}

async function sendAll(
  options: StreamEventsOptions<MatchingCommand, MatchingEvent, never>,
  subscriber: Subscriber,
): Promise<void> {
  for await (const message of streamEvents(options)) {
    subscriber.write(encodeMessage(message));
    if (subscriber.bufferedBytes > BUFFERED_BYTES_LIMIT) await drained(subscriber);
    if (subscriber.signal.aborted) return;
  }
}

/** Nothing is dropped for a slow follower: it reads on from the log when it is ready. */
function drained(subscriber: Subscriber): Promise<void> {
  return new Promise((resolve) => {
    subscriber.onDrained(resolve);
    subscriber.signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function errorOf(host: MatchingHost, error: unknown): OperatingError {
  if (error instanceof OperatingError) return error;
  const metadata = { shard_id: host.shardId };
  if (error instanceof SubscriptionEnded) {
    return new OperatingError(error.reason, error.message, { metadata });
  }
  if (error instanceof LogUnreachable) {
    return new OperatingError('LOG_UNAVAILABLE', error.message, { metadata });
  }
  return new OperatingError('INTERNAL', 'The stream of events broke.', { metadata, cause: error });
}

// Field numbers of StreamEventsResponse, EntryEvents and CommandEvents.
const RESPONSE = {
  entries: 1,
  epoch: 2,
  committedEntryIndex: 3,
  committedChainChecksum: 4,
  throughSequence: 5,
  logTimeUs: 6,
  closing: 7,
} as const;
const ENTRY = { entryIndex: 1, logTimeUs: 2, commands: 3 } as const;
const COMMAND = { identity: 1, traceContext: 2, firstSequence: 3, events: 4 } as const;

const WRITER_BYTES = 64 << 10;
const messageWriter = new WireWriter(WRITER_BYTES);
const groupsWriter = new WireWriter(WRITER_BYTES);
const groupWriter = new WireWriter(4 << 10);

/** The groups of an entry as fields of EntryEvents, one after the other. */
type EncodedGroups = {
  readonly groups: readonly Group[];
  readonly bytes: Uint8Array;
  /** Where each group ends in `bytes`. */
  readonly ends: readonly number[];
};

/** Made when the first follower needs them. */
const encodedEntries = new WeakMap<Entry['entry'], EncodedGroups>();

/** The canonical bytes of a StreamEventsResponse. */
export function encodeMessage(message: EventsMessage<MatchingEvent, never>): Uint8Array {
  const writer = messageWriter;
  for (const entry of message.entries) writeEntry(writer, entry);
  writer.numberField(RESPONSE.epoch, message.epoch);
  writer.numberField(RESPONSE.committedEntryIndex, message.committed.entryIndex);
  writer.hexField(RESPONSE.committedChainChecksum, message.committed.chainChecksum);
  writer.numberField(RESPONSE.throughSequence, message.throughSequence);
  writer.numberField(RESPONSE.logTimeUs, message.logTimeUs);
  writer.numberField(RESPONSE.closing, message.closing ? 1 : 0);
  return writer.take();
}

function writeEntry(writer: WireWriter, entry: Entry): void {
  const { entryIndex, logTimeUs, groups } = entry;
  const encoded = encodeGroups(entry);
  const { bytes, ends } = encoded;
  const isWhole = groups.length === encoded.groups.length;
  const length = isWhole ? bytes.length : lengthOf(groups, encoded);
  const head = numberFieldLength(entryIndex) + numberFieldLength(logTimeUs);
  writer.startField(RESPONSE.entries, head + length);
  writer.numberField(ENTRY.entryIndex, entryIndex);
  writer.numberField(ENTRY.logTimeUs, logTimeUs);
  if (isWhole) {
    writer.raw(bytes, 0, length);
    return;
  }
  let next = 0;
  for (let at = 0; at < ends.length && next < groups.length; at += 1) {
    if (encoded.groups[at] !== groups[next]) continue;
    writer.raw(bytes, ends[at - 1] ?? 0, ends[at] as number);
    next += 1;
  }
}

/** Bytes of some of the groups of an entry. */
function lengthOf(groups: readonly Group[], { groups: all, ends }: EncodedGroups): number {
  let length = 0;
  let next = 0;
  for (let at = 0; at < ends.length && next < groups.length; at += 1) {
    if (all[at] !== groups[next]) continue;
    length += (ends[at] as number) - (ends[at - 1] ?? 0);
    next += 1;
  }
  return length;
}

/** All groups of an entry; only those that were asked for of one that nobody else will read. */
function encodeGroups({ entry, groups }: Entry): EncodedGroups {
  const made = encodedEntries.get(entry);
  if (made !== undefined) return made;
  const isShared = groups[0]?.isStored !== true;
  const all = isShared ? eventGroups(entry) : groups;
  const ends = all.map((group) => {
    writeGroup(group);
    groupsWriter.writerField(ENTRY.commands, groupWriter);
    return groupsWriter.length;
  });
  const encoded = { groups: all, bytes: groupsWriter.take(), ends };
  if (isShared) encodedEntries.set(entry, encoded);
  return encoded;
}

/** Into the group's writer. */
function writeGroup(group: Group): void {
  const { encodedEvents } = group;
  groupWriter.textField(COMMAND.identity, group.identity);
  groupWriter.textField(COMMAND.traceContext, group.traceContext);
  groupWriter.numberField(COMMAND.firstSequence, group.firstSequence);
  for (let at = 0; at < encodedEvents.length; at += 1) {
    groupWriter.bytesField(COMMAND.events, encodedEvents[at] as Uint8Array);
  }
}
