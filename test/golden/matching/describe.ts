// Events of the book, and the book itself, as a trader would tell them.

import { assertNever } from '../../../services/lib/base/assert.ts';
import type { OrderTerms } from '../../../services/lib/rules/terms.ts';
import type {
  MatchingEvent,
  OrderAmended,
  Traded,
  TradeParty,
} from '../../../services/matching/domain/event.ts';
import type { ShownBook, ShownLevel, ShownOrder } from '../../support/matching/venue.ts';
import type { Floor } from './floor.ts';

/** One event in one line. */
export function describeEvent(floor: Floor, event: MatchingEvent | string): string {
  if (typeof event === 'string') return event;
  const sequence = event.instrumentSequence === 0 ? '' : `#${event.instrumentSequence} `;
  return `${sequence}${sentenceOf(floor, event)}`;
}

function sentenceOf(floor: Floor, event: MatchingEvent): string {
  switch (event.kind) {
    case 'orderAccepted':
    case 'orderRejected':
    case 'orderCanceled':
    case 'orderExpired':
    case 'orderTriggered':
    case 'orderFilled':
    case 'orderAmended':
    case 'amendRejected':
    case 'cancelRejected':
    case 'orderForbidden':
    case 'forbidRefused':
      return `${floor.orderName(event)} ${predicateOf(floor, event)}`;
    case 'orderGroupAccepted':
      return `group ${floor.orderName(event)} accepted: ${event.groupType}`;
    case 'traded':
      return describeTrade(floor, event);
    case 'matchPrevented': {
      const maker = { accountNumber: event.makerAccountNumber, placement: event.makerPlacement };
      const taker = { accountNumber: event.takerAccountNumber, placement: event.takerPlacement };
      const off = event.mode === 'DECREMENT' ? `, ${event.decrementedUnits} off both` : '';
      const names = `${floor.orderName(taker)} with ${floor.orderName(maker)}`;
      return `match prevented: ${names}, ${event.mode}${off}`;
    }
    case 'ordersCanceled': {
      const whose =
        event.accountNumber === 0 ? 'all' : `all of ${floor.accountName(event.accountNumber)}`;
      const why = event.reason === 'MASS' ? '' : `, ${event.reason}`;
      return `${whose} canceled: ${event.canceledCount}${why}${commentOf(event.comment)}`;
    }
    case 'instrumentSet':
      return `instrument ${event.rules.instrumentId} version ${event.rules.version}, ${event.state}`;
    case 'instrumentStateChanged': {
      const end = event.auctionEndTimeUs;
      return `instrument is ${event.state}${untilOf(end)}${commentOf(event.comment)}`;
    }
    case 'uncrossed': {
      const side = event.surplusSide === 'BUY' ? 'buy' : 'sell';
      const left = event.surplusSide === undefined ? 'nothing' : `${event.surplusUnits} to ${side}`;
      return `uncrossed ${event.volumeUnits} @ ${event.priceUnits}, ${left} left`;
    }
    case 'slotsAcquired':
      return `slots ${event.slots.join(' ')} acquired, generation ${event.generation}`;
    case 'slotMoved':
      return `slot ${event.move.slot} ${event.move.step}, generation ${event.move.generation}`;
    default:
      return assertNever(event);
  }
}

type OfOneOrder = Extract<MatchingEvent, { accountNumber: number; placement: number }>;

/** What an event says of its order. */
function predicateOf(floor: Floor, event: Exclude<OfOneOrder, { groupType: unknown }>): string {
  switch (event.kind) {
    case 'orderAccepted': {
      const { accountNumber, groupPlacement: placement } = event;
      const group =
        placement === 0 ? '' : ` (group ${floor.orderName({ accountNumber, placement })})`;
      return `accepted: ${describeTerms(event.terms)}${group}`;
    }
    case 'orderRejected':
      return `rejected: ${event.reason}`;
    case 'orderCanceled':
      return `canceled: ${event.reason}, ${event.canceledUnits} open`;
    case 'orderExpired':
      return `expired, ${event.expiredUnits} open`;
    case 'orderTriggered': {
      const { stopPriceUnits, lastPriceUnits, priceUnits } = event;
      return `triggered by ${lastPriceUnits}: stop ${stopPriceUnits}, price ${priceUnits}`;
    }
    case 'orderFilled':
      return `filled, ${event.unspentUnits} unspent`;
    case 'orderAmended':
      return `amended${holdOf(event)}: ${describeAmended(event)}`;
    case 'amendRejected':
      return `amend rejected${holdOf(event)}: ${event.reason}`;
    case 'cancelRejected':
      return `cancel rejected: ${event.reason}`;
    case 'orderForbidden':
      return `forbidden${holdOf(event)}`;
    case 'forbidRefused':
      return `forbid refused: ${event.open ? 'open in the book' : 'final'}`;
    default:
      return assertNever(event);
  }
}

