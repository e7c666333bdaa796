// What another account shard has sent by its clearing to accounts of this one (LED-5).

import type {
  EntryEvents,
  StreamEventsResponse,
} from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import { slotOf } from '../../../lib/routing/slot.ts';
import type { SentTransfer } from '../../domain/command.ts';
import { sentTransferOf } from '../codec/event-codec.ts';
import { hexOf } from '../codec/record-codec.ts';
import type { EventSource, SettledPlace, SourceItem, SourceMessage } from './event-source.ts';
import type { LedgerNodes } from './ledger-nodes.ts';

/**
 * A stretch without transfers is recorded when it has this many events. Not after a time: two
 * shards that do nothing would for ever record what the other has recorded.
 */
const EMPTY_RANGE_EVENTS = 1_000;
/** How long a source may take to say where it ends. */
const END_MS = 1_000;

/** One transfer that was sent to an account of this shard. */
export type SentItem = SourceItem & { readonly transfer: SentTransfer };

export type SentSourceOptions = {
  readonly sourceShardId: string;
  readonly nodes: Pick<LedgerNodes, 'clientOf'>;
  /** Whether an account is one of this shard's now. */
  readonly owns: (accountId: string) => boolean;
};

export function sentSource(options: SentSourceOptions): EventSource<SentItem> {
  return {
    open: (address, place, signal, slot) => {
      const owns = (accountId: string): boolean => slotOf(accountId) === slot;
      const read = slot === undefined ? options : { ...options, owns };
      return readSent(read, address, place, signal);
    },
    fetchEnd: async (address) => {
      const { nodes, sourceShardId: shardId } = options;
      const client = nodes.clientOf(address);
      const { sequence, entryIndex, chainChecksum } = await client.getPosition(
        { shardId },
        { timeoutMs: END_MS },
      );
      const place = { sequence: Number(sequence), entryIndex: Number(entryIndex) };
      return { ...place, chainChecksum: hexOf(chainChecksum) };
    },
    commandOf: (range, items) => {
      const transfers = items.map(({ transfer }) => transfer);
      return { kind: 'settleTransfers', ...range, transfers };
    },
    isRecorded: ({ events }) => events >= EMPTY_RANGE_EVENTS,
  };
}

async function* readSent(
  { nodes, sourceShardId, owns }: SentSourceOptions,
  address: string,
  place: SettledPlace,
  signal: AbortSignal,
): AsyncGenerator<SourceMessage<SentItem>, void, void> {
  const request = {
    shardId: sourceShardId,
    fromSequence: BigInt(place.sequence + 1),
    seenEntryIndex: BigInt(place.entryIndex),
    seenChainChecksum: Buffer.from(place.chainChecksum, 'hex'),
    sentOnly: true,
  };
  for await (const response of nodes.clientOf(address).streamEvents(request, { signal })) {
    const message = messageOf(response, owns);
    yield { ...message, closing: false };
    if (!response.closing) continue;
    yield { ...message, items: [], closing: true };
    return;
  }
}

function messageOf(
  response: StreamEventsResponse,
  owns: SentSourceOptions['owns'],
): SourceMessage<SentItem> {
  const items = response.entries.flatMap(itemsOf);
  return {
    items: items.filter(({ transfer }) => owns(transfer.toAccountId)),
    throughSequence: Number(response.throughSequence),
    committed: {
      entryIndex: Number(response.committedEntryIndex),
      chainChecksum: hexOf(response.committedChainChecksum),
    },
    closing: response.closing,
  };
}

function itemsOf({ logTimeUs: timeUs, firstSequence, events }: EntryEvents): SentItem[] {
  const logTimeUs = Number(timeUs);
  return events.flatMap((event, index) => {
    const transfer = sentTransferOf(event);
    const sequence = Number(firstSequence) + index;
    return transfer === undefined ? [] : [{ sequence, traceContext: '', logTimeUs, transfer }];
  });
}
