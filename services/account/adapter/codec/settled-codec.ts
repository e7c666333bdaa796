// What settlement reads of a matching shard's entries. Kinds of events that change nothing in an
// account shard are left out when they are read.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { OrderTerms } from '../../../../gen/bourse/matching/v1/command_pb.ts';
import {
  type Event as EventMessage,
  EventSchema,
  type TradeParty as PartyMessage,
  type Traded,
} from '../../../../gen/bourse/matching/v1/event_pb.ts';
import type {
  EntryEvents,
  EntryEventsSchema,
} from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { OrderType } from '../../../../gen/bourse/type/v1/order_pb.ts';
import {
  decodeOrderName,
  decodeParty,
  encodeOrderName,
} from '../../../lib/platform/codec/event-parts.ts';
import type { RawFields } from '../../../lib/platform/codec/message-reader.ts';
import { safeNumber } from '../../../lib/platform/codec/numbers.ts';
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
  WaitingTerms,
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
    case 'orderAccepted': {
      const waiting = waitingOf(kind.value.terms);
      return { kind: kind.case, ...decodeOrderName(kind.value), waiting };
    }
    case 'orderFilled':
    case 'orderExpired':
      return { kind: kind.case, ...decodeOrderName(kind.value) };
    case 'orderTriggered':
      return {
        kind: kind.case,
        ...decodeOrderName(kind.value),
        stopPriceUnits: safeNumber(kind.value.stopPriceUnits),
        priceUnits: safeNumber(kind.value.priceUnits),
      };
    case 'orderRejected': {
      const reason = rejectReasonCodec.toName(kind.value.reason);
      return { kind: kind.case, ...decodeOrderName(kind.value), reason };
    }
    case 'traded':
      return tradedOf(kind.value);
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
      return { kind: kind.case, ...decodeOrderName(kind.value), reason };
    }
    case 'orderAmended':
      return {
        kind: kind.case,
        ...decodeOrderName(kind.value),
        version: safeNumber(kind.value.version),
        quantityUnits: safeNumber(kind.value.quantityUnits),
        remainingUnits: safeNumber(kind.value.remainingUnits),
        priceUnits: safeNumber(kind.value.priceUnits),
        stopPriceUnits: safeNumber(kind.value.stopPriceUnits),
        displayUnits: safeNumber(kind.value.displayUnits),
        expireTimeUs: safeNumber(kind.value.expireTimeUs),
        amendHoldId: kind.value.amendHoldId,
      };
    case 'slotMoved': {
      const { step } = kind.value;
      if (step.case !== 'imported') return undefined;
      const { sourceShardId, exportSequence } = step.value;
      return { kind: 'slotImported', sourceShardId, exportSequence: safeNumber(exportSequence) };
    }
    case 'amendRejected':
    case 'orderForbidden': {
      const { amendHoldId } = kind.value;
      return { kind: kind.case, ...decodeOrderName(kind.value), amendHoldId };
    }
    default:
      return undefined;
  }
}

function tradedOf(message: Traded): Extract<MatchingEventBody, { kind: 'traded' }> {
  return {
    kind: 'traded',
    priceUnits: safeNumber(message.priceUnits),
    quantityUnits: safeNumber(message.quantityUnits),
    aggressorSide:
      message.aggressorSide === 0 ? undefined : sideCodec.toName(message.aggressorSide),
    maker: partyOf(message.maker),
    taker: partyOf(message.taker),
  };
}

/** Types that wait outside the book until they are triggered (TYP-3). */
const WAITING: ReadonlySet<number> = new Set([
  OrderType.STOP,
  OrderType.STOP_LIMIT,
  OrderType.TAKE_PROFIT,
  OrderType.TAKE_PROFIT_LIMIT,
  OrderType.TRAILING_STOP,
  // What this shard's own log holds of a waiting order's terms has no type.
  OrderType.UNSPECIFIED,
]);

