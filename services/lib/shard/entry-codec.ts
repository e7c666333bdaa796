// Encodes and decodes the content of log entries: bourse.log.v1.CommandBatch and OutcomeBatch.
// Commands, events and answers inside are opaque bytes here.

import type { Refusal } from './state-machine.ts';
import {
  fieldLength,
  MalformedBytes,
  numberFieldLength,
  textFieldLength,
  WireReader,
  type WireWriter,
} from './wire.ts';

/** A leadership began (LOG-2). */
export type EpochStarted = {
  readonly epoch: number;
  readonly nodeId: string;
  readonly incarnation: string;
  /** Key of the identity hash; only in a shard's first entry, empty elsewhere. */
  readonly identityKey: Uint8Array;
};

/** One command as it was applied. */
export type CommandRecord = {
  readonly identity: string;
  readonly validUntilUs: number;
  readonly traceContext: string;
  /** Encoded command; empty when the record is an `EpochStarted`. */
  readonly command: Uint8Array;
  readonly epochStarted?: EpochStarted;
  /** The version from the next entry on, when the record raises it (LOG-16). */
  readonly raisedVersion?: number;
};

/** What one command did, with events and answer encoded. */
export type OutcomeRecord = {
  readonly events: readonly Uint8Array[];
  readonly refusal?: Refusal;
  readonly answer: Uint8Array | undefined;
  readonly unfinished: boolean;
};

/** What the commands of an entry did. */
export type OutcomeBatch = {
  readonly dueEvents: readonly Uint8Array[];
  readonly records: readonly OutcomeRecord[];
  /** Entry of the command that was carried on; 0 when none was. */
  readonly continuedEntryIndex: number;
  readonly continued: OutcomeRecord | undefined;
  /** Empty when the entry holds none. */
  readonly stateChecksum: string;
};

/** Adds one command to a `CommandBatch`. */
export function writeCommandRecord(
  writer: WireWriter,
  record: Omit<CommandRecord, 'epochStarted' | 'raisedVersion'>,
): void {
  const length =
    textFieldLength(record.identity) +
    numberFieldLength(record.validUntilUs) +
    textFieldLength(record.traceContext) +
    fieldLength(record.command.length);
  writer.startField(1, length);
  writer.textField(1, record.identity);
  writer.numberField(2, record.validUntilUs);
  writer.textField(3, record.traceContext);
  writer.bytesField(4, record.command);
}

/** Adds the record of a raised version to a `CommandBatch`. */
export function writeVersionRaised(
  writer: WireWriter,
  record: Pick<CommandRecord, 'identity' | 'validUntilUs'>,
  version: number,
): void {
  const length = numberFieldLength(version);
  writer.startField(
    1,
    textFieldLength(record.identity) + numberFieldLength(record.validUntilUs) + fieldLength(length),
  );
  writer.textField(1, record.identity);
  writer.numberField(2, record.validUntilUs);
  writer.startField(6, length);
  writer.numberField(1, version);
}

/** Adds the record of a new leadership to a `CommandBatch`. */
export function writeEpochStarted(writer: WireWriter, started: EpochStarted): void {
  const keyLength = started.identityKey.length === 0 ? 0 : fieldLength(started.identityKey.length);
  const length =
    numberFieldLength(started.epoch) +
    textFieldLength(started.nodeId) +
    textFieldLength(started.incarnation) +
    keyLength;
  writer.startField(1, fieldLength(length));
  writer.startField(5, length);
  writer.numberField(1, started.epoch);
  writer.textField(2, started.nodeId);
  writer.textField(3, started.incarnation);
  if (keyLength > 0) writer.bytesField(4, started.identityKey);
}

/** Adds events that were due by themselves to an `OutcomeBatch`. */
export function writeDueEvents(writer: WireWriter, events: readonly Uint8Array[]): void {
  for (const event of events) writer.bytesField(1, event);
}

/** Adds one command's outcome to an `OutcomeBatch`. */
export function writeOutcomeRecord(writer: WireWriter, record: OutcomeRecord): void {
  writeOutcome(writer, 2, record);
}

/** Adds what a command of an earlier entry did to an `OutcomeBatch` (LOG-17). */
export function writeContinued(
  writer: WireWriter,
  entryIndex: number,
  record: OutcomeRecord,
): void {
  writer.numberField(3, entryIndex);
  writeOutcome(writer, 5, record);
}

/** Adds the state checksum to an `OutcomeBatch` (SNAP-3). */
export function writeStateChecksum(writer: WireWriter, checksum: string): void {
  writer.textField(4, checksum);
}

function writeOutcome(writer: WireWriter, field: number, record: OutcomeRecord): void {
  let length = record.unfinished ? 2 : 0;
  for (const event of record.events) length += fieldLength(event.length);
  if (record.answer !== undefined) length += fieldLength(record.answer.length);
  const refusalLength = record.refusal === undefined ? 0 : lengthOfRefusal(record.refusal);
  if (record.refusal !== undefined) length += fieldLength(refusalLength);

  writer.startField(field, length);
  for (const event of record.events) writer.bytesField(1, event);
  writeOutcomeEnd(writer, record);
}

/** What follows the events in an `OutcomeRecord`. */
export function writeOutcomeEnd(writer: WireWriter, record: Omit<OutcomeRecord, 'events'>): void {
  if (record.refusal !== undefined) {
    writer.startField(2, lengthOfRefusal(record.refusal));
    writeRefusal(writer, record.refusal);
  }
  if (record.answer !== undefined) writer.bytesField(3, record.answer);
  if (record.unfinished) writer.numberField(4, 1);
}

function detailEntries(refusal: Refusal): readonly (readonly [string, string])[] {
  return refusal.detail === undefined ? [] : Object.entries(refusal.detail);
}

