// Reads what a book nearly always answers to an order, its acceptance and its trades, straight
// from the bytes. Every other event is left to the generated schemas. A test holds both equal.

import { CommittedSchema } from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { readSent } from '../../../lib/platform/codec/message-reader.ts';
import { cancelReasonCodec, sideCodec } from '../../../lib/platform/codec/terms-codec.ts';
import {
  bytesTag,
  numberTag,
  readAmount,
  readSignedAmount,
  readUint32,
} from '../../../lib/platform/codec/terms-reader.ts';
import { MalformedBytes, WireReader } from '../../../lib/shard/wire.ts';
import type { BookEvent, TradeParty } from '../../domain/book-event.ts';
import { decodeEvents } from './record-codec.ts';

/** What a book answered to a command. */
export type BookAnswer = {
  readonly logTimeUs: number;
  readonly events: readonly BookEvent[];
  /** Events that found no room in the message. */
  readonly eventsLeftOut: number;
};

/**
 * What a book answered, given as the bytes of Committed.
 *
 * @param waits whether the order has a condition: then its acceptance says what the book computed
 */
export function readBookAnswer(committed: Uint8Array, waits: boolean): BookAnswer {
  if (!waits) {
    try {
      return readAnswer(new WireReader(committed));
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
    }
  }
  const { logTimeUs, events, eventsLeftOut } = readSent(CommittedSchema, committed);
  return { logTimeUs: Number(logTimeUs), events: decodeEvents(events), eventsLeftOut };
}

function readAnswer(reader: WireReader): BookAnswer {
  const events: BookEvent[] = [];
  let logTimeUs = 0;
  let eventsLeftOut = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === numberTag(2)) logTimeUs = reader.varint();
    else if (tag === bytesTag(4)) events.push(readEvent(reader));
    else if (tag === numberTag(5)) eventsLeftOut = readUint32(reader);
    else if (tag === numberTag(1) || tag === numberTag(3)) reader.skip(tag);
    else throw new MalformedBytes(`tag ${tag} in an answer`);
  }
  return { logTimeUs, events, eventsLeftOut };
}

const ORDER_ACCEPTED = bytesTag(3);
const TRADED = bytesTag(5);
const ORDER_CANCELED = bytesTag(7);

/** Throws MalformedBytes at every event that is not one of the frequent ones. */
function readEvent(reader: WireReader): BookEvent {
  const outside = reader.open();
  let sequence = 0;
  let event: BookEvent | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    if (event !== undefined) throw new MalformedBytes('one event in each');
    if (tag === numberTag(1)) reader.skip(tag);
    else if (tag === numberTag(2)) sequence = reader.varint();
    else if (tag === ORDER_ACCEPTED) event = readAccepted(reader, sequence);
    else if (tag === TRADED) event = readTraded(reader, sequence);
    else if (tag === ORDER_CANCELED) event = readCanceled(reader, sequence);
    else throw new MalformedBytes(`tag ${tag} is not frequent`);
  }
  reader.close(outside);
  if (event === undefined) throw new MalformedBytes('an event has a kind');
  return event;
}

function readAccepted(reader: WireReader, sequence: number): BookEvent {
  const outside = reader.open();
  let accountNumber = 0;
  let placement = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === numberTag(1)) accountNumber = readUint32(reader);
    else if (tag === numberTag(2)) placement = reader.varint();
    else reader.skip(tag); // terms that say nothing new, and the group
  }
  reader.close(outside);
  return { kind: 'accepted', sequence, accountNumber, placement, waiting: undefined };
}

function readTraded(reader: WireReader, sequence: number): BookEvent {
  const outside = reader.open();
  let priceUnits = 0;
  let quantityUnits = 0;
  let side = 0;
  let maker: TradeParty | undefined;
  let taker: TradeParty | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === numberTag(1)) priceUnits = reader.varint();
    else if (tag === numberTag(2)) quantityUnits = reader.varint();
    else if (tag === numberTag(3)) side = readUint32(reader);
    else if (tag === bytesTag(4)) maker = readParty(reader);
    else if (tag === bytesTag(5)) taker = readParty(reader);
    else reader.skip(tag);
  }
  reader.close(outside);
  if (maker === undefined || taker === undefined) throw new MalformedBytes('a trade has two sides');
  const aggressorSide = sideCodec.findName(side);
  return { kind: 'traded', sequence, priceUnits, quantityUnits, aggressorSide, maker, taker };
}

function readParty(reader: WireReader): TradeParty {
  const outside = reader.open();
  let accountNumber = 0;
  let placement = 0;
  let remainingUnits = 0n;
  let feeUnits = 0n;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === numberTag(1)) accountNumber = readUint32(reader);
    else if (tag === numberTag(2)) placement = reader.varint();
    else if (tag === numberTag(3)) remainingUnits = readAmount(reader);
    else if (tag === numberTag(4)) feeUnits = readSignedAmount(reader);
    else reader.skip(tag);
  }
  reader.close(outside);
  return { accountNumber, placement, remainingUnits, feeUnits };
}

function readCanceled(reader: WireReader, sequence: number): BookEvent {
  const outside = reader.open();
  let accountNumber = 0;
  let placement = 0;
  let reason = 0;
  let canceledUnits = 0;
  let version = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === numberTag(1)) accountNumber = readUint32(reader);
    else if (tag === numberTag(2)) placement = reader.varint();
    else if (tag === numberTag(3)) reason = readUint32(reader);
    else if (tag === numberTag(4)) canceledUnits = reader.varint();
    else if (tag === numberTag(5)) version = reader.varint();
    else reader.skip(tag);
  }
  reader.close(outside);
  const name = cancelReasonCodec.findName(reason);
  if (name === undefined) throw new MalformedBytes(`cancel reason ${reason}`);
  const of = { sequence, accountNumber, placement };
  return { kind: 'canceled', ...of, reason: name, canceledUnits, version };
}
