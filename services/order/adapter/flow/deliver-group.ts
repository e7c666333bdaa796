// Brings a group whose money is held to its book in one command, and answers with what became of
// its legs there; or makes sure that it never arrives (HLD-2, HLD-3, HLD-7, TYP-7).

import type { OrderTerms as TermsMessage } from '../../../../gen/bourse/matching/v1/command_pb.ts';
import { groupTypeCodec } from '../../../lib/platform/codec/terms-codec.ts';
import { ATTRIBUTES, SPANS } from '../../../lib/platform/telemetry/names.ts';
import { checkGroup } from '../../../lib/rules/check-group.ts';
import type { GroupType } from '../../../lib/rules/terms.ts';
import { groupIdentity } from '../../domain/identity.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import type { Place } from '../../domain/lanes.ts';
import { formatOrderId } from '../../domain/order-id.ts';
import { applyGroupEvents, type OrderFill, type OrderRecord } from '../../domain/order-record.ts';
import { decodeEvents, decodeRecord, ofVersion } from '../codec/record-codec.ts';
import type { MatchingSettled } from '../mesh/matching.ts';
import { fetchSettled, forbid, REVALIDATION_LIMIT } from './deliver.ts';
import { type FlowParts, RULES_LIMIT_MS, traced } from './parts.ts';

/** A group whose holds are placed: its legs' records, and their terms as they are proposed. */
export type HeldGroup = {
  readonly instrument: TradedInstrument;
  readonly records: readonly OrderRecord[];
  readonly terms: readonly TermsMessage[];
};

/** What became of a delivered group. */
export type DeliveredGroup = {
  readonly records: readonly OrderRecord[];
  /** Of all legs, in the order in which they happened. */
  readonly fills: readonly { readonly record: OrderRecord; readonly fill: OrderFill }[];
  /** Log time of the answer, in microseconds since the Unix epoch. */
  readonly timeUs: number;
};

/** Proposes the group in its place; from here on the flow runs to its end (HLD-7). */
export async function deliverGroup(
  parts: FlowParts,
  held: HeldGroup,
  place: Place,
): Promise<DeliveredGroup> {
  const { instrument, records } = held;
  let { terms } = held;
  for (let attempt = 1; attempt <= REVALIDATION_LIMIT; attempt++) {
    const settled = await propose(parts, { ...held, terms }, attempt === 1 ? place : undefined);
    if (settled.kind === 'committed') {
      const { committed, duplicate } = settled;
      const timeUs = Number(committed.logTimeUs);
      if (duplicate) return { records: await fetchLegs(parts, records), fills: [], timeUs };
      const { notionalFactor } = instrument.rules;
      const events = decodeEvents(committed.events);
      const legs = applyGroupEvents(records, events, { notionalFactor, logTimeUs: timeUs });
      const fills = legs.flatMap((leg) => leg.fills.map((fill) => ({ record: leg.record, fill })));
      fills.sort((one, other) => one.fill.sequence - other.fill.sequence);
      const isWhole = committed.eventsLeftOut === 0;
      const known = legs.map(({ record }) => record);
      return { records: isWhole ? known : await fetchLegs(parts, records), fills, timeUs };
    }
    if (settled.kind !== 'refused' || settled.reason !== 'INSTRUMENT_CHANGED') break;
    const version = await revalidate(parts, held);
    if (version === undefined) break;
    terms = terms.map((leg) => ofVersion(leg, version));
  }
  return await resolveGroup(parts, held);
}

function propose(
  parts: FlowParts,
  { instrument, records, terms }: HeldGroup,
  place: Place | undefined,
): Promise<MatchingSettled> {
  const first = records[0] as OrderRecord;
  const { accountNumber, placement, validUntilUs } = first;
  const attributes = () => ({
    [ATTRIBUTES.orderId]: formatOrderId(first),
    [ATTRIBUTES.instrumentId]: instrument.instrumentId,
  });
  const value = {
    accountNumber,
    placement: BigInt(placement),
    groupType: groupTypeCodec.toNumber(typeOf(first)),
    legs: [...terms],
  };
  return traced(SPANS.propose, attributes, (traceContext) => {
    return new Promise<MatchingSettled>((settle) => {
      const send = (orderingGroup = 0n) =>
        parts.matching.send({
          instrumentId: instrument.instrumentId,
          identity: groupIdentity(first),
          validUntilUs,
          traceContext,
          orderingGroup,
          owner: accountNumber,
          content: { case: 'placeOrderGroup', value },
          insists: true,
          settle,
        });
      if (place === undefined) send();
      else place.send(send);
    });
  });
}

function typeOf({ groupType }: OrderRecord): GroupType {
  return groupType ?? 'OCO';
}

/** Version of the rules under which the legs are still a group; undefined when there is none. */
async function revalidate(
  parts: FlowParts,
  { instrument, records }: HeldGroup,
): Promise<number | undefined> {
  const first = records[0] as OrderRecord;
  const version = first.terms.instrumentVersion + 1;
  const { instrumentId } = instrument;
  const now = await parts.instruments.waitForVersion(instrumentId, version, RULES_LIMIT_MS);
  const legs = records.map(({ terms }) => terms);
  if (now === undefined || checkGroup(now.rules, typeOf(first), legs) !== undefined)
    return undefined;
  return now.rules.version;
}

/** Certainty about a group that could not be delivered: it is forbidden by its first leg. */
export async function resolveGroup(parts: FlowParts, held: HeldGroup): Promise<DeliveredGroup> {
  const { instrument, records } = held;
  const first = records[0] as OrderRecord;
  const { validUntilUs } = first;
  await forbid(parts, instrument, { key: first, amendHoldId: '', validUntilUs });
  const settled = await fetchLegs(parts, records);
  return { records: settled, fills: [], timeUs: settled[0]?.updatedTimeUs ?? 0 };
}

/** The records of a group's legs once everything that matching has committed is settled. */
export async function fetchLegs(
  parts: FlowParts,
  legs: readonly { readonly accountId: string; readonly placement: number }[],
): Promise<readonly OrderRecord[]> {
  const messages = await Promise.all(legs.map((leg) => fetchSettled(parts, leg)));
  return messages.map(decodeRecord);
}
