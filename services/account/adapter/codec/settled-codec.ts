// What settlement reads of a matching shard's entries. Kinds of events that change nothing in an
// account shard are left out when they are read.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Event as EventMessage,
  EventSchema,
  type TradeParty as PartyMessage,
} from '../../../../gen/bourse/matching/v1/event_pb.ts';
import type {
  EntryEvents,
  EntryEventsSchema,
} from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { amountUnitsOf, safeNumber } from '../../../lib/platform/codec/numbers.ts';
import {
  cancelReasonCodec,
  rejectReasonCodec,
  sideCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import type {
  MatchingEvent,
  MatchingEventBody,
  SettledEntry,
  TradeParty,
} from '../../domain/matching-event.ts';

type EntryInit = Exclude<MessageInitShape<typeof EntryEventsSchema>, EntryEvents>;
type EventInit = Exclude<MessageInitShape<typeof EventSchema>, EventMessage>;
type Kind = EventMessage['kind'];
type KindInit = NonNullable<EventInit['kind']>;

export function settledEntryInit(entry: SettledEntry): EntryInit {
  return {
    logTimeUs: BigInt(entry.logTimeUs),
    commands: entry.commands.map(({ identity, events }) => ({
      identity,
      events: events.map(eventInit),
    })),
  };
}

/** @throws OperatingError MESSAGE_MALFORMED when an event is not what the contract promises. */
export function settledEntryOf(message: EntryEvents): SettledEntry {
  return {
    logTimeUs: safeNumber(message.logTimeUs),
    commands: message.commands.map(({ identity, events }) => ({
      identity,
      events: events.flatMap((event) => settledEventOf(event) ?? []),
    })),
  };
}

/** One event; undefined when it can change nothing in an account shard. */
export function settledEventOf(message: EventMessage): MatchingEvent | undefined {
  const body = bodyOf(message.kind);
  if (body === undefined) return undefined;
  const { instrumentNumber } = message;
  return { instrumentNumber, instrumentSequence: safeNumber(message.instrumentSequence), ...body };
}

function bodyOf(kind: Kind): MatchingEventBody | undefined {
  switch (kind.case) {
    case 'orderAccepted':
      return { kind: kind.case, ...orderOf(kind.value) };
    case 'orderFilled':
      return { kind: kind.case, ...orderOf(kind.value) };
    case 'orderRejected': {
      const reason = rejectReasonCodec.toName(kind.value.reason);
      return { kind: kind.case, ...orderOf(kind.value), reason };
    }
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
        decrementedUnits: safeNumber(kind.value.decrementedUnits),
      };
    case 'orderCanceled': {
      const reason = cancelReasonCodec.toName(kind.value.reason);
      return { kind: kind.case, ...orderOf(kind.value), reason };
    }
    case 'orderAmended':
      return {
        kind: kind.case,
        ...orderOf(kind.value),
        version: safeNumber(kind.value.version),
        quantityUnits: safeNumber(kind.value.quantityUnits),
        remainingUnits: safeNumber(kind.value.remainingUnits),
        priceUnits: safeNumber(kind.value.priceUnits),
        amendHoldId: kind.value.amendHoldId,
      };
    case 'amendRejected':
    case 'orderForbidden': {
      const { amendHoldId } = kind.value;
      return { kind: kind.case, ...orderOf(kind.value), amendHoldId };
    }
    default:
      return undefined;
  }
}

function orderOf(message: { readonly accountNumber: number; readonly placement: bigint }) {
  return { accountNumber: message.accountNumber, placement: safeNumber(message.placement) };
}

function partyOf(message: PartyMessage | undefined): TradeParty {
  if (message === undefined) throw malformed('a trade has two orders');
  const remainingUnits = safeNumber(message.remainingUnits);
  return { ...orderOf(message), remainingUnits, feeUnits: amountUnitsOf(message.feeUnits) };
}

/** One event as its message. */
export function settledEventMessage(event: MatchingEvent): EventMessage {
  return create(EventSchema, eventInit(event));
}

function eventInit(event: MatchingEvent): EventInit {
  return {
    instrumentNumber: event.instrumentNumber,
    instrumentSequence: BigInt(event.instrumentSequence),
    kind: kindInit(event),
  };
}

function kindInit(event: MatchingEventBody): KindInit {
  switch (event.kind) {
    case 'traded': {
      const { maker, taker } = event;
      return {
        case: event.kind,
        value: {
          priceUnits: BigInt(event.priceUnits),
          quantityUnits: BigInt(event.quantityUnits),
          aggressorSide: sideCodec.toNumber(event.aggressorSide),
          maker: partyInit(maker),
          taker: partyInit(taker),
        },
      };
    }
    case 'matchPrevented':
      return {
        case: event.kind,
        value: {
          makerAccountNumber: event.makerAccountNumber,
          makerPlacement: BigInt(event.makerPlacement),
          takerAccountNumber: event.takerAccountNumber,
          takerPlacement: BigInt(event.takerPlacement),
          decrementedUnits: BigInt(event.decrementedUnits),
        },
      };
    case 'orderRejected': {
      const reason = rejectReasonCodec.toNumber(event.reason);
      return { case: event.kind, value: { ...namesInit(event), reason } };
    }
    case 'orderCanceled': {
      const reason = cancelReasonCodec.toNumber(event.reason);
      return { case: event.kind, value: { ...namesInit(event), reason } };
    }
    case 'orderAmended':
      return {
        case: event.kind,
        value: {
          ...namesInit(event),
          version: BigInt(event.version),
          quantityUnits: BigInt(event.quantityUnits),
          remainingUnits: BigInt(event.remainingUnits),
          priceUnits: BigInt(event.priceUnits),
          amendHoldId: event.amendHoldId,
        },
      };
    case 'amendRejected':
    case 'orderForbidden': {
      const { amendHoldId } = event;
      return { case: event.kind, value: { ...namesInit(event), amendHoldId } };
    }
    default:
      return { case: event.kind, value: namesInit(event) };
  }
}

function namesInit(event: { readonly accountNumber: number; readonly placement: number }) {
  return { accountNumber: event.accountNumber, placement: BigInt(event.placement) };
}

function partyInit(party: TradeParty) {
  const { remainingUnits, feeUnits } = party;
  return { ...namesInit(party), remainingUnits: BigInt(remainingUnits), feeUnits };
}
