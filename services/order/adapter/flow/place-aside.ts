// What is rare on an order's way to its book: an instrument that is not known yet, a worst price
// to fix, an account shard that knows the client order id already, a repeat of what is no order.

import type { OrderRecord as RecordMessage } from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import { type Committed, CommittedSchema } from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { readSent } from '../../../lib/platform/codec/message-reader.ts';
import { passStep } from '../../../lib/platform/steps.ts';
import { checkOrder } from '../../../lib/rules/check-order.ts';
import type { OrderTerms, RejectReason as RejectReasonName } from '../../../lib/rules/terms.ts';
import { hashBody } from '../../domain/canonical.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import type { Place } from '../../domain/lanes.ts';
import type { OrderRecord } from '../../domain/order-record.ts';
import { type PlacementForm, type ReadPlacement, timeUsOf } from '../../domain/placement.ts';
import {
  encodeOrderAlone,
  encodePlacement,
  type PlacementOutcome,
} from '../codec/answer-writer.ts';
import { termsBytesOf } from '../codec/hold-reader.ts';
import { encodeCanceledBeforeArrival } from '../codec/order-codec.ts';
import { decodeRecord, isCanceledBeforeArrival } from '../codec/record-codec.ts';
import { shardUnavailable } from '../mesh/connections.ts';
import type { ShardRoom } from '../mesh/room.ts';
import { instrumentUnknown, notCommitted } from '../problems.ts';
import type { CountedOrder } from './count-order.ts';
import { deliver, fetchSettled, type HeldOrder, resolveUndelivered } from './deliver.ts';
import { type FlowParts, NEWCOMER_LIMIT_MS, VALIDITY_US } from './parts.ts';
import { fixWorstPrice } from './worst-price.ts';

/** An answer, and what of it counts. */
export type AnsweredAside = {
  /** Of PlaceOrderResponse. */
  readonly bytes: Uint8Array;
  /** Undefined when it was counted before. */
  readonly counted: CountedOrder | undefined;
};

/** `accept_before_time` bounds delivery as well: what is late is never proposed. */
export function validUntilOf(
  { acceptBefore }: Pick<PlacementForm, 'acceptBefore'>,
  nowUs: number,
): number {
  const validUntilUs = nowUs + VALIDITY_US;
  if (acceptBefore === undefined) return validUntilUs;
  return Math.min(validUntilUs, timeUsOf(acceptBefore));
}

/** Room at the book's shard for one command, waiting for it if need be (LOG-10). */
export async function takeRoom(parts: FlowParts, instrument: TradedInstrument): Promise<ShardRoom> {
  const room = parts.matching.roomOf(instrument.instrumentId);
  if (room === undefined) throw shardUnavailable(undefined);
  if (!room.tryTake()) await room.take();
  passStep('room', instrument.instrumentId);
  return room;
}

/** The instrument, which may have been created just now; the answer to a repeat where none is. */
export async function awaitInstrument(
  parts: FlowParts,
  form: PlacementForm,
): Promise<TradedInstrument | AnsweredAside> {
  const { instrumentId } = form;
  const found = await parts.instruments.waitForVersion(instrumentId, 1, NEWCOMER_LIMIT_MS);
  return found ?? (await answerRepeat(parts, form, instrumentUnknown(instrumentId)));
}

/** An order that trades as a market order gets its worst price (TYP-2, HLD-5). */
export async function fixAndCheck(
  parts: Pick<FlowParts, 'bestPrices'>,
  instrument: TradedInstrument,
  terms: OrderTerms,
): Promise<ReadPlacement> {
  const priced = await fixWorstPrice(parts, instrument, terms);
  if (priced === undefined) {
    return { terms, problem: { kind: 'declined', reason: 'NO_REFERENCE_PRICE' } };
  }
  const problem = checkOrder(instrument.rules, priced);
  if (problem === undefined) return { terms: priced, problem: undefined };
  const reason = problem.reason as RejectReasonName;
  return { terms: priced, problem: { kind: 'declined', reason } };
}

/** What the account shard answered: the record, and whether it was there before. */
type HoldAnswer = { readonly message: RecordMessage; readonly existing: boolean };

