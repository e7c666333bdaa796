// Places an order: checks, hold, proposal, answer. Nothing has an effect before the hold; from the
// hold on the flow runs to its end, whatever the caller does (HLD-7).

import { hash } from 'node:crypto';
import type { OrderRecord as RecordMessage } from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import type { Committed } from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import { RejectReason, SelfTradePrevention } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { encodeTerms, rejectReasonCodec } from '../../../lib/platform/codec/terms-codec.ts';
import { passStep } from '../../../lib/platform/steps.ts';
import { ATTRIBUTES, SPANS } from '../../../lib/platform/telemetry/names.ts';
import { checkOrder } from '../../../lib/rules/check-order.ts';
import { placementCost } from '../../../lib/rules/cost.ts';
import type { OrderTerms, RejectReason as RejectReasonName } from '../../../lib/rules/terms.ts';
import { canonicalText } from '../../domain/canonical.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import type { Flow, Place } from '../../domain/lanes.ts';
import type { OrderRecord } from '../../domain/order-record.ts';
import {
  checkPlacementForm,
  type PlacementForm,
  type PlacementProblem,
  readPlacement,
  timeUsOf,
} from '../../domain/placement.ts';
import {
  encodeCanceledBeforeArrival,
  encodeOrder,
  encodeOwnFill,
  type FillInit,
  type OrderInit,
} from '../codec/order-codec.ts';
import { decodeRecord, isCanceledBeforeArrival } from '../codec/record-codec.ts';
import { shardUnavailable } from '../mesh/connections.ts';
import type { ShardRoom } from '../mesh/room.ts';
import { formError, instrumentUnknown, notCommitted, rulesError } from '../problems.ts';
import {
  type Delivered,
  deliver,
  fetchSettled,
  type HeldOrder,
  resolveUndelivered,
} from './deliver.ts';
import { holdAgain } from './hold-in-turn.ts';
import type { KnownOrder } from './known-orders.ts';
import {
  FILL_LIMIT,
  type FlowParts,
  NEWCOMER_LIMIT_MS,
  traced,
  uniqueText,
  VALIDITY_US,
} from './parts.ts';
import type { StageTimes } from './stage-times.ts';
import { fixWorstPrice, needsWorstPrice } from './worst-price.ts';

/** The answer to a placement, as the contract has it. */
export type PlacementAnswer = {
  readonly order: OrderInit;
  readonly fills: FillInit[];
  readonly sequence: bigint;
  readonly duplicate: boolean;
};

/** One request from its arrival on. */
type Request = {
  readonly form: PlacementForm;
  readonly flow: Flow;
  readonly nowUs: number;
  readonly clientOrderId: string;
  readonly bodyHash: Uint8Array;
  /** Tells cancels that come behind what the client order id stands for. */
  readonly tellOrder: (order: KnownOrder | undefined) => void;
  readonly times: StageTimes | undefined;
};

/**
 * Places an order. Its place in the lane of its account and instrument is taken before this
 * returns, so calls keep their order (MOV-9).
 *
 * @param onAnswer told what is answered, before it is
 * @throws OperatingError when it is no order, or nothing was done, or the outcome is unknown.
 */
export async function placeOrder(
  parts: FlowParts,
  form: PlacementForm,
  onAnswer: (answer: PlacementAnswer) => void,
): Promise<PlacementAnswer> {
  const times = parts.stages.begin();
  const violations = checkPlacementForm(form);
  if (violations.length > 0) throw formError(violations);
  const flow = parts.flows.begin(form.accountId);
  const request: Request = {
    form,
    flow,
    nowUs: parts.world.wallClockUs(),
    clientOrderId: form.clientOrderId === '' ? uniqueText(parts.world) : form.clientOrderId,
    bodyHash: hashOf(form),
    tellOrder:
      form.clientOrderId === ''
        ? () => {}
        : parts.knownOrders.begin(form.accountId, form.clientOrderId),
    times,
  };
  try {
    const { instruments } = parts;
    const instrument =
      instruments.find(form.instrumentId) ??
      (await instruments.waitForVersion(form.instrumentId, 1, NEWCOMER_LIMIT_MS));
    if (instrument === undefined) {
      const repeat = await answerRepeat(parts, request, instrumentUnknown(form.instrumentId));
      onAnswer(repeat);
      return repeat;
    }
    const place = flow.takePlace(instrument.instrumentNumber);
    try {
      const answer = await placeInInstrument(parts, request, { instrument, place });
      onAnswer(answer);
      times?.pass('answer');
      return answer;
    } finally {
      place.leave();
    }
  } finally {
    request.tellOrder(undefined);
    flow.end();
  }
}

type Target = { readonly instrument: TradedInstrument; readonly place: Place };