function describeTrade(floor: Floor, event: Traded): string {
  const what = `traded ${event.quantityUnits} @ ${event.priceUnits}`;
  const owner = event.sameOwner ? ', one owner' : '';
  const maker = party(floor, event.maker);
  const taker = party(floor, event.taker);
  if (event.aggressorSide === undefined) {
    return `${what} in the auction, buyer ${maker}, seller ${taker}${owner}`;
  }
  const side = event.aggressorSide === 'BUY' ? 'buyer' : 'seller';
  return `${what}, ${side} ${taker}, resting ${maker}${owner}`;
}

function describeAmended(event: OrderAmended): string {
  const stop = event.stopPriceUnits === 0 ? '' : `, stop ${event.stopPriceUnits}`;
  const shown = event.displayUnits === 0 ? '' : `, show ${event.displayUnits}`;
  const end = event.expireTimeUs === 0 ? '' : `,${untilOf(event.expireTimeUs)}`;
  const place = event.placeKept ? 'place kept' : 'to the back';
  const now = `${event.quantityUnits} @ ${event.priceUnits}${stop}${shown}${end}`;
  return `${now}, ${event.remainingUnits} open, ${place}, version ${event.version}`;
}

function commentOf(comment: string): string {
  return comment === '' ? '' : `: ${comment}`;
}

function untilOf(timeUs: number): string {
  return timeUs === 0 ? '' : ` until ${timeUs / 1_000_000}`;
}

function holdOf(event: { readonly amendHoldId: string }): string {
  return event.amendHoldId === '' ? '' : ` under hold ${event.amendHoldId}`;
}

function party(floor: Floor, side: TradeParty): string {
  const left = side.unspentUnits === 0n ? `${side.remainingUnits}` : `${side.unspentUnits} unspent`;
  const fee = side.feeUnits === 0n ? '' : `, fee ${side.feeUnits}`;
  return `${floor.orderName(side)} (${left} left${fee})`;
}

function describeTerms(terms: OrderTerms): string {
  const byBudget = terms.quoteBudgetUnits !== 0n;
  const what = byBudget ? `for ${terms.quoteBudgetUnits}` : `${terms.quantityUnits}`;
  const words = [terms.side.toLowerCase(), what, describeType(terms)];
  if (terms.timeInForce === 'GTD') words.push(`until ${terms.expireTimeUs / 1_000_000}`);
  else if (terms.timeInForce !== 'GTC') words.push(terms.timeInForce);
  if (terms.postOnly) words.push('post-only');
  if (terms.displayUnits > 0) words.push(`show ${terms.displayUnits}`);
  if (terms.minimumUnits > 0) words.push(`at-least ${terms.minimumUnits}`);
  return words.join(' ');
}

function describeType(terms: OrderTerms): string {
  const { type, priceUnits, stopPriceUnits } = terms;
  switch (type) {
    case 'LIMIT':
      return `@ ${priceUnits}`;
    case 'MARKET':
      return `market worst ${priceUnits}`;
    case 'STOP':
      return `stop ${stopPriceUnits} worst ${priceUnits}`;
    case 'STOP_LIMIT':
      return `stop ${stopPriceUnits} @ ${priceUnits}`;
    case 'TAKE_PROFIT':
      return `take-profit ${stopPriceUnits} worst ${priceUnits}`;
    case 'TAKE_PROFIT_LIMIT':
      return `take-profit ${stopPriceUnits} @ ${priceUnits}`;
    case 'TRAILING_STOP': {
      const { trailingOffsetUnits, trailingOffsetBps } = terms;
      const distance = trailingOffsetBps > 0 ? `${trailingOffsetBps} bps` : trailingOffsetUnits;
      return `trailing ${distance} stop ${stopPriceUnits} worst ${priceUnits}`;
    }
    default:
      return assertNever(type);
  }
}

/** The whole book: every level with its sum and its orders, oldest first, then what waits. */
export function describeBook(floor: Floor): string[] {
  const book = floor.venue.show();
  const end = book.state === 'AUCTION' ? untilOf(floor.auctionEndTimeUs) : '';
  const line = (side: string, level: ShownLevel) => describeLevel(floor, book, side, level);
  return [
    `book, ${book.state}${end}, last price ${book.lastPriceUnits || 'none'}`,
    ...[...book.asks].reverse().map((level) => line('ask', level)),
    ...book.bids.map((level) => line('bid', level)),
    ...(book.resting.length === 0 ? ['  empty'] : []),
    ...book.waiting.map((order) => describeWaiting(floor, order)),
  ];
}

function describeLevel(floor: Floor, book: ShownBook, side: string, level: ShownLevel): string {
  const isBid = side === 'bid';
  const orders = book.resting
    .filter((order) => order.priceUnits === level.priceUnits && (order.side === 'BUY') === isBid)
    .map((order) => {
      const { remainingUnits: open, shownUnits: shown } = order;
      return `${floor.orderName(order)} ${shown}${shown === open ? '' : ` of ${open}`}`;
    });
  return `  ${side} ${level.priceUnits}: ${level.quantityUnits} (${orders.join(', ')})`;
}

function describeWaiting(floor: Floor, order: ShownOrder): string {
  const what = `${order.side.toLowerCase()} ${order.remainingUnits}`;
  return `  waiting ${floor.orderName(order)}: ${what} stop ${order.stopPriceUnits} price ${order.priceUnits}`;
}
