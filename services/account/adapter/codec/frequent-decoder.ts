// Reads the commands that every order makes from their bytes, and the events of books that are
// settled: a start repeats all of a log, and the generated code takes many times as long. What is
// not in the form that `frequent.ts` writes is left to the generated code, which has the last word.
// A test holds both equal.

import { fromBinary } from '@bufbuild/protobuf';
import { EventSchema as MatchingEventSchema } from '../../../../gen/bourse/matching/v1/event_pb.ts';
import {
  cancelReasonCodec,
  rejectReasonCodec,
  sideCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import {
  bytesTag,
  numberTag,
  type ReadPlacementTerms,
  readAmount,
  readBool,
  readPlacementTerms,
  readSignedAmount,
  readText,
  readUint32,
} from '../../../lib/platform/codec/terms-reader.ts';
import { MalformedBytes, WireReader } from '../../../lib/shard/wire.ts';
import type { Command, PlaceHold, Settle } from '../../domain/command.ts';
import type {
  MatchingEvent,
  SettledCommand,
  SettledEntry,
  TradeParty,
  WaitingTerms,
} from '../../domain/matching-event.ts';
import { rejectReasonName } from './record-codec.ts';
import { isWaiting, settledEventOf } from './settled-codec.ts';

/** Tags of fields of Command. */
const PLACE_HOLD = bytesTag(4);
const SETTLE = bytesTag(7);

/** The command, when it is a frequent one; undefined for every other one. */
export function decodeFrequentCommand(bytes: Uint8Array): Command | undefined {
  const [first] = bytes;
  if (first !== PLACE_HOLD && first !== SETTLE) return undefined;
  try {
    const reader = new WireReader(bytes);
    reader.tag();
    const outside = reader.open();
    const command = first === PLACE_HOLD ? readPlaceHold(reader) : readSettle(reader);
    reader.close(outside);
    return reader.done ? command : undefined;
  } catch {
    return undefined;
  }
}

/** Fields come in the order of their numbers, each at most once. */
function nextTag(reader: WireReader, last: number): number {
  const tag = reader.tag();
  if (tag <= last) throw new MalformedBytes(`tag ${tag} after ${last}`);
  return tag;
}

function unknownTag(tag: number): MalformedBytes {
  return new MalformedBytes(`tag ${tag} is not known here`);
}

function readPlaceHold(reader: WireReader): PlaceHold {
  let accountId = '';
  let clientOrderId = '';
  let terms: ReadPlacementTerms | undefined;
  let bodyHash = '';
  let assetNumber = 0;
  let amountUnits = 0n;
  let validUntilUs = 0;
  let declineReason = 0;
  let refuseWhenShort = false;
  let tag = 0;
  while (!reader.done) {
    tag = nextTag(reader, tag);
    if (tag === bytesTag(1)) accountId = readText(reader);
    else if (tag === bytesTag(2)) clientOrderId = readText(reader);
    else if (tag === bytesTag(3)) terms = readPlacementTerms(reader);
    else if (tag === bytesTag(4)) bodyHash = reader.hex();
    else if (tag === numberTag(5)) assetNumber = readUint32(reader);
    else if (tag === numberTag(6)) amountUnits = readAmount(reader);
    else if (tag === numberTag(7)) validUntilUs = reader.varint();
    else if (tag === numberTag(8)) declineReason = readUint32(reader);
    else if (tag === numberTag(9)) refuseWhenShort = readBool(reader);
    else throw unknownTag(tag);
  }
  if (terms === undefined) throw new MalformedBytes('a hold has terms');
  return {
    kind: 'placeHold',
    accountId,
    clientOrderId,
    terms,
    bodyHash,
    assetNumber,
    amountUnits,
    validUntilUs,
    declineReason: rejectReasonName(declineReason),
    refuseWhenShort,
  };
}

function readSettle(reader: WireReader): Settle {
  let sourceShardId = '';
  let fromSequence = 0;
  let throughSequence = 0;
  let sourceEntryIndex = 0;
  let sourceChainChecksum = '';
  let slotsVersion = 0;
  const entries: SettledEntry[] = [];
  let last = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag < last || (tag === last && tag !== bytesTag(6))) throw unknownTag(tag);
    last = tag;
    if (tag === bytesTag(6)) entries.push(readEntry(reader));
    else if (tag === bytesTag(1)) sourceShardId = readText(reader);
    else if (tag === numberTag(2)) fromSequence = reader.varint();
    else if (tag === numberTag(3)) throughSequence = reader.varint();
    else if (tag === numberTag(4)) sourceEntryIndex = reader.varint();
    else if (tag === bytesTag(5)) sourceChainChecksum = reader.hex();
    else if (tag === numberTag(7)) slotsVersion = reader.varint();
    else throw unknownTag(tag);
  }
  return {
    kind: 'settle',
    sourceShardId,
    fromSequence,
    throughSequence,
    sourceEntryIndex,
    sourceChainChecksum,
    ...(slotsVersion === 0 ? {} : { slotsVersion }),
    entries,
  };
}