async function placeInInstrument(
  parts: FlowParts,
  request: Request,
  { instrument, place }: Target,
): Promise<PlacementAnswer> {
  const read = readPlacement(request.form, instrument, request.nowUs);
  let { terms, problem } = read;
  if (problem === undefined && needsWorstPrice(terms)) {
    ({ terms, problem } = await fixAndCheck(parts, instrument, terms));
  }
  if (problem?.kind === 'error') {
    const error = rulesError(problem.reason, problem.field, instrument);
    return await answerRepeat(parts, request, error);
  }
  if (problem !== undefined) {
    const hold = { terms, amountUnits: 0n, declineReason: problem.reason };
    return await answerHold(parts, await placeHold(parts, request, { instrument, ...hold }), {
      ...{ instrument, place, times: request.times },
    });
  }
  const room = await takeRoom(parts, instrument);
  try {
    const amountUnits = placementCost(instrument.rules, terms);
    const hold = { instrument, terms, amountUnits, declineReason: undefined };
    const held = await placeHold(parts, request, hold);
    return await answerHold(parts, held, { instrument, place, times: request.times });
  } finally {
    room.give();
  }
}

/** An order that trades as a market order gets its worst price (TYP-2, HLD-5). */
async function fixAndCheck(
  parts: Pick<FlowParts, 'bestPrices'>,
  instrument: TradedInstrument,
  terms: OrderTerms,
): Promise<{ terms: OrderTerms; problem: PlacementProblem | undefined }> {
  const priced = await fixWorstPrice(parts, instrument, terms);
  if (priced === undefined) {
    return { terms, problem: { kind: 'declined', reason: 'NO_REFERENCE_PRICE' } };
  }
  const problem = checkOrder(instrument.rules, priced);
  if (problem === undefined) return { terms: priced, problem: undefined };
  return {
    terms: priced,
    problem: { kind: 'declined', reason: problem.reason as RejectReasonName },
  };
}

/** Reserved before the hold, so that an order whose money is held is not turned away (LOG-10). */
export async function takeRoom(parts: FlowParts, instrument: TradedInstrument): Promise<ShardRoom> {
  const room = parts.matching.roomOf(instrument.instrumentId);
  if (room === undefined) throw shardUnavailable(undefined);
  if (!room.tryTake()) await room.take();
  passStep('room', instrument.instrumentId);
  return room;
}

type Hold = {
  readonly instrument: TradedInstrument;
  readonly terms: OrderTerms;
  readonly amountUnits: bigint;
  readonly declineReason: RejectReasonName | undefined;
};

/** What the account shard answered: the record, and whether it was there before. */
type HoldAnswer = {
  readonly message: RecordMessage;
  /** Undefined when the client order id was canceled before its order came. */
  readonly record: OrderRecord | undefined;
  readonly existing: boolean;
};

/** Asks for the hold; where money lacks, again when earlier requests have ended (SET-4). */
async function placeHold(parts: FlowParts, request: Request, hold: Hold): Promise<HoldAnswer> {
  const isEarly = hold.declineReason === undefined && request.flow.hasEarlier();
  request.times?.pass('edge');
  let settled = await proposeHold(parts, request, { ...hold, refuseWhenShort: isEarly });
  if (settled.kind === 'refused') {
    const around = { world: parts.world, flow: request.flow };
    settled = await holdAgain(around, { settled, isEarly }, (refuseWhenShort) =>
      proposeHold(parts, request, { ...hold, refuseWhenShort }),
    );
  }
  if (settled.kind !== 'committed') throw notCommitted(settled);
  request.times?.pass('hold');
  const answer = readHoldAnswer(settled.committed);
  request.tellOrder(orderOf(answer));
  return answer;
}

function proposeHold(
  parts: FlowParts,
  request: Request,
  hold: Hold & { readonly refuseWhenShort: boolean },
) {
  const { form, clientOrderId, bodyHash } = request;
  const { instrument, terms, amountUnits, declineReason, refuseWhenShort } = hold;
  const { baseAssetNumber, quoteAssetNumber } = instrument.rules;
  const nowUs = parts.world.wallClockUs();
  const attributes = () => ({
    [ATTRIBUTES.accountId]: form.accountId,
    [ATTRIBUTES.clientOrderId]: clientOrderId,
  });
  return traced(SPANS.hold, attributes, (traceContext) =>
    parts.accounts.propose({
      accountId: form.accountId,
      identity: `h/${uniqueText(parts.world)}`,
      validUntilUs: nowUs + VALIDITY_US,
      traceContext,
      content: {
        case: 'placeHold',
        value: {
          accountId: form.accountId,
          clientOrderId,
          terms: { ...encodeTerms(terms), selfTradePrevention: preventionOf(form) },
          bodyHash,
          assetNumber: terms.side === 'BUY' ? quoteAssetNumber : baseAssetNumber,
          amountUnits,
          validUntilUs: BigInt(validUntilOf(form, nowUs)),
          declineReason:
            declineReason === undefined
              ? RejectReason.UNSPECIFIED
              : rejectReasonCodec.toNumber(declineReason),
          refuseWhenShort,
        },
      },
      insists: false,
    }),
  );
}

/** Unspecified stays so: the account shard puts in the account's setting. */
function preventionOf(form: PlacementForm): SelfTradePrevention {
  const { selfTradePrevention: sent } = form;
  return sent === 'UNKNOWN' ? SelfTradePrevention.UNSPECIFIED : SelfTradePrevention[sent];
}

