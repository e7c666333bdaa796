// StreamEntries of both kinds of shard: the leader's committed rows to a standby, as they are in
// the log, put into messages without being decoded or encoded again (REP-1).

import type { ShardHost } from '../../shard/host.ts';
import type { LogEntry } from '../../shard/log-entry.ts';
import { SubscriptionEnded } from '../../shard/subscription.ts';
import { WireWriter } from '../../shard/wire.ts';
import { type EntryBatch, type FollowFrom, LogUnreachable } from '../../shard/world.ts';
import { safeNumber } from '../codec/numbers.ts';
import { OperatingError } from '../errors/operating-error.ts';
import type { Subscriber } from '../rpc/fanout.ts';
import { addToMetric } from '../telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../telemetry/names.ts';

/** What both services call StreamEntriesRequest. */
export type StreamEntriesRequest = {
  readonly shardId: string;
  readonly nodeId: string;
  readonly appliedEntryIndex: bigint;
  readonly appliedChainChecksum: Uint8Array;
  readonly appliedIsCommitted: boolean;
  readonly divergedEntryIndex: bigint;
};

type EntryHost = Pick<ShardHost<never, never, never>, 'shardId' | 'streamEntries'>;

/** More than this is not written before the connection has taken what was. */
const BUFFERED_BYTES_LIMIT = 4 << 20;

/** Serves one standby until it goes, or the leadership ends. */
export function serveEntries(
  host: EntryHost,
  request: StreamEntriesRequest,
  subscriber: Subscriber,
): void {
  const { shardId } = host;
  const attributes = { [ATTRIBUTES.stream]: 'entries', [ATTRIBUTES.shardId]: shardId };
  addToMetric(METRICS.streams, 1, attributes);
  sendAll(host, request, subscriber)
    .then(
      () => subscriber.end(),
      (error) => subscriber.end(errorOf(shardId, error)),
    )
    .finally(() => addToMetric(METRICS.streams, -1, attributes));
}

async function sendAll(
  host: EntryHost,
  request: StreamEntriesRequest,
  subscriber: Subscriber,
): Promise<void> {
  const { signal } = subscriber;
  const from = fromOf(request);
  const seenBy = `the standby at ${request.nodeId}`;
  for await (const batch of host.streamEntries({ from, seenBy, signal })) {
    subscriber.write(encodeBatch(batch));
    if (subscriber.bufferedBytes > BUFFERED_BYTES_LIMIT) await drained(subscriber);
    if (signal.aborted) return;
  }
}

function fromOf(request: StreamEntriesRequest): FollowFrom {
  return {
    applied: {
      entryIndex: safeNumber(request.appliedEntryIndex),
      chainChecksum: Buffer.from(request.appliedChainChecksum).toString('hex'),
    },
    isCommitted: request.appliedIsCommitted,
    divergedEntryIndex: safeNumber(request.divergedEntryIndex),
  };
}

/** Nothing is left out for a slow standby: it reads on from the log when it is ready. */
function drained(subscriber: Subscriber): Promise<void> {
  return new Promise((resolve) => {
    subscriber.onDrained(resolve);
    subscriber.signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function errorOf(shardId: string, error: unknown): OperatingError {
  if (error instanceof OperatingError) return error;
  const metadata = { shard_id: shardId };
  if (error instanceof SubscriptionEnded) {
    return new OperatingError(error.reason, error.message, { metadata });
  }
  if (error instanceof LogUnreachable) {
    return new OperatingError('LOG_UNAVAILABLE', error.message, { metadata });
  }
  return new OperatingError('INTERNAL', 'The stream of entries broke.', { metadata, cause: error });
}

// Field numbers of StreamEntriesResponse, the same in both services, and of StreamedEntry.
const RESPONSE = {
  entries: 1,
  epoch: 2,
  committedEntryIndex: 3,
  committedChainChecksum: 4,
  writesSnapshots: 5,
  successorNodeId: 6,
  successorEpoch: 7,
} as const;
const ENTRY = {
  entryIndex: 1,
  epoch: 2,
  logTimeUs: 3,
  formatVersion: 4,
  firstSequence: 5,
  eventCount: 6,
  commandCount: 7,
  chainChecksum: 8,
  commands: 9,
  outcomes: 10,
} as const;

const messageWriter = new WireWriter(64 << 10);
const entryWriter = new WireWriter(64 << 10);

/** The canonical bytes of a StreamEntriesResponse. */
export function encodeBatch({
  entries,
  epoch,
  committed,
  writesSnapshots,
  successor,
}: EntryBatch): Uint8Array {
  const writer = messageWriter;
  for (const entry of entries) {
    writeEntry(entry);
    writer.writerField(RESPONSE.entries, entryWriter);
  }
  writer.numberField(RESPONSE.epoch, epoch);
  writer.numberField(RESPONSE.committedEntryIndex, committed.entryIndex);
  writeChecksum(writer, RESPONSE.committedChainChecksum, committed.chainChecksum);
  writer.numberField(RESPONSE.writesSnapshots, writesSnapshots ? 1 : 0);
  if (successor !== undefined) {
    writer.textField(RESPONSE.successorNodeId, successor.nodeId);
    writer.numberField(RESPONSE.successorEpoch, successor.epoch);
  }
  return writer.take();
}

function writeEntry(entry: LogEntry): void {
  const writer = entryWriter;
  writer.numberField(ENTRY.entryIndex, entry.entryIndex);
  writer.numberField(ENTRY.epoch, entry.epoch);
  writer.numberField(ENTRY.logTimeUs, entry.logTimeUs);
  writer.numberField(ENTRY.formatVersion, entry.formatVersion);
  writer.numberField(ENTRY.firstSequence, entry.firstSequence);
  writer.numberField(ENTRY.eventCount, entry.eventCount);
  writer.numberField(ENTRY.commandCount, entry.commandCount);
  writeChecksum(writer, ENTRY.chainChecksum, entry.chainChecksum);
  if (entry.commands.length > 0) writer.bytesField(ENTRY.commands, entry.commands);
  if (entry.outcomes.length > 0) writer.bytesField(ENTRY.outcomes, entry.outcomes);
}

function writeChecksum(writer: WireWriter, field: number, hex: string): void {
  writer.bytesField(field, Buffer.from(hex, 'hex'));
}
