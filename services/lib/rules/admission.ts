// What each state of an instrument admits, and which state may follow which (STA-1): one table,
// used by the edge and by the engine.
import { endsOnArrival, isWaitingType } from './order-types.ts';
import type { InstrumentState, OrderTerms } from './terms.ts';

/** What matters of an order for whether a state admits it. */
export type AdmittedTerms = Pick<OrderTerms, 'type' | 'timeInForce' | 'postOnly' | 'minimumUnits'>;

/** How a state takes amends. */
type AmendRule = 'ANY' | 'PASSIVE' | 'LESS_QUANTITY';

type StateRules = {
  /** Limit orders that may rest and are not post-only. */
  readonly rests: boolean;
  /** IOC, FOK, market orders, and those with a minimum quantity. */
  readonly immediate: boolean;
  readonly postOnly: boolean;
  /** Orders of a type that waits. */
  readonly waits: boolean;
  readonly amends: AmendRule;
};

const CALL: StateRules = {
  rests: true,
  immediate: false,
  postOnly: true,
  waits: true,
  amends: 'ANY',
};

const CLOSED: StateRules = {
  rests: false,
  immediate: false,
  postOnly: false,
  waits: false,
  amends: 'LESS_QUANTITY',
};

const TABLE: Readonly<Record<InstrumentState, StateRules>> = {
  PRE_OPEN: CALL,
  AUCTION: CALL,
  CONTINUOUS: { rests: true, immediate: true, postOnly: true, waits: true, amends: 'ANY' },
  POST_ONLY: { rests: false, immediate: false, postOnly: true, waits: false, amends: 'PASSIVE' },
  CANCEL_ONLY: CLOSED,
  HALTED: CLOSED,
  CLOSED,
  RETIRED: CLOSED,
};

/** Whether a state admits a new order (STA-1). */
export function admitsOrder(state: InstrumentState, terms: AdmittedTerms): boolean {
  if (state === 'CONTINUOUS') return true;
  const rules = TABLE[state];
  if (isWaitingType(terms.type)) return rules.waits;
  if (terms.postOnly && !rules.rests) return rules.postOnly && terms.type === 'LIMIT';
  const isImmediate =
    terms.type === 'MARKET' || endsOnArrival(terms.timeInForce) || terms.minimumUnits > 0;
  if (isImmediate) return rules.immediate;
  return terms.postOnly ? rules.postOnly : rules.rests;
}

/** How a state takes amends (STA-1): any, those that stay passive, or only less quantity. */
export function amendRuleOf(state: InstrumentState): AmendRule {
  return TABLE[state].amends;
}

/** Whether orders are collected for an uncross: they may cross, and do not trade before it. */
export function isCallPhase(state: InstrumentState): boolean {
  return state === 'PRE_OPEN' || state === 'AUCTION';
}

/**
 * Whether a command may change the state so (STA-1). The same state is no change.
 *
 * @param before state from which CANCEL_ONLY was entered
 */
export function mayFollow(
  from: InstrumentState,
  to: InstrumentState,
  before: InstrumentState,
): boolean {
  // An instrument is retired by a command of its own.
  if (from === 'RETIRED' || to === 'RETIRED') return false;
  if (from === 'HALTED') return to === 'AUCTION' || to === 'CLOSED';
  if (from === 'CANCEL_ONLY') return to === before || to === 'HALTED' || to === 'CLOSED';
  return true;
}
