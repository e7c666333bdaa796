// The thorough part of an audit: from the beginning of every log, what the books say that each
// account traded and paid, what its postings say, and whether its balance is their sum. It names
// the accounts.

import { LedgerBreakKind } from '../../../../gen/bourse/account/v1/admin_service_pb.ts';
import type { Event as EventMessage } from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { notionalOf } from '../../../lib/rules/cost.ts';
import type { InstrumentRules, Side } from '../../../lib/rules/terms.ts';
import { bustKeyOf } from '../../domain/bust-record.ts';
import type { Event, TradeBusted } from '../../domain/event.ts';
import type { MatchingEvent, TradeParty } from '../../domain/matching-event.ts';
import { addBookEvents, type BookEvent } from '../codec/book-commands.ts';
import { eventOf } from '../codec/event-codec.ts';
import { postingsOf, reversalOf } from '../public/postings.ts';
import type { AccountNode } from '../shard/account-node.ts';
import { type AuditedShard, type Break, ledgerOf } from './audited-shard.ts';

/** Amounts by account number and asset. */
class AccountSums {
  readonly #sums = new Map<string, bigint>();

  add(accountNumber: number, assetNumber: number, units: bigint): void {
    const key = `${accountNumber} ${assetNumber}`;
    this.#sums.set(key, (this.#sums.get(key) ?? 0n) + units);
  }

  get(accountNumber: number, assetNumber: number): bigint {
    return this.#sums.get(`${accountNumber} ${assetNumber}`) ?? 0n;
  }

  keys(): readonly (readonly [accountNumber: number, assetNumber: number])[] {
    return [...this.#sums.keys()].map((key) => {
      const [accountNumber = 0, assetNumber = 0] = key.split(' ').map(Number);
      return [accountNumber, assetNumber];
    });
  }
}

type Instruments = ReadonlyMap<number, InstrumentRules>;

/** @returns undefined when a log does not begin at its beginning any more */
export async function compareWithBooks(
  node: AccountNode,
  shards: readonly AuditedShard[],
  points: ReadonlyMap<string, number>,
): Promise<readonly Break[] | undefined> {
  const instruments: Instruments = new Map(await node.ledShard().knownInstruments());
  const accountShardIds = new Set(shards.map(({ shardId }) => shardId));
  const expected = new AccountSums();
  const traded = new AccountSums();
  const posted = new AccountSums();
  const ids = new Map<number, string>();
  const busted = new Set<string>();
  try {
    for (const audited of shards) {
      await readLedger(node, audited, { instruments, traded, posted, ids, busted });
    }
    for (const [shardId, through] of points) {
      if (accountShardIds.has(shardId)) continue;
      await readBook(node, { shardId, through, instruments, busted }, expected);
    }
  } catch (error) {
    if (error instanceof OperatingError && error.reason === 'LOG_FORKED') return undefined;
    if (error instanceof OperatingError && error.reason === 'BEYOND_WINDOW') return undefined;
    throw error;
  }
  return [
    ...differences(LedgerBreakKind.ACCOUNT_TRADES, { expected, found: traded, ids }),
    ...differences(LedgerBreakKind.ACCOUNT_POSTINGS, {
      expected: posted,
      found: balancesOf(shards, ids),
      ids,
    }),
  ];
}

function balancesOf(shards: readonly AuditedShard[], ids: Map<number, string>): AccountSums {
  const sums = new AccountSums();
  for (const { balances } of shards) {
    for (const { accountNumber, accountId, balance } of balances) {
      ids.set(accountNumber, accountId);
      if (balance !== undefined) sums.add(accountNumber, balance.assetNumber, balance.totalUnits);
    }
  }
  return sums;
}

function differences(
  kind: LedgerBreakKind,
  sums: {
    readonly expected: AccountSums;
    readonly found: AccountSums;
    readonly ids: ReadonlyMap<number, string>;
  },
): Break[] {
  const keys = new Map(
    [...sums.expected.keys(), ...sums.found.keys()].map((key) => [`${key}`, key]),
  );
  const breaks: Break[] = [];
  for (const [accountNumber, assetNumber] of keys.values()) {
    const expectedUnits = sums.expected.get(accountNumber, assetNumber);
    const foundUnits = sums.found.get(accountNumber, assetNumber);
    if (expectedUnits === foundUnits) continue;
    const accountId = sums.ids.get(accountNumber) ?? `${accountNumber}`;
    breaks.push({ kind, accountId, assetNumber, shardId: '', expectedUnits, foundUnits });
  }
  return breaks;
}

type Book = {
  readonly shardId: string;
  /** Last sequence that every account shard has settled. */
  readonly through: number;
  readonly instruments: Instruments;
  /** Sides of trades that were taken back: they count as if they had never been. */
  readonly busted: ReadonlySet<string>;
};

