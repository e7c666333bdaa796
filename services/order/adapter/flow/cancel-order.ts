// Cancels an order: by order id straight in its book, by client order id through the account shard
// first, which knows what the id stands for, or uses it up (HLD-3, CXL-1).

import type { OrderRecord as RecordMessage } from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import type { Committed } from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { rejectReasonCodec } from '../../../lib/platform/codec/terms-codec.ts';
import { ATTRIBUTES, SPANS } from '../../../lib/platform/telemetry/names.ts';
import type { CancelReason } from '../../../lib/rules/terms.ts';
import type { OrderKey } from '../../domain/book-event.ts';
import { requestIdentity } from '../../domain/identity.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import type { Place } from '../../domain/lanes.ts';
import { formatOrderId, parseOrderId } from '../../domain/order-id.ts';
import { applyEvents, type OrderRecord } from '../../domain/order-record.ts';
import {
  type CancelForm,
  checkCancelForm,
  nameOf,
  type OrderRefForm,
} from '../../domain/requests.ts';
import { encodeCanceledBeforeArrival, encodeOrder, type OrderInit } from '../codec/order-codec.ts';
import { decodeEvents, decodeRecord, isCanceledBeforeArrival } from '../codec/record-codec.ts';
import type { MatchingSettled } from '../mesh/matching.ts';
import {
  declinedError,
  formError,
  instrumentUnknown,
  notCommitted,
  orderNotOpen,
  orderUnknown,
  requestIdTaken,
} from '../problems.ts';
import { fetchSettled, forbid } from './deliver.ts';
import { type FlowParts, traced, uniqueText, VALIDITY_US } from './parts.ts';

/** The answer to a cancel, as the contract has it. */
export type CancelAnswer = {
  readonly order: OrderInit;
  readonly alreadyFinal: boolean;
  readonly sequence: bigint;
  readonly clientRequestId: string;
  readonly duplicate: boolean;
};

type Request = {
  readonly form: CancelForm;
  readonly ref: OrderRefForm;
  readonly clientRequestId: string;
  readonly instrument: TradedInstrument;
  readonly place: Place;
};

/**
 * Cancels an order. Its place in the lane of its account and instrument is taken before this
 * returns, so a cancel never overtakes its order (MOV-9).
 */
export async function cancelOrder(parts: FlowParts, form: CancelForm): Promise<CancelAnswer> {
  const violations = checkCancelForm(form);
  const { accountId, order: ref } = form;
  if (violations.length > 0 || ref === undefined) throw formError(violations);
  const flow = parts.flows.begin(accountId);
  try {
    const instrument = parts.instruments.find(ref.instrumentId);
    if (instrument === undefined) {
      await checkAccount(parts, accountId);
      throw instrumentUnknown(ref.instrumentId);
    }
    const place = flow.takePlace(instrument.instrumentNumber);
    const clientRequestId =
      form.clientRequestId === '' ? uniqueText(parts.world) : form.clientRequestId;
    const request: Request = { form, ref, clientRequestId, instrument, place };
    try {
      return await (ref.id.kind === 'orderId'
        ? cancelByOrderId(parts, request)
        : cancelByClientOrderId(parts, request));
    } finally {
      place.leave();
    }
  } finally {
    flow.end();
  }
}

/** @throws OperatingError ACCOUNT_UNKNOWN, which takes precedence over the instrument. */
export async function checkAccount(parts: FlowParts, accountId: string): Promise<void> {
  await parts.accounts.findOrder(accountId, { placement: 1 }, { settled: false });
}

async function cancelByOrderId(parts: FlowParts, request: Request): Promise<CancelAnswer> {
  const key = await findKey(parts, request);
  const settled = await proposeCancel(parts, request, key);
  return await answerCancel(parts, request, { key, settled });
}

/** The order's key, once it is certain that it is the account's. */
async function findKey(parts: FlowParts, { form, ref }: Request): Promise<OrderKey> {
  const key = parseOrderId(nameOf(ref));
  const known = parts.accountNumbers.find(form.accountId);
  if (known !== undefined && key?.accountNumber === known) return key;
  const placement = key?.placement ?? 1;
  const message = await parts.accounts.findOrder(form.accountId, { placement }, { settled: false });
  if (message === undefined || key === undefined) throw orderUnknown(nameOf(ref));
  parts.accountNumbers.learn(form.accountId, message.accountNumber);
  if (message.accountNumber !== key.accountNumber) throw orderUnknown(nameOf(ref));
  return key;
}

