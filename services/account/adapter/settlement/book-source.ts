// The events of a matching shard as an account shard settles them: those that concern its accounts.

import type {
  EntryEvents,
  StreamEventsResponse,
} from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { type ClusterWorld, pause } from '../../../lib/platform/cluster/cluster-world.ts';
import { SLOT_COUNT } from '../../../lib/routing/slot.ts';
import type { MatchingEvent } from '../../domain/matching-event.ts';
import { addBookEvents, type BookEvent } from '../codec/book-commands.ts';
import { hexOf } from '../codec/record-codec.ts';
import type { EventSource, SettledPlace, SourceItem, SourceMessage } from './event-source.ts';
import type { MatchingNodes } from './matching-nodes.ts';
import { fetchSourceEnd } from './source-end.ts';

/** How often a stretch without events of ours is recorded, when there is nothing else to settle. */
const EMPTY_RANGE_MS = 1_000;
/** How often another source is looked at that what follows has to wait for. */
const HELD_MS = 20;

/** One event of a book. */
export type BookItem = SourceItem & BookEvent;

export type BookSourceOptions = {
  readonly sourceShardId: string;
  readonly nodes: Pick<MatchingNodes, 'clientOf'>;
  /** Account slots that the shard owns, as a bitmap in the form of the filter. */
  readonly ownedSlots: () => Uint8Array;
  /** Changes whenever they get more. */
  readonly slotsVersion: () => number;
  /**
   * Whether another source is settled here up to a sequence; asked again and again until it is.
   *
   * @param slot the only one that counts; all that are owned when absent
   */
  readonly isSettled: (place: PlaceInSource, slot?: number) => boolean;
  readonly world: Pick<ClusterWorld, 'setTimer'>;
};

export type PlaceInSource = { readonly sourceShardId: string; readonly sequence: number };

export function bookSource(options: BookSourceOptions): EventSource<BookItem> {
  return {
    open: (address, place, signal, slot) =>
      slot === undefined
        ? readBook(options, address, place, signal)
        : readBook(ofSlot(options, slot), address, place, signal),
    fetchEnd: (address) => {
      return fetchSourceEnd(options.nodes.clientOf(address), options.sourceShardId);
    },
    commandOf: (range, items) => ({ kind: 'settle', ...range, entries: entriesOf(items) }),
    isRecorded: ({ ms }) => ms >= EMPTY_RANGE_MS,
  };
}

/** The events of one slot's accounts alone. */
function ofSlot(options: BookSourceOptions, slot: number): BookSourceOptions {
  const bitmap = new Uint8Array(SLOT_COUNT / 8);
  bitmap[slot >> 3] = 1 << (slot & 7);
  const isSettled = (place: PlaceInSource): boolean => options.isSettled(place, slot);
  return { ...options, isSettled, ownedSlots: () => bitmap, slotsVersion: () => 0 };
}

async function* readBook(
  options: BookSourceOptions,
  address: string,
  place: SettledPlace,
  signal: AbortSignal,
): AsyncGenerator<SourceMessage<BookItem>, void, void> {
  const { nodes, sourceShardId, ownedSlots, slotsVersion } = options;
  const accountSlots = ownedSlots();
  const version = slotsVersion();
  const isOutdated = (): boolean => slotsVersion() !== version;
  const request = {
    shardId: sourceShardId,
    fromSequence: BigInt(place.sequence + 1),
    accountSlots,
    seenEntryIndex: BigInt(place.entryIndex),
    seenChainChecksum: Buffer.from(place.chainChecksum, 'hex'),
  };
  for await (const response of nodes.clientOf(address).streamEvents(request, { signal })) {
    // Nothing happens in a book for an account before its shard has committed a hold of it. So
    // what was filtered by the slots that are owned now has left nothing out; else it counts
    // for nothing, and is read again. The shard itself looks once more when it settles.
    const whole = { ...messageOf(response), slotsVersion: version, closing: false };
    if (!isOutdated()) {
      yield* behindImports(options, { whole, isOutdated }, signal);
    }
    if (isOutdated() || response.closing) {
      yield { ...whole, items: [], closing: true };
      return;
    }
  }
}

/** A response, with what it comes to when nothing is held. */
type BookResponse = {
  readonly whole: SourceMessage<BookItem>;
  readonly isOutdated: () => boolean;
};

/**
 * What a response brings; behind the import of a slot only when everything that the slot's source
 * had up to the export is settled (MOV-6).
 */
async function* behindImports(
  { isSettled, world }: BookSourceOptions,
  response: BookResponse,
  signal: AbortSignal,
): AsyncGenerator<SourceMessage<BookItem>, void, void> {
  const { items, ...whole } = response.whole;
  let from = 0;
  for (let index = 0; index < items.length; index += 1) {
    const { event, sequence } = items[index] as BookItem;
    if (event.kind !== 'slotImported') continue;
    const exported = { sourceShardId: event.sourceShardId, sequence: event.exportSequence };
    while (!isSettled(exported) && !signal.aborted) {
      // Again and again: a stream that is silent counts as dead.
      const part = { items: items.slice(from, index), throughSequence: sequence - 1 };
      yield { ...whole, ...part, held: true, closing: false };
      from = index;
      await pause(world, HELD_MS, signal);
      if (response.isOutdated()) return;
    }
  }
  yield { ...whole, items: items.slice(from) };
}

function messageOf(response: StreamEventsResponse): Omit<SourceMessage<BookItem>, 'slotsVersion'> {
  const items: BookItem[] = [];
  for (const entry of response.entries) addItems(entry, items);
  return {
    items,
    throughSequence: Number(response.throughSequence),
    committed: {
      entryIndex: Number(response.committedEntryIndex),
      chainChecksum: hexOf(response.committedChainChecksum),
    },
    closing: response.closing,
  };
}

function addItems({ logTimeUs, commands }: EntryEvents, items: BookItem[]): void {
  const timeUs = Number(logTimeUs);
  for (const command of commands) addBookEvents(command, timeUs, items);
}

/** Groups events by entry and command again. */
function entriesOf(items: readonly BookItem[]) {
  const entries: {
    logTimeUs: number;
    commands: { identity: string; events: MatchingEvent[] }[];
  }[] = [];
  for (const { logTimeUs, identity, event } of items) {
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
