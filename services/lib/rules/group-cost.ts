// What a group of orders can cost at most (HLD-6): the amounts of its holds. The edge and the
// account shard compute it here, so that they always agree.
import { feeOfSum } from '../base/fee.ts';
import { highestRatePpm, notionalOf, placementCost } from './cost.ts';
import type { GroupType, InstrumentRules, OrderTerms } from './terms.ts';

type Rules = Pick<InstrumentRules, 'notionalFactor' | 'baseFactor' | 'lotUnits'>;

/** Amounts that a group holds at its placement. */
export type GroupCost = {
  /** Bracket: of the entry, in the asset that it holds; 0n for an OCO. */
  readonly entryUnits: bigint;
  /**
   * OCO: of its dearest leg, because only one trades. Bracket: what its exits can cost beyond what
   * the entry brings; 0n when the entry buys what they sell.
   */
  readonly groupUnits: bigint;
};

/**
 * Fees round up on each side of a bracket, so a part of it can cost up to this much more than its
 * share of the whole.
 */
const ROUNDING_UNITS = 2n;

/**
 * Amounts of the holds that a group needs.
 *
 * @param legs as they are proposed, with worst prices above 0; an exit's quantity does not matter
 */
export function groupCost(
  rules: Rules,
  groupType: GroupType,
  legs: readonly OrderTerms[],
): GroupCost {
  if (groupType === 'OCO') {
    return { entryUnits: 0n, groupUnits: dearest(legs.map((leg) => placementCost(rules, leg))) };
  }
  const [entry, ...exits] = legs;
  if (entry === undefined) return { entryUnits: 0n, groupUnits: 0n };
  const entryUnits = placementCost(rules, entry);
  if (entry.side === 'BUY') return { entryUnits, groupUnits: 0n };
  const quantityUnits = Number(entryUnits / BigInt(rules.baseFactor));
  const costs = exits.map((exit) => placementCost(rules, { ...exit, quantityUnits }));
  const missing = dearest(costs) - worstProceeds(rules, entry, quantityUnits);
  return { entryUnits, groupUnits: (missing > 0n ? missing : 0n) + ROUNDING_UNITS };
}

/** The least that a sell brings, its fee taken off, in quote's smallest units. */
function worstProceeds(rules: Rules, entry: OrderTerms, quantityUnits: number): bigint {
  const notional = notionalOf(rules, entry.priceUnits, quantityUnits);
  return notional - feeOfSum(notional * BigInt(highestRatePpm(entry)));
}

function dearest(costs: readonly bigint[]): bigint {
  let most = 0n;
  for (const cost of costs) if (cost > most) most = cost;
  return most;
}
