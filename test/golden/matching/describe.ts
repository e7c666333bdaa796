// Events of the book as a trader would tell them.

import { assertNever } from '../../../services/lib/base/assert.ts';
import type { MatchingEvent, TradeParty } from '../../../services/matching/domain/event.ts';
import type { OrderTerms } from '../../../services/matching/domain/rules.ts';
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
      return `${floor.orderName(event)} accepted: ${describeTerms(event.terms)}`;
    case 'orderRejected':
      return `${floor.orderName(event)} rejected: ${event.reason}`;
    case 'traded': {
      const what = `traded ${event.quantityUnits} @ ${event.priceUnits}`;
      const taker = `${event.aggressorSide === 'BUY' ? 'buyer' : 'seller'} ${party(floor, event.taker)}`;
      return `${what}, ${taker}, resting ${party(floor, event.maker)}`;
    }
    case 'matchPrevented': {
      const maker = { accountNumber: event.makerAccountNumber, placement: event.makerPlacement };
      const taker = { accountNumber: event.takerAccountNumber, placement: event.takerPlacement };
      const off = event.mode === 'DECREMENT' ? `, ${event.decrementedUnits} off both` : '';
      const names = `${floor.orderName(taker)} with ${floor.orderName(maker)}`;
      return `match prevented: ${names}, ${event.mode}${off}`;
    }
    case 'orderCanceled':
      return `${floor.orderName(event)} canceled: ${event.reason}, ${event.canceledUnits} open`;
    case 'orderFilled':
      return `${floor.orderName(event)} filled, ${event.unspentUnits} unspent`;
    case 'orderAmended': {
      const { quantityUnits, priceUnits, remainingUnits, version } = event;
      const place = event.placeKept ? 'place kept' : 'to the back';
      const order = `${floor.orderName(event)} amended${holdOf(event)}`;
      return `${order}: ${quantityUnits} @ ${priceUnits}, ${remainingUnits} open, ${place}, version ${version}`;
    }
    case 'amendRejected':
      return `${floor.orderName(event)} amend rejected${holdOf(event)}: ${event.reason}`;
    case 'cancelRejected':
      return `${floor.orderName(event)} cancel rejected: ${event.reason}`;
    case 'orderForbidden':
      return `${floor.orderName(event)} forbidden${holdOf(event)}`;
    case 'forbidRefused':
      return `${floor.orderName(event)} forbid refused: ${event.open ? 'open in the book' : 'final'}`;
    case 'ordersCanceled':
      return `all of ${floor.accountName(event.accountNumber)} canceled: ${event.canceledCount}`;
    case 'instrumentSet':
      return `instrument ${event.rules.instrumentId} version ${event.rules.version}, ${event.state}`;
    case 'instrumentStateChanged':
      return `instrument is ${event.state}${event.comment === '' ? '' : `: ${event.comment}`}`;
    case 'slotsAcquired':
      return `slots ${event.slots.join(' ')} acquired, generation ${event.generation}`;
    default:
      return assertNever(event);
  }
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
  const what =
    terms.quoteBudgetUnits === 0n ? `${terms.quantityUnits}` : `for ${terms.quoteBudgetUnits}`;
  const price =
    terms.type === 'LIMIT' ? `@ ${terms.priceUnits}` : `market worst ${terms.priceUnits}`;
  const force = terms.timeInForce === 'GTC' ? '' : ` ${terms.timeInForce}`;
  return `${terms.side.toLowerCase()} ${what} ${price}${force}${terms.postOnly ? ' post-only' : ''}`;
}
