// Reads the commands that every order makes from their bytes: a start repeats all of a log, and the
// generated code takes ten times as long. What is not in the form that `frequent.ts` writes is left
// to the generated code, which has the last word. A test holds both equal.

import {
  bytesTag,
  numberTag,
  readOrderTerms,
  readUint32,
} from '../../../lib/platform/codec/terms-reader.ts';
import { MalformedBytes, WireReader } from '../../../lib/shard/wire.ts';
import type { CancelOrder, MatchingCommand, PlaceOrder } from '../../domain/command.ts';

/** Tags of fields of Command. */
const PLACE_ORDER = bytesTag(1);
const CANCEL_ORDER = bytesTag(2);

/** The command, when it is a frequent one; undefined for every other one. */
export function decodeFrequentCommand(bytes: Uint8Array): MatchingCommand | undefined {
  const [first] = bytes;
  if (first !== PLACE_ORDER && first !== CANCEL_ORDER) return undefined;
  try {
    const reader = new WireReader(bytes);
    reader.tag();
    const outside = reader.open();
    const command = first === PLACE_ORDER ? readPlaceOrder(reader) : readCancelOrder(reader);
    reader.close(outside);
    return reader.done ? command : undefined;
  } catch {
    return undefined;
  }
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
