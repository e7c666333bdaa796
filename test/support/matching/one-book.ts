// A matching machine with one instrument, ready to trade, for tests and measurements.

import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import type { MatchingLimits } from '../../../services/matching/domain/limits.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import type { InstrumentRules, OrderTerms } from '../../../services/matching/domain/rules.ts';
import { PLAIN_INSTRUMENT, PLAIN_ORDER } from '../plain.ts';

/** Rules that nothing ordinary meets. */
export const WIDE_RULES: InstrumentRules = {
  ...PLAIN_INSTRUMENT,
  instrumentId: 'X',
  baseAssetNumber: 1,
  quoteAssetNumber: 2,
  maximumQuantityUnits: 1_000_000_000,
  maximumPriceUnits: 1_000_000_000,
  collarPpm: 50_000,
  maximumOpenOrders: 4_000_000_000,
  volatilityAuctionUs: 0,
};

/** A plain limit order, without self-trade prevention and fees. */
export const PLAIN_TERMS: OrderTerms = { ...PLAIN_ORDER, selfTradePrevention: 'NONE' };

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
