// Five days for the matching benchmark (performance.md, P1), made from a seed: new orders, 15 % of
// them IOC, cancels and amends around a price that stands still, moves like on a normal day,
// swings by 25 % and 40 %, or crashes by 60 %.

import type { FlowCommand } from '../support/matching/flow.ts';

/** One day. */
export type Workload = { readonly name: string; readonly commands: readonly FlowCommand[] };

const START_UNITS = 33_500;

/** Where the price stands, as a part of the first one, when a part of the day has passed. */
const DAYS: Readonly<Record<string, (passed: number) => number>> = {
  still: () => 1,
  normal: (passed) => 1 + 0.02 * Math.sin(passed * 20),
  'swing-25': (passed) => 1 + 0.25 * Math.sin(passed * 12),
  'swing-40': (passed) => 1 + 0.4 * Math.sin(passed * 12),
  'crash-60': (passed) => (passed < 0.5 ? 1 : Math.max(0.4, 1 - (passed - 0.5) * 6)),
};

/** A generator of its own (Numerical Recipes' LCG), so that a seed is a day for ever. */
function makeRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** The five days, each with as many commands. */
export function makeWorkloads(seed: number, count: number): Workload[] {
  return Object.entries(DAYS).map(([name, level], index) => ({
    name,
    commands: makeDay(makeRandom(seed + index), count, level),
  }));
}

function makeDay(
  random: () => number,
  count: number,
  level: (passed: number) => number,
): FlowCommand[] {
  const commands: FlowCommand[] = [];
  /** Orders that may be open; some have traded meanwhile, and naming them is rejected. */
  const open: { orderId: number; side: 'BUY' | 'SELL' }[] = [];
  for (let sequence = 0; sequence < count; sequence += 1) {
    const middle = Math.round(START_UNITS * level(sequence / count));
    const choice = random();
    const at = Math.floor(random() * open.length);
    const known = open[at];
    const quantityUnits = 1 + Math.floor(random() * 100);
    const priceOf = (side: 'BUY' | 'SELL'): number => {
      // Mostly near the middle, seldom far, and one in eight across it.
      const away = Math.floor(-Math.log(1 - random()) * 40) - (random() < 0.125 ? 60 : 0);
      return Math.max(1, side === 'BUY' ? middle - away : middle + away);
    };
    if (known === undefined || choice < 0.55) {
      const side = random() < 0.5 ? 'BUY' : 'SELL';
      const isIoc = random() < 0.15;
      const priceUnits = priceOf(side);
      const orderId = sequence + 1;
      commands.push({ kind: 'new', side, isIoc, quantityUnits, sequence, orderId, priceUnits });
      if (!isIoc) open.push({ orderId, side });
      continue;
    }
    const { orderId, side } = known;
    const kind = choice < 0.8 ? 'cancel' : 'amend';
    const priceUnits = priceOf(side);
    commands.push({ kind, side, isIoc: false, quantityUnits, sequence, orderId, priceUnits });
    if (kind === 'cancel') {
      open[at] = open[open.length - 1] as (typeof open)[number];
      open.pop();
    }
  }
  return commands;
}
