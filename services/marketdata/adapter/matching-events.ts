// From the matching shards' contract to what market data's domain understands.

import type { Event, OrderAccepted } from '../../../gen/bourse/matching/v1/event_pb.ts';
import type { InstrumentState as StateNumber } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { OrderType, Side } from '../../../gen/bourse/type/v1/order_pb.ts';
import { instrumentStateCodec } from '../../lib/platform/codec/terms-codec.ts';
import type { InstrumentState } from '../../lib/rules/terms.ts';
import type { SequencedMarketEvent } from '../domain/instrument-feed.ts';
import type { MarketEvent, Side as MarketSide, OrderKey } from '../domain/market-event.ts';

const NOTHING: MarketEvent = { kind: 'none' };

/** Types that wait outside the book until they are triggered (TYP-3). */
const WAITING: ReadonlySet<OrderType> = new Set([
  OrderType.STOP,
  OrderType.STOP_LIMIT,
  OrderType.TAKE_PROFIT,
  OrderType.TAKE_PROFIT_LIMIT,
  OrderType.TRAILING_STOP,
]);

/** Translates one event; what market data does not show becomes `none` and still counts. */
export function toMarketEvent(event: Event): MarketEvent {
  const { kind } = event;
  switch (kind.case) {
    case 'orderAccepted':
      return toEntered(kind.value);
    case 'traded': {
      const { maker, taker } = kind.value;
      if (maker === undefined || taker === undefined) return NOTHING;
      return {
        kind: 'traded',
        instrumentSequence: Number(event.instrumentSequence),
        priceUnits: Number(kind.value.priceUnits),
        quantityUnits: Number(kind.value.quantityUnits),
        aggressorSide: toSide(kind.value.aggressorSide),
        sameOwner: kind.value.sameOwner,
        maker: { accountNumber: maker.accountNumber, placement: Number(maker.placement) },
        taker: { accountNumber: taker.accountNumber, placement: Number(taker.placement) },
      };
    }
    case 'orderCanceled':
    case 'orderFilled':
    case 'orderExpired':
    case 'orderTriggered':
    case 'orderAmended':
      return toOrderChange(event);
    case 'instrumentSet': {
      const { rules, state } = kind.value;
      return {
        kind: 'rules',
        state: toState(state),
        tickUnits: Number(rules?.tickUnits ?? 1n),
        referencePriceUnits: Number(rules?.referencePriceUnits ?? 0n),
        notionalFactor: rules?.notionalFactor ?? 1n,
      };
    }
    case 'instrumentStateChanged': {
      const auctionEndTimeUs = Number(kind.value.auctionEndTimeUs);
      return { kind: 'state', state: toState(kind.value.state), auctionEndTimeUs };
    }
    default:
      return NOTHING;
  }
}

function toEntered({ accountNumber, placement, terms }: OrderAccepted): MarketEvent {
  if (terms === undefined) return NOTHING;
  return {
    kind: 'entered',
    ...{ accountNumber, placement: Number(placement) },
    side: toSide(terms.side) ?? 'buy',
    priceUnits: Number(terms.priceUnits),
    quantityUnits: Number(terms.quantityUnits),
    displayUnits: Number(terms.displayUnits),
    waits: WAITING.has(terms.type),
  };
}

function toOrderChange({ kind }: Event): MarketEvent {
  switch (kind.case) {
    case 'orderAmended':
      return {
        kind: 'changed',
        accountNumber: kind.value.accountNumber,
        placement: Number(kind.value.placement),
        priceUnits: Number(kind.value.priceUnits),
        remainingUnits: Number(kind.value.remainingUnits),
        displayUnits: Number(kind.value.displayUnits),
        placeKept: kind.value.placeKept,
      };
    case 'orderTriggered':
      return {
        kind: 'triggered',
        accountNumber: kind.value.accountNumber,
        placement: Number(kind.value.placement),
        priceUnits: Number(kind.value.priceUnits),
      };
    case 'orderCanceled':
    case 'orderFilled':
    case 'orderExpired': {
      const { accountNumber, placement } = kind.value;
      return { kind: 'left', accountNumber, placement: Number(placement) };
    }
    default:
      return NOTHING;
  }
}

/**
 * Adds what an event comes to. A prevented match takes the same quantity off both orders when they
 * are decremented (STP-2), so it is two changes; the other modes show themselves as cancels.
 */
export function addMarketEvents(to: SequencedMarketEvent[], event: Event): void {
  const instrumentSequence = Number(event.instrumentSequence);
  if (event.kind.case !== 'matchPrevented') {
    to.push({ instrumentSequence, event: toMarketEvent(event) });
    return;
  }
  const prevented = event.kind.value;
  const byUnits = Number(prevented.decrementedUnits);
  if (byUnits === 0) {
    to.push({ instrumentSequence, event: NOTHING });
    return;
  }
  const maker = orderKey(prevented.makerAccountNumber, prevented.makerPlacement);
  const taker = orderKey(prevented.takerAccountNumber, prevented.takerPlacement);
  to.push({ instrumentSequence, event: { kind: 'reduced', ...maker, byUnits } });
  to.push({ instrumentSequence, event: { kind: 'reduced', ...taker, byUnits } });
}

function orderKey(accountNumber: number, placement: bigint): OrderKey {
  return { accountNumber, placement: Number(placement) };
}

/** Undefined when nobody is the aggressor. */
export function toSide(side: Side): MarketSide | undefined {
  if (side === Side.UNSPECIFIED) return undefined;
  return side === Side.BUY ? 'buy' : 'sell';
}

/** A state of a newer version of the shards is shown as one in which nothing may be entered. */
function toState(state: StateNumber): InstrumentState {
  return instrumentStateCodec.findName(state) ?? 'CANCEL_ONLY';
}
