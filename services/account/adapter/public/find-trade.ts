// Finds a trade in the logs of the books: from the newest events backwards, because what is asked
// for happened lately, as a rule. An instrument may have moved, so every book is looked through.

import type { EntryEvents } from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { BustedParty, BustedTrade } from '../../domain/command.ts';
import type { TradeParty } from '../../domain/matching-event.ts';
import { commandEventsOf } from '../codec/book-commands.ts';
import { settledEventOf } from '../codec/settled-codec.ts';
import type { MatchingClient } from '../settlement/matching-nodes.ts';
import type { AccountNode } from '../shard/account-node.ts';

/** Events that are read at a time; more each time. */
const FIRST_WINDOW = 20_000;
const LARGEST_WINDOW = 1_000_000;
const POSITION_TIMEOUT_MS = 1_000;

export type TradeName = { readonly instrumentNumber: number; readonly instrumentSequence: number };

/** A trade with its place in its book's log. */
export type FoundTrade = {
  readonly trade: Omit<BustedTrade, 'comment'>;
  readonly bookShardId: string;
  /** Sequence of its event in the book's shard. */
  readonly sequence: number;
};

/** @throws OperatingError of a book that cannot be asked. */
export async function findTrade(
  node: AccountNode,
  name: TradeName,
): Promise<FoundTrade | undefined> {
  for (const bookShardId of node.shardIdsOf('matching')) {
    const client = node.books.findLeader(bookShardId);
    if (client === undefined) throw node.noLeader(bookShardId);
    const end = await node.books.fetchPosition(bookShardId, POSITION_TIMEOUT_MS);
    const found = await findInBook({ client, bookShardId }, end, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

type Book = { readonly client: MatchingClient; readonly bookShardId: string };

/** What a stretch of events says: the trade; that it is not there nor before; nothing; or no more. */
type Seen = FoundTrade | 'passed' | 'nothing' | 'cut';

async function findInBook(
  book: Book,
  end: number,
  name: TradeName,
): Promise<FoundTrade | undefined> {
  let size = FIRST_WINDOW;
  let isCut = false;
  for (let through = end; through > 0 && size > 0; ) {
    const from = Math.max(1, through - size + 1);
    const seen = await readWindow(book, { from, through }, name);
    if (typeof seen === 'object') return seen;
    if (seen === 'passed') return undefined;
    if (seen === 'cut') {
      // The log begins somewhere in this window: it is approached in ever smaller ones.
      isCut = true;
      size = Math.floor(size / 2);
      continue;
    }
    through = from - 1;
    if (!isCut) size = Math.min(size * 4, LARGEST_WINDOW);
  }
  return undefined;
}

async function readWindow(
  { client, bookShardId: shardId }: Book,
  { from, through }: { readonly from: number; readonly through: number },
  name: TradeName,
): Promise<Seen> {
  const abort = new AbortController();
  const request = { shardId, fromSequence: BigInt(from) };
  let isPassed = false;
  try {
    for await (const response of client.streamEvents(request, { signal: abort.signal })) {
      for (const entry of response.entries) {
        const seen = lookIn(entry, shardId, name);
        if (typeof seen === 'object') return seen;
        isPassed ||= seen;
      }
      if (Number(response.throughSequence) >= through) break;
    }
  } catch (error) {
    if (error instanceof OperatingError && error.reason === 'BEYOND_WINDOW') return 'cut';
    throw error;
  } finally {
    abort.abort();
  }
  return isPassed ? 'passed' : 'nothing';
}

/** @returns the trade, or whether something of the instrument from before the trade was seen */
function lookIn(
  { logTimeUs, commands }: EntryEvents,
  bookShardId: string,
  { instrumentNumber, instrumentSequence }: TradeName,
): FoundTrade | boolean {
  let isPassed = false;
  for (const { firstSequence, events } of commands.map(commandEventsOf)) {
    for (const [index, message] of events.entries()) {
      if (message.instrumentNumber !== instrumentNumber) continue;
      const at = Number(message.instrumentSequence);
      if (at > 0 && at < instrumentSequence) isPassed = true;
      if (at !== instrumentSequence || message.kind.case !== 'traded') continue;
      const event = settledEventOf(message);
      if (event?.kind !== 'traded') continue;
      const { priceUnits, quantityUnits, aggressorSide, maker, taker } = event;
      // In an uncross the buyer stands as the maker (STA-2).
      const [buyer, seller] = aggressorSide === 'BUY' ? [taker, maker] : [maker, taker];
      const units = { priceUnits, quantityUnits };
      const sides = { buyer: partyOf(buyer), seller: partyOf(seller) };
      const tradeTimeUs = Number(logTimeUs);
      const trade = { instrumentNumber, instrumentSequence, ...units, ...sides, tradeTimeUs };
      return { trade, bookShardId, sequence: Number(firstSequence) + index };
    }
  }
  return isPassed;
}

function partyOf({ accountNumber, placement, feeUnits }: TradeParty): BustedParty {
  return { accountNumber, placement, feeUnits };
}
