// From the matching shards' contract to what market data's domain understands.

import type { Event } from '../../../gen/bourse/matching/v1/event_pb.ts';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { Side } from '../../../gen/bourse/type/v1/order_pb.ts';
import type { InstrumentPhase, MarketEvent } from '../domain/market-event.ts';

const NOTHING: MarketEvent = { kind: 'none' };

/** Translates one event; what market data does not show becomes `none` and still counts. */
export function toMarketEvent(event: Event): MarketEvent {
  const { kind } = event;
  switch (kind.case) {
    case 'orderAccepted': {
      const { terms } = kind.value;
      if (terms === undefined) return NOTHING;
      return {
        kind: 'entered',
        accountNumber: kind.value.accountNumber,
        placement: Number(kind.value.placement),
        side: toSide(terms.side),
        priceUnits: Number(terms.priceUnits),
        quantityUnits: Number(terms.quantityUnits),
      };
    }
    case 'traded': {
      const { maker, taker } = kind.value;
      if (maker === undefined || taker === undefined) return NOTHING;
      return {
        kind: 'traded',
        instrumentSequence: Number(event.instrumentSequence),
        priceUnits: Number(kind.value.priceUnits),
        quantityUnits: Number(kind.value.quantityUnits),
        aggressorSide: toSide(kind.value.aggressorSide),
        maker: { accountNumber: maker.accountNumber, placement: Number(maker.placement) },
        taker: { accountNumber: taker.accountNumber, placement: Number(taker.placement) },
      };
    }
    case 'orderCanceled':
    case 'orderFilled':
    case 'orderAmended':
      return toOrderChange(event);
    case 'instrumentSet':
    case 'instrumentStateChanged':
      return { kind: 'phase', phase: toPhase(kind.value.state) };
    default:
      return NOTHING;
  }
}

function toOrderChange(event: Event): MarketEvent {
  const { kind } = event;
  if (kind.case === 'orderAmended') {
    return {
      kind: 'changed',
      accountNumber: kind.value.accountNumber,
      placement: Number(kind.value.placement),
      priceUnits: Number(kind.value.priceUnits),
      remainingUnits: Number(kind.value.remainingUnits),
    };
  }
  if (kind.case === 'orderCanceled' || kind.case === 'orderFilled') {
    const { accountNumber, placement } = kind.value;
    return { kind: 'left', accountNumber, placement: Number(placement) };
  }
  return NOTHING;
}

/**
 * A prevented match takes the same quantity off both orders when they are decremented (STP-2), so
 * it is two changes; the other modes show themselves as cancels.
 */
export function toMarketEvents(event: Event): MarketEvent[] {
  if (event.kind.case !== 'matchPrevented') return [toMarketEvent(event)];
  const prevented = event.kind.value;
  const byUnits = Number(prevented.decrementedUnits);
  if (byUnits === 0) return [NOTHING];
  return [
    {
      kind: 'reduced',
      accountNumber: prevented.makerAccountNumber,
      placement: Number(prevented.makerPlacement),
      byUnits,
    },
    {
      kind: 'reduced',
      accountNumber: prevented.takerAccountNumber,
      placement: Number(prevented.takerPlacement),
      byUnits,
    },
  ];
}

export function toSide(side: Side): 'buy' | 'sell' {
  return side === Side.BUY ? 'buy' : 'sell';
}

function toPhase(state: InstrumentState): InstrumentPhase {
  return state === InstrumentState.CANCEL_ONLY ? 'cancelOnly' : 'continuous';
}
