// Runs of random commands: the engine against a book that sorts an array each time (every event,
// every order, every invariant, after every command), and against itself in other steps.

import { expect } from '@jest/globals';
import fc from 'fast-check';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import type { OpenOrder } from '../../../services/matching/domain/view.ts';
import { MODEL_RULES, type ModelStep, modelStep, type PlacedOrder } from './arbitraries.ts';
import { NaiveBook } from './naive-book.ts';

const CONTEXT = { logTimeUs: 1, identity: 'model', validUntilUs: 1 };

function openMachine(eventsPerStep: number): MatchingMachine {
  const machine = new MatchingMachine({ eventsPerStep });
  const slot = slotOf(MODEL_RULES.instrumentId);
  applyTo(machine, { kind: 'acquireSlots', slots: [slot], generation: 1 });
  applyTo(machine, { kind: 'setInstrument', rules: MODEL_RULES, initialState: 'CONTINUOUS' });
  return machine;
}

/** Events of a command, all steps together; undefined when it was refused. */
function applyTo(machine: MatchingMachine, command: MatchingCommand): MatchingEvent[] | undefined {
  const events: MatchingEvent[] = [];
  const emit = (event: MatchingEvent) => events.push(event);
  let outcome = machine.apply(command, CONTEXT, emit);
  while (outcome.kind === 'unfinished') outcome = machine.proceed(CONTEXT, emit);
  if (outcome.kind === 'refused') expect(events).toEqual([]);
  return outcome.kind === 'refused' ? undefined : events;
}

function ordersOf(naive: NaiveBook): OpenOrder[] {
  return [...naive.sorted('BUY'), ...naive.sorted('SELL')].map((order) => ({
    accountNumber: order.accountNumber,
    placement: order.placement,
    side: order.terms.side,
    priceUnits: order.priceUnits,
    quantityUnits: order.quantityUnits,
    remainingUnits: order.remainingUnits,
    version: order.version,
  }));
}

function run(
  steps: readonly ModelStep[],
  machine: MatchingMachine,
  check: (command: MatchingCommand) => void,
): void {
  const placed: PlacedOrder[] = [];
  for (const step of steps) {
    const command = step({ placed, open: machine.openOrders(1) });
    if (command.kind === 'placeOrder' && command.placement > placed.length) {
      placed.push({ accountNumber: command.accountNumber, placement: command.placement });
    }
    check(command);
  }
}

const manySteps = fc.array(modelStep, { maxLength: 250, size: 'max' });

/** The engine does what the naive book does. */
export function compareWithNaiveBook(numRuns: number): void {
  fc.assert(
    fc.property(manySteps, (steps) => {
      const machine = openMachine(4_000);
      const naive = new NaiveBook(MODEL_RULES, 'CONTINUOUS');
      naive.sequence = 1;
      run(steps, machine, (command) => {
        const isDone = naive.apply(command);
        expect(applyTo(machine, command)).toEqual(isDone ? naive.events : undefined);
        expect(machine.openOrders(1)).toEqual(ordersOf(naive));
        expect(machine.viewBook(1, 1)?.lastPriceUnits).toBe(naive.lastPriceUnits);
        machine.assertSound();
      });
    }),
    { numRuns },
  );
}

/** Steps of any length lead to the same events and the same checksums. */
export function compareWithOtherSteps(numRuns: number): void {
  fc.assert(
    fc.property(manySteps, fc.integer({ min: 1, max: 5 }), (steps, eventsPerStep) => {
      const whole = openMachine(4_000);
      const stepwise = openMachine(eventsPerStep);
      run(steps, whole, (command) => {
        expect(applyTo(stepwise, command)).toEqual(applyTo(whole, command));
        expect(stepwise.stateChecksum()).toBe(whole.stateChecksum());
      });
    }),
    { numRuns },
  );
}
