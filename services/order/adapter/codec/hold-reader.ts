// Reads the answer that nearly every hold gets, a new record, straight from its bytes. Whatever
// else an account shard may answer is left to the generated schemas. A test holds both equal.

import type { OrderRecord as RecordMessage } from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import { OrderRecordSchema } from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import { OrderTermsSchema } from '../../../../gen/bourse/matching/v1/command_pb.ts';
import { readSent } from '../../../lib/platform/codec/message-reader.ts';
import { writeMessage } from '../../../lib/platform/codec/message-writer.ts';
import {
  cancelReasonCodec,
  groupTypeCodec,
  rejectReasonCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import {
  bytesTag,
  numberTag,
  readSignedAmount,
  readText,
  termsOf,
} from '../../../lib/platform/codec/terms-reader.ts';
import { MalformedBytes, WireReader } from '../../../lib/shard/wire.ts';
import type { OrderRecord } from '../../domain/order-record.ts';
import { decodeRecord, holdStateCodec, ofVersion, orderStatusCodec } from './record-codec.ts';

/** A hold that was placed by this very command. */
export type NewHold = {
  readonly record: OrderRecord;
  readonly recordBytes: Uint8Array;
  /** The order's terms, as they go to its book. */
  readonly termsBytes: Uint8Array;
};

/** Fields of Committed, of Event and of HoldPlaced. */
const EVENT = bytesTag(4);
const ANSWER = bytesTag(5);
const HOLD_PLACED = bytesTag(6);
const RECORD = bytesTag(1);

/** The new hold that an answer tells, given as the bytes of Committed; undefined otherwise. */
export function readNewHold(committed: Uint8Array): NewHold | undefined {
  try {
    const recordBytes = findRecord(new WireReader(committed));
    const hold = recordBytes === undefined ? undefined : readRecord(recordBytes);
    return hold?.record.holdState === 'PLACED' ? hold : undefined;
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
}

/** The record that these bytes are. */
export function decodeRecordBytes(bytes: Uint8Array): OrderRecord {
  return decodeRecord(readSent(OrderRecordSchema, bytes));
}

/** The bytes of the terms that a record has. */
export function termsBytesOf({ terms }: RecordMessage): Uint8Array {
  return writeMessage(OrderTermsSchema, terms ?? {});
}

/** The same terms under another version of the instrument's rules. */
export function termsOfVersion(termsBytes: Uint8Array, version: number): Uint8Array {
  const terms = ofVersion(readSent(OrderTermsSchema, termsBytes), version);
  return writeMessage(OrderTermsSchema, terms);
}

/** The record of the only event, if that is a new hold and nothing else is said. */
function findRecord(reader: WireReader): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === ANSWER || (tag === EVENT && found !== undefined)) return undefined;
    if (tag !== EVENT) {
      reader.skip(tag);
      continue;
    }
    const outside = reader.open();
    while (!reader.done) {
      const inner = reader.tag();
      if (inner === HOLD_PLACED) {
        const around = reader.open();
        if (reader.tag() !== RECORD) return undefined;
        found = reader.bytes();
        reader.close(around);
      } else {
        reader.skip(inner);
      }
    }
    reader.close(outside);
    if (found === undefined) return undefined;
  }
  return found;
}

const TERMS = 5;
const LAST_FIELD = 25;
/** By field number, but the times, which are no small integers; what is not said is 0. */
const numbers: number[] = Array.from({ length: LAST_FIELD + 1 }, () => 0);
const found = (field: number): number => numbers[field] as number;

function readRecord(recordBytes: Uint8Array): NewHold {
  const reader = new WireReader(recordBytes);
  numbers.fill(0);
  let accountId = '';
  let clientOrderId = '';
  let termsBytes: Uint8Array | undefined;
  let filledNotionalUnits = 0n;
  let feeUnits = 0n;
  let [validUntilUs, placedTimeUs, updatedTimeUs] = [0, 0, 0];
  let last = 0;
  while (!reader.done) {
    const tag = reader.tag();
    const field = tag >>> 3;
    if (field <= last || field > LAST_FIELD) throw new MalformedBytes(`tag ${tag} in a record`);
    last = field;
    if (tag === bytesTag(2)) accountId = readText(reader);
    else if (tag === bytesTag(4)) clientOrderId = readText(reader);
    else if (tag === bytesTag(TERMS)) termsBytes = reader.bytes();
    else if (tag === numberTag(12)) filledNotionalUnits = reader.bigVarint();
    else if (tag === numberTag(13)) feeUnits = readSignedAmount(reader);
    // Held amounts, which may be beyond a number, are no concern of this service.
    else if (tag === bytesTag(6) || field === 17 || field === 25) reader.skip(tag);
    else if (tag === numberTag(18)) validUntilUs = reader.varint();
    else if (tag === numberTag(19)) placedTimeUs = reader.varint();
    else if (tag === numberTag(20)) updatedTimeUs = reader.varint();
    else if (tag === numberTag(field)) numbers[field] = reader.varint();
    else throw new MalformedBytes(`tag ${tag} in a record`);
  }
  if (termsBytes === undefined) throw new MalformedBytes('a new hold has terms');
  const record: OrderRecord = {
    accountNumber: found(1),
    accountId,
    placement: found(3),
    clientOrderId,
    terms: termsOf(termsBytes),
    holdState: holdStateCodec.toName(found(7)),
    status: orderStatusCodec.toName(found(8)),
    version: found(9),
    filledUnits: found(10),
    remainingUnits: found(11),
    filledNotionalUnits,
    feeUnits,
    rejectReason: rejectReasonCodec.findName(found(14)),
    cancelReason: cancelReasonCodec.findName(found(15)),
    validUntilUs,
    placedTimeUs,
    updatedTimeUs,
    instrumentSequence: found(21),
    groupPlacement: found(23),
    groupType: groupTypeCodec.findName(found(24)),
  };
  return { record, recordBytes, termsBytes };
}
