// Brings an order whose money is held to its book, and answers with what became of it there; or
// makes sure that it never arrives (HLD-2, HLD-3, HLD-7).

import type { OrderRecord as RecordMessage } from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { ATTRIBUTES, SPANS } from '../../../lib/platform/telemetry/names.ts';
import { checkOrder } from '../../../lib/rules/check-order.ts';
import { isWaitingType } from '../../../lib/rules/order-types.ts';
import { forbidIdentity, placementIdentity } from '../../domain/identity.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import type { Place } from '../../domain/lanes.ts';
import { formatOrderId } from '../../domain/order-id.ts';
import { applyEvents, type OrderAfter, type OrderRecord } from '../../domain/order-record.ts';
import { readBookAnswer } from '../codec/events-reader.ts';
import { termsOfVersion } from '../codec/hold-reader.ts';
import { decodeRecord } from '../codec/record-codec.ts';
import type { MatchingSettled } from '../mesh/matching.ts';
import type { Settled } from '../pipeline/command.ts';
import { notCommitted } from '../problems.ts';
import {
  type FlowParts,
  FORBID_LIMIT_US,
  RULES_LIMIT_MS,
  traced,
  uniqueText,
  VALIDITY_US,
} from './parts.ts';

/** How often an order is checked anew because the instrument's rules changed under way. */
export const REVALIDATION_LIMIT = 3;

/** What became of a delivered order. */
export type Delivered = OrderAfter & {
  /** Log time of the answer, in microseconds since the Unix epoch. */
  readonly timeUs: number;
};

/** An order whose hold is placed. */
export type HeldOrder = {
  readonly instrument: TradedInstrument;
  readonly record: OrderRecord;
  /** Its terms as the account shard gave them. */
  readonly termsBytes: Uint8Array;
};

/** Proposes the order in its place; from here on the flow runs to its end (HLD-7). */
export async function deliver(
  parts: FlowParts,
  held: HeldOrder,
  place: Place | undefined,
): Promise<Delivered> {
  return await deliverAgain(parts, held, await propose(parts, held, place));
}

/**
 * What became of an order after a first answer of its book: rules that have changed under way are
 * met with another attempt, and what cannot be delivered is resolved.
 */
export async function deliverAgain(
  parts: FlowParts,
  held: HeldOrder,
  first: Settled<Uint8Array>,
): Promise<Delivered> {
  const { instrument, record } = held;
  let settled = first;
  for (let attempt = 1; ; attempt++) {
    const delivered = readDelivered(held, settled);
    if (delivered?.isWhole === true) return delivered;
    if (delivered !== undefined) {
      // Too many events for a message: the order's record has them all.
      return { ...delivered, record: decodeRecord(await fetchSettled(parts, record)) };
    }
    const isChanged = settled.kind === 'refused' && settled.reason === 'INSTRUMENT_CHANGED';
    if (!isChanged || attempt === REVALIDATION_LIMIT) break;
    const version = await revalidate(parts, instrument, record);
    if (version === undefined) break;
    const termsBytes = termsOfVersion(held.termsBytes, version);
    settled = await propose(parts, { ...held, termsBytes }, undefined);
  }
  return await resolveUndelivered(parts, held);
}

/** What the book did with the order, unless it did nothing; `isWhole`: its events say all. */
export function readDelivered(
  { instrument, record }: HeldOrder,
  settled: Settled<Uint8Array>,
): (Delivered & { readonly isWhole: boolean }) | undefined {
  if (settled.kind !== 'committed') return undefined;
  const answer = readBookAnswer(settled.committed, isWaitingType(record.terms.type));
  const { logTimeUs, events, eventsLeftOut } = answer;
  const { notionalFactor } = instrument.rules;
  const { record: after, fills } = applyEvents(record, events, { notionalFactor, logTimeUs });
  return { record: after, fills, timeUs: logTimeUs, isWhole: eventsLeftOut === 0 };
}

/** How the order's command is sent, and who is told what became of it. */
type Sending = {
  readonly orderingGroup: bigint;
  readonly traceContext: string;
  readonly settle: (settled: Settled<Uint8Array>) => void;
};

/** Sends the order's command to its book, by the identity that every attempt has (LOG-11). */
export function sendOrder(parts: FlowParts, held: HeldOrder, sending: Sending): void {
  const { instrument, record, termsBytes } = held;
  const { accountNumber, placement, validUntilUs } = record;
  const { orderingGroup, traceContext, settle } = sending;
  parts.matching.sendForBytes({
    instrumentId: instrument.instrumentId,
    identity: placementIdentity(record),
    validUntilUs,
    traceContext,
    orderingGroup,
    owner: accountNumber,
    content: { case: 'placeOrder', value: { accountNumber, placement, termsBytes } },
    insists: true,
    settle,
  });
}

