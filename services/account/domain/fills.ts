// A trade's money (SET-2): a buyer pays quote and fee and gets base; a seller gives base and gets
// quote less fee. The other party stands behind the clearing purse of the source, because it may
// be on another shard (LED-3).
import { assertNever } from '../../lib/base/assert.ts';
import { notionalOf } from '../../lib/rules/cost.ts';
import type { InstrumentRules, Side } from '../../lib/rules/terms.ts';
import type { Account } from './account.ts';
import { DAY_US } from './account-limits.ts';
import type { Cause } from './cause.ts';
import type { Fill } from './event.ts';
import type { Purse } from './ledger.ts';
import type { LiveOrder } from './live-order.ts';
import type { MatchingEvent, TradeParty } from './matching-event.ts';
import { isByBudget, type Liquidity } from './order.ts';
import { releaseSurplus } from './release.ts';

type Traded = Extract<MatchingEvent, { kind: 'traded' }>;

/** An order after one of its fills was posted. */
export type FillContext = {
  readonly account: Account;
  readonly order: LiveOrder;
  readonly releasedUnits: bigint;
  readonly assetNumbers: readonly number[];
};

type ReportTrade = (cause: Cause, context: FillContext, fill: Fill) => void;

/** Everything that posting one party's part needs. */
type Part = {
  readonly instrument: InstrumentRules;
  readonly party: TradeParty;
  readonly side: Side;
  readonly baseUnits: bigint;
  readonly fill: Fill;
};

/** Posts both parties' parts, as far as they are this shard's; the resting order's first. */
export function settleTrade(cause: Cause, event: Traded, report: ReportTrade): void {
  const instrument = cause.state.instruments.get(event.instrumentNumber);
  // No hold exists in an instrument that was never set here, so no order of this shard can trade.
  if (instrument === undefined) return;
  const { priceUnits, quantityUnits, aggressorSide } = event;
  const notionalUnits = notionalOf(instrument, priceUnits, quantityUnits);
  const baseUnits = BigInt(quantityUnits) * BigInt(instrument.baseFactor);
  const settleParty = (party: TradeParty, liquidity: Liquidity, side: Side): void => {
    if (!cause.state.settles(party.accountNumber)) return;
    const { feeUnits } = party;
    const fill = { priceUnits, quantityUnits, liquidity, notionalUnits, feeUnits, aggressorSide };
    const part = { instrument, party, side, baseUnits, fill };
    const account = cause.state.accountsByNumber.get(party.accountNumber);
    const order = account?.liveOrders.get(party.placement);
    if (account === undefined || order === undefined) settleUnknown(cause, part);
    else settleKnown(cause, { account, order }, part, report);
  };
  if (aggressorSide === undefined) {
    settleParty(event.maker, 'AUCTION', 'BUY');
    settleParty(event.taker, 'AUCTION', 'SELL');
    return;
  }
  settleParty(event.maker, 'MAKER', aggressorSide === 'BUY' ? 'SELL' : 'BUY');
  settleParty(event.taker, 'TAKER', aggressorSide);
}

/** A trade of an order that is not open here: all of it stands in suspense (SET-5). */
function settleUnknown(cause: Cause, part: Part): void {
  const { ledger } = cause.state;
  const { baseAssetNumber, quoteAssetNumber } = part.instrument;
  const { notionalUnits, feeUnits } = part.fill;
  const purses = (assetNumber: number): [Purse, Purse] => [
    ledger.purse('SUSPENSE', assetNumber),
    ledger.purse('CLEARING', assetNumber, cause.sourceShardId),
  ];
  const [quoteSuspense, quoteClearing] = purses(quoteAssetNumber);
  const [baseSuspense, baseClearing] = purses(baseAssetNumber);
  const isBuy = part.side === 'BUY';
  ledger.move(...inDirection(isBuy, quoteSuspense, quoteClearing), notionalUnits);
  ledger.move(...inDirection(isBuy, baseClearing, baseSuspense), part.baseUnits);
  const fee = ledger.purse('FEE', quoteAssetNumber);
  ledger.move(
    ...inDirection(feeUnits > 0n, quoteSuspense, fee),
    feeUnits < 0n ? -feeUnits : feeUnits,
  );
  const costUnits = isBuy ? notionalUnits + feeUnits : part.baseUnits;
  reportSuspense(cause, part, isBuy ? quoteAssetNumber : baseAssetNumber, costUnits);
}

function inDirection(forward: boolean, from: Purse, to: Purse): [Purse, Purse] {
  return forward ? [from, to] : [to, from];
}

function reportSuspense(cause: Cause, part: Part, assetNumber: number, amountUnits: bigint): void {
  const { placement, accountNumber } = part.party;
  const account = cause.state.accountsByNumber.get(accountNumber);
  const body = { kind: 'suspensePosted', assetNumber, amountUnits, placement } as const;
  if (account !== undefined) {
    cause.state.nextSequence(account);
    cause.state.emitFor(account, [], body, cause.emit);
  } else {
    cause.emit({ accountNumber: 0, accountSequence: 0, balances: [], ...body });
  }
}

type Known = { readonly account: Account; readonly order: LiveOrder };

