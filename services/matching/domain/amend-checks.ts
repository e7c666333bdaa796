// Everything that can refuse an amend, in the order in which reasons take precedence (AMD-2): a
// refused amend changes nothing.
import { safeProductOfThree } from '../../lib/base/product.ts';
import { amendRuleOf, isCallPhase } from '../../lib/rules/admission.ts';
import { checkAmendForm, checkAmendNumbers, checkAmendRules } from '../../lib/rules/check-amend.ts';
import { type CostTerms, worstCost } from '../../lib/rules/cost.ts';
import {
  type Amendment,
  amendedOrder,
  isEnding,
  isOnlyLessQuantity,
  keepsPlace,
} from './amendment.ts';
import type { Book } from './book.ts';
import type { AmendOrder } from './command.ts';
import { weightedSumOf } from './order-fees.ts';
import type { OrderLife } from './order-life.ts';
import * as orderFields from './order-store.ts';
import { isOutsideBand, type PlacingProblem } from './placing.ts';
import type { InstrumentRules, RejectReason } from './rules.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { FLAGS, POST_ONLY, VERSION } = orderFields;

/** The first reason why an amend is not done, in order of precedence. */
export function checkAmendment(
  life: OrderLife,
  book: Book,
  command: AmendOrder,
  amendment: Amendment,
  logTimeUs: number,
): PlacingProblem | undefined {
  const version = life.resting.orders.words[amendment.order + VERSION] as number;
  if (command.expectedVersion !== undefined && command.expectedVersion !== version) {
    return { kind: 'rejected', reason: 'VERSION_MISMATCH' };
  }
  const numbers = checkAmendNumbers(command);
  if (numbers !== undefined) return { kind: 'refused', reason: numbers.reason };
  const isPlain =
    command.stopPriceUnits === undefined &&
    command.displayUnits === undefined &&
    command.expireTimeUs === undefined &&
    amendment.extras === undefined;
  if (!isPlain) {
    const order = amendedOrder(life, book.rules.instrumentNumber, amendment);
    const problem = checkAmendForm(order, command);
    if (problem !== undefined) return { kind: 'refused', reason: problem.reason };
  }
  if (isEnding(amendment)) return undefined;
  const reason = reasonOf(life, book, command, amendment, logTimeUs);
  return reason === undefined ? undefined : { kind: 'rejected', reason };
}

function reasonOf(
  life: OrderLife,
  book: Book,
  command: AmendOrder,
  amendment: Amendment,
  logTimeUs: number,
): RejectReason | undefined {
  const rule = amendRuleOf(book.state);
  if (rule === 'LESS_QUANTITY' && !isOnlyLessQuantity(amendment)) return 'INSTRUMENT_STATE';
  const { expireTimeUs } = amendment;
  if (expireTimeUs !== amendment.expireBeforeUs && expireTimeUs <= logTimeUs) return 'TOO_LATE';
  const problem = checkRules(life, book, amendment);
  if (problem !== undefined) {
    return command.instrumentVersion !== book.rules.version ? 'INSTRUMENT_CHANGED' : problem;
  }
  if (isNewPriceOutsideBand(life, book, amendment)) return 'PRICE_BAND';
  const isSame = keepsPlace(amendment) && !amendment.isWaiting;
  if (!isSame && !isCovered(life, book, command, amendment)) return 'HOLD_TOO_SMALL';
  return isSame ? undefined : checkBook(life, book, amendment);
}

/** A new place must be passive where the order or the state asks for it, and have room. */
function checkBook(life: OrderLife, book: Book, amendment: Amendment): RejectReason | undefined {
  if (amendment.isWaiting) return undefined;
  const { resting, hidden } = life;
  const { order } = amendment;
  const isPostOnly = ((resting.orders.words[order + FLAGS] as number) & POST_ONLY) !== 0;
  const side = resting.sideOf(book, order);
  const mustBePassive = (isPostOnly && !isCallPhase(book.state)) || book.state === 'POST_ONLY';
  if (mustBePassive && book.oppositeOf(side.side).isMetBy(amendment.priceUnits)) {
    return 'POST_ONLY_WOULD_TAKE';
  }
  const added = amendment.quantityUnits - amendment.quantityBefore;
  const total = side.quantityUnits + hidden.onSide(side) + added;
  return total > Number.MAX_SAFE_INTEGER ? 'BOOK_FULL' : undefined;
}

