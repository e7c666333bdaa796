// Places a group of orders: checks, holds, one proposal, answer (TYP-7, HLD-6). As with one order,
// nothing has an effect before the hold, and from it on the flow runs to its end (HLD-7).

import {
  OrderRecordSchema,
  type OrderRecord as RecordMessage,
} from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import type { Committed } from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import { RejectReason, SelfTradePrevention } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { writeMessage } from '../../../lib/platform/codec/message-writer.ts';
import {
  encodeTerms,
  groupTypeCodec,
  rejectReasonCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import { ATTRIBUTES, SPANS } from '../../../lib/platform/telemetry/names.ts';
import { groupCost } from '../../../lib/rules/group-cost.ts';
import type { OrderTerms, RejectReason as RejectReasonName } from '../../../lib/rules/terms.ts';
import { hashGroup } from '../../domain/canonical.ts';
import { checkPricedGroup, type GroupProblem, readGroup } from '../../domain/group-placement.ts';
import {
  type CheckedGroup,
  checkGroupRequest,
  type GroupForm,
} from '../../domain/group-requests.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import type { Flow, Place } from '../../domain/lanes.ts';
import { isFinal, type OrderRecord } from '../../domain/order-record.ts';
import { encodeGroup, encodeOwnFill, type FillInit, type GroupInit } from '../codec/order-codec.ts';
import { decodeRecord } from '../codec/record-codec.ts';
import { formError, instrumentUnknown, notCommitted, rulesError } from '../problems.ts';
import { checkAccount } from './cancel-order.ts';
import { countOrder } from './count-order.ts';
import { type DeliveredGroup, deliverGroup, fetchLegs, resolveGroup } from './deliver-group.ts';
import { holdInTurn } from './hold-in-turn.ts';
import type { BegunOrder } from './known-orders.ts';
import {
  FILL_LIMIT,
  type FlowParts,
  NEWCOMER_LIMIT_MS,
  traced,
  uniqueText,
  VALIDITY_US,
} from './parts.ts';
import { takeRoom, validUntilOf } from './place-aside.ts';
import { fixGroupPrices, needsWorstPrice } from './worst-price.ts';

/** The answer to the placement of a group, as the contract has it. */
export type GroupAnswer = {
  readonly group: GroupInit;
  readonly fills: FillInit[];
  readonly sequence: bigint;
  readonly duplicate: boolean;
};

type Request = {
  readonly form: GroupForm;
  readonly group: CheckedGroup;
  readonly flow: Flow;
  readonly nowUs: number;
  readonly clientOrderIds: readonly string[];
  readonly bodyHash: Uint8Array;
  /** For each leg: tells cancels that come behind what its client order id stands for. */
  readonly begun: readonly (BegunOrder | undefined)[];
};

/**
 * Places a group. Its place in the lane of its account and instrument is taken before this
 * returns, so calls keep their order (MOV-9).
 *
 * @throws OperatingError when it is no group, or nothing was done, or the outcome is unknown.
 */
export async function placeOrderGroup(parts: FlowParts, form: GroupForm): Promise<GroupAnswer> {
  const group = checkGroupRequest(form);
  if ('violations' in group) throw formError(group.violations);
  const flow = parts.flows.begin(form.accountId);
  const request = requestOf(parts, form, { group, flow });
  try {
    const { instruments } = parts;
    const instrument =
      instruments.find(form.instrumentId) ??
      (await instruments.waitForVersion(form.instrumentId, 1, NEWCOMER_LIMIT_MS));
    if (instrument === undefined) {
      await checkAccount(parts, form.accountId);
      throw instrumentUnknown(form.instrumentId);
    }
    const place = flow.takePlace(instrument.instrumentNumber);
    try {
      return await placeInInstrument(parts, request, { instrument, place });
    } finally {
      place.leave();
    }
  } finally {
    for (const order of request.begun) order?.tell(undefined);
    flow.end();
  }
}

function requestOf(
  parts: FlowParts,
  form: GroupForm,
  { group, flow }: { readonly group: CheckedGroup; readonly flow: Flow },
): Request {
  const { groupType, legs } = group;
  return {
    form,
    group,
    flow,
    nowUs: parts.world.wallClockUs(),
    clientOrderIds: legs.map(({ clientOrderId }) =>
      clientOrderId === '' ? uniqueText(parts.world) : clientOrderId,
    ),
    bodyHash: hashGroup(groupType, legs),
    begun: legs.map(({ clientOrderId }) =>
      clientOrderId === '' ? undefined : parts.knownOrders.begin(form.accountId, clientOrderId),
    ),
  };
}

type Target = { readonly instrument: TradedInstrument; readonly place: Place };

async function placeInInstrument(
  parts: FlowParts,
  request: Request,
  { instrument, place }: Target,
): Promise<GroupAnswer> {
  const read = readGroup(request.group, instrument, request.nowUs);
  let { legs, problem } = read;
  if (problem === undefined && legs.some(needsWorstPrice)) {
    ({ legs, problem } = await fixPrices(parts, request, { instrument, legs }));
  }
  if (problem?.kind === 'error') {
    const { reason, leg, field } = problem;
    const error = rulesError(reason, `${request.group.names[leg]}.${field}`, instrument);
    return await answerRepeat(parts, request, { instrument, error });
  }
  if (problem !== undefined) {
    const declined = { reason: problem.reason, leg: problem.leg };
    const held = await placeHold(parts, request, { instrument, legs, declined });
    return answerOf(instrument, held.records, held.existing);
  }
  const room = await takeRoom(parts, instrument);
  try {
    const held = await placeHold(parts, request, { instrument, legs, declined: undefined });
    return await answerHold(parts, held, { instrument, place });
  } finally {
    room.give();
  }
}

async function fixPrices(
  parts: FlowParts,
  { group }: Request,
  {
    instrument,
    legs,
  }: { readonly instrument: TradedInstrument; readonly legs: readonly OrderTerms[] },
): Promise<{ legs: readonly OrderTerms[]; problem: GroupProblem | undefined }> {
  const priced = await fixGroupPrices(parts, instrument, { groupType: group.groupType, legs });
  if (priced !== undefined) {
    return { legs: priced, problem: checkPricedGroup(group, instrument, priced) };
  }
  const leg = legs.findIndex(needsWorstPrice);
  return { legs, problem: { kind: 'declined', reason: 'NO_REFERENCE_PRICE', leg } };
}

type Hold = {
  readonly instrument: TradedInstrument;
  readonly legs: readonly OrderTerms[];
  readonly declined: { readonly reason: RejectReasonName; readonly leg: number } | undefined;
};

/** What the account shard answered: the records of the legs, and whether they were there before. */
type HoldAnswer = {
  readonly messages: readonly RecordMessage[];
  readonly records: readonly OrderRecord[];
  readonly existing: boolean;
};

/** Asks for the holds; where money lacks, again when earlier requests have ended (SET-4). */
async function placeHold(parts: FlowParts, request: Request, hold: Hold): Promise<HoldAnswer> {
  const settled = await holdInTurn(
    { world: parts.world, flow: request.flow },
    hold.declined === undefined,
    (refuseWhenShort) => proposeHold(parts, request, { ...hold, refuseWhenShort }),
  );
  if (settled.kind !== 'committed') throw notCommitted(settled);
  const answer = readHoldAnswer(settled.committed);
  tellLegs(parts, request, answer);
  return answer;
}

/** Exits of a bracket are not known to the book yet; whoever asks for one asks its shard. */
function tellLegs(parts: FlowParts, request: Request, answer: HoldAnswer): void {
  const { records, messages, existing } = answer;
  for (const [leg, record] of records.entries()) {
    parts.accountNumbers.learn(record.accountId, record.accountNumber);
    const isExit = record.groupType === 'BRACKET' && leg > 0;
    const isNew = !existing && record.holdState === 'PLACED';
    const message = isNew && !isExit ? messages[leg] : undefined;
    request.begun[leg]?.tell(message && writeMessage(OrderRecordSchema, message));
  }
}

function proposeHold(
  parts: FlowParts,
  request: Request,
  hold: Hold & { readonly refuseWhenShort: boolean },
) {
  const { form, group, clientOrderIds, bodyHash } = request;
  const { instrument, legs, declined, refuseWhenShort } = hold;
  const nowUs = parts.world.wallClockUs();
  const cost =
    declined === undefined
      ? groupCost(instrument.rules, group.groupType, legs)
      : { entryUnits: 0n, groupUnits: 0n };
  const attributes = () => ({
    [ATTRIBUTES.accountId]: form.accountId,
    [ATTRIBUTES.clientOrderId]: clientOrderIds[0] ?? '',
  });
  return traced(SPANS.hold, attributes, (traceContext) =>
    parts.accounts.propose({
      accountId: form.accountId,
      identity: `h/${uniqueText(parts.world)}`,
      validUntilUs: nowUs + VALIDITY_US,
      traceContext,
      content: {
        case: 'placeGroupHold',
        value: {
          accountId: form.accountId,
          groupType: groupTypeCodec.toNumber(group.groupType),
          legs: legs.map((terms, leg) => ({
            clientOrderId: clientOrderIds[leg] ?? '',
            terms: { ...encodeTerms(terms), selfTradePrevention: preventionOf(group, leg) },
            declineReason:
              declined?.leg === leg
                ? rejectReasonCodec.toNumber(declined.reason)
                : RejectReason.UNSPECIFIED,
          })),
          bodyHash,
          ...cost,
          validUntilUs: BigInt(validUntilOf(form, nowUs)),
          refuseWhenShort,
        },
      },
      insists: false,
    }),
  );
}

/** New legs are told by their events, existing ones by the answer. */
function readHoldAnswer(committed: Committed): HoldAnswer {
  const { answer, events } = committed;
  const existing = answer !== undefined && answer.records.length > 0;
  const messages = existing
    ? answer.records
    : events.flatMap(({ kind }) => {
        if (kind.case === 'groupHoldPlaced') return kind.value.records;
        return kind.case === 'orderDeclined' && kind.value.record ? [kind.value.record] : [];
      });
  if (messages.length === 0) throw malformed('the answer to a hold has the records');
  return { messages, records: messages.map(decodeRecord), existing };
}

async function answerHold(
  parts: FlowParts,
  { messages, records, existing }: HoldAnswer,
  { instrument, place }: Target,
): Promise<GroupAnswer> {
  const [first] = records;
  if (first?.holdState !== 'PLACED') {
    const isSure = !existing || records.every(({ status }) => isFinal(status));
    const present = isSure ? records : await fetchLegs(parts, records);
    return answerOf(instrument, present, existing);
  }
  const held = { instrument, records, terms: messages.flatMap(({ terms }) => terms ?? []) };
  // A hold that is only placed after its time is never proposed, only forbidden (HLD-2).
  const isLate = existing && first.validUntilUs < parts.world.wallClockUs();
  const delivered = isLate
    ? await resolveGroup(parts, held)
    : await deliverGroup(parts, held, place);
  return existing
    ? answerOf(instrument, delivered.records, true)
    : answerDelivered(instrument, delivered);
}

function answerOf(
  instrument: TradedInstrument,
  records: readonly OrderRecord[],
  duplicate: boolean,
): GroupAnswer {
  if (!duplicate) for (const record of records) countOrder(record);
  const sequence = BigInt(Math.max(...records.map((record) => record.instrumentSequence)));
  return { group: encodeGroup(instrument, records), fills: [], sequence, duplicate };
}

function answerDelivered(
  instrument: TradedInstrument,
  { records, fills, timeUs }: DeliveredGroup,
): GroupAnswer {
  const answer = answerOf(instrument, records, false);
  const encoded = fills
    .slice(0, FILL_LIMIT)
    .map(({ record, fill }) => encodeOwnFill(instrument, record, { fill, timeUs }));
  return { ...answer, fills: encoded };
}

/** Before a group is refused, it is looked up: a repeat is answered whatever has changed since. */
async function answerRepeat(
  parts: FlowParts,
  request: Request,
  { instrument, error }: { readonly instrument: TradedInstrument; readonly error: Error },
): Promise<GroupAnswer> {
  const { form, group, bodyHash } = request;
  const clientOrderId = group.legs[0]?.clientOrderId ?? '';
  const name = clientOrderId === '' ? { placement: 1 } : { clientOrderId };
  const message = await parts.accounts.findOrder(form.accountId, name, { settled: true });
  if (clientOrderId === '' || message === undefined) throw error;
  if (Buffer.compare(message.bodyHash, bodyHash) !== 0) {
    const detail = { client_order_id: clientOrderId };
    const reason = 'CLIENT_ORDER_ID_ALREADY_EXISTS';
    throw notCommitted({ kind: 'refused', reason, detail });
  }
  const first = decodeRecord(message);
  const legs = group.legs.map((_leg, index) => ({ ...first, placement: first.placement + index }));
  return answerOf(instrument, await fetchLegs(parts, legs), true);
}

/** Unspecified stays so: the account shard puts in the account's setting. */
function preventionOf({ legs }: CheckedGroup, leg: number): SelfTradePrevention {
  const sent = legs[leg]?.selfTradePrevention ?? 'UNSPECIFIED';
  return sent === 'UNKNOWN' ? SelfTradePrevention.UNSPECIFIED : SelfTradePrevention[sent];
}
