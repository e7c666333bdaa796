// A matching machine with one instrument, ready to trade, for tests and measurements.

import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import type { MatchingLimits } from '../../../services/matching/domain/limits.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import type { InstrumentRules, OrderTerms } from '../../../services/matching/domain/rules.ts';

/** Rules that nothing ordinary meets. */
export const WIDE_RULES: InstrumentRules = {
  instrumentNumber: 1,
  instrumentId: 'X',
  version: 1,
  baseAssetNumber: 1,
  quoteAssetNumber: 2,
  notionalFactor: 1,
  baseFactor: 1,
  tickUnits: 1,
  lotUnits: 1,
  minimumQuantityUnits: 1,
  maximumQuantityUnits: 1_000_000_000,
  maximumPriceUnits: 1_000_000_000,
  minimumNotionalUnits: 0n,
  collarPpm: 50_000,
  maximumOpenOrders: 4_000_000_000,
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

/** A plain limit order, without self-trade prevention and fees. */
export const PLAIN_TERMS: OrderTerms = {
  instrumentNumber: 1,
  side: 'BUY',
  type: 'LIMIT',
  timeInForce: 'GTC',
  postOnly: false,
  quantityUnits: 1,
  quoteBudgetUnits: 0n,
  priceUnits: 1,
  stopPriceUnits: 0,
  trailingOffsetUnits: 0,
  trailingOffsetBps: 0,
  expireTimeUs: 0,
  displayUnits: 0,
  minimumUnits: 0,
  selfTradePrevention: 'NONE',
  selfTradeGroup: 0,
  makerRatePpm: 0,
  takerRatePpm: 0,
  auctionRatePpm: 0,
  instrumentVersion: 1,
};

const CONTEXT = { logTimeUs: 1, identity: 'test', validUntilUs: 1 };

/** A machine that owns the instrument's slot and has it in continuous trading. */
export function openBook(
  rules: InstrumentRules = WIDE_RULES,
  limits: Partial<MatchingLimits> = {},
): MatchingMachine {
  const machine = new MatchingMachine(limits);
  const slots = [slotOf(rules.instrumentId)];
  submit(machine, { kind: 'acquireSlots', slots, generation: 1 });
  submit(machine, { kind: 'setInstrument', rules, initialState: 'CONTINUOUS' });
  return machine;
}

/** Applies a command in as many steps as it takes; stops when it is refused. */
export function submit(machine: MatchingMachine, command: MatchingCommand): MatchingEvent[] {
  const events: MatchingEvent[] = [];
  const emit = (event: MatchingEvent) => events.push(event);
  let outcome = machine.apply(command, CONTEXT, emit);
  while (outcome.kind === 'unfinished') outcome = machine.proceed(CONTEXT, emit);
  if (outcome.kind === 'refused') throw new Error(`refused: ${outcome.refusal.reason}`);
  return events;
}
