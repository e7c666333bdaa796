// ListPositions (POS-1): what an account has traded in each instrument and what came of it, valued
// at the last price of its book.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  Position as PositionMessage,
  PositionSchema,
} from '../../../../gen/bourse/account/v1/account_pb.ts';
import type { ListPositionsRequest } from '../../../../gen/bourse/account/v1/service_pb.ts';
import { formatDecimal } from '../../../lib/base/decimal.ts';
import { findShardOfInstrument } from '../../../lib/platform/cluster/cluster-table.ts';
import { assertForm } from '../../../lib/platform/rpc/form-error.ts';
import { FormCheck } from '../../../lib/rules/form.ts';
import type { InstrumentRules } from '../../../lib/rules/terms.ts';
import { HistoryGone } from '../../../lib/shard/log-history.ts';
import { LogUnreachable } from '../../../lib/shard/world.ts';
import type { Account } from '../../domain/account.ts';
import { bustKeyOf } from '../../domain/bust-record.ts';
import type { OrderExecuted } from '../../domain/event.ts';
import { type Position, Positions } from '../../domain/positions.ts';
import type { LedgerState } from '../../domain/state.ts';
import { ledgerCodec } from '../codec/ledger-codec.ts';
import { readPast } from '../read-past.ts';
import type { PastPlace, PastStretch } from '../shard/account-history.ts';
import type { AccountNode } from '../shard/account-node.ts';
import type { AccountShard } from '../shard/account-shard.ts';
import { logUnavailable } from '../shard/refusals.ts';
import { accountIn, instrumentNumberIn, settledShard } from './account-reads.ts';
import { DEFAULT_PAGE_SIZE, pageTokenInvalid } from './pages.ts';
import { formatToken, parseToken } from './tokens.ts';
import { assetOf } from './views.ts';

type PositionView = Exclude<MessageInitShape<typeof PositionSchema>, PositionMessage>;

const PRICE_TIMEOUT_MS = 1_000;
/** Most that are counted of an account that has come from another shard. */
const MOST_FILLS = 1_000_000;
/** Decimal places of an average cost. */
const AVERAGE_SCALE = 9;
/** No price has more decimal places. */
const PRICE_SCALE = 18;

export async function listPositions(node: AccountNode, request: ListPositionsRequest) {
  const { accountId, instrumentId, pageToken } = request;
  const check = new FormCheck();
  check.requiredId('account_id', accountId);
  check.optionalId('instrument_id', instrumentId);
  check.pageSize(request.pageSize);
  assertForm(check);
  const place = pageToken === '' ? undefined : parseToken('positions', 3, pageToken);
  if (pageToken !== '' && place === undefined) throw pageTokenInvalid();
  const shard = await settledShard(node, accountId, (state) => {
    if (instrumentId !== '') instrumentNumberIn(state, instrumentId);
  });
  const { account, wanted, lastSequence } = await shard.read((state, reached) => ({
    account: tradesOf(accountIn(state, accountId)),
    wanted: instrumentId === '' ? 0 : instrumentNumberIn(state, instrumentId),
    lastSequence: reached.lastSequence,
  }));
  const { accountNumber } = account;
  await shard.recall(lastSequence);
  const [ofAccount, ofInstrument, before = Infinity] = place ?? [];
  if (place !== undefined && (ofAccount !== accountNumber || ofInstrument !== wanted)) {
    throw pageTokenInvalid();
  }
  const { positions, beyondWindow } = await positionsOf(node, shard, account);
  const numbers = [...positions.keys()]
    .filter((number) => number < before && (wanted === 0 || number === wanted))
    .sort((one, other) => other - one);
  const page = numbers.slice(0, request.pageSize === 0 ? DEFAULT_PAGE_SIZE : request.pageSize);
  const known = new Map(await shard.knownInstruments());
  const prices = new Map(
    await Promise.all(
      page.map(async (number) => [number, await lastPrice(node, known.get(number))] as const),
    ),
  );
  const isLast = page.length === numbers.length;
  return shard.read((state) => ({
    positions: page.map((number) => {
      return viewOf(state, number, positions.get(number) as Position, prices.get(number));
    }),
    nextPageToken: isLast
      ? ''
      : formatToken('positions', [accountNumber, wanted, page.at(-1) as number]),
    beyondWindow: isLast && beyondWindow,
  }));
}

type Executed = Pick<OrderExecuted, 'fill' | 'record'>;

type Found = {
  readonly positions: ReadonlyMap<number, Position>;
  /** Older trades are gone. */
  readonly beyondWindow: boolean;
};

/** Whose trades, and which of them were taken back. */
type Traded = { readonly accountNumber: number; readonly busted: ReadonlySet<string> };

function tradesOf({ accountNumber, busts }: Account): Traded {
  return { accountNumber, busted: new Set(busts.keys()) };
}