/** What every trade of a book means for both accounts, fees included (SET-2). */
async function readBook(
  node: AccountNode,
  { shardId, through, instruments, busted }: Book,
  into: AccountSums,
): Promise<void> {
  if (through === 0) return;
  const client = node.books.findLeader(shardId);
  if (client === undefined) throw node.noLeader(shardId);
  const abort = new AbortController();
  const request = { shardId, fromSequence: 1n };
  try {
    for await (const response of client.streamEvents(request, { signal: abort.signal })) {
      for (const { commands } of response.entries) {
        const found: BookEvent[] = [];
        for (const command of commands) addBookEvents(command, 0, found);
        for (const { sequence, event } of found) {
          if (sequence <= through) addTrade(event, { instruments, busted }, into);
        }
      }
      if (Number(response.throughSequence) >= through) return;
    }
  } finally {
    abort.abort();
  }
}

function addTrade(
  event: MatchingEvent,
  { instruments, busted }: Pick<Book, 'instruments' | 'busted'>,
  into: AccountSums,
): void {
  if (event.kind !== 'traded') return;
  const instrument = instruments.get(event.instrumentNumber);
  if (instrument === undefined) return;
  const { priceUnits, quantityUnits, aggressorSide } = event;
  const notional = notionalOf(instrument, priceUnits, quantityUnits);
  const base = BigInt(quantityUnits) * BigInt(instrument.baseFactor);
  const add = ({ accountNumber, placement, feeUnits }: TradeParty, side: Side): void => {
    if (busted.has(`${accountNumber} ${bustKeyOf(event, placement)}`)) return;
    const sign = side === 'BUY' ? 1n : -1n;
    into.add(accountNumber, instrument.baseAssetNumber, sign * base);
    into.add(accountNumber, instrument.quoteAssetNumber, -sign * notional - feeUnits);
  };
  // In an uncross the buyer stands as the maker (STA-2).
  add(event.maker, aggressorSide === 'BUY' ? 'SELL' : 'BUY');
  add(event.taker, aggressorSide === 'BUY' ? 'BUY' : 'SELL');
}

type Found = {
  readonly instruments: Instruments;
  /** Postings of trades and fees. */
  readonly traded: AccountSums;
  /** All postings. */
  readonly posted: AccountSums;
  readonly ids: Map<number, string>;
  /** Sides of trades that were taken back. */
  readonly busted: Set<string>;
};

async function readLedger(
  node: AccountNode,
  { shardId, totals }: AuditedShard,
  found: Found,
): Promise<void> {
  const through = Number(totals.lastSequence);
  if (through === 0) return;
  const abort = new AbortController();
  const request = { shardId, fromSequence: 1n };
  try {
    const { signal } = abort;
    for await (const response of ledgerOf(node, shardId).streamEvents(request, { signal })) {
      for (const { firstSequence, events } of response.entries) {
        events.forEach((event, index) => {
          if (Number(firstSequence) + index <= through) addPostings(event, found);
        });
      }
      if (Number(response.throughSequence) >= through) return;
    }
  } finally {
    abort.abort();
  }
}

function addPostings(message: EventMessage, found: Found): void {
  const { accountNumber, kind } = message;
  if (accountNumber === 0) return;
  if (kind.case === 'accountCreated') found.ids.set(accountNumber, kind.value.accountId);
  const event: Event = eventOf(message);
  if (event.kind === 'suspensePosted') {
    // The account paid so much less than its fill says (SET-5).
    found.posted.add(accountNumber, event.assetNumber, event.amountUnits);
  }
  if (event.kind === 'tradeBusted') addBust(event, found);
  const isTrade = event.kind === 'orderExecuted';
  for (const { assetNumber, amountUnits } of postingsOf(event, found.instruments)) {
    found.posted.add(accountNumber, assetNumber, amountUnits);
    if (isTrade) found.traded.add(accountNumber, assetNumber, amountUnits);
  }
}

/** All of the trade is taken back, suspense included; so nothing must be left of what was traded. */
function addBust(event: TradeBusted, { busted, traded, instruments }: Found): void {
  const { trade, side } = event;
  const { accountNumber, placement } = side === 'BUY' ? trade.buyer : trade.seller;
  busted.add(`${accountNumber} ${bustKeyOf(trade, placement)}`);
  const instrument = instruments.get(trade.instrumentNumber);
  if (instrument === undefined) return;
  const { baseUnits, quoteUnits, feeUnits } = reversalOf(event, instrument);
  traded.add(accountNumber, instrument.baseAssetNumber, baseUnits);
  traded.add(accountNumber, instrument.quoteAssetNumber, quoteUnits + feeUnits);
}