function readEntry(reader: WireReader): SettledEntry {
  const outside = reader.open();
  let logTimeUs = 0;
  const commands: SettledCommand[] = [];
  let last = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === bytesTag(3)) commands.push(readCommand(reader));
    else if (tag === numberTag(2) && last === 0) logTimeUs = reader.varint();
    else throw unknownTag(tag);
    last = tag;
  }
  reader.close(outside);
  return { logTimeUs, commands };
}

function readCommand(reader: WireReader): SettledCommand {
  const outside = reader.open();
  let identity = '';
  const events: MatchingEvent[] = [];
  let last = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === bytesTag(4)) {
      const event = readEvent(reader);
      if (event !== undefined) events.push(event);
    } else if (tag === bytesTag(1) && last === 0) identity = readText(reader);
    else throw unknownTag(tag);
    last = tag;
  }
  reader.close(outside);
  return { identity, events };
}

/** Tags of fields of bourse.matching.v1.Event. */
const EVENT = {
  instrumentNumber: numberTag(1),
  instrumentSequence: numberTag(2),
  orderAccepted: bytesTag(3),
  orderRejected: bytesTag(4),
  traded: bytesTag(5),
  orderCanceled: bytesTag(7),
} as const;

/** Tags of fields of bourse.matching.v1.OrderTerms. */
const TERMS = {
  type: numberTag(3),
  quantityUnits: numberTag(6),
  stopPriceUnits: numberTag(13),
} as const;

/**
 * One event; undefined when it can change nothing in an account shard. What is rarer, or has more
 * fields, is left to the generated code.
 */
export function readEvent(reader: WireReader): MatchingEvent | undefined {
  const from = reader.place;
  const outside = reader.open();
  try {
    const event = readFrequentEvent(reader);
    reader.close(outside);
    return event;
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    reader.goBack(from, outside);
    return settledEventOf(fromBinary(MatchingEventSchema, reader.bytes()));
  }
}

function readFrequentEvent(reader: WireReader): MatchingEvent {
  const place = { instrumentNumber: 0, instrumentSequence: 0 };
  let tag = reader.tag();
  if (tag === EVENT.instrumentNumber) {
    place.instrumentNumber = readUint32(reader);
    tag = reader.tag();
  }
  if (tag === EVENT.instrumentSequence) {
    place.instrumentSequence = reader.varint();
    tag = reader.tag();
  }
  switch (tag) {
    case EVENT.traded:
      return readTraded(reader, place);
    case EVENT.orderAccepted:
      return { kind: 'orderAccepted', ...readAccepted(reader), ...place };
    case EVENT.orderRejected: {
      const order = readOrder(reader);
      return {
        kind: 'orderRejected',
        ...order,
        ...place,
        reason: rejectReasonCodec.toName(reason),
      };
    }
    case EVENT.orderCanceled: {
      const order = readOrder(reader);
      return {
        kind: 'orderCanceled',
        ...order,
        ...place,
        reason: cancelReasonCodec.toName(reason),
      };
    }
    default:
      throw unknownTag(tag);
  }
}

