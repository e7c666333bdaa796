// Events of a matching shard between the contract and the domain.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Event as EventMessage,
  EventSchema,
  type TradeParty as PartyMessage,
} from '../../../../gen/bourse/matching/v1/event_pb.ts';
import { assertNever } from '../../../lib/base/assert.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { amountUnitsOf, safeNumber } from '../../../lib/platform/codec/numbers.ts';
import {
  cancelReasonCodec,
  decodeRules,
  decodeTerms,
  encodeRules,
  encodeTerms,
  instrumentStateCodec,
  rejectReasonCodec,
  selfTradePreventionCodec,
  sideCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import type { MatchingEvent, TradeParty } from '../../domain/event.ts';

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
          aggressorSide: sideCodec.toNumber(event.aggressorSide),
          maker: partyMessage(event.maker),
          taker: partyMessage(event.taker),
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
      const { accountNumber, canceledCount } = event;
      return { case: event.kind, value: { accountNumber, canceledCount } };
    }
    case 'instrumentSet': {
      const state = instrumentStateCodec.toNumber(event.state);
      return { case: event.kind, value: { rules: encodeRules(event.rules), state } };
    }
    case 'instrumentStateChanged': {
      const state = instrumentStateCodec.toNumber(event.state);
      return { case: event.kind, value: { state, comment: event.comment } };
    }
    case 'slotsAcquired': {
      const { slots, generation } = event;
      return { case: event.kind, value: { slots: [...slots], generation: BigInt(generation) } };
    }
    default:
      return assertNever(event);
  }
}

function orderKindOf(event: OrderEvent): KindInit {
  switch (event.kind) {
    case 'orderAccepted':
      return { case: event.kind, value: { ...orderOf(event), terms: encodeTerms(event.terms) } };
    case 'orderRejected':
    case 'cancelRejected': {
      const reason = rejectReasonCodec.toNumber(event.reason);
      return { case: event.kind, value: { ...orderOf(event), reason } };
    }
    case 'orderCanceled': {
      const reason = cancelReasonCodec.toNumber(event.reason);
      const canceledUnits = BigInt(event.canceledUnits);
      const version = BigInt(event.version);
      return { case: event.kind, value: { ...orderOf(event), reason, canceledUnits, version } };
    }
    case 'orderFilled':
      return {
        case: event.kind,
        value: { ...orderOf(event), unspentUnits: event.unspentUnits },
      };
    case 'orderAmended':
      return {
        case: event.kind,
        value: {
          ...orderOf(event),
          version: BigInt(event.version),
          quantityUnits: BigInt(event.quantityUnits),
          remainingUnits: BigInt(event.remainingUnits),
          priceUnits: BigInt(event.priceUnits),
          placeKept: event.placeKept,
          amendHoldId: event.amendHoldId,
        },
      };
    case 'amendRejected': {
      const { amendHoldId } = event;
      const reason = rejectReasonCodec.toNumber(event.reason);
      return { case: event.kind, value: { ...orderOf(event), reason, amendHoldId } };
    }
    case 'orderForbidden':
      return { case: event.kind, value: { ...orderOf(event), amendHoldId: event.amendHoldId } };
    case 'forbidRefused': {
      const { amendHoldId, open } = event;
      return { case: event.kind, value: { ...orderOf(event), amendHoldId, open } };
    }
    default:
      return assertNever(event);
  }
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
        aggressorSide: sideCodec.toName(kind.value.aggressorSide),
        maker: partyOf(kind.value.maker),
        taker: partyOf(kind.value.taker),
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
      const { accountNumber, canceledCount } = kind.value;
      return { kind: kind.case, accountNumber, canceledCount };
    }
    case 'instrumentSet': {
      const state = instrumentStateCodec.toName(kind.value.state);
      return { kind: kind.case, rules: decodeRules(kind.value.rules), state };
    }
    case 'instrumentStateChanged': {
      const state = instrumentStateCodec.toName(kind.value.state);
      return { kind: kind.case, state, comment: kind.value.comment };
    }
    case 'slotsAcquired': {
      const generation = safeNumber(kind.value.generation);
      return { kind: kind.case, slots: [...kind.value.slots], generation };
    }
    case undefined:
      throw malformed('an event says what happened');
    default:
      return orderBodyOf(kind);
  }
}

function orderBodyOf(kind: OrderKind): Body<MatchingEvent> {
  switch (kind.case) {
    case 'orderAccepted':
      return { kind: kind.case, ...orderNamed(kind.value), terms: decodeTerms(kind.value.terms) };
    case 'orderRejected':
    case 'cancelRejected': {
      const reason = rejectReasonCodec.toName(kind.value.reason);
      return { kind: kind.case, ...orderNamed(kind.value), reason } as Body<MatchingEvent>;
    }
    case 'orderCanceled': {
      const reason = cancelReasonCodec.toName(kind.value.reason);
      const canceledUnits = safeNumber(kind.value.canceledUnits);
      const version = safeNumber(kind.value.version);
      return { kind: kind.case, ...orderNamed(kind.value), reason, canceledUnits, version };
    }
    case 'orderFilled': {
      const unspentUnits = amountUnitsOf(kind.value.unspentUnits);
      return { kind: kind.case, ...orderNamed(kind.value), unspentUnits };
    }
    case 'orderAmended':
      return {
        kind: kind.case,
        ...orderNamed(kind.value),
        version: safeNumber(kind.value.version),
        quantityUnits: safeNumber(kind.value.quantityUnits),
        remainingUnits: safeNumber(kind.value.remainingUnits),
        priceUnits: safeNumber(kind.value.priceUnits),
        placeKept: kind.value.placeKept,
        amendHoldId: kind.value.amendHoldId,
      };
    case 'amendRejected': {
      const reason = rejectReasonCodec.toName(kind.value.reason);
      const { amendHoldId } = kind.value;
      return { kind: kind.case, ...orderNamed(kind.value), reason, amendHoldId };
    }
    case 'orderForbidden': {
      const { amendHoldId } = kind.value;
      return { kind: kind.case, ...orderNamed(kind.value), amendHoldId };
    }
    case 'forbidRefused': {
      const { amendHoldId, open } = kind.value;
      return { kind: kind.case, ...orderNamed(kind.value), amendHoldId, open };
    }
    default:
      return assertNever(kind);
  }
}

function orderOf(event: { readonly accountNumber: number; readonly placement: number }): {
  accountNumber: number;
  placement: bigint;
} {
  return { accountNumber: event.accountNumber, placement: BigInt(event.placement) };
}

function orderNamed(message: { readonly accountNumber: number; readonly placement: bigint }): {
  readonly accountNumber: number;
  readonly placement: number;
} {
  return { accountNumber: message.accountNumber, placement: safeNumber(message.placement) };
}

function partyMessage(party: TradeParty) {
  return {
    ...orderOf(party),
    remainingUnits: BigInt(party.remainingUnits),
    unspentUnits: party.unspentUnits,
    feeUnits: party.feeUnits,
  };
}

function partyOf(message: PartyMessage | undefined): TradeParty {
  if (message === undefined) throw malformed('a trade has two orders');
  return {
    ...orderNamed(message),
    remainingUnits: safeNumber(message.remainingUnits),
    unspentUnits: amountUnitsOf(message.unspentUnits),
    feeUnits: amountUnitsOf(message.feeUnits),
  };
}