async function cancelByClientOrderId(parts: FlowParts, request: Request): Promise<CancelAnswer> {
  const { form, ref, instrument } = request;
  const known = await parts.knownOrders.find(form.accountId, nameOf(ref));
  if (known?.terms.instrumentNumber === instrument.instrumentNumber) {
    // Its placement is ahead in the lane, or in the book already.
    const settled = await proposeCancel(parts, request, known);
    return (
      answerUntouched(request, known, settled) ??
      (await answerCancel(parts, request, { key: known, settled }))
    );
  }
  // A placement of this process with the same id is ahead in the lane: it is not forbidden.
  await parts.inFlight.find(form.accountId, nameOf(ref));
  const { message, existing } = await prepareCancel(parts, request);
  if (isCanceledBeforeArrival(message)) {
    const order = encodeCanceledBeforeArrival(message, instrument.instrumentId);
    return answer(request, { order, alreadyFinal: existing, sequence: 0n, duplicate: false });
  }
  const record = decodeRecord(message);
  parts.accountNumbers.learn(form.accountId, record.accountNumber);
  if (record.terms.instrumentNumber !== instrument.instrumentNumber) {
    throw orderUnknown(nameOf(ref));
  }
  switch (record.holdState) {
    case 'CLOSED':
      return answerFinal(request, record, false);
    case 'PLACED':
      return await cancelPlaced(parts, request, record);
    case 'CONFIRMED': {
      const settled = await proposeCancel(parts, request, record);
      return await answerCancel(parts, request, { key: record, settled });
    }
  }
}

async function prepareCancel(
  parts: FlowParts,
  { form, ref }: Request,
): Promise<{ message: RecordMessage; existing: boolean }> {
  const { accountId } = form;
  const attributes = () => ({
    [ATTRIBUTES.accountId]: accountId,
    [ATTRIBUTES.clientOrderId]: nameOf(ref),
  });
  const settled = await traced(SPANS.hold, attributes, (traceContext) =>
    parts.accounts.propose({
      accountId,
      identity: `p/${uniqueText(parts.world)}`,
      validUntilUs: parts.world.wallClockUs() + VALIDITY_US,
      traceContext,
      isUrgent: true,
      content: { case: 'prepareCancel', value: { accountId, clientOrderId: nameOf(ref) } },
      insists: false,
    }),
  );
  if (settled.kind !== 'committed') throw notCommitted(settled);
  const { answer: ledgerAnswer } = settled.committed;
  if (ledgerAnswer?.record === undefined) throw malformed('a prepared cancel has the record');
  return { message: ledgerAnswer.record, existing: ledgerAnswer.existing };
}

/** What was proposed: the order, or the group that it belongs to, by its first leg. */
function placementOf({ accountNumber, placement, groupPlacement }: OrderRecord): OrderKey {
  return { accountNumber, placement: groupPlacement === 0 ? placement : groupPlacement };
}

/** The hold is only placed: the order is kept from arriving, or it has arrived meanwhile. */
async function cancelPlaced(
  parts: FlowParts,
  request: Request,
  record: OrderRecord,
): Promise<CancelAnswer> {
  const { instrument } = request;
  const { validUntilUs } = record;
  await forbid(parts, instrument, { key: placementOf(record), amendHoldId: '', validUntilUs });
  const present = decodeRecord(await fetchSettled(parts, record));
  if (present.holdState === 'CLOSED') return answerFinal(request, present, true);
  const settled = await proposeCancel(parts, request, record);
  return await answerCancel(parts, request, { key: record, settled });
}

function proposeCancel(
  parts: FlowParts,
  { clientRequestId, instrument, place }: Request,
  key: OrderKey,
): Promise<MatchingSettled> {
  const { accountNumber, placement } = key;
  const attributes = () => ({
    [ATTRIBUTES.orderId]: formatOrderId(key),
    [ATTRIBUTES.instrumentId]: instrument.instrumentId,
  });
  return traced(SPANS.propose, attributes, (traceContext) => {
    return new Promise<MatchingSettled>((settle) => {
      place.send((orderingGroup) =>
        parts.matching.send({
          instrumentId: instrument.instrumentId,
          identity: requestIdentity(accountNumber, clientRequestId),
          validUntilUs: parts.world.wallClockUs() + VALIDITY_US,
          traceContext,
          orderingGroup,
          owner: accountNumber,
          isUrgent: true,
          content: {
            case: 'cancelOrder',
            value: {
              instrumentNumber: instrument.instrumentNumber,
              accountNumber,
              placement: BigInt(placement),
            },
          },
          insists: false,
          settle,
        }),
      );
    });
  });
}

type Outcome = { readonly key: OrderKey; readonly settled: MatchingSettled };