function propose(
  parts: FlowParts,
  held: HeldOrder,
  place: Place | undefined,
): Promise<Settled<Uint8Array>> {
  const attributes = () => ({
    [ATTRIBUTES.orderId]: formatOrderId(held.record),
    [ATTRIBUTES.instrumentId]: held.instrument.instrumentId,
  });
  return traced(SPANS.propose, attributes, (traceContext) => {
    return new Promise((settle) => {
      const send = (orderingGroup = 0n) =>
        sendOrder(parts, held, { orderingGroup, traceContext, settle });
      if (place === undefined) send();
      else place.send(send);
    });
  });
}

/** Version of the rules under which the same terms are still an order; undefined when none is. */
async function revalidate(
  parts: FlowParts,
  instrument: TradedInstrument,
  record: OrderRecord,
): Promise<number | undefined> {
  const { terms } = record;
  const { instrumentId } = instrument;
  const version = terms.instrumentVersion + 1;
  const now = await parts.instruments.waitForVersion(instrumentId, version, RULES_LIMIT_MS);
  if (now === undefined || checkOrder(now.rules, terms) !== undefined) return undefined;
  return now.rules.version;
}

/**
 * Gives certainty about an order that could not be delivered: it is forbidden if it has not
 * arrived, and then stands REJECTED; else the account shard's record tells what became of it.
 */
export async function resolveUndelivered(parts: FlowParts, held: HeldOrder): Promise<Delivered> {
  const { instrument, record } = held;
  await forbid(parts, instrument, {
    key: record,
    amendHoldId: '',
    validUntilUs: record.validUntilUs,
  });
  const message = await fetchSettled(parts, record);
  const timeUs = Number(message.updatedTimeUs);
  return { record: decodeRecord(message), fills: [], timeUs };
}

/** What a forbid names: a placement, or an amend by its hold. */
export type Forbidden = {
  readonly key: { readonly accountNumber: number; readonly placement: number };
  readonly amendHoldId: string;
  readonly validUntilUs: number;
};

/**
 * Proposes `ForbidOrder` until the shard has answered it.
 *
 * @throws OperatingError OUTCOME_UNKNOWN when it could not be reached for a minute; a repeat of
 * the request takes it up again.
 */
export async function forbid(
  parts: FlowParts,
  instrument: TradedInstrument,
  { key, amendHoldId, validUntilUs }: Forbidden,
): Promise<void> {
  const limitUs = parts.world.wallClockUs() + FORBID_LIMIT_US;
  for (;;) {
    const nowUs = parts.world.wallClockUs();
    const settled = await new Promise<MatchingSettled>((settle) => {
      parts.matching.send({
        instrumentId: instrument.instrumentId,
        identity: forbidIdentity(key, uniqueText(parts.world)),
        validUntilUs: nowUs + VALIDITY_US,
        traceContext: '',
        owner: key.accountNumber,
        isUrgent: true,
        content: {
          case: 'forbidOrder',
          value: {
            instrumentNumber: instrument.instrumentNumber,
            accountNumber: key.accountNumber,
            placement: BigInt(key.placement),
            amendHoldId,
            forbiddenValidUntilUs: BigInt(validUntilUs),
          },
        },
        insists: true,
        settle,
      });
    });
    if (settled.kind === 'committed') return;
    if (parts.world.wallClockUs() > limitUs) {
      const cause = notCommitted(settled);
      throw new OperatingError('OUTCOME_UNKNOWN', 'The shard does not answer.', { cause });
    }
    if (settled.kind === 'refused' || settled.kind === 'unsent') await pause(parts);
  }
}

/** How often the record of an order that may have changed is asked for. */
const READ_LIMIT = 20;

/**
 * The record of an order that this flow has changed, once everything that matching has committed
 * by now is settled.
 *
 * @throws OperatingError OUTCOME_UNKNOWN when it cannot be read: the change itself stands.
 */
export async function fetchSettled(
  parts: FlowParts,
  key: { readonly accountId: string; readonly placement: number },
): Promise<RecordMessage> {
  let cause: unknown;
  for (let attempt = 1; attempt <= READ_LIMIT; attempt++) {
    try {
      const message = await parts.accounts.findOrder(key.accountId, key, { settled: true });
      if (message !== undefined) return message;
      break;
    } catch (error) {
      cause = error;
    }
    await pause(parts);
  }
  throw new OperatingError('OUTCOME_UNKNOWN', 'The order cannot be read at present.', { cause });
}

function pause(parts: FlowParts): Promise<void> {
  return new Promise((resolve) => parts.world.setTimer(100, resolve));
}
