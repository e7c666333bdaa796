// Many waiting orders (TYP-3, MAT-7): they are found, triggered and taken out in their order
// however many there are.

import { expect, test } from '@jest/globals';
import type { OrderTerms } from '../../../services/matching/domain/rules.ts';
import { Random } from '../../model/matching/random.ts';
import { openBook, PLAIN_TERMS, submit } from '../../support/matching/one-book.ts';

const COUNT = 3_000;

test('TYP-3 thousands of stops wait, leave and are triggered nearest first, then by age', () => {
  const machine = openBook();
  const random = new Random(5);
  const place = (accountNumber: number, placement: number, terms: Partial<OrderTerms>) => {
    const all = { ...PLAIN_TERMS, priceUnits: 10_000, ...terms };
    return submit(machine, { kind: 'placeOrder', accountNumber, placement, terms: all });
  };
  place(1, 1, {});
  place(1, 2, { side: 'SELL' });
  const waiting = new Map<number, number>();
  for (let placement = 1; placement <= COUNT; placement += 1) {
    const stopPriceUnits = 10_001 + random.below(700);
    waiting.set(placement, stopPriceUnits);
    place(2, placement, { type: 'STOP', stopPriceUnits, priceUnits: 20_000 });
    if (!random.onceIn(3)) continue;
    const gone = 1 + random.below(placement);
    if (!waiting.delete(gone)) continue;
    const order = { instrumentNumber: 1, accountNumber: 2, placement: gone };
    submit(machine, { kind: 'cancelOrder', ...order });
  }
  machine.assertSound();
  expect(machine.waitingOrders(1).map((order) => order.placement)).toEqual([...waiting.keys()]);

  place(1, 3, { side: 'SELL', priceUnits: 10_400 });
  const events = place(1, 4, { priceUnits: 10_400 });
  const triggered = events.flatMap((event) =>
    event.kind === 'orderTriggered' ? [event.placement] : [],
  );
  const expected = [...waiting].filter(([, stop]) => stop <= 10_400);
  expected.sort(([one, stop], [other, otherStop]) => stop - otherStop || one - other);
  expect(triggered).toEqual(expected.map(([placement]) => placement));
  expect(triggered.length).toBeGreaterThan(700);
  machine.assertSound();
});
