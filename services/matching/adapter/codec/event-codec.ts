// Events of a matching shard between the contract and the domain.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Event as EventMessage,
  EventSchema,
} from '../../../../gen/bourse/matching/v1/event_pb.ts';
import { assertNever } from '../../../lib/base/assert.ts';
import {
  decodeOrderName,
  decodeParty,
  encodeOrderName,
} from '../../../lib/platform/codec/event-parts.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { amountUnitsOf, safeNumber } from '../../../lib/platform/codec/numbers.ts';
import { slotEventMessage, slotEventOf } from '../../../lib/platform/codec/slot-codec.ts';
import {
  cancelReasonCodec,
  decodeRules,
  decodeTerms,
  encodeRules,
  encodeTerms,
  groupTypeCodec,
  instrumentStateCodec,
  rejectReasonCodec,
  selfTradePreventionCodec,
  sideCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import type {
  MatchingEvent,
  OrderAmended,
  OrderTriggered,
  TradeParty,
} from '../../domain/event.ts';
import type { Side } from '../../domain/rules.ts';

type Kind = EventMessage['kind'];
type KindInit = NonNullable<Exclude<MessageInitShape<typeof EventSchema>, EventMessage>['kind']>;

export function eventMessage(event: MatchingEvent): EventMessage {
  return create(EventSchema, {
    instrumentNumber: event.instrumentNumber,
    instrumentSequence: BigInt(event.instrumentSequence),
    kind: kindOf(event),
  });
}

/** Events of one order, named by account and placement. */
type OrderEvent = Extract<MatchingEvent, { readonly placement: number }>;

function kindOf(event: MatchingEvent): KindInit {
  if ('placement' in event) return orderKindOf(event);
  switch (event.kind) {
    case 'traded':
      return {
        case: event.kind,
        value: {
          priceUnits: BigInt(event.priceUnits),
          quantityUnits: BigInt(event.quantityUnits),
          ...sideInit('aggressorSide', event.aggressorSide),
          maker: partyInit(event.maker),
          taker: partyInit(event.taker),
          sameOwner: event.sameOwner,
        },
      };
    case 'matchPrevented':
      return {
        case: event.kind,
        value: {
          makerAccountNumber: event.makerAccountNumber,
          makerPlacement: BigInt(event.makerPlacement),
          takerAccountNumber: event.takerAccountNumber,
          takerPlacement: BigInt(event.takerPlacement),
          mode: selfTradePreventionCodec.toNumber(event.mode),
          decrementedUnits: BigInt(event.decrementedUnits),
        },
      };
    case 'ordersCanceled': {
      const { accountNumber, canceledCount, comment } = event;
      const reason = cancelReasonCodec.toNumber(event.reason);
      return { case: event.kind, value: { accountNumber, canceledCount, reason, comment } };
    }
    case 'instrumentSet': {
      const state = instrumentStateCodec.toNumber(event.state);
      return { case: event.kind, value: { rules: encodeRules(event.rules), state } };
    }
    case 'instrumentStateChanged': {
      const { comment } = event;
      const state = instrumentStateCodec.toNumber(event.state);
      const auctionEndTimeUs = BigInt(event.auctionEndTimeUs);
      return { case: event.kind, value: { state, comment, auctionEndTimeUs } };
    }
    case 'uncrossed':
      return {
        case: event.kind,
        value: {
          priceUnits: BigInt(event.priceUnits),
          volumeUnits: BigInt(event.volumeUnits),
          surplusUnits: BigInt(event.surplusUnits),
          ...sideInit('surplusSide', event.surplusSide),
        },
      };
    case 'slotsAcquired': {
      const { slots, generation } = event;
      return { case: event.kind, value: { slots: [...slots], generation: BigInt(generation) } };
    }
    case 'slotMoved':
      return { case: event.kind, value: slotEventMessage(event.move) };
    default:
      return assertNever(event);
  }
}

function orderKindOf(event: OrderEvent): KindInit {
  switch (event.kind) {
    case 'orderAccepted':
      return {
        case: event.kind,
        value: {
          ...encodeOrderName(event),
          terms: encodeTerms(event.terms),
          groupPlacement: BigInt(event.groupPlacement),
        },
      };
    case 'orderGroupAccepted': {
      const groupType = groupTypeCodec.toNumber(event.groupType);
      const legs = event.legs.map(encodeTerms);
      return { case: event.kind, value: { ...encodeOrderName(event), groupType, legs } };
    }
    case 'orderRejected':
    case 'cancelRejected': {
      const reason = rejectReasonCodec.toNumber(event.reason);
      return { case: event.kind, value: { ...encodeOrderName(event), reason } };
    }
    case 'orderCanceled': {
      const reason = cancelReasonCodec.toNumber(event.reason);
      const canceledUnits = BigInt(event.canceledUnits);
      const version = BigInt(event.version);
      return {
        case: event.kind,
        value: { ...encodeOrderName(event), reason, canceledUnits, version },
      };
    }
    case 'orderExpired': {
      const expiredUnits = BigInt(event.expiredUnits);
      const version = BigInt(event.version);
      return { case: event.kind, value: { ...encodeOrderName(event), expiredUnits, version } };
    }
    case 'orderTriggered':
      return { case: event.kind, value: triggeredInit(event) };
    case 'orderFilled':
      return {
        case: event.kind,
        value: { ...encodeOrderName(event), unspentUnits: event.unspentUnits },
      };
    case 'orderAmended':
      return { case: event.kind, value: amendedInit(event) };
    case 'amendRejected': {
      const { amendHoldId } = event;
      const reason = rejectReasonCodec.toNumber(event.reason);
      return { case: event.kind, value: { ...encodeOrderName(event), reason, amendHoldId } };
    }
    case 'orderForbidden':
      return {
        case: event.kind,
        value: { ...encodeOrderName(event), amendHoldId: event.amendHoldId },
      };
    case 'forbidRefused': {
      const { amendHoldId, open } = event;
      return { case: event.kind, value: { ...encodeOrderName(event), amendHoldId, open } };
    }
    default:
      return assertNever(event);
  }
}

function triggeredInit(event: OrderTriggered) {
  return {
    ...encodeOrderName(event),
    stopPriceUnits: BigInt(event.stopPriceUnits),
    lastPriceUnits: BigInt(event.lastPriceUnits),
    priceUnits: BigInt(event.priceUnits),
  };
}

function amendedInit(event: OrderAmended) {
  return {
    ...encodeOrderName(event),
    version: BigInt(event.version),
    quantityUnits: BigInt(event.quantityUnits),
    remainingUnits: BigInt(event.remainingUnits),
    priceUnits: BigInt(event.priceUnits),
    stopPriceUnits: BigInt(event.stopPriceUnits),
    displayUnits: BigInt(event.displayUnits),
    expireTimeUs: BigInt(event.expireTimeUs),
    placeKept: event.placeKept,
    amendHoldId: event.amendHoldId,
  };
}

/** @throws OperatingError MESSAGE_MALFORMED when the message does not say what the contract promises. */
export function eventOf(message: EventMessage): MatchingEvent {
  const place = {
    instrumentNumber: message.instrumentNumber,
    instrumentSequence: safeNumber(message.instrumentSequence),
  };
  return { ...place, ...bodyOf(message.kind) } as MatchingEvent;
}

type Body<E> = E extends MatchingEvent ? Omit<E, 'instrumentNumber' | 'instrumentSequence'> : never;

/** Kinds of events of one order. */
type OrderKind = Extract<Kind, { readonly value: { readonly placement: bigint } }>;

function bodyOf(kind: Kind): Body<MatchingEvent> {
  switch (kind.case) {
    case 'traded':
      return {
        kind: kind.case,
        priceUnits: safeNumber(kind.value.priceUnits),
        quantityUnits: safeNumber(kind.value.quantityUnits),
        aggressorSide: findSide(kind.value.aggressorSide),
        sameOwner: kind.value.sameOwner,
        maker: decodeParty(kind.value.maker),
        taker: decodeParty(kind.value.taker),
      };
    case 'matchPrevented':
      return {
        kind: kind.case,
        makerAccountNumber: kind.value.makerAccountNumber,
        makerPlacement: safeNumber(kind.value.makerPlacement),
        takerAccountNumber: kind.value.takerAccountNumber,
        takerPlacement: safeNumber(kind.value.takerPlacement),
        mode: selfTradePreventionCodec.toName(kind.value.mode),
        decrementedUnits: safeNumber(kind.value.decrementedUnits),
      };
    case 'ordersCanceled': {
      const { accountNumber, canceledCount, comment } = kind.value;
      // Logs of before there were other reasons do not say it.
      const reason = kind.value.reason === 0 ? 'MASS' : cancelReasonCodec.toName(kind.value.reason);
      return { kind: kind.case, accountNumber, canceledCount, reason, comment };
    }
    case 'instrumentSet': {
      const state = instrumentStateCodec.toName(kind.value.state);
      return { kind: kind.case, rules: decodeRules(kind.value.rules), state };
    }
    case 'instrumentStateChanged': {
      const state = instrumentStateCodec.toName(kind.value.state);
      const auctionEndTimeUs = safeNumber(kind.value.auctionEndTimeUs);
      return { kind: kind.case, state, comment: kind.value.comment, auctionEndTimeUs };
    }
    case 'uncrossed':
      return {
        kind: kind.case,
        priceUnits: safeNumber(kind.value.priceUnits),
        volumeUnits: safeNumber(kind.value.volumeUnits),
        surplusUnits: safeNumber(kind.value.surplusUnits),
        surplusSide: findSide(kind.value.surplusSide),
      };
    case 'slotsAcquired': {
      const generation = safeNumber(kind.value.generation);
      return { kind: kind.case, slots: [...kind.value.slots], generation };
    }
    case 'slotMoved':
      return { kind: kind.case, move: slotEventOf(kind.value) };
    case undefined:
      throw malformed('an event says what happened');
    default:
      return orderBodyOf(kind);
  }
}

function orderBodyOf(kind: OrderKind): Body<MatchingEvent> {
  switch (kind.case) {
    case 'orderAccepted':
      return {
        kind: kind.case,
        ...decodeOrderName(kind.value),
        terms: decodeTerms(kind.value.terms),
        groupPlacement: safeNumber(kind.value.groupPlacement),
      };
    case 'orderGroupAccepted': {
      const groupType = groupTypeCodec.toName(kind.value.groupType);
      const legs = kind.value.legs.map(decodeTerms);
      return { kind: kind.case, ...decodeOrderName(kind.value), groupType, legs };
    }
    case 'orderRejected':
    case 'cancelRejected': {
      const reason = rejectReasonCodec.toName(kind.value.reason);
      return { kind: kind.case, ...decodeOrderName(kind.value), reason } as Body<MatchingEvent>;
    }
    case 'orderCanceled': {
      const reason = cancelReasonCodec.toName(kind.value.reason);
      const canceledUnits = safeNumber(kind.value.canceledUnits);
      const version = safeNumber(kind.value.version);
      return { kind: kind.case, ...decodeOrderName(kind.value), reason, canceledUnits, version };
    }
    case 'orderExpired': {
      const expiredUnits = safeNumber(kind.value.expiredUnits);
      const version = safeNumber(kind.value.version);
      return { kind: kind.case, ...decodeOrderName(kind.value), expiredUnits, version };
    }
    case 'orderTriggered':
      return {
        kind: kind.case,
        ...decodeOrderName(kind.value),
        stopPriceUnits: safeNumber(kind.value.stopPriceUnits),
        lastPriceUnits: safeNumber(kind.value.lastPriceUnits),
        priceUnits: safeNumber(kind.value.priceUnits),
      };
    case 'orderFilled': {
      const unspentUnits = amountUnitsOf(kind.value.unspentUnits);
      return { kind: kind.case, ...decodeOrderName(kind.value), unspentUnits };
    }
    case 'orderAmended':
      return { kind: kind.case, ...amendedOf(kind.value) };
    case 'amendRejected': {
      const reason = rejectReasonCodec.toName(kind.value.reason);
      const { amendHoldId } = kind.value;
      return { kind: kind.case, ...decodeOrderName(kind.value), reason, amendHoldId };
    }
    case 'orderForbidden': {
      const { amendHoldId } = kind.value;
      return { kind: kind.case, ...decodeOrderName(kind.value), amendHoldId };
    }
    case 'forbidRefused': {
      const { amendHoldId, open } = kind.value;
      return { kind: kind.case, ...decodeOrderName(kind.value), amendHoldId, open };
    }
    default:
      return assertNever(kind);
  }
}

function amendedOf(message: Extract<Kind, { case: 'orderAmended' }>['value']) {
  return {
    ...decodeOrderName(message),
    version: safeNumber(message.version),
    quantityUnits: safeNumber(message.quantityUnits),
    remainingUnits: safeNumber(message.remainingUnits),
    priceUnits: safeNumber(message.priceUnits),
    stopPriceUnits: safeNumber(message.stopPriceUnits),
    displayUnits: safeNumber(message.displayUnits),
    expireTimeUs: safeNumber(message.expireTimeUs),
    placeKept: message.placeKept,
    amendHoldId: message.amendHoldId,
  };
}

function partyInit(party: TradeParty) {
  return {
    ...encodeOrderName(party),
    remainingUnits: BigInt(party.remainingUnits),
    unspentUnits: party.unspentUnits,
    feeUnits: party.feeUnits,
  };
}

/** A side that may be absent, as a field of that name. */
function sideInit<Field extends string>(
  field: Field,
  side: Side | undefined,
): { readonly [F in Field]?: ReturnType<typeof sideCodec.toNumber> } {
  return side === undefined ? {} : ({ [field]: sideCodec.toNumber(side) } as never);
}

/** @throws OperatingError MESSAGE_MALFORMED for a number that is no side. */
function findSide(number: number): Side | undefined {
  return number === 0 ? undefined : sideCodec.toName(number);
}
