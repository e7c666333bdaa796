// The worst price of an order that trades as a market order, fixed before its hold: the caller's,
// else the price it starts from moved by the collar (TYP-2, HLD-5).

import { worstPrice } from '../../../lib/rules/cost.ts';
import { hasLimit } from '../../../lib/rules/order-types.ts';
import { trailingStopPrice } from '../../../lib/rules/stop-price.ts';
import type { GroupType, OrderTerms } from '../../../lib/rules/terms.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import type { FlowParts } from './parts.ts';

type Parts = Pick<FlowParts, 'bestPrices'>;

/** Whether the edge must fix the order's worst price. */
export function needsWorstPrice(terms: OrderTerms): boolean {
  return terms.priceUnits === 0 && !hasLimit(terms.type);
}

/**
 * The order with its worst price: from the best opposite price, from its stop price, or from the
 * stop price with which a trailing stop would begin now. Undefined when there is no price to start
 * from (`NO_REFERENCE_PRICE`).
 */
export async function fixWorstPrice(
  parts: Parts,
  instrument: TradedInstrument,
  terms: OrderTerms,
): Promise<OrderTerms | undefined> {
  const { rules } = instrument;
  const from = await startingPrice(parts, instrument, terms);
  if (from === undefined) return undefined;
  return { ...terms, priceUnits: worstPrice(rules, terms.side, from) };
}

async function startingPrice(
  { bestPrices }: Parts,
  instrument: TradedInstrument,
  terms: OrderTerms,
): Promise<number | undefined> {
  if (terms.type === 'MARKET') return await bestPrices.fetchOpposite(instrument, terms.side);
  if (terms.type !== 'TRAILING_STOP') return terms.stopPriceUnits;
  const last = await bestPrices.fetchLast(instrument);
  return last === undefined ? undefined : beginningOf(instrument, terms, last);
}

/** Where a trailing stop begins, within the prices that the instrument has. */
function beginningOf({ rules }: TradedInstrument, terms: OrderTerms, lastUnits: number): number {
  const stop = trailingStopPrice(terms, lastUnits, rules.tickUnits);
  return Math.min(stop, rules.maximumPriceUnits);
}

/** The lowest price that there is. */
const LOWEST_PRICE = 1;

/**
 * The legs of a group with their worst prices; undefined when one has no price to start from. A
 * trailing exit begins when its entry has traded: one that buys may trade up to where it would
 * begin at the entry's worst price or the last price, whichever is higher; one that sells gives
 * what the entry brought at any price, and the collar alone bounds it when it is triggered.
 */
export async function fixGroupPrices(
  parts: Parts,
  instrument: TradedInstrument,
  group: { readonly groupType: GroupType; readonly legs: readonly OrderTerms[] },
): Promise<readonly OrderTerms[] | undefined> {
  const fixed: OrderTerms[] = [];
  for (const terms of group.legs) {
    const entry = group.groupType === 'BRACKET' ? fixed[0] : undefined;
    const priced = needsWorstPrice(terms)
      ? entry !== undefined && terms.type === 'TRAILING_STOP'
        ? await fixExit(parts, instrument, { exit: terms, entry })
        : await fixWorstPrice(parts, instrument, terms)
      : terms;
    if (priced === undefined) return undefined;
    fixed.push(priced);
  }
  return fixed;
}

async function fixExit(
  { bestPrices }: Parts,
  instrument: TradedInstrument,
  { exit, entry }: { readonly exit: OrderTerms; readonly entry: OrderTerms },
): Promise<OrderTerms> {
  if (exit.side === 'SELL') return { ...exit, priceUnits: LOWEST_PRICE };
  const last = (await bestPrices.fetchLast(instrument)) ?? 0;
  const from = beginningOf(instrument, exit, Math.max(last, entry.priceUnits));
  return { ...exit, priceUnits: worstPrice(instrument.rules, exit.side, from) };
}
