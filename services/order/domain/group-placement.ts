// A group of orders, from its texts to terms in units: every check of the edge, in the order in
// which their reasons take precedence (contracts: Errors; TYP-7).

import { checkGroup, checkGroupForm, type LegProblem } from '../../lib/rules/check-group.ts';
import type { OrderTerms } from '../../lib/rules/terms.ts';
import type { CheckedGroup } from './group-requests.ts';
import type { TradedInstrument } from './instrument.ts';
import {
  checkArrival,
  type PlacementProblem,
  placeholders,
  problemOf,
  readTerms,
} from './placement.ts';

/** The first thing that keeps a group from being placed, and the leg at fault. */
export type GroupProblem = PlacementProblem & { readonly leg: number };

/** Terms of the legs in units with what is wrong with them. */
export type ReadGroup = {
  readonly legs: readonly OrderTerms[];
  readonly problem: GroupProblem | undefined;
};

/**
 * Reads a group that has passed `checkGroupRequest` and checks it against its instrument: state,
 * rules of the types and of the group, tick and lot, limits.
 *
 * @param nowUs when the request was read, in microseconds since the Unix epoch
 */
export function readGroup(
  group: CheckedGroup,
  instrument: TradedInstrument,
  nowUs: number,
): ReadGroup {
  const reads = group.legs.map((form) => readTerms(form, instrument));
  const legs = reads.map(({ terms }) => terms);
  const problem =
    firstOf(group, (form, leg) =>
      checkArrival(form, instrument, { terms: legs[leg] as OrderTerms, nowUs }),
    ) ??
    groupProblem(checkGroupForm(group.groupType, withPlaceholders(group, legs))) ??
    firstOf(group, (_form, leg) => reads[leg]?.problem) ??
    groupProblem(checkGroup(instrument.rules, group.groupType, legs));
  return { legs, problem };
}

/** What is wrong with priced legs, whose worst prices the edge has fixed. */
export function checkPricedGroup(
  group: CheckedGroup,
  instrument: TradedInstrument,
  legs: readonly OrderTerms[],
): GroupProblem | undefined {
  return groupProblem(checkGroup(instrument.rules, group.groupType, legs));
}

function firstOf(
  { legs }: CheckedGroup,
  find: (form: CheckedGroup['legs'][number], leg: number) => PlacementProblem | undefined,
): GroupProblem | undefined {
  for (const [leg, form] of legs.entries()) {
    const problem = find(form, leg);
    if (problem !== undefined) return { ...problem, leg };
  }
  return undefined;
}

/** Rules of the types come before tick and lot and hold for any quantity and price. */
function withPlaceholders(
  { legs }: CheckedGroup,
  terms: readonly OrderTerms[],
): readonly OrderTerms[] {
  return terms.map((one, leg) => {
    const form = legs[leg];
    if (form === undefined) return one;
    return {
      ...one,
      priceUnits: form.price === undefined ? 0 : 1,
      quantityUnits: form.quantity === undefined ? 0 : 2,
      quoteBudgetUnits: form.quoteQuantity === undefined ? 0n : 1n,
      ...placeholders(form),
    };
  });
}

function groupProblem(found: LegProblem | undefined): GroupProblem | undefined {
  if (found === undefined) return undefined;
  return { ...problemOf(found.reason, found.field), leg: found.leg };
}
