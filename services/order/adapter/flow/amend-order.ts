// Amends an order in one command; what it may cost more is held before, under the amend's own
// identity (AMD-1 to AMD-3, HLD-6).

import { hash } from 'node:crypto';
import type { Committed } from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { RejectReason as RejectReasonEnum } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { rejectReasonCodec } from '../../../lib/platform/codec/terms-codec.ts';
import type { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { ATTRIBUTES, SPANS } from '../../../lib/platform/telemetry/names.ts';
import type { AmendChange } from '../../../lib/rules/check-amend.ts';
import { isWaitingType } from '../../../lib/rules/order-types.ts';
import type { RejectReason } from '../../../lib/rules/terms.ts';
import {
  additionalHold,
  checkAmendment,
  readAmend,
  withWorstPrice,
} from '../../domain/amendment.ts';
import { requestIdentity } from '../../domain/identity.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import type { Flow, Place } from '../../domain/lanes.ts';
import { formatOrderId, parseOrderId } from '../../domain/order-id.ts';
import { applyEvents, isFinal, type OrderRecord } from '../../domain/order-record.ts';
import type { PlacementProblem } from '../../domain/placement.ts';
import {
  type AmendForm,
  checkAmendForm,
  nameOf,
  type OrderRefForm,
} from '../../domain/requests.ts';
import { encodeOrder, encodeOwnFill, type FillInit, type OrderInit } from '../codec/order-codec.ts';
import { decodeEvents, decodeRecord, isCanceledBeforeArrival } from '../codec/record-codec.ts';
import type { MatchingContent, MatchingSettled } from '../mesh/matching.ts';
import {
  declinedError,
  formError,
  instrumentUnknown,
  notCommitted,
  orderNotOpen,
  orderUnknown,
  requestIdTaken,
  rulesError,
} from '../problems.ts';
import { checkAccount } from './cancel-order.ts';
import { fetchSettled, forbid } from './deliver.ts';
import {
  FILL_LIMIT,
  type FlowParts,
  RULES_LIMIT_MS,
  traced,
  uniqueText,
  VALIDITY_US,
} from './parts.ts';
import { takeRoom } from './place-aside.ts';

/** How often an amend is tried when the order changed while its hold was made. */
const ATTEMPT_LIMIT = 3;

/** The answer to an amend, as the contract has it. */
export type AmendAnswer = {
  readonly order: OrderInit;
  readonly fills: FillInit[];
  readonly sequence: bigint;
  readonly placeKept: boolean;
  readonly clientRequestId: string;
  readonly duplicate: boolean;
};

type Request = {
  readonly form: AmendForm;
  readonly ref: OrderRefForm;
  readonly clientRequestId: string;
  readonly instrument: TradedInstrument;
  readonly flow: Flow;
  readonly place: Place;
};

/**
 * Amends an order. Its place in the lane of its account and instrument is taken before this
 * returns, and kept while its hold is made (MOV-9).
 */
export async function amendOrder(parts: FlowParts, form: AmendForm): Promise<AmendAnswer> {
  const violations = checkAmendForm(form);
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
    try {
      // What is under way for the order comes first, so that its record is the one to amend.
      await parts.inFlight.find(accountId, nameOf(ref));
      return await tryAmend(parts, { form, ref, clientRequestId, instrument, flow, place });
    } finally {
      place.leave();
    }
  } finally {
    flow.end();
  }
}

async function tryAmend(parts: FlowParts, request: Request): Promise<AmendAnswer> {
  const room = await takeRoom(parts, request.instrument);
  try {
    for (let attempt = 1; ; attempt++) {
      const instrument = parts.instruments.find(request.ref.instrumentId) ?? request.instrument;
      const done = await amendOnce(parts, { ...request, instrument }, attempt);
      if (typeof done !== 'string') return done;
      const isAgain = done === 'HOLD_TOO_SMALL' || done === 'INSTRUMENT_CHANGED';
      if (isAgain && attempt < ATTEMPT_LIMIT) continue;
      if (done === 'ORDER_UNKNOWN') await fetchRecord(parts, request, true, 'open');
      throw declinedError(done, nameOf(request.ref));
    }
  } finally {
    room.give();
  }
}