/** A new hold is told by its event, an existing one by the answer. */
function readHoldAnswer(committed: Committed): HoldAnswer {
  const { answer } = committed;
  if (answer?.record !== undefined) {
    return { message: answer.record, existing: answer.existing };
  }
  for (const { kind } of committed.events) {
    if (kind.case === 'holdPlaced' || kind.case === 'orderDeclined') {
      if (kind.value.record !== undefined) return { message: kind.value.record, existing: false };
    }
  }
  throw malformed('the answer to a hold has the record');
}

/** Answers when the hold is no new one that goes to its book as all do. */
export async function answerOtherHold(
  parts: FlowParts,
  found: {
    readonly instrument: TradedInstrument;
    readonly place: Place | undefined;
    /** The bytes of Committed. */
    readonly committed: Uint8Array;
  },
): Promise<AnsweredAside> {
  const { instrument, place } = found;
  const { message, existing } = readHoldAnswer(readSent(CommittedSchema, found.committed));
  if (isCanceledBeforeArrival(message)) {
    return answerCanceled(message, instrument.instrumentId, existing);
  }
  const record = decodeRecord(message);
  parts.accountNumbers.learn(record.accountId, record.accountNumber);
  if (record.holdState !== 'PLACED') {
    if (!existing || record.holdState === 'CLOSED') return answerOf(instrument, record, existing);
    const present = decodeRecord(await fetchSettled(parts, record));
    return answerOf(instrument, present, true);
  }
  const held: HeldOrder = { instrument, record, termsBytes: termsBytesOf(message) };
  // A hold that is only placed after its time is never proposed, only forbidden (HLD-2).
  const isLate = existing && record.validUntilUs < parts.world.wallClockUs();
  const delivered = isLate
    ? await resolveUndelivered(parts, held)
    : await deliver(parts, held, place);
  if (existing) return answerOf(instrument, delivered.record, true);
  return answered(instrument, { ...delivered, duplicate: false });
}

/**
 * Ends a request that is no order: before it is refused, its client order id is looked up, because
 * a repeat of an order is answered whatever has changed since, and the account comes first.
 */
export async function answerRepeat(
  parts: FlowParts,
  form: PlacementForm,
  error: Error,
): Promise<AnsweredAside> {
  const name = form.clientOrderId === '' ? { placement: 1 } : { clientOrderId: form.clientOrderId };
  const message = await parts.accounts.findOrder(form.accountId, name, { settled: true });
  if (form.clientOrderId === '' || message === undefined) throw error;
  if (isCanceledBeforeArrival(message)) return answerCanceled(message, form.instrumentId, true);
  if (Buffer.compare(message.bodyHash, hashBody(form)) !== 0) {
    const detail = { client_order_id: form.clientOrderId };
    const reason = 'CLIENT_ORDER_ID_ALREADY_EXISTS';
    throw notCommitted({ kind: 'refused', reason, detail });
  }
  const instrument = parts.instruments.findByNumber(message.terms?.instrumentNumber ?? 0);
  if (instrument === undefined) throw error;
  return answerOf(instrument, decodeRecord(message), true);
}

/** Its client order id had been canceled before it came. */
function answerCanceled(
  message: RecordMessage,
  instrumentId: string,
  duplicate: boolean,
): AnsweredAside {
  const order = encodeCanceledBeforeArrival(message, instrumentId);
  const counted: CountedOrder = { status: 'REJECTED', rejectReason: 'CANCELED_BEFORE_ARRIVAL' };
  const bytes = encodeOrderAlone(order, duplicate);
  return { bytes, counted: duplicate ? undefined : counted };
}

function answerOf(
  instrument: TradedInstrument,
  record: OrderRecord,
  duplicate: boolean,
): AnsweredAside {
  return answered(instrument, { record, fills: [], timeUs: 0, duplicate });
}

function answered(instrument: TradedInstrument, outcome: PlacementOutcome): AnsweredAside {
  const { record, duplicate } = outcome;
  return {
    bytes: encodePlacement(instrument, outcome),
    counted: duplicate ? undefined : record,
  };
}
