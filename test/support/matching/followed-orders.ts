// Every order's life from the events alone, as anybody who follows a shard can rebuild it.

import { assertDefined } from '../../../services/lib/base/assert.ts';
import { notionalOf, placementCost } from '../../../services/lib/rules/cost.ts';
import type { InstrumentRules, Side } from '../../../services/lib/rules/terms.ts';
import type { MatchingEvent, Traded, TradeParty } from '../../../services/matching/domain/event.ts';

export type FollowedOrder = {
  readonly accountNumber: number;
  readonly placement: number;
  readonly side: Side;
  readonly isByBudget: boolean;
  /** Limit or worst price. */
  priceUnits: number;
  /** What its holds cover, in smallest units of what it holds (HLD-5). */
  authorizedUnits: bigint;
  spentUnits: bigint;
  remainingUnits: number;
  expireTimeUs: number;
  version: number;
};

type Name = { readonly accountNumber: number; readonly placement: number };

function keyOf({ accountNumber, placement }: Name): string {
  return `${accountNumber}-${placement}`;
}

/** Orders that are open, by the events so far. */
export class FollowedOrders {
  readonly open = new Map<string, FollowedOrder>();
  readonly #rules: InstrumentRules;

  constructor(rules: InstrumentRules) {
    this.#rules = rules;
  }

  /** An amend brought a hold of its own. */
  authorize(name: Name, holdUnits: bigint): void {
    this.#get(name).authorizedUnits += holdUnits;
  }

  /**
   * @throws when an event is about an order that is not open, trades at or past its time, beyond
   * its price, or for more than is authorized
   */
  follow(event: MatchingEvent, nowUs: number): void {
    switch (event.kind) {
      case 'orderAccepted': {
        const { accountNumber, placement, terms } = event;
        if (this.open.has(keyOf(event))) throw new Error(`${keyOf(event)} is accepted twice`);
        this.open.set(keyOf(event), {
          accountNumber,
          placement,
          side: terms.side,
          isByBudget: terms.quoteBudgetUnits > 0n,
          priceUnits: terms.priceUnits,
          authorizedUnits: placementCost(this.#rules, terms),
          spentUnits: 0n,
          remainingUnits: terms.quantityUnits,
          expireTimeUs: terms.expireTimeUs,
          version: 1,
        });
        return;
      }
      case 'traded':
        for (const party of [event.maker, event.taker]) this.#trade(event, party, nowUs);
        return;
      case 'matchPrevented': {
        const { makerAccountNumber, makerPlacement, takerAccountNumber, takerPlacement } = event;
        for (const [accountNumber, placement] of [
          [makerAccountNumber, makerPlacement],
          [takerAccountNumber, takerPlacement],
        ] as const) {
          const order = this.#get({ accountNumber, placement });
          if (!order.isByBudget) order.remainingUnits -= event.decrementedUnits;
        }
        return;
      }
      case 'orderAmended': {
        const order = this.#get(event);
        order.remainingUnits = event.remainingUnits;
        order.priceUnits = event.priceUnits;
        order.expireTimeUs = event.expireTimeUs;
        order.version = event.version;
        if (order.remainingUnits === 0) this.open.delete(keyOf(event));
        return;
      }
      case 'orderCanceled':
      case 'orderExpired': {
        const order = this.#get(event);
        const left = event.kind === 'orderExpired' ? event.expiredUnits : event.canceledUnits;
        if (left !== order.remainingUnits) throw new Error(`${keyOf(event)} ends with ${left}`);
        this.open.delete(keyOf(event));
        return;
      }
      case 'orderFilled':
        this.#get(event);
        this.open.delete(keyOf(event));
        return;
      case 'orderTriggered':
        this.#get(event).priceUnits = event.priceUnits;
        return;
      default:
        return;
    }
  }

  #trade(event: Traded, party: TradeParty, nowUs: number): void {
    const { priceUnits, quantityUnits } = event;
    const order = this.#get(party);
    const isOver = order.expireTimeUs > 0 && order.expireTimeUs <= nowUs;
    if (isOver) throw new Error(`${keyOf(party)} trades at or past its time (TIF-6)`);
    const isBuy = order.side === 'BUY';
    if (isBuy ? priceUnits > order.priceUnits : priceUnits < order.priceUnits) {
      throw new Error(`${keyOf(party)} trades beyond its price (MAT-3)`);
    }
    const paid = notionalOf(this.#rules, priceUnits, quantityUnits) + party.feeUnits;
    order.spentUnits += isBuy ? paid : BigInt(quantityUnits) * BigInt(this.#rules.baseFactor);
    if (order.spentUnits > order.authorizedUnits) {
      throw new Error(`${keyOf(party)} trades for more than is authorized (HLD-5)`);
    }
    if (order.isByBudget) return;
    order.remainingUnits -= quantityUnits;
    if (order.remainingUnits !== party.remainingUnits) {
      throw new Error(`${keyOf(party)} has ${order.remainingUnits} left, not what the trade says`);
    }
    if (order.remainingUnits === 0) this.open.delete(keyOf(party));
  }

  #get(name: Name): FollowedOrder {
    return assertDefined(this.open.get(keyOf(name)), `${keyOf(name)} is open`);
  }
}
