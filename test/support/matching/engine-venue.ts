// The engine as a venue: commands in as many steps as they take, every invariant checked after
// each of them.

import { assertDefined } from '../../../services/lib/base/assert.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { InstrumentRules, InstrumentState } from '../../../services/lib/rules/terms.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import type { MatchingLimits } from '../../../services/matching/domain/limits.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import type { BookLevel, OpenOrder, WaitingOrder } from '../../../services/matching/domain/view.ts';
import {
  type ShownBook,
  type ShownLevel,
  type ShownOrder,
  STEP_ENDS,
  type Told,
  type Venue,
} from './venue.ts';

/** The engine with one instrument. */
export class EngineVenue implements Venue {
  readonly machine: MatchingMachine;

  constructor(limits: Partial<MatchingLimits> = {}, machine = new MatchingMachine(limits)) {
    this.machine = machine;
  }

  open(rules: InstrumentRules, state: InstrumentState): Told {
    this.apply({ kind: 'acquireSlots', slots: [slotOf(rules.instrumentId)], generation: 1 }, 0);
    return this.apply({ kind: 'setInstrument', rules, initialState: state }, 0);
  }

  apply(command: MatchingCommand, nowUs: number): Told {
    const told: Told = [];
    const emit = (event: MatchingEvent) => told.push(event);
    const context = { logTimeUs: nowUs, identity: 'scenario', validUntilUs: nowUs };
    let outcome = this.machine.apply(command, context, emit);
    while (outcome.kind === 'unfinished') {
      told.push(STEP_ENDS);
      outcome = this.machine.proceed(context, emit);
    }
    if (outcome.kind === 'refused') told.push(`refused: ${outcome.refusal.reason}`);
    this.machine.assertSound();
    return told;
  }

  advance(nowUs: number): Told {
    const told: Told = [];
    const emit = (event: MatchingEvent) => told.push(event);
    this.machine.advance(nowUs, emit);
    // What is left of due work goes on in the entries that follow (LOG-15, LOG-17).
    while ((this.machine.nextDueTimeUs() ?? Number.POSITIVE_INFINITY) <= nowUs) {
      told.push(STEP_ENDS);
      this.machine.advance(nowUs, emit);
    }
    this.machine.assertSound();
    return told;
  }

  show(instrumentNumber = 1): ShownBook {
    const all = Number.MAX_SAFE_INTEGER;
    const view = assertDefined(this.machine.viewBook(instrumentNumber, all), 'a book');
    return {
      state: view.state,
      lastPriceUnits: view.lastPriceUnits,
      bids: view.bids.map(level),
      asks: view.asks.map(level),
      resting: this.machine.openOrders(instrumentNumber).map(resting),
      waiting: this.machine.waitingOrders(instrumentNumber).map(waiting),
    };
  }
}

function level({ priceUnits, quantityUnits }: BookLevel): ShownLevel {
  return { priceUnits, quantityUnits };
}

function resting(order: OpenOrder): ShownOrder {
  return { ...order, stopPriceUnits: 0 };
}

function waiting(order: WaitingOrder): ShownOrder {
  const { accountNumber, placement, side, priceUnits, stopPriceUnits, version } = order;
  const { quantityUnits, remainingUnits } = order;
  const counts = { quantityUnits, remainingUnits, shownUnits: remainingUnits, version };
  return { accountNumber, placement, side, priceUnits, stopPriceUnits, ...counts };
}