function settleKnown(cause: Cause, known: Known, part: Part, report: ReportTrade): void {
  const { account, order } = known;
  const { fill, party, instrument } = part;
  const missingUnits =
    part.side === 'BUY' ? postBuy(cause, known, part) : postSell(cause, known, part);
  order.weightedFeeSum += fill.notionalUnits * BigInt(rateOf(order, fill.liquidity));
  order.filledUnits += fill.quantityUnits;
  order.filledNotionalUnits += fill.notionalUnits;
  order.feeUnits += fill.feeUnits;
  const volume = account.volume(instrument.quoteAssetNumber);
  volume.add(Math.floor(cause.logTimeUs / DAY_US), fill.notionalUnits);
  cause.state.digest.mark(volume);
  const byBudget = order.terms !== undefined && isByBudget(order.terms);
  order.remainingUnits = byBudget ? 0 : party.remainingUnits;
  order.status = !byBudget && order.remainingUnits === 0 ? 'FILLED' : 'PARTIALLY_FILLED';
  if (order.group?.isEntry(order)) holdForExits(cause, known, part);
  const releasedUnits = releaseSurplus(cause.state, account, order);
  const assetNumbers = [instrument.baseAssetNumber, instrument.quoteAssetNumber];
  report(cause, { account, order, releasedUnits, assetNumbers }, fill);
  if (missingUnits > 0n) reportSuspense(cause, part, order.holdAssetNumber, missingUnits);
}

/** Rate of a fill, in millionths of the notional. */
function rateOf({ terms }: LiveOrder, liquidity: Liquidity): number {
  switch (liquidity) {
    case 'MAKER':
      return terms?.makerRatePpm ?? 0;
    case 'TAKER':
      return terms?.takerRatePpm ?? 0;
    case 'AUCTION':
      return terms?.auctionRatePpm ?? 0;
    default:
      return assertNever(liquidity);
  }
}

/** HLD-6: what a bracket's entry brings goes into the group's hold, for the exits to come. */
function holdForExits(cause: Cause, { account, order }: Known, part: Part): void {
  const { group } = order;
  if (group === undefined) return;
  const { ledger, digest } = cause.state;
  const balance = account.balance(group.holdAssetNumber);
  const { notionalUnits, feeUnits } = part.fill;
  const broughtUnits = part.side === 'BUY' ? part.baseUnits : notionalUnits - feeUnits;
  // A fee above its fill's proceeds was paid out of what is available.
  const heldUnits = smallerOf(broughtUnits > 0n ? broughtUnits : 0n, balance.availableUnits);
  ledger.hold(balance, heldUnits);
  group.heldUnits += heldUnits;
  digest.mark(group);
}

/** @returns what no hold covered */
function postBuy(cause: Cause, known: Known, part: Part): bigint {
  const { state, sourceShardId } = cause;
  const { ledger } = state;
  const { baseAssetNumber, quoteAssetNumber } = part.instrument;
  const { notionalUnits, feeUnits } = part.fill;
  const quoteClearing = ledger.purse('CLEARING', quoteAssetNumber, sourceShardId);
  const fee = ledger.purse('FEE', quoteAssetNumber);
  let missingUnits = capture(cause, known, quoteClearing, notionalUnits);
  if (feeUnits >= 0n) missingUnits += capture(cause, known, fee, feeUnits);
  else refundIntoHold(cause, known, fee, -feeUnits);
  const baseClearing = ledger.purse('CLEARING', baseAssetNumber, sourceShardId);
  ledger.move(baseClearing, known.account.balance(baseAssetNumber), part.baseUnits);
  return missingUnits;
}

/**
 * A rebate may give back a fee that an earlier fill was charged, and a later one may charge it
 * again: so it goes into the hold, and only what the order cannot cost any more is released.
 */
function refundIntoHold(cause: Cause, known: Known, fee: Purse, amountUnits: bigint): void {
  const { ledger } = cause.state;
  const { hold } = known.order;
  const balance = known.account.balance(hold.holdAssetNumber);
  ledger.move(fee, balance, amountUnits);
  ledger.hold(balance, amountUnits);
  hold.heldUnits += amountUnits;
  cause.state.digest.mark(hold);
}

/** @returns what no hold covered; a fee that the proceeds do not cover goes to suspense too */
function postSell(cause: Cause, known: Known, part: Part): bigint {
  const { state, sourceShardId } = cause;
  const { ledger } = state;
  const { baseAssetNumber, quoteAssetNumber } = part.instrument;
  const { notionalUnits, feeUnits } = part.fill;
  const baseClearing = ledger.purse('CLEARING', baseAssetNumber, sourceShardId);
  const missingUnits = capture(cause, known, baseClearing, part.baseUnits);
  const quote = known.account.balance(quoteAssetNumber);
  const quoteClearing = ledger.purse('CLEARING', quoteAssetNumber, sourceShardId);
  ledger.move(quoteClearing, quote, notionalUnits);
  const fee = ledger.purse('FEE', quoteAssetNumber);
  if (feeUnits < 0n) {
    ledger.move(fee, quote, -feeUnits);
  } else {
    const paidUnits = smallerOf(feeUnits, quote.availableUnits);
    ledger.move(quote, fee, paidUnits);
    ledger.move(ledger.purse('SUSPENSE', quoteAssetNumber), fee, feeUnits - paidUnits);
  }
  return missingUnits;
}

/** Takes an amount out of the order's hold; what it lacks comes from suspense (SET-5). */
function capture(cause: Cause, { account, order }: Known, to: Purse, amountUnits: bigint): bigint {
  const { ledger, digest } = cause.state;
  const { hold } = order;
  const balance = account.balance(hold.holdAssetNumber);
  const capturedUnits = smallerOf(amountUnits, hold.heldUnits);
  hold.heldUnits -= capturedUnits;
  digest.mark(hold);
  ledger.release(balance, capturedUnits);
  ledger.move(balance, to, capturedUnits);
  const missingUnits = amountUnits - capturedUnits;
  if (missingUnits > 0n) {
    ledger.move(ledger.purse('SUSPENSE', order.holdAssetNumber), to, missingUnits);
  }
  return missingUnits;
}

function smallerOf(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}