type Place = Pick<MatchingEvent, 'instrumentNumber' | 'instrumentSequence'>;

/** The reason that `readOrder` has found. */
let reason = 0;

function readAccepted(reader: WireReader) {
  const outside = reader.open();
  let accountNumber = 0;
  let placement = 0;
  let waiting: WaitingTerms | undefined;
  let tag = 0;
  while (!reader.done) {
    tag = nextTag(reader, tag);
    if (tag === numberTag(1)) accountNumber = readUint32(reader);
    else if (tag === numberTag(2)) placement = reader.varint();
    else if (tag === bytesTag(3)) waiting = readWaiting(reader);
    else if (tag === numberTag(4)) reader.varint();
    else throw unknownTag(tag);
  }
  reader.close(outside);
  return { accountNumber, placement, waiting };
}

/** What the book has computed of terms; undefined when their order does not wait. */
function readWaiting(reader: WireReader): WaitingTerms | undefined {
  const outside = reader.open();
  let type = 0;
  let quantityUnits = 0;
  let stopPriceUnits = 0;
  let tag = 0;
  while (!reader.done) {
    tag = nextTag(reader, tag);
    const value = reader.varint();
    if ((tag & 7) !== 0) throw unknownTag(tag);
    if (tag === TERMS.type) type = value;
    else if (tag === TERMS.quantityUnits) quantityUnits = value;
    else if (tag === TERMS.stopPriceUnits) stopPriceUnits = value;
  }
  reader.close(outside);
  return isWaiting(type) ? { quantityUnits, stopPriceUnits } : undefined;
}

/** An order and the reason of what became of it. */
function readOrder(reader: WireReader) {
  const outside = reader.open();
  let accountNumber = 0;
  let placement = 0;
  reason = 0;
  let tag = 0;
  while (!reader.done) {
    tag = nextTag(reader, tag);
    if (tag === numberTag(1)) accountNumber = readUint32(reader);
    else if (tag === numberTag(2)) placement = reader.varint();
    else if (tag === numberTag(3)) reason = readUint32(reader);
    else throw unknownTag(tag);
  }
  reader.close(outside);
  return { accountNumber, placement };
}

function readTraded(reader: WireReader, place: Place): MatchingEvent {
  const outside = reader.open();
  let priceUnits = 0;
  let quantityUnits = 0;
  let aggressorSide = 0;
  let maker: TradeParty | undefined;
  let taker: TradeParty | undefined;
  let tag = 0;
  while (!reader.done) {
    tag = nextTag(reader, tag);
    if (tag === numberTag(1)) priceUnits = reader.varint();
    else if (tag === numberTag(2)) quantityUnits = reader.varint();
    else if (tag === numberTag(3)) aggressorSide = readUint32(reader);
    else if (tag === bytesTag(4)) maker = readParty(reader);
    else if (tag === bytesTag(5)) taker = readParty(reader);
    else if (tag === numberTag(6)) reader.varint();
    else throw unknownTag(tag);
  }
  reader.close(outside);
  if (maker === undefined || taker === undefined) throw new MalformedBytes('one-sided trade');
  return {
    kind: 'traded',
    instrumentNumber: place.instrumentNumber,
    instrumentSequence: place.instrumentSequence,
    priceUnits,
    quantityUnits,
    aggressorSide: aggressorSide === 0 ? undefined : sideCodec.toName(aggressorSide),
    maker,
    taker,
  };
}

function readParty(reader: WireReader): TradeParty {
  const outside = reader.open();
  let accountNumber = 0;
  let placement = 0;
  let remainingUnits = 0;
  let feeUnits = 0n;
  let tag = 0;
  while (!reader.done) {
    tag = nextTag(reader, tag);
    if (tag === numberTag(1)) accountNumber = readUint32(reader);
    else if (tag === numberTag(2)) placement = reader.varint();
    else if (tag === numberTag(3)) remainingUnits = reader.varint();
    else if (tag === numberTag(4)) feeUnits = readSignedAmount(reader);
    else throw unknownTag(tag);
  }
  reader.close(outside);
  return { accountNumber, placement, remainingUnits, feeUnits };
}
