// The check of a group of orders (TYP-7): each leg like an order of its own, and what only holds
// of legs together.
import {
  checkCombination,
  checkKind,
  checkNumbers,
  checkRulesOf,
  type OrderProblem,
  problem,
} from './check-order.ts';
import { endsOnArrival, isWaitingType } from './order-types.ts';
import type { GroupType, InstrumentRules, OrderTerms } from './terms.ts';

/** A problem of one leg. */
export type LegProblem = OrderProblem & { readonly leg: number };

const LEG_COUNTS: Readonly<Record<GroupType, number>> = { OCO: 2, BRACKET: 3 };

/**
 * Checks what holds of the legs together: an error of the call.
 *
 * @returns the first problem; undefined when there is none
 */
function checkGroupShape(
  groupType: GroupType,
  legs: readonly OrderTerms[],
): LegProblem | undefined {
  if (legs.length !== LEG_COUNTS[groupType]) {
    return { ...problem('FIELDS_CONFLICT', 'legs'), leg: 0 };
  }
  const first = legs[0] as OrderTerms;
  for (const [leg, terms] of legs.entries()) {
    const isExit = groupType === 'BRACKET' && leg > 0;
    const found =
      (groupType === 'OCO' ? checkOcoLeg(terms) : undefined) ??
      (isExit ? checkExitType(terms, leg) : undefined) ??
      checkTogether(first, terms, isExit);
    if (found !== undefined) return { ...found, leg };
  }
  return undefined;
}

/** The form of one leg of a group whose shape is good. */
function checkLegForm(
  groupType: GroupType,
  leg: number,
  terms: OrderTerms,
): OrderProblem | undefined {
  return groupType === 'BRACKET' && leg > 0 ? checkExit(terms) : checkCombination(terms);
}

/** Checks the form of a group: its shape, then each leg; all of it an error of the call. */
export function checkGroupForm(
  groupType: GroupType,
  legs: readonly OrderTerms[],
): LegProblem | undefined {
  const found = checkGroupShape(groupType, legs);
  if (found !== undefined) return found;
  for (const [leg, terms] of legs.entries()) {
    const wrong = checkLegForm(groupType, leg, terms);
    if (wrong !== undefined) return { ...wrong, leg };
  }
  return undefined;
}

/** Checks a group: its form, then the rules leg by leg. */
export function checkGroup(
  rules: InstrumentRules,
  groupType: GroupType,
  legs: readonly OrderTerms[],
): LegProblem | undefined {
  const found = checkGroupForm(groupType, legs);
  if (found !== undefined) return found;
  for (const [leg, terms] of legs.entries()) {
    const wrong = checkRulesOf(rules, terms);
    if (wrong !== undefined) return { ...wrong, leg };
  }
  return undefined;
}

/** Legs of an OCO stay until one of them trades. */
function checkOcoLeg(terms: OrderTerms): OrderProblem | undefined {
  if (terms.type === 'MARKET') return problem('FIELDS_CONFLICT', 'type');
  if (terms.type === 'LIMIT' && endsOnArrival(terms.timeInForce)) {
    return problem('FIELDS_CONFLICT', 'time_in_force');
  }
  return undefined;
}

/** One instrument; an OCO's legs on one side, a bracket's exits opposite to its entry. */
function checkTogether(
  first: OrderTerms,
  terms: OrderTerms,
  isExit: boolean,
): OrderProblem | undefined {
  if (terms.instrumentNumber !== first.instrumentNumber) {
    return problem('FIELDS_CONFLICT', 'instrument_id');
  }
  return (terms.side === first.side) === isExit ? problem('FIELDS_CONFLICT', 'side') : undefined;
}

/** An exit waits; the first takes a profit and the second stops a loss. */
function checkExitType(terms: OrderTerms, leg: number): OrderProblem | undefined {
  const takesProfit = terms.type === 'TAKE_PROFIT' || terms.type === 'TAKE_PROFIT_LIMIT';
  const fits = isWaitingType(terms.type) && takesProfit === (leg === 1);
  return fits ? undefined : problem('FIELDS_CONFLICT', 'type');
}

/** An exit has no quantity of its own: its size is what the entry has filled. */
function checkExit(terms: OrderTerms): OrderProblem | undefined {
  const found = checkNumbers(terms);
  if (found !== undefined) return found;
  if (terms.quantityUnits !== 0) return problem('FIELDS_CONFLICT', 'quantity');
  if (terms.quoteBudgetUnits !== 0n) return problem('FIELDS_CONFLICT', 'quote_quantity');
  if (terms.displayUnits !== 0) return problem('FIELDS_CONFLICT', 'display_quantity');
  if (terms.minimumUnits !== 0) return problem('FIELDS_CONFLICT', 'minimum_quantity');
  return checkKind(terms);
}
