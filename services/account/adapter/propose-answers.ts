// Answers of a Propose stream in their wire form, written by hand because every command gets one; a
// test reads them with the generated code.

import { create, toBinary } from '@bufbuild/protobuf';
import { ErrorReason, RefusalSchema } from '../../../gen/bourse/type/v1/error_pb.ts';
import { isErrorReasonName } from '../../lib/platform/errors/reasons.ts';
import type { AppliedResult, ProposalResult } from '../../lib/shard/proposal.ts';
import type { ResultBatch } from '../../lib/shard/propose-stream.ts';
import { WireWriter } from '../../lib/shard/wire.ts';
import type { Answer, Event } from '../domain/event.ts';
import { ledgerCodec } from './codec/ledger-codec.ts';
import { shardUnavailable } from './shard/refusals.ts';

const WRITER_BYTES = 64 << 10;
const response = new WireWriter(WRITER_BYTES);
const result = new WireWriter(WRITER_BYTES);
const committed = new WireWriter(WRITER_BYTES);

// Field numbers in bourse/ledger/v1/service.proto.
const RESPONSE = { results: 1 } as const;
const RESULT = { number: 1, duplicate: 2, committed: 3, refusal: 4 } as const;
const COMMITTED = { entryIndex: 1, logTimeUs: 2, firstSequence: 3, events: 4, answer: 5 } as const;

/**
 * The canonical bytes of a ProposeResponse.
 *
 * @throws OperatingError when the host ended before it knew; the stream breaks, and whoever opens
 * it anew sends what is unanswered again.
 */
export function encodeResults(batch: ResultBatch<Event, Answer, bigint>): Uint8Array {
  if (batch.results.some(({ result: one }) => one.kind === 'unknown')) throw shardUnavailable('');
  for (const { number, result: one } of batch.results) {
    if (number !== 0n) {
      result.varint(RESULT.number * 8);
      result.bigVarint(number);
    }
    writeResult(one);
    response.writerField(RESPONSE.results, result);
  }
  return response.take();
}

function writeResult(outcome: ProposalResult<Event, Answer>): void {
  if (outcome.kind === 'unknown') return;
  if (outcome.kind === 'notApplied') {
    writeRefusal(outcome.reason, outcome.detail);
    return;
  }
  result.numberField(RESULT.duplicate, outcome.duplicate ? 1 : 0);
  if (outcome.outcome.kind === 'done') writeCommitted(outcome, outcome.outcome.answer);
  else writeRefusal(outcome.outcome.refusal.reason, outcome.outcome.refusal.detail ?? {});
}

function writeCommitted(applied: AppliedResult<Event, Answer>, answer: Answer | undefined): void {
  committed.numberField(COMMITTED.entryIndex, applied.entryIndex);
  committed.numberField(COMMITTED.logTimeUs, applied.logTimeUs);
  committed.numberField(COMMITTED.firstSequence, applied.firstSequence);
  const { encodedEvents = applied.events.map(ledgerCodec.encodeEvent) } = applied;
  for (const bytes of encodedEvents) committed.bytesField(COMMITTED.events, bytes);
  if (answer !== undefined) {
    committed.bytesField(COMMITTED.answer, ledgerCodec.encodeAnswer(answer));
  }
  result.writerField(RESULT.committed, committed);
}

function writeRefusal(name: string, detail: Readonly<Record<string, string>>): void {
  // PROPOSAL_INVALID is the host's own name: an identity or a time out of bounds.
  const reason = isErrorReasonName(name) ? ErrorReason[name] : ErrorReason.MESSAGE_MALFORMED;
  const message = create(RefusalSchema, { reason, detail: { ...detail } });
  result.bytesField(RESULT.refusal, toBinary(RefusalSchema, message));
}