/** Of a book's streams, each command's events are left as their bytes: see `book-commands.ts`. */
export const RAW_EVENTS: RawFields = new Set(['bourse.matching.v1.EntryEvents.commands']);

function waitingOf(sent: OrderTerms | undefined): WaitingTerms | undefined {
  if (sent === undefined || !isWaiting(sent.type)) return undefined;
  const { quantityUnits, stopPriceUnits } = sent;
  return {
    quantityUnits: safeNumber(quantityUnits),
    stopPriceUnits: safeNumber(stopPriceUnits),
  };
}

/** Whether orders of a type, by its number, wait outside the book (TYP-3). */
export function isWaiting(type: number): boolean {
  return WAITING.has(type);
}

/** What is left of a budget is no business of an account shard: it ends with its order. */
function partyOf(message: PartyMessage | undefined): TradeParty {
  const { unspentUnits: _ofTheBudget, ...party } = decodeParty(message);
  return party;
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
    case 'traded':
      return { case: event.kind, value: tradedInit(event) };
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
    case 'orderAccepted': {
      const { waiting } = event;
      if (waiting === undefined) return { case: event.kind, value: encodeOrderName(event) };
      const quantityUnits = BigInt(waiting.quantityUnits);
      const terms = { quantityUnits, stopPriceUnits: BigInt(waiting.stopPriceUnits) };
      return { case: event.kind, value: { ...encodeOrderName(event), terms } };
    }
    case 'orderTriggered':
      return {
        case: event.kind,
        value: {
          ...encodeOrderName(event),
          stopPriceUnits: BigInt(event.stopPriceUnits),
          priceUnits: BigInt(event.priceUnits),
        },
      };
    case 'orderRejected': {
      const reason = rejectReasonCodec.toNumber(event.reason);
      return { case: event.kind, value: { ...encodeOrderName(event), reason } };
    }
    case 'orderCanceled': {
      const reason = cancelReasonCodec.toNumber(event.reason);
      return { case: event.kind, value: { ...encodeOrderName(event), reason } };
    }
    case 'orderAmended':
      return { case: event.kind, value: amendedInit(event) };
    case 'slotImported': {
      const { sourceShardId, exportSequence } = event;
      const value = { sourceShardId, exportSequence: BigInt(exportSequence) };
      return { case: 'slotMoved', value: { step: { case: 'imported', value } } };
    }
    case 'amendRejected':
    case 'orderForbidden': {
      const { amendHoldId } = event;
      return { case: event.kind, value: { ...encodeOrderName(event), amendHoldId } };
    }
    default:
      return { case: event.kind, value: encodeOrderName(event) };
  }
}

function tradedInit(event: Extract<MatchingEventBody, { kind: 'traded' }>) {
  const { maker, taker, aggressorSide } = event;
  return {
    priceUnits: BigInt(event.priceUnits),
    quantityUnits: BigInt(event.quantityUnits),
    ...(aggressorSide === undefined ? {} : { aggressorSide: sideCodec.toNumber(aggressorSide) }),
    maker: partyInit(maker),
    taker: partyInit(taker),
  };
}

function amendedInit(event: Extract<MatchingEventBody, { kind: 'orderAmended' }>) {
  return {
    ...encodeOrderName(event),
    version: BigInt(event.version),
    quantityUnits: BigInt(event.quantityUnits),
    remainingUnits: BigInt(event.remainingUnits),
    priceUnits: BigInt(event.priceUnits),
    stopPriceUnits: BigInt(event.stopPriceUnits),
    displayUnits: BigInt(event.displayUnits),
    expireTimeUs: BigInt(event.expireTimeUs),
    amendHoldId: event.amendHoldId,
  };
}

function partyInit(party: TradeParty) {
  const { remainingUnits, feeUnits } = party;
  return { ...encodeOrderName(party), remainingUnits: BigInt(remainingUnits), feeUnits };
}