/** One attempt: the answer, or why the book or the account shard declined it. */
async function amendOnce(
  parts: FlowParts,
  request: Request,
  attempt: number,
): Promise<AmendAnswer | RejectReason> {
  const { form, instrument } = request;
  // A repeat of an amend that ended its order is answered by the book, which remembers it.
  const wanted = form.clientRequestId === '' ? 'open' : 'any';
  let record = await fetchRecord(parts, request, attempt > 1, wanted);
  if (parts.amendedOrders.isOlder(record)) record = await fetchRecord(parts, request, true, wanted);
  const { change, problem } = withWorstPrice(readAmend(form, instrument), instrument, record);
  const isOpen = !isFinal(record.status);
  const found = problem ?? (isOpen ? checkAmendment(instrument, record, change) : undefined);
  if (found !== undefined) throw problemError(request, found);
  const amountUnits = isOpen ? additionalHold(instrument, record, change) : 0n;
  const amendHoldId = amountUnits === 0n ? '' : holdIdOf(request, record, attempt);
  const validUntilUs = parts.world.wallClockUs() + VALIDITY_US;
  if (amountUnits > 0n) {
    const hold = { record, amendHoldId, amountUnits, validUntilUs, attempt };
    const declined = await holdMore(parts, request, hold);
    if (declined !== undefined) return declined;
  }
  const { accountNumber, placement } = record;
  const { expectedVersion } = form;
  const settled = await propose(parts, request, {
    record,
    attempt,
    validUntilUs,
    value: {
      instrumentNumber: instrument.instrumentNumber,
      accountNumber,
      placement: BigInt(placement),
      ...encodeChange(change),
      ...(expectedVersion === undefined ? {} : { expectedVersion }),
      instrumentVersion: BigInt(instrument.rules.version),
      amendHoldUnits: amountUnits,
      amendHoldId,
    },
  });
  if (settled.kind === 'committed') {
    return await answerAmend(parts, request, { record, change, settled });
  }
  if (amendHoldId !== '') {
    // The hold is placed and its amend is not known to have been applied: it is resolved (HLD-3).
    await forbid(parts, instrument, { key: record, amendHoldId, validUntilUs });
  }
  const isChanged = settled.kind === 'refused' && settled.reason === 'INSTRUMENT_CHANGED';
  if (isChanged) {
    const { instrumentId, rules } = instrument;
    await parts.instruments.waitForVersion(instrumentId, rules.version + 1, RULES_LIMIT_MS);
    return 'INSTRUMENT_CHANGED';
  }
  throw notCommitted(settled);
}

async function fetchRecord(
  parts: FlowParts,
  { form, ref, instrument }: Request,
  settled: boolean,
  wanted: 'open' | 'any',
): Promise<OrderRecord> {
  const text = nameOf(ref);
  const key = ref.id.kind === 'orderId' ? parseOrderId(text) : undefined;
  const name =
    ref.id.kind === 'orderId' ? { placement: key?.placement ?? 1 } : { clientOrderId: text };
  let message = await parts.accounts.findOrder(form.accountId, name, { settled });
  if (message !== undefined && !settled && message.instrumentSequence === 0n) {
    // Placed moments ago: its acceptance may not be settled yet.
    message = await parts.accounts.findOrder(form.accountId, name, { settled: true });
  }
  if (message === undefined || isCanceledBeforeArrival(message)) throw orderUnknown(text);
  const record = decodeRecord(message);
  const isOther = ref.id.kind === 'orderId' && record.accountNumber !== key?.accountNumber;
  if (isOther || record.terms.instrumentNumber !== instrument.instrumentNumber) {
    throw orderUnknown(text);
  }
  // An exit that has not appeared is in no book.
  const isAbsent = record.status === 'PENDING' && record.groupType === 'BRACKET';
  if (wanted === 'open' && (isAbsent || isFinal(record.status))) {
    throw orderNotOpen(text, record.status);
  }
  return record;
}