/** From memory when it began with the shard and no trade was taken back, else from the log. */
async function positionsOf(node: AccountNode, shard: AccountShard, traded: Traded): Promise<Found> {
  const { accountNumber, busted } = traded;
  const { activity, host } = shard;
  // What an account did before it came from another shard stands in that one's log.
  const isFromElsewhere = activity.arrivedAt(accountNumber) > 0;
  if (isFromElsewhere) return positionsFromLogs(node, shard, traded);
  if (activity.isWhole && busted.size === 0) {
    return { positions: activity.positions(accountNumber), beyondWindow: false };
  }
  const end = host.position;
  if (end === undefined) throw shard.notLeader();
  const read = new Positions();
  try {
    for await (const { events } of shard.history.read(1, end, accountNumber)) {
      for (const { bytes } of events) {
        const event = ledgerCodec.decodeEvent(bytes);
        if (event.kind === 'orderExecuted' && !isBusted(event, busted)) {
          read.take(accountNumber, event);
        }
      }
    }
    return { positions: read.of(accountNumber), beyondWindow: false };
  } catch (error) {
    if (error instanceof LogUnreachable) throw logUnavailable(host.shardId);
    if (!(error instanceof HistoryGone)) throw error;
    return { positions: activity.positions(accountNumber), beyondWindow: true };
  }
}

/** From the logs of all shards that the account has been on, as far as they reach. */
async function positionsFromLogs(
  node: AccountNode,
  shard: AccountShard,
  { accountNumber, busted }: Traded,
): Promise<Found> {
  const end = await shard.read((_state, { lastSequence }) => lastSequence);
  /** Newest first. */
  const fills: Executed[] = [];
  let place: PastPlace | 'begun' | 'gone' = {
    shardId: shard.host.shardId,
    beforeSequence: end + 1,
  };
  while (typeof place === 'object' && fills.length < MOST_FILLS) {
    const stretch: PastStretch = await readPast(node, accountNumber, place);
    for (const { event } of [...stretch.happenings].reverse()) {
      if (event.kind !== 'orderExecuted' || isBusted(event, busted)) continue;
      fills.push({ fill: event.fill, record: event.record });
    }
    place = stretch.next;
  }
  const read = new Positions();
  for (const one of fills.reverse()) read.take(accountNumber, one);
  return { positions: read.of(accountNumber), beyondWindow: place !== 'begun' };
}

/** A trade that was taken back counts as if it had never been. */
function isBusted(
  { record, instrumentSequence }: OrderExecuted,
  busted: Traded['busted'],
): boolean {
  if (busted.size === 0) return false;
  const instrumentNumber = record.terms?.instrumentNumber ?? 0;
  return busted.has(bustKeyOf({ instrumentNumber, instrumentSequence }, record.placement));
}

/** In price units; undefined before the first trade, and while nobody answers. */
async function lastPrice(
  node: AccountNode,
  instrument: InstrumentRules | undefined,
): Promise<bigint | undefined> {
  const table = node.books.watch.table();
  if (instrument === undefined || table === undefined) return undefined;
  const { shardId } = findShardOfInstrument(table, instrument.instrumentId) ?? {};
  const client = shardId === undefined ? undefined : node.books.findLeader(shardId);
  if (shardId === undefined || client === undefined) return undefined;
  const { instrumentNumber } = instrument;
  try {
    const book = await client.getBook(
      { shardId, instrumentNumber, depth: 0 },
      { timeoutMs: PRICE_TIMEOUT_MS },
    );
    return book.lastPriceUnits === 0n ? undefined : book.lastPriceUnits;
  } catch {
    return undefined;
  }
}

function viewOf(
  state: LedgerState,
  instrumentNumber: number,
  position: Position,
  lastPriceUnits: bigint | undefined,
): PositionView {
  const instrument = state.instruments.get(instrumentNumber);
  if (instrument === undefined) throw new Error(`instrument ${instrumentNumber} is known`);
  const { instrumentId, notionalFactor, baseFactor } = instrument;
  const base = assetOf(state, instrument.baseAssetNumber);
  const quote = assetOf(state, instrument.quoteAssetNumber);
  const { quantityUnits, costUnits, realisedUnits, feeUnits } = position;
  const money = (units: bigint): string => formatDecimal(units, quote.scale);
  /** Quote's smallest units for one quantity unit. */
  const eachUnits = lastPriceUnits === undefined ? 0n : lastPriceUnits * BigInt(notionalFactor);
  const decimalPlaces = base.scale - quote.scale;
  const valued =
    lastPriceUnits === undefined
      ? {}
      : {
          lastPrice: formatDecimal(
            (eachUnits * 10n ** BigInt(PRICE_SCALE + decimalPlaces)) / BigInt(baseFactor),
            PRICE_SCALE,
          ),
          unrealisedResult: money(quantityUnits * eachUnits - costUnits),
        };
  const baseUnits = quantityUnits * BigInt(baseFactor);
  // Both have the same sign, so the quotient is not negative.
  const average = (): bigint =>
    (2n * costUnits * 10n ** BigInt(AVERAGE_SCALE + decimalPlaces) + baseUnits) / (2n * baseUnits);
  return {
    instrumentId,
    quantity: formatDecimal(baseUnits, base.scale),
    averageCost: quantityUnits === 0n ? '' : formatDecimal(average(), AVERAGE_SCALE),
    cost: money(costUnits),
    realisedResult: money(realisedUnits),
    fees: money(feeUnits),
    ...valued,
  };
}