function lengthOfRefusal(refusal: Refusal): number {
  let length = textFieldLength(refusal.reason);
  for (const [key, value] of detailEntries(refusal)) {
    length += fieldLength(textFieldLength(key) + textFieldLength(value));
  }
  return length;
}

function writeRefusal(writer: WireWriter, refusal: Refusal): void {
  writer.textField(1, refusal.reason);
  for (const [key, value] of detailEntries(refusal)) {
    writer.startField(2, textFieldLength(key) + textFieldLength(value));
    writer.textField(1, key);
    writer.textField(2, value);
  }
}

/** @throws MalformedBytes when the bytes are no `CommandBatch`. */
export function decodeCommandBatch(bytes: Uint8Array): CommandRecord[] {
  const reader = new WireReader(bytes);
  const records: CommandRecord[] = [];
  while (!reader.done) {
    expectField(reader.field(), 1, 'CommandBatch');
    records.push(readCommandRecord(reader));
  }
  return records;
}

const NOTHING = new Uint8Array(0);

function readCommandRecord(reader: WireReader): CommandRecord {
  const outside = reader.open();
  let identity = '';
  let validUntilUs = 0;
  let traceContext = '';
  let command: Uint8Array = NOTHING;
  let epochStarted: EpochStarted | undefined;
  let raisedVersion: number | undefined;
  while (!reader.done) {
    const field = reader.field();
    if (field === 1) identity = reader.text();
    else if (field === 2) validUntilUs = reader.varint();
    else if (field === 3) traceContext = reader.text();
    else if (field === 4) command = reader.bytes();
    else if (field === 5) epochStarted = decodeEpochStarted(reader.bytes());
    else if (field === 6) raisedVersion = decodeVersionRaised(reader.bytes());
    else throw new MalformedBytes(`field ${field} of CommandRecord`);
  }
  reader.close(outside);
  const record = { identity, validUntilUs, traceContext, command };
  if (raisedVersion !== undefined) return { ...record, raisedVersion };
  return epochStarted === undefined ? record : { ...record, epochStarted };
}

function decodeVersionRaised(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  let version = 0;
  while (!reader.done) {
    const field = reader.field();
    if (field !== 1) throw new MalformedBytes(`field ${field} of VersionRaised`);
    version = reader.varint();
  }
  return version;
}

function decodeEpochStarted(bytes: Uint8Array): EpochStarted {
  const reader = new WireReader(bytes);
  let epoch = 0;
  let nodeId = '';
  let incarnation = '';
  let identityKey: Uint8Array = NOTHING;
  while (!reader.done) {
    const field = reader.field();
    if (field === 1) epoch = reader.varint();
    else if (field === 2) nodeId = reader.text();
    else if (field === 3) incarnation = reader.text();
    else if (field === 4) identityKey = reader.bytes();
    else throw new MalformedBytes(`field ${field} of EpochStarted`);
  }
  return { epoch, nodeId, incarnation, identityKey };
}

/** @throws MalformedBytes when the bytes are no `OutcomeBatch`. */
export function decodeOutcomeBatch(bytes: Uint8Array): OutcomeBatch {
  const reader = new WireReader(bytes);
  const dueEvents: Uint8Array[] = [];
  const records: OutcomeRecord[] = [];
  let continuedEntryIndex = 0;
  let continued: OutcomeRecord | undefined;
  let stateChecksum = '';
  while (!reader.done) {
    const field = reader.field();
    if (field === 1) dueEvents.push(reader.bytes());
    else if (field === 2) records.push(readOutcomeRecord(reader));
    else if (field === 3) continuedEntryIndex = reader.varint();
    else if (field === 4) stateChecksum = reader.text();
    else if (field === 5) continued = readOutcomeRecord(reader);
    else throw new MalformedBytes(`field ${field} of OutcomeBatch`);
  }
  return { dueEvents, records, continuedEntryIndex, continued, stateChecksum };
}

function readOutcomeRecord(reader: WireReader): OutcomeRecord {
  const outside = reader.open();
  const events: Uint8Array[] = [];
  let refusal: Refusal | undefined;
  let answer: Uint8Array | undefined;
  let unfinished = false;
  while (!reader.done) {
    const field = reader.field();
    if (field === 1) events.push(reader.bytes());
    else if (field === 2) refusal = decodeRefusal(reader.bytes());
    else if (field === 3) answer = reader.bytes();
    else if (field === 4) unfinished = reader.varint() === 1;
    else throw new MalformedBytes(`field ${field} of OutcomeRecord`);
  }
  reader.close(outside);
  const record = { events, answer, unfinished };
  return refusal === undefined ? record : { ...record, refusal };
}

function decodeRefusal(bytes: Uint8Array): Refusal {
  const reader = new WireReader(bytes);
  let reason = '';
  const detail: Record<string, string> = {};
  let details = 0;
  while (!reader.done) {
    const field = reader.field();
    if (field === 1) reason = reader.text();
    else if (field === 2) {
      const [key, value] = decodeDetail(reader.bytes());
      detail[key] = value;
      details += 1;
    } else throw new MalformedBytes(`field ${field} of RefusalRecord`);
  }
  return details === 0 ? { reason } : { reason, detail };
}

function decodeDetail(bytes: Uint8Array): [string, string] {
  const reader = new WireReader(bytes);
  let key = '';
  let value = '';
  while (!reader.done) {
    const field = reader.field();
    if (field === 1) key = reader.text();
    else if (field === 2) value = reader.text();
    else throw new MalformedBytes(`field ${field} of a detail`);
  }
  return [key, value];
}

function expectField(found: number, wanted: number, message: string): void {
  if (found !== wanted) throw new MalformedBytes(`field ${found} of ${message}`);
}
