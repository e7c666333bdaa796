// The section "Driving the engine in process" of the matching service's README: exactly that code,
// as a stranger would run it; and what the code beneath it does beyond that.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import {
  EmbeddedEngine,
  instrumentRules,
  orderTerms,
} from '../../../services/matching/domain/embedding.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import type { OrderTerms } from '../../../services/matching/domain/rules.ts';
import { ROOT } from '../../architecture/sources.ts';

test('the code of the README drives the engine without any service', () => {
  const readme = readFileSync(join(ROOT, 'services/matching/README.md'), 'utf8');
  const section = readme.split('## Driving the engine in process')[1] ?? '';
  const code = section.match(/```js\n([\s\S]*?)```/)?.[1] ?? '';
  const run = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module'],
    {
      cwd: ROOT,
      encoding: 'utf8',
      input: code,
    },
  );
  expect(run.stderr).toBe('');
  expect(run.stdout.trimEnd().split('\n')).toEqual([
    'slotsAcquired  ',
    'instrumentSet  ',
    'orderAccepted  ',
    'orderAccepted  ',
    'traded 101 2',
    'orderAccepted  ',
    'once more: ALREADY_EXISTS',
    'best bid 99 best ask 101 3',
    'true 2',
  ]);
});

test('TIF-3 LOG-15 an embedded engine does what is due before the command that comes then', () => {
  const events: MatchingEvent[] = [];
  const engine = new EmbeddedEngine((event) => events.push(event));
  const rules = instrumentRules({ instrumentNumber: 7, instrumentId: 'X', lotUnits: 2 });
  expect(engine.open(rules, 1)).toBeUndefined();
  const asked = { instrumentNumber: 7, side: 'BUY', priceUnits: 10, quantityUnits: 2 } as const;
  const timed = orderTerms({ ...asked, timeInForce: 'GTD', expireTimeUs: 5 });
  const name = { accountNumber: 1, placement: 1 };
  expect(engine.apply({ kind: 'placeOrder', ...name, terms: timed }, 4)).toBeUndefined();
  const cancel = { kind: 'cancelOrder', instrumentNumber: 7, ...name } as const;
  expect(engine.apply(cancel, 5)).toBeUndefined();
  expect(events.map(({ kind }) => kind).slice(2)).toEqual([
    ...['orderAccepted', 'orderExpired', 'cancelRejected'],
  ]);
});

test('LOG-17 an embedded engine takes every step of a command before it returns', () => {
  const events: MatchingEvent[] = [];
  const machine = new MatchingMachine({ eventsPerStep: 2 });
  const engine = new EmbeddedEngine((event) => events.push(event), machine);
  engine.open(instrumentRules({ instrumentNumber: 1, instrumentId: 'X' }), 1);
  const place = (accountNumber: number, placement: number, asked: Partial<OrderTerms>) =>
    engine.apply(
      {
        ...{ kind: 'placeOrder', accountNumber, placement },
        terms: orderTerms({
          ...{ instrumentNumber: 1, side: 'SELL', priceUnits: 10, quantityUnits: 1 },
          ...asked,
        }),
      },
      2,
    );
  for (let placement = 1; placement <= 9; placement += 1) place(1, placement, {});
  place(2, 1, { side: 'BUY', quantityUnits: 9 });
  expect(events.filter(({ kind }) => kind === 'traded')).toHaveLength(9);
  expect(machine.hasUnfinishedWork).toBe(false);
});