async function answerCancel(
  parts: FlowParts,
  request: Request,
  { key, settled }: Outcome,
): Promise<CancelAnswer> {
  const { form, ref, instrument } = request;
  if (settled.kind !== 'committed') throw notCommitted(settled);
  const { committed, duplicate } = settled;
  const rejected = findRejection(request, key, committed);
  const { placement } = key;
  const message = await fetchSettledOrNone(
    parts,
    form.accountId,
    placement,
    rejected === undefined,
  );
  if (message === undefined || isCanceledBeforeArrival(message)) throw orderUnknown(nameOf(ref));
  const record = decodeRecord(message);
  if (record.terms.instrumentNumber !== instrument.instrumentNumber) {
    throw orderUnknown(nameOf(ref));
  }
  if (rejected === undefined) {
    const order = encodeOrder(instrument, record);
    const sequence = BigInt(record.instrumentSequence);
    return answer(request, { order, alreadyFinal: false, sequence, duplicate });
  }
  if (record.holdState === 'PLACED') return await cancelUndelivered(parts, request, record);
  if (record.holdState === 'CLOSED') return answerFinal(request, record, false);
  // An exit that has not appeared is in no book; its group can be canceled.
  if (record.status === 'PENDING') throw orderNotOpen(nameOf(ref), record.status);
  throw declinedError(rejected, nameOf(ref));
}

/** Why the book declined; undefined when it canceled the order. */
function findRejection(request: Request, key: OrderKey, committed: Committed) {
  for (const { kind } of committed.events) {
    if (kind.case !== 'orderCanceled' && kind.case !== 'cancelRejected') continue;
    const { accountNumber, placement } = kind.value;
    if (accountNumber !== key.accountNumber || Number(placement) !== key.placement) continue;
    return kind.case === 'orderCanceled' ? undefined : rejectReasonCodec.toName(kind.value.reason);
  }
  // The identity's first command was about something else.
  throw requestIdTaken(request.clientRequestId);
}

/**
 * The answer about an order that was canceled as it was placed, neither amended nor filled: then
 * the record of its placement and the event say all; undefined otherwise.
 */
function answerUntouched(
  request: Request,
  placed: OrderRecord,
  settled: MatchingSettled,
): CancelAnswer | undefined {
  // Where a trailing stop began only its record says.
  if (settled.kind !== 'committed' || placed.terms.type === 'TRAILING_STOP') return undefined;
  const { committed, duplicate } = settled;
  const events = decodeEvents(committed.events);
  const isUntouched = events.some(
    (event) =>
      event.kind === 'canceled' &&
      event.accountNumber === placed.accountNumber &&
      event.placement === placed.placement &&
      event.version === 1 &&
      event.canceledUnits === placed.terms.quantityUnits,
  );
  if (!isUntouched) return undefined;
  const { instrument } = request;
  const { notionalFactor } = instrument.rules;
  const logTimeUs = Number(committed.logTimeUs);
  const accepted = { ...placed, version: 1 };
  const { record } = applyEvents(accepted, events, { notionalFactor, logTimeUs });
  const order = encodeOrder(instrument, record);
  const sequence = BigInt(record.instrumentSequence);
  return answer(request, { order, alreadyFinal: false, sequence, duplicate });
}

/** After an effect a failing read must not look as if nothing was done. */
async function fetchSettledOrNone(
  parts: FlowParts,
  accountId: string,
  placement: number,
  hasEffect: boolean,
): Promise<RecordMessage | undefined> {
  if (hasEffect) return await fetchSettled(parts, { accountId, placement });
  return await parts.accounts.findOrder(accountId, { placement }, { settled: true });
}

/** The book does not know the order because it never got there: its placement was given up. */
async function cancelUndelivered(
  parts: FlowParts,
  request: Request,
  record: OrderRecord,
): Promise<CancelAnswer> {
  const { instrument } = request;
  const { validUntilUs } = record;
  await forbid(parts, instrument, { key: placementOf(record), amendHoldId: '', validUntilUs });
  const present = decodeRecord(await fetchSettled(parts, record));
  if (present.holdState === 'CLOSED') return answerFinal(request, present, true);
  throw orderNotOpen(nameOf(request.ref), present.status);
}

/** Cancels that the owner has asked for, by name or not. */
const BY_OWNER: readonly CancelReason[] = ['OWNER', 'MASS', 'GROUP', 'DEAD_MAN_SWITCH'];

/** A final order: canceled by its owner it is answered, ended otherwise it is not open. */
function answerFinal(request: Request, record: OrderRecord, byThis: boolean): CancelAnswer {
  const { instrument, ref } = request;
  const { status, cancelReason, rejectReason } = record;
  const byOwner =
    (status === 'CANCELED' && cancelReason !== undefined && BY_OWNER.includes(cancelReason)) ||
    (status === 'REJECTED' && rejectReason === 'NOT_DELIVERED');
  if (!byOwner) throw orderNotOpen(nameOf(ref), status);
  const order = encodeOrder(instrument, record);
  const sequence = BigInt(record.instrumentSequence);
  return answer(request, { order, alreadyFinal: !byThis, sequence, duplicate: false });
}

function answer(
  { clientRequestId }: Request,
  rest: Omit<CancelAnswer, 'clientRequestId'>,
): CancelAnswer {
  return { ...rest, clientRequestId };
}
