// Cancels what is open of a group, in one command to its book (TYP-7).

import type { Committed } from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { ATTRIBUTES, SPANS } from '../../../lib/platform/telemetry/names.ts';
import { type CancelGroupForm, checkCancelGroupForm } from '../../domain/group-requests.ts';
import { requestIdentity } from '../../domain/identity.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import type { Place } from '../../domain/lanes.ts';
import { parseGroupId } from '../../domain/order-id.ts';
import { isFinal, type OrderRecord } from '../../domain/order-record.ts';
import { encodeGroup, type GroupInit } from '../codec/order-codec.ts';
import { decodeRecord, isCanceledBeforeArrival } from '../codec/record-codec.ts';
import type { MatchingSettled } from '../mesh/matching.ts';
import {
  formError,
  instrumentUnknown,
  notCommitted,
  orderUnknown,
  requestIdTaken,
} from '../problems.ts';
import { checkAccount } from './cancel-order.ts';
import { fetchLegs, resolveGroup } from './deliver-group.ts';
import { type FlowParts, traced, uniqueText, VALIDITY_US } from './parts.ts';

/** The answer to the cancel of a group, as the contract has it. */
export type CancelGroupAnswer = {
  readonly group: GroupInit;
  readonly alreadyFinal: boolean;
  readonly sequence: bigint;
  readonly clientRequestId: string;
  readonly duplicate: boolean;
};

/** Cancels a group; its place in the lane is taken before this returns (MOV-9). */
export async function cancelOrderGroup(
  parts: FlowParts,
  form: CancelGroupForm,
): Promise<CancelGroupAnswer> {
  const violations = checkCancelGroupForm(form);
  if (violations.length > 0) throw formError(violations);
  const flow = parts.flows.begin(form.accountId);
  try {
    const instrument = parts.instruments.find(form.instrumentId);
    if (instrument === undefined) {
      await checkAccount(parts, form.accountId);
      throw instrumentUnknown(form.instrumentId);
    }
    const place = flow.takePlace(instrument.instrumentNumber);
    try {
      return await cancelInInstrument(parts, form, { instrument, place });
    } finally {
      place.leave();
    }
  } finally {
    flow.end();
  }
}

type Target = { readonly instrument: TradedInstrument; readonly place: Place };

async function cancelInInstrument(
  parts: FlowParts,
  form: CancelGroupForm,
  { instrument, place }: Target,
): Promise<CancelGroupAnswer> {
  const clientRequestId =
    form.clientRequestId === '' ? uniqueText(parts.world) : form.clientRequestId;
  const before = await findLegs(parts, form, instrument);
  const first = before[0] as OrderRecord;
  const answer = (records: readonly OrderRecord[], done: boolean, duplicate: boolean) => ({
    group: encodeGroup(instrument, records),
    alreadyFinal: !done,
    sequence: BigInt(Math.max(...records.map(({ instrumentSequence }) => instrumentSequence))),
    clientRequestId,
    duplicate,
  });
  if (first.holdState === 'PLACED') {
    // It has not reached its book: it is kept from arriving, or it has arrived meanwhile.
    const { records } = await resolveGroup(parts, { instrument, records: before, terms: [] });
    if (records.every(({ status }) => isFinal(status))) return answer(records, true, false);
  } else if (form.clientRequestId === '' && before.every(({ status }) => isFinal(status))) {
    return answer(before, false, false);
  }
  const settled = await propose(parts, { instrument, place }, { first, clientRequestId });
  if (settled.kind !== 'committed') throw notCommitted(settled);
  const { committed, duplicate } = settled;
  const done = hasCanceled(committed, { first, clientRequestId, legCount: before.length });
  return answer(await fetchLegs(parts, before), done, duplicate);
}

/** The legs as they are, once it is certain that the group is the account's. */
async function findLegs(
  parts: FlowParts,
  { accountId, groupId }: CancelGroupForm,
  instrument: TradedInstrument,
): Promise<readonly OrderRecord[]> {
  const key = parseGroupId(groupId);
  const placement = key?.placement ?? 1;
  const message = await parts.accounts.findOrder(accountId, { placement }, { settled: true });
  if (key === undefined || message === undefined || isCanceledBeforeArrival(message)) {
    throw orderUnknown(groupId);
  }
  const first = decodeRecord(message);
  const isGroup =
    first.accountNumber === key.accountNumber &&
    first.groupPlacement === placement &&
    first.terms.instrumentNumber === instrument.instrumentNumber;
  if (!isGroup) throw orderUnknown(groupId);
  const count = first.groupType === 'BRACKET' ? 3 : 2;
  const legs = Array.from({ length: count }, (_, leg) => ({
    accountId,
    placement: placement + leg,
  }));
  return await fetchLegs(parts, legs);
}

type Named = { readonly first: OrderRecord; readonly clientRequestId: string };

function propose(
  parts: FlowParts,
  { instrument, place }: Target,
  { first, clientRequestId }: Named,
): Promise<MatchingSettled> {
  const { accountNumber, placement } = first;
  const { instrumentId, instrumentNumber } = instrument;
  const attributes = () => ({ [ATTRIBUTES.instrumentId]: instrumentId });
  const value = { instrumentNumber, accountNumber, placement: BigInt(placement) };
  return traced(SPANS.propose, attributes, (traceContext) => {
    return new Promise<MatchingSettled>((settle) => {
      place.send((orderingGroup) =>
        parts.matching.send({
          instrumentId,
          identity: requestIdentity(accountNumber, clientRequestId),
          validUntilUs: parts.world.wallClockUs() + VALIDITY_US,
          traceContext,
          orderingGroup,
          owner: accountNumber,
          isUrgent: true,
          content: { case: 'cancelOrderGroup', value },
          insists: false,
          settle,
        }),
      );
    });
  });
}

/** Whether the command canceled anything; the book says so or declines by the group's placement. */
function hasCanceled(
  { events }: Committed,
  { first, clientRequestId, legCount }: Named & { readonly legCount: number },
): boolean {
  for (const { kind } of events) {
    if (kind.case !== 'orderCanceled' && kind.case !== 'cancelRejected') continue;
    const { accountNumber, placement } = kind.value;
    const leg = Number(placement) - first.placement;
    if (accountNumber !== first.accountNumber || leg < 0 || leg >= legCount) continue;
    return kind.case === 'orderCanceled';
  }
  // The identity's first command was about something else.
  throw requestIdTaken(clientRequestId);
}