function problemError(request: Request, problem: PlacementProblem): OperatingError {
  if (problem.kind === 'error') {
    return rulesError(problem.reason, problem.field, request.instrument);
  }
  return declinedError(problem.reason, nameOf(request.ref));
}

/** Equal for every repeat of the same request, and a new one for each further attempt. */
function holdIdOf({ clientRequestId }: Request, record: OrderRecord, attempt: number): string {
  const text = `${formatOrderId(record)}/${clientRequestId}/${attempt}`;
  return hash('sha256', text, 'hex').slice(0, 32);
}

type MoreHold = {
  readonly record: OrderRecord;
  readonly amendHoldId: string;
  readonly amountUnits: bigint;
  readonly validUntilUs: number;
  readonly attempt: number;
};

/** Holds what the amend may cost more; where money lacks, again after earlier requests (SET-4). */
async function holdMore(
  parts: FlowParts,
  request: Request,
  hold: MoreHold,
): Promise<RejectReason | undefined> {
  const mayWait = request.flow.hasEarlier();
  const first = await proposeHold(parts, request, hold);
  if (first !== 'INSUFFICIENT_FUNDS' || !mayWait) return first;
  await new Promise<void>((resume) => request.flow.whenEarlierEnded(resume));
  return await proposeHold(parts, request, hold, '/2');
}

async function proposeHold(
  parts: FlowParts,
  { form }: Request,
  { record, amendHoldId, amountUnits, validUntilUs }: MoreHold,
  suffix = '',
): Promise<RejectReason | undefined> {
  const { accountNumber, placement } = record;
  const attributes = () => ({ [ATTRIBUTES.orderId]: formatOrderId(record) });
  const settled = await traced(SPANS.hold, attributes, (traceContext) =>
    parts.accounts.propose({
      accountId: form.accountId,
      identity: `a/${accountNumber}/${amendHoldId}${suffix}`,
      validUntilUs,
      traceContext,
      content: {
        case: 'amendHold',
        value: {
          accountNumber,
          placement: BigInt(placement),
          amendHoldId,
          amountUnits,
          validUntilUs: BigInt(validUntilUs),
        },
      },
      insists: false,
    }),
  );
  if (settled.kind !== 'committed') {
    const isGone = settled.kind === 'refused' && settled.reason === 'ORDER_NOT_OPEN';
    if (isGone) return 'ORDER_NOT_OPEN';
    throw notCommitted(settled);
  }
  for (const { kind } of settled.committed.events) {
    if (kind.case === 'amendDeclined') return rejectReasonCodec.toName(kind.value.reason);
  }
  return undefined;
}

/** Only what changes stands in the command. */
function encodeChange(change: AmendChange) {
  const { quantityUnits, priceUnits, stopPriceUnits, displayUnits, expireTimeUs } = change;
  return {
    ...(quantityUnits === undefined ? {} : { quantityUnits: BigInt(quantityUnits) }),
    ...(priceUnits === undefined ? {} : { priceUnits: BigInt(priceUnits) }),
    ...(stopPriceUnits === undefined ? {} : { stopPriceUnits: BigInt(stopPriceUnits) }),
    ...(displayUnits === undefined ? {} : { displayUnits: BigInt(displayUnits) }),
    ...(expireTimeUs === undefined ? {} : { expireTimeUs: BigInt(expireTimeUs) }),
  };
}

type Amend = {
  readonly record: OrderRecord;
  readonly attempt: number;
  readonly validUntilUs: number;
  readonly value: Extract<MatchingContent, { case: 'amendOrder' }>['value'] & {
    readonly amendHoldId: string;
  };
};

