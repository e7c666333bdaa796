// What another account shard has sent by its clearing to accounts of this one (LED-5), and the
// trades that it has taken back on their buyers.

import type {
  EntryEvents,
  StreamEventsResponse,
} from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import { slotOf, slotOfAccountNumber } from '../../../lib/routing/slot.ts';
import type { BustedTrade, SentTransfer } from '../../domain/command.ts';
import { sentBustOf } from '../codec/bust-codec.ts';
import { sentTransferOf } from '../codec/event-codec.ts';
import { hexOf } from '../codec/record-codec.ts';
import type { EventSource, SettledPlace, SourceItem, SourceMessage } from './event-source.ts';
import type { LedgerNodes } from './ledger-nodes.ts';
import { fetchSourceEnd } from './source-end.ts';

/**
 * A stretch without transfers is recorded when it has this many events. Not after a time: two
 * shards that do nothing would for ever record what the other has recorded.
 */
const EMPTY_RANGE_EVENTS = 1_000;

/** One transfer to an account of this shard, or a busted trade whose seller is one. */
export type SentItem = SourceItem &
  ({ readonly transfer: SentTransfer } | { readonly bust: BustedTrade });

export type SentSourceOptions = {
  readonly sourceShardId: string;
  readonly nodes: Pick<LedgerNodes, 'clientOf'>;
  /** Whether a slot of accounts is this shard's now. */
  readonly ownsSlot: (slot: number) => boolean;
  /** Changes whenever there are more. */
  readonly slotsVersion: () => number;
};

export function sentSource(options: SentSourceOptions): EventSource<SentItem> {
  return {
    open: (address, place, signal, slot) => {
      const ownsSlot = (other: number): boolean => other === slot;
      const ofSlot = { ...options, ownsSlot, slotsVersion: () => 0 };
      const read = slot === undefined ? options : ofSlot;
      return readSent(read, address, place, signal);
    },
    fetchEnd: (address) => {
      return fetchSourceEnd(options.nodes.clientOf(address), options.sourceShardId);
    },
    commandOf: (range, items) => {
      const transfers = items.flatMap((item) => ('transfer' in item ? [item.transfer] : []));
      const busts = items.flatMap((item) => ('bust' in item ? [item.bust] : []));
      return { kind: 'settleTransfers', ...range, transfers, busts };
    },
    isRecorded: ({ events }) => events >= EMPTY_RANGE_EVENTS,
  };
}

async function* readSent(
  { nodes, sourceShardId, ownsSlot, slotsVersion }: SentSourceOptions,
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
  const version = slotsVersion();
  for await (const response of nodes.clientOf(address).streamEvents(request, { signal })) {
    const message = { ...messageOf(response, ownsSlot), slotsVersion: version };
    const isOutdated = slotsVersion() !== version;
    if (!isOutdated) yield { ...message, closing: false };
    if (!isOutdated && !response.closing) continue;
    yield { ...message, items: [], closing: true };
    return;
  }
}

function messageOf(
  response: StreamEventsResponse,
  ownsSlot: SentSourceOptions['ownsSlot'],
): Omit<SourceMessage<SentItem>, 'slotsVersion'> {
  const items = response.entries.flatMap(itemsOf);
  return {
    items: items.filter((item) => ownsSlot(slotOfItem(item))),
    throughSequence: Number(response.throughSequence),
    committed: {
      entryIndex: Number(response.committedEntryIndex),
      chainChecksum: hexOf(response.committedChainChecksum),
    },
    closing: response.closing,
  };
}

/** Slot of the account that it is for. */
function slotOfItem(item: SentItem): number {
  if ('transfer' in item) return slotOf(item.transfer.toAccountId);
  return slotOfAccountNumber(item.bust.seller.accountNumber);
}

function itemsOf({ logTimeUs: timeUs, firstSequence, events }: EntryEvents): SentItem[] {
  const logTimeUs = Number(timeUs);
  return events.flatMap((event, index): SentItem[] => {
    const place = { sequence: Number(firstSequence) + index, traceContext: '', logTimeUs };
    const transfer = sentTransferOf(event);
    if (transfer !== undefined) return [{ ...place, transfer }];
    const bust = sentBustOf(event);
    return bust === undefined ? [] : [{ ...place, bust }];
  });
}