/** `accept_before_time` bounds delivery as well: what is late is never proposed. */
export function validUntilOf(
  { acceptBefore }: Pick<PlacementForm, 'acceptBefore'>,
  nowUs: number,
): number {
  const validUntilUs = nowUs + VALIDITY_US;
  if (acceptBefore === undefined) return validUntilUs;
  return Math.min(validUntilUs, timeUsOf(acceptBefore));
}

/** A new hold is told by its event, an existing one by the answer. */
function readHoldAnswer(committed: Committed): HoldAnswer {
  const { answer } = committed;
  if (answer?.record !== undefined) return holdAnswerOf(answer.record, answer.existing);
  for (const { kind } of committed.events) {
    if (kind.case === 'holdPlaced' || kind.case === 'orderDeclined') {
      if (kind.value.record !== undefined) return holdAnswerOf(kind.value.record, false);
    }
  }
  throw malformed('the answer to a hold has the record');
}

function holdAnswerOf(message: RecordMessage, existing: boolean): HoldAnswer {
  const record = isCanceledBeforeArrival(message) ? undefined : decodeRecord(message);
  return { message, record, existing };
}

async function answerHold(
  parts: FlowParts,
  { message, record, existing }: HoldAnswer,
  { instrument, place, times }: Target & Pick<Request, 'times'>,
): Promise<PlacementAnswer> {
  if (record === undefined) {
    const order = encodeCanceledBeforeArrival(message, instrument.instrumentId);
    return { order, fills: [], sequence: 0n, duplicate: existing };
  }
  parts.accountNumbers.learn(record.accountId, record.accountNumber);
  if (record.holdState !== 'PLACED') {
    if (!existing || record.holdState === 'CLOSED') return answerOf(instrument, record, existing);
    const present = decodeRecord(await fetchSettled(parts, record));
    return answerOf(instrument, present, true);
  }
  const held: HeldOrder = { instrument, record, message };
  // A hold that is only placed after its time is never proposed, only forbidden (HLD-2).
  const isLate = existing && record.validUntilUs < parts.world.wallClockUs();
  const delivered = isLate
    ? await resolveUndelivered(parts, held)
    : await deliver(parts, held, place);
  times?.pass('propose');
  return existing
    ? answerOf(instrument, delivered.record, true)
    : answerDelivered(instrument, delivered);
}

type Answered = Parameters<typeof encodeOrder>[1];

function answerOf(
  instrument: TradedInstrument,
  record: Answered,
  duplicate: boolean,
): PlacementAnswer {
  const order = encodeOrder(instrument, record);
  return { order, fills: [], sequence: BigInt(record.instrumentSequence), duplicate };
}

function answerDelivered(instrument: TradedInstrument, delivered: Delivered): PlacementAnswer {
  const { record, fills, timeUs } = delivered;
  return {
    order: encodeOrder(instrument, record),
    fills: fills
      .slice(0, FILL_LIMIT)
      .map((fill) => encodeOwnFill(instrument, record, { fill, timeUs })),
    sequence: BigInt(record.instrumentSequence),
    duplicate: false,
  };
}

/**
 * Ends a request that is no order: before it is refused, its client order id is looked up, because
 * a repeat of an order is answered whatever has changed since, and the account comes first.
 */
async function answerRepeat(
  parts: FlowParts,
  request: Request,
  error: Error,
): Promise<PlacementAnswer> {
  const { form, bodyHash } = request;
  const name = form.clientOrderId === '' ? { placement: 1 } : { clientOrderId: form.clientOrderId };
  const message = await parts.accounts.findOrder(form.accountId, name, { settled: true });
  if (form.clientOrderId === '' || message === undefined) throw error;
  if (isCanceledBeforeArrival(message)) {
    const order = encodeCanceledBeforeArrival(message, form.instrumentId);
    return { order, fills: [], sequence: 0n, duplicate: true };
  }
  if (Buffer.compare(message.bodyHash, bodyHash) !== 0) {
    const detail = { client_order_id: form.clientOrderId };
    const reason = 'CLIENT_ORDER_ID_ALREADY_EXISTS';
    throw notCommitted({ kind: 'refused', reason, detail });
  }
  const instrument = parts.instruments.findByNumber(message.terms?.instrumentNumber ?? 0);
  if (instrument === undefined) throw error;
  return answerOf(instrument, decodeRecord(message), true);
}

/** An order that may be in its book soon; what is final or was there before is asked for. */
function orderOf({ record, existing }: HoldAnswer): KnownOrder | undefined {
  return existing || record?.holdState !== 'PLACED' ? undefined : record;
}

/** Nobody can repeat a request without a client order id, so its hash is never compared. */
const NO_HASH = new Uint8Array(16);

function hashOf(form: PlacementForm): Uint8Array {
  if (form.clientOrderId === '') return NO_HASH;
  return hash('sha256', canonicalText(form), 'buffer').subarray(0, 16);
}
