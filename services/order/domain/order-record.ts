// What is known of an order: the account shard's record, and what a command's own events add to it
// before they are settled there. The source of `Order` in the public contract.

import { notionalOf } from '../../lib/rules/cost.ts';
import type { CancelReason, GroupType, OrderTerms, RejectReason } from '../../lib/rules/terms.ts';
import type { BookEvent, OrderKey, OrderTraded } from './book-event.ts';

/** Where an order stands; each is explained in bourse.type.v1. */
export type OrderStatus =
  | 'PENDING'
  | 'UNTRIGGERED'
  | 'ACTIVE'
  | 'PARTIALLY_FILLED'
  | 'FILLED'
  | 'CANCELED'
  | 'EXPIRED'
  | 'REJECTED';

/** State of the order's hold (HLD-4). */
export type HoldState = 'PLACED' | 'CONFIRMED' | 'CLOSED';

export type OrderRecord = OrderKey & {
  readonly accountId: string;
  readonly clientOrderId: string;
  /** What it asks for now; what an amend changed, and the prices of a trigger, follow. */
  readonly terms: OrderTerms;
  readonly holdState: HoldState;
  readonly status: OrderStatus;
  /** 1 when accepted, raised by each amend. */
  readonly version: number;
  readonly filledUnits: number;
  /** Open, in quantity units; 0 when final. */
  readonly remainingUnits: number;
  /** Exact sum of price times quantity of the fills, in quote's smallest units. */
  readonly filledNotionalUnits: bigint;
  /** Fees so far in quote's smallest units; negative is a rebate. */
  readonly feeUnits: bigint;
  readonly rejectReason: RejectReason | undefined;
  readonly cancelReason: CancelReason | undefined;
  readonly validUntilUs: number;
  /** Log time of the hold, in microseconds since the Unix epoch. */
  readonly placedTimeUs: number;
  /** Log time of the last change, in microseconds since the Unix epoch. */
  readonly updatedTimeUs: number;
  /** Instrument sequence of the last event of the order; 0 before the first. */
  readonly instrumentSequence: number;
  /** Placement of the first leg of its group; 0 when it belongs to none (TYP-7). */
  readonly groupPlacement: number;
  /** Undefined when it belongs to no group. */
  readonly groupType: GroupType | undefined;
};

/** AUCTION: traded in an uncross, where nobody is maker or taker. */
export type Liquidity = 'MAKER' | 'TAKER' | 'AUCTION';

/** One fill of an order. */
export type OrderFill = {
  readonly sequence: number;
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly liquidity: Liquidity;
  /** Fee in quote's smallest units; negative is a rebate. */
  readonly feeUnits: bigint;
  readonly aggressorSide: OrderTraded['aggressorSide'];
};

/** An order after some of its events, and the fills among them. */
export type OrderAfter = { readonly record: OrderRecord; readonly fills: readonly OrderFill[] };

export function isFinal(status: OrderStatus): boolean {
  switch (status) {
    case 'PENDING':
    case 'UNTRIGGERED':
    case 'ACTIVE':
    case 'PARTIALLY_FILLED':
      return false;
    default:
      return true;
  }
}

type MutableRecord = { -readonly [Field in keyof OrderRecord]: OrderRecord[Field] };

/**
 * The order after the events of one command, in their order. Events of other orders are passed
 * over, as are those that the record has already (by instrument sequence).
 *
 * @param notionalFactor quote's smallest units in one price unit times one quantity unit
 */
export function applyEvents(
  before: OrderRecord,
  events: readonly BookEvent[],
  { notionalFactor, logTimeUs }: { readonly notionalFactor: number; readonly logTimeUs: number },
): OrderAfter {
  const record: MutableRecord = { ...before };
  const fills: OrderFill[] = [];
  for (const event of events) {
    if (event.sequence <= before.instrumentSequence) continue;
    const touched =
      event.kind === 'traded'
        ? applyTrade(record, event, { notionalFactor, fills })
        : isOf(record, event) && applyOther(record, event);
    if (!touched) continue;
    record.instrumentSequence = event.sequence;
    record.updatedTimeUs = logTimeUs;
  }
  return { record, fills };
}

function isOf(key: OrderKey, event: OrderKey): boolean {
  return event.placement === key.placement && event.accountNumber === key.accountNumber;
}

