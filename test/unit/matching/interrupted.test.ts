// Time that passes between the steps of a long command (LOG-17, TIF-6): expiries go on, nothing
// trades at or past its time, auctions wait for the command's end; the shard stays sound.

import { describe, expect, test } from '@jest/globals';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import type { OrderTerms } from '../../../services/matching/domain/rules.ts';
import { EngineVenue } from '../../support/matching/engine-venue.ts';
import { openBook, PLAIN_TERMS, WIDE_RULES } from '../../support/matching/one-book.ts';
import { RandomRun } from './random-run.ts';

/** A machine whose clock moves on with every step of a command. */
class SteppingClock {
  readonly machine: MatchingMachine;
  readonly events: MatchingEvent[] = [];
  nowUs = 1;
  readonly #expireTimes = new Map<string, number>();

  constructor(machine: MatchingMachine) {
    this.machine = machine;
  }

  apply(command: MatchingCommand): void {
    this.advance(this.nowUs);
    let outcome = this.machine.apply(command, this.#context(), this.#emit);
    while (outcome.kind === 'unfinished') {
      this.machine.assertSound();
      this.advance(this.nowUs + 1);
      outcome = this.machine.proceed(this.#context(), this.#emit);
    }
    this.advance(this.nowUs);
    this.machine.assertSound();
  }

  advance(nowUs: number): void {
    this.nowUs = nowUs;
    while ((this.machine.nextDueTimeUs() ?? Number.POSITIVE_INFINITY) <= nowUs) {
      this.machine.advance(nowUs, this.#emit);
    }
  }

  #context() {
    return { logTimeUs: this.nowUs, identity: 'x', validUntilUs: this.nowUs };
  }

  readonly #emit = (event: MatchingEvent): void => {
    this.events.push(event);
    if (event.kind === 'orderAccepted') {
      const { accountNumber, placement, terms } = event;
      this.#expireTimes.set(`${accountNumber}-${placement}`, terms.expireTimeUs);
    }
    if (event.kind === 'orderAmended' && event.expireTimeUs > 0) {
      this.#expireTimes.set(`${event.accountNumber}-${event.placement}`, event.expireTimeUs);
    }
    if (event.kind !== 'traded') return;
    for (const { accountNumber, placement } of [event.maker, event.taker]) {
      const expireTimeUs = this.#expireTimes.get(`${accountNumber}-${placement}`) ?? 0;
      if (expireTimeUs > 0) expect(expireTimeUs).toBeGreaterThan(this.nowUs);
    }
  };
}

function place(
  accountNumber: number,
  placement: number,
  terms: Partial<OrderTerms>,
): MatchingCommand {
  const plain = { ...PLAIN_TERMS, priceUnits: 100 };
  return { kind: 'placeOrder', accountNumber, placement, terms: { ...plain, ...terms } };
}

function kindsOf(events: readonly MatchingEvent[]): string[] {
  return events.map((event) =>
    'placement' in event ? `${event.kind} ${event.accountNumber}-${event.placement}` : event.kind,
  );
}

const UNTIL_3 = { timeInForce: 'GTD', expireTimeUs: 3 } as const;

describe('TIF-6 an expiry between two steps', () => {
  test('takes a resting order out of the way of a sweep', () => {
    const clock = new SteppingClock(openBook(WIDE_RULES, { eventsPerStep: 2 }));
    clock.apply(place(1, 1, {}));
    clock.apply(place(1, 2, {}));
    clock.apply(place(1, 3, {}));
    clock.apply(place(1, 4, UNTIL_3));
    clock.apply(place(1, 5, {}));
    clock.events.length = 0;
    clock.apply(place(2, 1, { side: 'SELL', quantityUnits: 5 }));
    const trades = clock.events.filter((event) => event.kind === 'traded');
    expect(trades.map((trade) => trade.maker.placement)).toEqual([1, 2, 3, 5]);
    expect(kindsOf(clock.events)).toContain('orderExpired 1-4');
    expect(clock.machine.openOrders(1)).toMatchObject([{ accountNumber: 2, remainingUnits: 1 }]);
  });

  test('ends the sweeping order itself', () => {
    const clock = new SteppingClock(openBook(WIDE_RULES, { eventsPerStep: 2 }));
    for (let placement = 1; placement <= 9; placement += 1) clock.apply(place(1, placement, {}));
    clock.events.length = 0;
    clock.apply(place(2, 1, { side: 'SELL', quantityUnits: 9, ...UNTIL_3 }));
    const last = clock.events.at(-1);
    expect(last).toMatchObject({ kind: 'orderExpired', accountNumber: 2, expiredUnits: 6 });
  });

  test('of an order that a mass cancel was to go on with leaves it at the next one', () => {
    const clock = new SteppingClock(openBook(WIDE_RULES, { eventsPerStep: 1 }));
    clock.apply(place(1, 1, {}));
    clock.apply(place(1, 2, { timeInForce: 'GTD', expireTimeUs: 2 }));
    clock.apply(place(1, 3, { timeInForce: 'GTD', expireTimeUs: 2 }));
    clock.apply(place(1, 4, {}));
    clock.events.length = 0;
    const all = { instrumentNumber: 1, accountNumber: 1, side: undefined, comment: '' } as const;
    clock.apply({ kind: 'cancelAllOrders', ...all, reason: 'MASS' });
    expect(kindsOf(clock.events)).toEqual([
      'orderCanceled 1-1',
      'orderExpired 1-2',
      'orderExpired 1-3',
      'orderCanceled 1-4',
      'ordersCanceled',
    ]);
    expect(clock.events.at(-1)).toMatchObject({ canceledCount: 2 });
  });

  test('of a bracket entry brings its exits only when the command is complete', () => {
    const clock = new SteppingClock(openBook(WIDE_RULES, { eventsPerStep: 2 }));
    const exit = { ...PLAIN_TERMS, side: 'SELL', quantityUnits: 0, priceUnits: 90 } as const;
    clock.apply({
      kind: 'placeOrderGroup',
      accountNumber: 1,
      placement: 1,
      groupType: 'BRACKET',
      legs: [
        { ...PLAIN_TERMS, priceUnits: 98, quantityUnits: 2, timeInForce: 'GTD', expireTimeUs: 4 },
        { ...exit, type: 'TAKE_PROFIT', stopPriceUnits: 120 },
        { ...exit, type: 'STOP', stopPriceUnits: 80 },
      ],
    });
    const sweep = { side: 'SELL', priceUnits: 98 } as const;
    clock.apply(place(2, 1, { ...sweep, quantityUnits: 1 }));
    for (let placement = 1; placement <= 8; placement += 1) {
      clock.apply(place(3, placement, { priceUnits: 99 }));
    }
    clock.events.length = 0;
    clock.apply(place(2, 2, { ...sweep, quantityUnits: 8 }));
    const kinds = kindsOf(clock.events);
    expect(kinds).toContain('orderExpired 1-1');
    const exits = kinds.indexOf('orderAccepted 1-2');
    expect(exits).toBeGreaterThan(kinds.lastIndexOf('traded'));
    clock.machine.assertSound();
  });
});

test('STA-1 an auction that ends while a command is under way waits for its end', () => {
  const clock = new SteppingClock(openBook(WIDE_RULES, { eventsPerStep: 1 }));
  const state = { kind: 'setInstrumentState', instrumentNumber: 1, comment: '' } as const;
  const after = { auctionEndTimeUs: 3, stateAfterAuction: 'CONTINUOUS' } as const;
  clock.apply({ ...state, state: 'AUCTION', ...after });
  for (let placement = 1; placement <= 6; placement += 1) clock.apply(place(1, placement, {}));
  clock.apply(place(2, 1, { side: 'SELL' }));
  clock.events.length = 0;
  const all = { instrumentNumber: 1, accountNumber: 1, side: undefined, comment: '' } as const;
  clock.apply({ kind: 'cancelAllOrders', ...all, reason: 'MASS' });
  const kinds = clock.events.map((event) => event.kind);
  expect(kinds.filter((kind) => kind === 'orderCanceled').length).toBe(6);
  expect(kinds.indexOf('instrumentStateChanged')).toBeGreaterThan(kinds.indexOf('ordersCanceled'));
  expect(kinds).not.toContain('traded');
});

test('LOG-8 LOG-17 random runs with a clock that moves between steps are sound and repeatable', () => {
  const runs = (seed: number): string => {
    const random = new RandomRun(seed, { eventsPerStep: 1 + (seed % 3) });
    const machine = new MatchingMachine(random.limits);
    const { rules, state } = random.settings;
    new EngineVenue(random.limits, machine).open(rules, state);
    const clock = new SteppingClock(machine);
    for (let done = 0; done < 120; done += 1) {
      const { step } = random.next();
      if (step.kind === 'time') clock.advance(Math.max(step.nowUs, clock.nowUs));
      else clock.apply(step);
    }
    expect(clock.events.length).toBeGreaterThan(60);
    return machine.stateChecksum();
  };
  for (let seed = 1; seed <= 40; seed += 1) expect(runs(seed)).toBe(runs(seed));
});