function propose(parts: FlowParts, request: Request, amend: Amend): Promise<MatchingSettled> {
  const { clientRequestId, instrument, place } = request;
  const { record, attempt, validUntilUs, value } = amend;
  const attributes = () => ({
    [ATTRIBUTES.orderId]: formatOrderId(record),
    [ATTRIBUTES.instrumentId]: instrument.instrumentId,
  });
  return traced(SPANS.propose, attributes, (traceContext) => {
    return new Promise<MatchingSettled>((settle) => {
      const send = (orderingGroup = 0n) =>
        parts.matching.send({
          ...{ instrumentId: instrument.instrumentId, validUntilUs, traceContext, orderingGroup },
          identity: requestIdentity(record.accountNumber, clientRequestId, attempt),
          owner: record.accountNumber,
          content: { case: 'amendOrder', value },
          insists: value.amendHoldId !== '',
          settle,
        });
      if (attempt === 1) place.send(send);
      else send();
    });
  });
}

type Committedly = {
  readonly record: OrderRecord;
  readonly change: AmendChange;
  readonly settled: Extract<MatchingSettled, { kind: 'committed' }>;
};

async function answerAmend(
  parts: FlowParts,
  request: Request,
  { record, change, settled }: Committedly,
): Promise<AmendAnswer | RejectReason> {
  const { instrument, clientRequestId } = request;
  const { committed, duplicate } = settled;
  const amended = findAmended(request, record, committed);
  if (typeof amended === 'string') return amended;
  if (duplicate && isOtherChange(amended, change)) throw requestIdTaken(clientRequestId);
  parts.amendedOrders.note(record, Number(amended.version));
  const timeUs = Number(committed.logTimeUs);
  const { notionalFactor } = instrument.rules;
  const events = decodeEvents(committed.events);
  const after = applyEvents(record, events, { notionalFactor, logTimeUs: timeUs });
  // All fills are known exactly when what had traded before the amend is what the record has.
  const knownUnits = Number(amended.quantityUnits) - Number(amended.remainingUnits);
  // One that waits may have been triggered meanwhile.
  const mayWait = isWaitingType(record.terms.type);
  const isWhole = committed.eventsLeftOut === 0 && !mayWait;
  const isExact = !duplicate && isWhole && knownUnits === record.filledUnits;
  const present = isExact ? after.record : decodeRecord(await fetchSettled(parts, record));
  const fills = duplicate
    ? []
    : after.fills
        .slice(0, FILL_LIMIT)
        .map((fill) => encodeOwnFill(instrument, present, { fill, timeUs }));
  return {
    order: encodeOrder(instrument, present),
    fills,
    // Of the amend's own events: what came later is no part of its answer.
    sequence: BigInt(Math.max(...events.map(({ sequence }) => sequence))),
    placeKept: amended.placeKept,
    clientRequestId,
    duplicate,
  };
}

/** Whether an amend's event tells another change than the one asked for. */
function isOtherChange(amended: AmendedTerms, change: AmendChange): boolean {
  const fields = Object.keys(change) as (keyof AmendChange)[];
  return fields.some((field) => {
    const asked = change[field];
    if (asked === undefined || Number(amended[field]) === asked) return false;
    // Less than was filled already: it ended with what was filled (AMD-2).
    const isEnding = field === 'quantityUnits' && amended.remainingUnits === 0n;
    return !isEnding || Number(amended[field]) < asked;
  });
}

type AmendedTerms = Readonly<Record<keyof AmendChange | 'remainingUnits', bigint>>;

/** The event of the amend, or why the book declined it. */
function findAmended(request: Request, record: OrderRecord, committed: Committed) {
  for (const { kind } of committed.events) {
    if (kind.case !== 'orderAmended' && kind.case !== 'amendRejected') continue;
    const { accountNumber, placement } = kind.value;
    if (accountNumber !== record.accountNumber || Number(placement) !== record.placement) continue;
    if (kind.case === 'orderAmended') return kind.value;
    if (kind.value.reason === RejectReasonEnum.UNSPECIFIED) throw malformed('no reason is given');
    return rejectReasonCodec.toName(kind.value.reason);
  }
  throw requestIdTaken(request.clientRequestId);
}
