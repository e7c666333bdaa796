// Answers of a Propose stream in their wire form, written by hand because every command gets one; a
// test holds the bytes equal to the generated code's.

import { create, toBinary } from '@bufbuild/protobuf';
import { ErrorReason, RefusalSchema } from '../../../gen/bourse/type/v1/error_pb.ts';
import type { ErrorReasonName } from '../../lib/platform/errors/reasons.ts';
import { isErrorReasonName } from '../../lib/platform/errors/reasons.ts';
import type { AppliedResult, ProposalResult } from '../../lib/shard/proposal.ts';
import type { ResultBatch } from '../../lib/shard/propose-stream.ts';
import { WireWriter } from '../../lib/shard/wire.ts';
import type { MatchingEvent } from '../domain/event.ts';
import { matchingCodec } from './codec/matching-codec.ts';

type Result = ProposalResult<MatchingEvent, never>;
type Applied = AppliedResult<MatchingEvent, never>;

const WRITER_BYTES = 64 << 10;
const response = new WireWriter(WRITER_BYTES);
const result = new WireWriter(WRITER_BYTES);
const committed = new WireWriter(WRITER_BYTES);

// Field numbers in bourse/matching/v1/service.proto.
const RESPONSE = { results: 1, reserved: 2 } as const;
const RESULT = { number: 1, duplicate: 2, committed: 3, refusal: 4 } as const;
const COMMITTED = {
  entryIndex: 1,
  logTimeUs: 2,
  firstSequence: 3,
  events: 4,
  eventsLeftOut: 5,
} as const;

/** Events of one answer; 20,000 trades stay far below the 4 MiB of a message. */
const EVENTS_LIMIT = 20_000;

/** The canonical bytes of a ProposeResponse. */
export function encodeResults(batch: ResultBatch<MatchingEvent, never, bigint>): Uint8Array {
  for (const numbered of batch.results) {
    if (numbered.number !== 0n) {
      result.varint(RESULT.number * 8);
      result.bigVarint(numbered.number);
    }
    writeResult(numbered.result);
    response.writerField(RESPONSE.results, result);
  }
  response.numberField(RESPONSE.reserved, batch.reserved);
  return response.take();
}

function writeResult(outcome: Result): void {
  if (outcome.kind === 'unknown') {
    writeRefusal('OUTCOME_UNKNOWN', {});
  } else if (outcome.kind === 'notApplied') {
    writeRefusal(outcome.reason, outcome.detail);
  } else {
    result.numberField(RESULT.duplicate, outcome.duplicate ? 1 : 0);
    if (outcome.outcome.kind === 'done') writeCommitted(outcome);
    else writeRefusal(outcome.outcome.refusal.reason, outcome.outcome.refusal.detail ?? {});
  }
}

function writeCommitted(applied: Applied): void {
  committed.numberField(COMMITTED.entryIndex, applied.entryIndex);
  committed.numberField(COMMITTED.logTimeUs, applied.logTimeUs);
  committed.numberField(COMMITTED.firstSequence, applied.firstSequence);
  const events = answeredEvents(applied.events);
  const leftOut = Math.max(0, events.length - EVENTS_LIMIT);
  const cutAt = leftOut === 0 ? events.length : EVENTS_LIMIT / 2;
  const encodedEvents = events === applied.events ? applied.encodedEvents : undefined;
  for (let at = 0; at < events.length; at += 1) {
    if (at >= cutAt && at < cutAt + leftOut) continue;
    const encoded = encodedEvents?.[at] ?? matchingCodec.encodeEvent(events[at] as MatchingEvent);
    committed.bytesField(COMMITTED.events, encoded);
  }
  committed.numberField(COMMITTED.eventsLeftOut, leftOut);
  result.writerField(RESULT.committed, committed);
}

/** Kinds that begin the events of a command of one account. */
const OF_AN_ORDER: ReadonlySet<MatchingEvent['kind']> = new Set([
  'orderAccepted',
  'orderGroupAccepted',
  'orderAmended',
]);

/**
 * A mass cancel, or a change of state that expires, cancels or uncrosses a whole book, may have
 * more events than a message can hold: its answer is the last alone.
 */
function answeredEvents(events: readonly MatchingEvent[]): readonly MatchingEvent[] {
  const [first, last] = [events[0], events.at(-1)];
  if (first === undefined || last === undefined) return events;
  if (last.kind === 'ordersCanceled') return [last];
  const isOfState = last.kind === 'instrumentStateChanged' && !OF_AN_ORDER.has(first.kind);
  return isOfState ? [last] : events;
}

function writeRefusal(reason: string, detail: Readonly<Record<string, string>>): void {
  const message = create(RefusalSchema, {
    reason: ErrorReason[errorReasonOf(reason)],
    detail: { ...detail },
  });
  result.bytesField(RESULT.refusal, toBinary(RefusalSchema, message));
}

/** The host's and the machine's reasons under the names of the contract. */
function errorReasonOf(reason: string): ErrorReasonName {
  if (reason === 'PROPOSAL_INVALID') return 'NUMBER_OUT_OF_RANGE';
  if (reason === 'ALREADY_EXISTS') return 'INSTRUMENT_ALREADY_EXISTS';
  return isErrorReasonName(reason) ? reason : 'INTERNAL';
}
