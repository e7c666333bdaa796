// A shard as its host drives it: entries with log times of their own, long commands in steps with
// time that passes between them, due work a step at a time. Here the naive book only chooses
// commands; what must hold holds of the events and of two machines with the same entries.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { OrderTerms } from '../../../services/lib/rules/terms.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import type { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import { NaiveVenue } from '../../model/matching/naive-venue.ts';
import { settingsOf } from '../../model/matching/settings.ts';
import { stepOf } from '../../model/matching/steps.ts';
import { EngineVenue } from '../../support/matching/engine-venue.ts';
import { FollowedOrders } from '../../support/matching/followed-orders.ts';
import { PLAIN_TERMS, WIDE_RULES } from '../../support/matching/one-book.ts';

const SECOND_US = 1_000_000;

/** Log time, which moves on by nothing, a second or two with every entry. */
type Clock = { nowUs: number; entries: number; readonly pace: readonly number[] };

function tick(clock: Clock): number {
  clock.nowUs += (clock.pace[clock.entries % clock.pace.length] ?? 0) * SECOND_US;
  clock.entries += 1;
  return clock.nowUs;
}

/** Events of one entry, or of several until the command has ended and nothing is due. */
function drive(
  machine: MatchingMachine,
  clock: Clock,
  command: Parameters<MatchingMachine['apply']>[0] | undefined,
  each: (event: MatchingEvent, nowUs: number) => void,
): void {
  const isDue = (nowUs: number) => (machine.nextDueTimeUs() ?? Number.POSITIVE_INFINITY) <= nowUs;
  let nowUs = tick(clock);
  const emit = (event: MatchingEvent) => each(event, nowUs);
  while (isDue(nowUs)) machine.advance(nowUs, emit);
  if (command === undefined) return;
  let outcome = machine.apply(
    command,
    { logTimeUs: nowUs, identity: 'entry', validUntilUs: nowUs },
    emit,
  );
  while (outcome.kind === 'unfinished') {
    nowUs = tick(clock);
    if (isDue(nowUs)) machine.advance(nowUs, emit);
    outcome = machine.proceed({ logTimeUs: nowUs }, emit);
  }
  while (isDue(nowUs)) machine.advance(nowUs, emit);
}

function clockOf(pace: readonly number[]): Clock {
  return { nowUs: 0, entries: 0, pace };
}

const runs = fc.record({
  settingsSeed: fc.integer(),
  pace: fc.array(fc.constantFrom(0, 0, 0, 1, 2), { minLength: 1, maxLength: 7 }),
  seeds: fc.array(fc.integer(), { minLength: 200, maxLength: 200, size: 'max' }),
});

test('LOG-8 LOG-17 TIF-6 HLD-5 time passes between the steps of commands and all holds', () => {
  fc.assert(
    fc.property(runs, ({ settingsSeed, pace, seeds }) => {
      const settings = settingsOf(settingsSeed);
      const { rules, state } = settings;
      const limits = { ...settings.limits, eventsPerStep: 1 + Math.abs(settingsSeed % 3) };
      const naive = new NaiveVenue();
      const first = new EngineVenue(limits);
      const second = new EngineVenue(limits);
      for (const venue of [naive, first, second]) venue.open(rules, state);
      const clocks = [clockOf(pace), clockOf(pace)] as const;
      const known = {
        settings,
        book: naive.book,
        firstPlacement: 1,
        placed: [],
        coming: undefined,
      };
      const orders = new FollowedOrders(rules);
      for (const seed of seeds) {
        const step = stepOf(seed, known);
        if (step.kind === 'time') naive.advance(clocks[0].nowUs + SECOND_US);
        else naive.apply(step, clocks[0].nowUs);
        const command = step.kind === 'time' ? undefined : step;
        const told: MatchingEvent[] = [];
        const again: MatchingEvent[] = [];
        drive(first.machine, clocks[0], command, (event, nowUs) => {
          told.push(event);
          orders.follow(event, nowUs);
          const isAmended = event.kind === 'orderAmended' && command?.kind === 'amendOrder';
          if (isAmended && event.remainingUnits > 0) {
            orders.authorize(event, command.amendHoldUnits);
          }
        });
        drive(second.machine, clocks[1], command, (event) => again.push(event));
        expect(again.length).toBe(told.length);
        expect(second.machine.stateChecksum()).toBe(first.machine.stateChecksum());
        first.machine.assertSound();
        expect(openBy(orders)).toEqual(openIn(first));
      }
    }),
    { numRuns: 60, endOnFailure: true },
  );
}, 60_000);

/** What events say is open: the whole book can be rebuilt from them. */
function openBy(orders: FollowedOrders): string[] {
  const lines = [...orders.open.values()].map(
    ({ accountNumber, placement, remainingUnits, version }) =>
      `${accountNumber}-${placement}: ${remainingUnits} v${version}`,
  );
  return lines.sort();
}

function openIn(venue: EngineVenue): string[] {
  const { resting, waiting } = venue.show();
  const lines = [...resting, ...waiting].map(
    ({ accountNumber, placement, remainingUnits, version }) =>
      `${accountNumber}-${placement}: ${remainingUnits} v${version}`,
  );
  return lines.sort();
}

test('TIF-6 LOG-17 a sweep whose order reaches its time between two steps trades no further', () => {
  const venue = new EngineVenue({ eventsPerStep: 2 });
  venue.open(WIDE_RULES, 'CONTINUOUS');
  const clock = clockOf([1]);
  const events: MatchingEvent[] = [];
  const place = (placement: number, asked: Partial<OrderTerms>) => {
    const terms = { ...PLAIN_TERMS, quantityUnits: 1, priceUnits: 100, ...asked };
    const command = { kind: 'placeOrder', accountNumber: placement, placement, terms } as const;
    drive(venue.machine, clock, command, (event) => events.push(event));
  };
  for (let placement = 1; placement <= 6; placement += 1) place(placement, { side: 'SELL' });
  const expireTimeUs = clock.nowUs + 3 * SECOND_US;
  events.length = 0;
  place(7, { quantityUnits: 6, timeInForce: 'GTD', expireTimeUs });
  const kinds = events.map((event) => event.kind);
  expect(kinds).toEqual(['orderAccepted', 'traded', 'traded', 'traded', 'orderExpired']);
  expect(venue.show().resting.map(({ placement }) => placement)).toEqual([4, 5, 6]);
});
