// The book that a recorded or generated day is run on: one instrument without bands, collars or
// limits that the day could meet, in continuous trading.
import { slotOf } from '../../lib/routing/slot.ts';
import { matchingCodec } from '../adapter/codec/matching-codec.ts';
import type { MatchingEvent } from '../domain/event.ts';
import { BookMachine } from '../domain/machine.ts';
import { OutgoingEvents } from '../domain/outgoing-events.ts';
import type { InstrumentRules } from '../domain/rules.ts';
import { WireSink } from '../domain/wire-sink.ts';
import { INSTRUMENT_NUMBER } from './flow-records.ts';

const RULES: InstrumentRules = {
  instrumentNumber: INSTRUMENT_NUMBER,
  instrumentId: 'FLOW',
  version: 1,
  baseAssetNumber: 1,
  quoteAssetNumber: 2,
  notionalFactor: 1,
  baseFactor: 1,
  tickUnits: 1,
  lotUnits: 1,
  minimumQuantityUnits: 1,
  maximumQuantityUnits: 2 ** 32 - 1,
  maximumPriceUnits: 2 ** 30 - 1,
  minimumNotionalUnits: 0n,
  collarPpm: 50_000,
  maximumOpenOrders: 2 ** 31,
  makerRatePpm: 0,
  takerRatePpm: 0,
  auctionRatePpm: 0,
  referencePriceUnits: 0,
  staticBandPpm: 0,
  farBandPpm: 0,
  dynamicBandPpm: 0,
  volatilityAuctionUs: 0,
  hasSessions: false,
};

/** A day may leave any number of orders open. */
export const REPLAY_LIMITS = { ordersPerBook: 2 ** 31 };

const CONTEXT = { logTimeUs: 1, identity: 'flow', validUntilUs: 1 };

/** Opens the instrument in a machine for continuous trading. */
export function openFlowInstrument(
  machine: BookMachine<MatchingEvent>,
  rules: InstrumentRules = RULES,
): void {
  const nobody = (): void => undefined;
  const slots = [slotOf(rules.instrumentId)];
  machine.apply({ kind: 'acquireSlots', slots, generation: 1 }, CONTEXT, nobody);
  machine.apply({ kind: 'setInstrument', rules, initialState: 'CONTINUOUS' }, CONTEXT, nobody);
}

/** An open book whose events go to a buffer. */
export type FlowBook = {
  readonly machine: BookMachine<MatchingEvent>;
  readonly outgoing: OutgoingEvents;
};

export function openFlowBook(): FlowBook {
  const outgoing = new OutgoingEvents();
  const machine = new BookMachine<MatchingEvent>(
    REPLAY_LIMITS,
    (orders) => new WireSink(orders, outgoing, matchingCodec.encodeEvent),
  );
  openFlowInstrument(machine);
  return { machine, outgoing };
}
