// What an order would trade at once on a book as it is: for previews. It looks at displayed
// quantity and takes no account of whose orders they are.

import { feeOfSum } from '../../lib/base/fee.ts';
import { notionalOf } from '../../lib/rules/cost.ts';
import type { InstrumentRules, OrderTerms, RejectReason } from '../../lib/rules/terms.ts';

/** One price of the other side, best first. */
export type BookLevel = { readonly priceUnits: number; readonly quantityUnits: number };

export type Estimate = {
  readonly quantityUnits: number;
  readonly notionalUnits: bigint;
  /** Negative is a rebate. */
  readonly feeUnits: bigint;
  /** Why the book would decline it; undefined when it would not. */
  readonly rejectReason: RejectReason | undefined;
};

const NOTHING: Estimate = {
  quantityUnits: 0,
  notionalUnits: 0n,
  feeUnits: 0n,
  rejectReason: undefined,
};

/** Walks the other side as the engine would (MAT-1 to MAT-3, TYP-2, TYP-6, TYP-8, TIF-3). */
export function estimateFills(
  rules: InstrumentRules,
  terms: OrderTerms,
  levels: readonly BookLevel[],
): Estimate {
  const [best] = levels;
  if (best === undefined || !crosses(terms, best.priceUnits)) return NOTHING;
  if (terms.postOnly) return { ...NOTHING, rejectReason: 'POST_ONLY_WOULD_TAKE' };
  let quantityUnits = 0;
  let notionalUnits = 0n;
  for (const level of levels) {
    if (!crosses(terms, level.priceUnits)) break;
    const spent = notionalUnits;
    const wanted =
      terms.quoteBudgetUnits > 0n
        ? affordableUnits(rules, terms, { spent, priceUnits: level.priceUnits })
        : terms.quantityUnits - quantityUnits;
    const taken = Math.min(wanted, level.quantityUnits);
    if (taken === 0) break;
    quantityUnits += taken;
    notionalUnits += notionalOf(rules, level.priceUnits, taken);
    if (taken === wanted) break;
  }
  if (terms.timeInForce === 'FOK' && quantityUnits < terms.quantityUnits) return NOTHING;
  if (quantityUnits < terms.minimumUnits) return NOTHING;
  const feeUnits = feeOfSum(notionalUnits * BigInt(terms.takerRatePpm));
  return { quantityUnits, notionalUnits, feeUnits, rejectReason: undefined };
}

function crosses(terms: OrderTerms, priceUnits: number): boolean {
  return terms.side === 'BUY' ? priceUnits <= terms.priceUnits : priceUnits >= terms.priceUnits;
}

/** Whole lots that the rest of a budget buys at a price, a buy's fee included (TYP-2). */
function affordableUnits(
  rules: InstrumentRules,
  terms: OrderTerms,
  at: { readonly spent: bigint; readonly priceUnits: number },
): number {
  const lotNotional = notionalOf(rules, at.priceUnits, rules.lotUnits);
  const rate = BigInt(terms.side === 'BUY' ? Math.max(terms.takerRatePpm, 0) : 0);
  const cost = (lots: bigint) => {
    const notional = at.spent + lots * lotNotional;
    return notional + feeOfSum(notional * rate);
  };
  const left = terms.quoteBudgetUnits - at.spent;
  let lots = left <= 0n ? 0n : (left * 1_000_000n) / (lotNotional * (1_000_000n + rate));
  while (lots > 0n && cost(lots) > terms.quoteBudgetUnits) lots--;
  return Number(lots) * rules.lotUnits;
}