function checkRules(life: OrderLife, book: Book, amendment: Amendment): RejectReason | undefined {
  if (amendment.extras === undefined && isPlainlyAllowed(book.rules, amendment)) return undefined;
  const order = amendedOrder(life, book.rules.instrumentNumber, amendment);
  const problem = checkAmendRules(book.rules, order, amendment);
  // The form was checked before.
  return problem === undefined ? undefined : (problem.reason as RejectReason);
}

/** Whether a plain order's amend passes the rules; what this leaves open the rules decide. */
function isPlainlyAllowed(rules: InstrumentRules, amendment: Amendment): boolean {
  const { priceUnits, priceBefore, quantityUnits, quantityBefore, displayUnits } = amendment;
  if (displayUnits !== 0) return false;
  if (priceUnits === priceBefore && quantityUnits === quantityBefore) return true;
  if (priceUnits % rules.tickUnits !== 0 || quantityUnits % rules.lotUnits !== 0) return false;
  if (priceUnits > rules.maximumPriceUnits || quantityUnits > rules.maximumQuantityUnits) {
    return false;
  }
  if (quantityUnits < rules.minimumQuantityUnits) return false;
  const notional = safeProductOfThree(priceUnits, quantityUnits, rules.notionalFactor);
  const base = safeProductOfThree(quantityUnits, rules.baseFactor, 1);
  return base >= 0 && notional >= rules.minimumNotionalUnits;
}

/** Whether a new limit price lies outside the static band (BND-1). */
function isNewPriceOutsideBand(life: OrderLife, book: Book, amendment: Amendment): boolean {
  const { priceUnits, order, extras } = amendment;
  if (book.staticReferenceUnits === 0 || priceUnits === amendment.priceBefore) return false;
  const { side } = life.resting.sideOf(book, order);
  const type = extras?.type ?? 'LIMIT';
  return isOutsideBand(book, { type, side, priceUnits });
}

/**
 * Whether the holds cover the amended order (HLD-5): it may cost no more than what it could cost
 * before plus the amend's own hold.
 */
function isCovered(
  life: OrderLife,
  book: Book,
  command: AmendOrder,
  amendment: Amendment,
): boolean {
  const { resting } = life;
  const { order, openBefore: before } = amendment;
  const { side } = resting.sideOf(book, order);
  const after = amendment.quantityUnits - amendment.filledUnits;
  const isDearer = side === 'BUY' && amendment.priceUnits > amendment.priceBefore;
  if (after <= before && !isDearer) return true;
  if (side === 'SELL' || highestRate(life, order) === 0) {
    // No fee can be due, so that a difference of products tells; beyond 2^53 it is not a number.
    const factor = side === 'SELL' ? book.rules.baseFactor : book.rules.notionalFactor;
    const priceAfter = side === 'SELL' ? 1 : amendment.priceUnits;
    const priceBefore = side === 'SELL' ? 1 : amendment.priceBefore;
    const more =
      safeProductOfThree(priceAfter, after, factor) -
      safeProductOfThree(priceBefore, before, factor);
    if (!Number.isNaN(more)) return more <= command.amendHoldUnits;
  }
  const terms = (priceUnits: number, remainingUnits: number): CostTerms => ({
    side,
    priceUnits,
    remainingUnits,
    makerRatePpm: resting.orders.makerRatePpm(order),
    takerRatePpm: resting.orders.takerRatePpm(order),
    auctionRatePpm: resting.orders.auctionRatePpm(order),
    weightedSum: weightedSumOf(resting.orders, order),
  });
  const covered = worstCost(book.rules, terms(amendment.priceBefore, before));
  const needed = worstCost(book.rules, terms(amendment.priceUnits, after));
  return needed <= covered + command.amendHoldUnits;
}

function highestRate({ resting: { orders } }: OrderLife, order: number): number {
  const rates = Math.max(orders.makerRatePpm(order), orders.takerRatePpm(order), 0);
  return Math.max(rates, orders.auctionRatePpm(order));
}