function applyTrade(
  record: MutableRecord,
  trade: OrderTraded,
  into: { readonly notionalFactor: number; readonly fills: OrderFill[] },
): boolean {
  const isTaker = isOf(record, trade.taker);
  if (!isTaker && !isOf(record, trade.maker)) return false;
  const party = isTaker ? trade.taker : trade.maker;
  const { priceUnits, quantityUnits, aggressorSide, sequence } = trade;
  record.filledUnits += quantityUnits;
  record.filledNotionalUnits += notionalOf(into, priceUnits, quantityUnits);
  record.feeUnits += party.feeUnits;
  const byBudget = record.terms.quoteBudgetUnits > 0n;
  record.remainingUnits = byBudget ? 0 : Number(party.remainingUnits);
  record.status = !byBudget && record.remainingUnits === 0 ? 'FILLED' : 'PARTIALLY_FILLED';
  if (record.status === 'FILLED') record.holdState = 'CLOSED';
  const { feeUnits } = party;
  const liquidity = aggressorSide === undefined ? 'AUCTION' : isTaker ? 'TAKER' : 'MAKER';
  into.fills.push({ sequence, priceUnits, quantityUnits, liquidity, feeUnits, aggressorSide });
  return true;
}

function applyOther(record: MutableRecord, event: Exclude<BookEvent, OrderTraded>): boolean {
  switch (event.kind) {
    case 'accepted':
      if (event.waiting !== undefined) record.terms = { ...record.terms, ...event.waiting };
      record.status = event.waiting === undefined ? 'ACTIVE' : 'UNTRIGGERED';
      record.holdState = 'CONFIRMED';
      record.version = Math.max(record.version, 1);
      record.remainingUnits = record.terms.quantityUnits;
      return true;
    case 'triggered': {
      const { stopPriceUnits, priceUnits } = event;
      record.terms = { ...record.terms, stopPriceUnits, priceUnits };
      record.status = 'ACTIVE';
      return true;
    }
    case 'expired':
      end(record, 'EXPIRED');
      return true;
    case 'rejected':
      end(record, 'REJECTED');
      record.rejectReason = event.reason;
      return true;
    case 'canceled':
      end(record, 'CANCELED');
      record.cancelReason = event.reason;
      return true;
    case 'filled':
      end(record, 'FILLED');
      return true;
    case 'reduced':
      record.remainingUnits -= event.byUnits;
      record.terms = {
        ...record.terms,
        quantityUnits: record.terms.quantityUnits - event.byUnits,
      };
      return true;
    case 'amended':
      applyAmend(record, event);
      return true;
    case 'forbidden':
      return false;
  }
}

function applyAmend(record: MutableRecord, amended: Extract<BookEvent, { kind: 'amended' }>): void {
  const { version, quantityUnits, priceUnits, remainingUnits } = amended;
  const { stopPriceUnits, displayUnits, expireTimeUs } = amended;
  record.version = version;
  const terms = { quantityUnits, priceUnits, stopPriceUnits, displayUnits, expireTimeUs };
  record.terms = { ...record.terms, ...terms };
  record.remainingUnits = remainingUnits;
  if (remainingUnits === 0) end(record, 'FILLED');
}

function end(record: MutableRecord, status: Exclude<OrderStatus, 'ACTIVE'>): void {
  record.status = status;
  record.holdState = 'CLOSED';
  record.remainingUnits = 0;
}

/** Cancels of a bracket's entry that are meant for its exits, too (TYP-7). */
const OF_THE_GROUP: readonly (CancelReason | undefined)[] = ['GROUP', 'INSTRUMENT_RETIRED'];

/**
 * The legs of a group after the events of one command. Exits of a bracket whose entry has ended
 * with nothing to exit from end with it, without an event of their own.
 */
export function applyGroupEvents(
  before: readonly OrderRecord[],
  events: readonly BookEvent[],
  of: { readonly notionalFactor: number; readonly logTimeUs: number },
): readonly OrderAfter[] {
  const legs = before.map((record) => applyEvents(record, events, of));
  const [entry, ...exits] = legs;
  if (entry === undefined || entry.record.groupType !== 'BRACKET') return legs;
  const { status, filledUnits, cancelReason, instrumentSequence } = entry.record;
  if (!isFinal(status) || status === 'REJECTED') return legs;
  if (filledUnits > 0 && !OF_THE_GROUP.includes(cancelReason)) return legs;
  const ended = exits.map(({ record, fills }) => {
    if (record.status !== 'PENDING') return { record, fills };
    const exit: MutableRecord = { ...record, cancelReason: 'GROUP', instrumentSequence };
    end(exit, 'CANCELED');
    return { record: exit, fills };
  });
  return [entry, ...ended];
}
