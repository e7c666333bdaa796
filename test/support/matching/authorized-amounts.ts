// What the hold of every order still covers (HLD-5), kept from commands and events alone as an
// account shard does it: what an order may still cost is never more than what its holds cover, and
// every fee is the one that the order's rates give (SET-2).

import { feeOfFill } from '../../../services/lib/base/fee.ts';
import { notionalOf, placementCost, worstCost } from '../../../services/lib/rules/cost.ts';
import type { InstrumentRules, OrderTerms } from '../../../services/lib/rules/terms.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type {
  MatchingEvent,
  OrderAmended,
  Traded,
  TradeParty,
} from '../../../services/matching/domain/event.ts';

type Held = {
  readonly terms: OrderTerms;
  priceUnits: number;
  remainingUnits: number;
  weightedSum: bigint;
  /** Smallest units of the asset held that are left. */
  heldUnits: bigint;
};

/** The holds of one instrument's orders. */
export class AuthorizedAmounts {
  #rules: InstrumentRules;
  readonly #held = new Map<string, Held>();
  fills = 0;

  constructor(rules: InstrumentRules) {
    this.#rules = rules;
  }

  /** Follows one event of a command; throws when a hold is exceeded. */
  follow(event: MatchingEvent, command: MatchingCommand | undefined): void {
    switch (event.kind) {
      case 'instrumentSet':
        this.#rules = event.rules;
        return;
      case 'orderAccepted':
        this.#accept(event, event.terms);
        return;
      case 'traded':
        this.#fill(event, event.maker, event.aggressorSide === 'SELL' || isUncross(event));
        this.#fill(event, event.taker, event.aggressorSide === 'BUY');
        return;
      case 'matchPrevented': {
        const { makerAccountNumber, makerPlacement, takerAccountNumber, takerPlacement } = event;
        this.#decrement(`${makerAccountNumber}-${makerPlacement}`, event.decrementedUnits);
        this.#decrement(`${takerAccountNumber}-${takerPlacement}`, event.decrementedUnits);
        return;
      }
      case 'orderTriggered':
        this.#get(event).priceUnits = event.priceUnits;
        return;
      case 'orderAmended':
        this.#amend(event, command?.kind === 'amendOrder' ? command.amendHoldUnits : 0n);
        return;
      case 'orderCanceled':
      case 'orderExpired':
      case 'orderFilled':
        this.#held.delete(`${event.accountNumber}-${event.placement}`);
        return;
      default:
    }
  }

  #accept(name: { accountNumber: number; placement: number }, terms: OrderTerms): void {
    this.#held.set(`${name.accountNumber}-${name.placement}`, {
      terms,
      priceUnits: terms.priceUnits,
      remainingUnits: terms.quantityUnits,
      weightedSum: 0n,
      heldUnits: placementCost(this.#rules, terms),
    });
  }

  #fill(trade: Traded, party: TradeParty, buys: boolean): void {
    this.fills += 1;
    const order = this.#get(party);
    const { terms } = order;
    check((terms.side === 'BUY') === buys, 'each side of a trade is on its side');
    const isWithin = buys
      ? trade.priceUnits <= order.priceUnits
      : trade.priceUnits >= order.priceUnits;
    check(isWithin, `a fill at ${trade.priceUnits} is not within ${order.priceUnits}`);
    const isMaker = party === trade.maker;
    const ratePpm = isUncross(trade)
      ? terms.auctionRatePpm
      : isMaker
        ? terms.makerRatePpm
        : terms.takerRatePpm;
    const notional = notionalOf(this.#rules, trade.priceUnits, trade.quantityUnits);
    const fee = feeOfFill(order.weightedSum, notional, ratePpm);
    check(fee.feeUnits === party.feeUnits, `the fee is ${fee.feeUnits}, not ${party.feeUnits}`);
    order.weightedSum = fee.weightedSum;
    const base = BigInt(trade.quantityUnits) * BigInt(this.#rules.baseFactor);
    order.heldUnits -= buys ? notional + fee.feeUnits : base;
    if (terms.quoteBudgetUnits === 0n) {
      order.remainingUnits -= trade.quantityUnits;
      check(order.remainingUnits === party.remainingUnits, 'the event tells what remains');
    }
    this.#checkCovered(order);
    const isFinal = terms.quoteBudgetUnits === 0n && order.remainingUnits === 0;
    if (isFinal) this.#held.delete(`${party.accountNumber}-${party.placement}`);
  }

  #decrement(name: string, units: number): void {
    const order = this.#held.get(name);
    if (order !== undefined && order.terms.quoteBudgetUnits === 0n) order.remainingUnits -= units;
  }

  #amend(event: OrderAmended, amendHoldUnits: bigint): void {
    const order = this.#get(event);
    // What was not needed before the amend has been given back already.
    if (order.terms.quoteBudgetUnits === 0n) order.heldUnits = this.#worst(order);
    order.heldUnits += amendHoldUnits;
    order.priceUnits = event.priceUnits;
    order.remainingUnits = event.remainingUnits;
    this.#checkCovered(order);
    if (event.remainingUnits === 0) this.#held.delete(`${event.accountNumber}-${event.placement}`);
  }

  #checkCovered(order: Held): void {
    const worst = order.terms.quoteBudgetUnits === 0n ? this.#worst(order) : 0n;
    check(worst <= order.heldUnits, `${worst} may still be needed, ${order.heldUnits} is held`);
  }

  #worst(order: Held): bigint {
    const { terms, priceUnits, remainingUnits, weightedSum } = order;
    return worstCost(this.#rules, { ...terms, priceUnits, remainingUnits, weightedSum });
  }

  #get({ accountNumber, placement }: { accountNumber: number; placement: number }): Held {
    const order = this.#held.get(`${accountNumber}-${placement}`);
    if (order === undefined) throw new Error(`order ${accountNumber}-${placement} is not open`);
    return order;
  }
}

function isUncross(trade: Traded): boolean {
  return trade.aggressorSide === undefined;
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
