// Reads the commands that every order makes from their bytes: a start repeats all of a log, and the
// generated code takes ten times as long. What is not in the form that `frequent.ts` writes is left
// to the generated code, which has the last word. A test holds both equal.

import {
  bytesTag,
  numberTag,
  readAmount,
  readOrderTerms,
  readText,
  readUint32,
} from '../../../lib/platform/codec/terms-reader.ts';
import { MalformedBytes, WireReader } from '../../../lib/shard/wire.ts';
import type { AmendOrder, CancelOrder, MatchingCommand, PlaceOrder } from '../../domain/command.ts';

/** Tags of fields of Command. */
const PLACE_ORDER = bytesTag(1);
const CANCEL_ORDER = bytesTag(2);
const AMEND_ORDER = bytesTag(3);

/** A frequent command that came as bytes. */
export type FrequentCommand = {
  readonly command: MatchingCommand;
  /** True when the bytes are known to be those that `encodeFrequentCommand` makes of it. */
  readonly isCanonical: boolean;
};

/** The command, when it is a frequent one; undefined for every other one. */
export function decodeFrequentCommand(bytes: Uint8Array): MatchingCommand | undefined {
  return readFrequentCommand(bytes)?.command;
}

/** As above, with what its bytes are good for. */
export function readFrequentCommand(bytes: Uint8Array): FrequentCommand | undefined {
  const [first] = bytes;
  if (first !== PLACE_ORDER && first !== CANCEL_ORDER && first !== AMEND_ORDER) return undefined;
  try {
    const reader = new WireReader(bytes);
    reader.tag();
    const outside = reader.open();
    const command = readCommand(reader, first);
    reader.close(outside);
    return reader.done ? { command, isCanonical: reader.isTerse } : undefined;
  } catch {
    return undefined;
  }
}

function readCommand(reader: WireReader, tag: number): MatchingCommand {
  if (tag === PLACE_ORDER) return readPlaceOrder(reader);
  return tag === CANCEL_ORDER ? readCancelOrder(reader) : readAmendOrder(reader);
}

function readPlaceOrder(reader: WireReader): PlaceOrder {
  let tag = reader.tag();
  let accountNumber = 0;
  let placement = 0;
  if (tag === numberTag(1)) {
    accountNumber = readUint32(reader);
    tag = reader.tag();
  }
  if (tag === numberTag(2)) {
    placement = reader.varint();
    tag = reader.tag();
  }
  if (tag !== bytesTag(3)) throw new MalformedBytes('an order without terms');
  return { kind: 'placeOrder', accountNumber, placement, terms: readOrderTerms(reader) };
}

function readCancelOrder(reader: WireReader): CancelOrder {
  let instrumentNumber = 0;
  let accountNumber = 0;
  let placement = 0;
  let last = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag <= last) throw new MalformedBytes('fields out of order');
    last = tag;
    if (tag === numberTag(1)) instrumentNumber = readUint32(reader);
    else if (tag === numberTag(2)) accountNumber = readUint32(reader);
    else if (tag === numberTag(3)) placement = reader.varint();
    else throw new MalformedBytes(`tag ${tag} in a cancel`);
  }
  return { kind: 'cancelOrder', instrumentNumber, accountNumber, placement };
}

function readAmendOrder(reader: WireReader): AmendOrder {
  let instrumentNumber = 0;
  let accountNumber = 0;
  let placement = 0;
  let quantityUnits: number | undefined;
  let priceUnits: number | undefined;
  let expectedVersion: number | undefined;
  let instrumentVersion = 0;
  let amendHoldUnits = 0n;
  let amendHoldId = '';
  let stopPriceUnits: number | undefined;
  let displayUnits: number | undefined;
  let expireTimeUs: number | undefined;
  let last = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag <= last) throw new MalformedBytes('fields out of order');
    last = tag;
    if (tag === numberTag(1)) instrumentNumber = readUint32(reader);
    else if (tag === numberTag(2)) accountNumber = readUint32(reader);
    else if (tag === numberTag(3)) placement = reader.varint();
    else if (tag === numberTag(4)) quantityUnits = reader.varint();
    else if (tag === numberTag(5)) priceUnits = reader.varint();
    else if (tag === numberTag(6)) expectedVersion = reader.varint();
    else if (tag === numberTag(7)) instrumentVersion = reader.varint();
    else if (tag === numberTag(8)) amendHoldUnits = readAmount(reader);
    else if (tag === bytesTag(9)) amendHoldId = readText(reader);
    else if (tag === numberTag(10)) stopPriceUnits = reader.varint();
    else if (tag === numberTag(11)) displayUnits = reader.varint();
    else if (tag === numberTag(12)) expireTimeUs = reader.varint();
    else throw new MalformedBytes(`tag ${tag} in an amend`);
  }
  return {
    kind: 'amendOrder',
    instrumentNumber,
    accountNumber,
    placement,
    quantityUnits,
    priceUnits,
    stopPriceUnits,
    displayUnits,
    expireTimeUs,
    expectedVersion,
    instrumentVersion,
    amendHoldUnits,
    amendHoldId,
  };
}
