// Drives the account shard's state machine and the naive ledger with the same commands, playing a
// matching shard that trades whatever pair of orders a test names, at prices both allow.

import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type { Command } from '../../../services/account/domain/command.ts';
import type { Answer, Event } from '../../../services/account/domain/event.ts';
import type { MatchingEventBody } from '../../../services/account/domain/matching-event.ts';
import { placementCost } from '../../../services/lib/rules/cost.ts';
import { groupCost } from '../../../services/lib/rules/group-cost.ts';
import type { GroupType, InstrumentRules, OrderTerms } from '../../../services/lib/rules/terms.ts';
import type { Outcome } from '../../../services/lib/shard/state-machine.ts';
import { PLAIN_INSTRUMENT, PLAIN_TERMS } from '../../support/plain.ts';
import {
  BASE_FACTOR,
  type NaiveGroup,
  NaiveLedger,
  type NaiveOrder,
  NOTIONAL_FACTOR,
  naiveOrder,
} from './naive-ledger.ts';

export const ASSETS = { USD: 1, BTC: 2 } as const;
export const ACCOUNTS = ['alice', 'bob', 'carol'] as const;

export const RULES: InstrumentRules = {
  ...PLAIN_INSTRUMENT,
  baseAssetNumber: ASSETS.BTC,
  quoteAssetNumber: ASSETS.USD,
  notionalFactor: Number(NOTIONAL_FACTOR),
  baseFactor: Number(BASE_FACTOR),
  collarPpm: 100_000,
  makerRatePpm: -150,
  takerRatePpm: 1200,
  auctionRatePpm: 1500,
};

/** Every slot, as a shard that is alone owns them. */
export const ALL_SLOTS = Array.from({ length: 4096 }, (_, slot) => slot);

export type Result = { readonly outcome: Outcome<Answer>; readonly events: readonly Event[] };

export class LedgerWorld {
  readonly machine = new AccountMachine();
  readonly naive = new NaiveLedger();
  readonly commands: { command: Command; logTimeUs: number }[] = [];
  readonly events: Event[] = [];
  #logTimeUs = 1_700_000_000_000_000;
  #sourceSequence = 0;
  #instrumentSequence = 0;
  #numbers = new Map<string, number>();

  constructor() {
    this.apply({ kind: 'acquireSlots', slots: ALL_SLOTS, generation: 1 });
    for (const [assetId, assetNumber] of Object.entries(ASSETS)) {
      this.apply({ kind: 'setAsset', assetNumber, assetId, scale: 2, version: 1 });
    }
    this.apply({ kind: 'setInstrument', rules: RULES });
    for (const accountId of ACCOUNTS) {
      const defaultSelfTradePrevention = 'CANCEL_TAKER';
      const made = this.apply({ kind: 'createAccount', accountId, defaultSelfTradePrevention });
      if (made.outcome.kind === 'done') {
        this.#numbers.set(accountId, made.outcome.answer?.accountNumber ?? 0);
      }
    }
  }

  accountNumber(accountId: string): number {
    return this.#numbers.get(accountId) ?? 0;
  }

  apply(command: Command, stepUs = 1000): Result {
    this.#logTimeUs += stepUs;
    const events: Event[] = [];
    const emit = (event: Event): void => {
      events.push(event);
    };
    const context = {
      logTimeUs: this.#logTimeUs,
      identity: `${this.commands.length}`,
      validUntilUs: this.#logTimeUs + 60_000_000,
    };
    this.machine.advance(this.#logTimeUs, emit);
    const outcome = this.machine.apply(command, context, emit);
    this.commands.push({ command, logTimeUs: this.#logTimeUs });
    this.events.push(...events);
    return { outcome, events };
  }

  settle(...bodies: readonly MatchingEventBody[]): Result {
    const fromSequence = this.#sourceSequence + 1;
    const events = bodies.map((body) => {
      this.#sourceSequence += 1;
      this.#instrumentSequence += 1;
      return { instrumentNumber: 1, instrumentSequence: this.#instrumentSequence, ...body };
    });
    return this.apply({
      kind: 'settle',
      sourceShardId: 'matching-1',
      fromSequence,
      throughSequence: this.#sourceSequence,
      sourceEntryIndex: fromSequence,
      sourceChainChecksum: '00',
      entries: [{ logTimeUs: this.#logTimeUs, commands: [{ identity: 'test', events }] }],
    });
  }

  terms(side: 'BUY' | 'SELL', quantityUnits: number, priceUnits: number): OrderTerms {
    return {
      instrumentNumber: 1,
      side,
      type: 'LIMIT',
      timeInForce: 'GTC',
      postOnly: false,
      quantityUnits,
      quoteBudgetUnits: 0n,
      priceUnits,
      selfTradePrevention: 'NONE',
      makerRatePpm: RULES.makerRatePpm,
      takerRatePpm: RULES.takerRatePpm,
      instrumentVersion: 1,
      ...PLAIN_TERMS,
      auctionRatePpm: RULES.auctionRatePpm,
    };
  }

  deposit(accountId: string, asset: keyof typeof ASSETS, amountUnits: bigint, id: string): Result {
    const result = this.apply({
      kind: 'deposit',
      accountId,
      assetNumber: ASSETS[asset],
      amountUnits,
      clientTransferId: id,
    });
    if (result.events.length > 0) this.naive.post(accountId, asset, amountUnits);
    return result;
  }

  withdraw(accountId: string, asset: keyof typeof ASSETS, amountUnits: bigint, id: string): Result {
    const result = this.apply({
      kind: 'withdraw',
      accountId,
      assetNumber: ASSETS[asset],
      amountUnits,
      clientTransferId: id,
    });
    if (result.events.length > 0) this.naive.post(accountId, asset, -amountUnits);
    return result;
  }

  /** Gives an account, or everybody, rates of its own; orders from now on have them (HLD-5). */
  setFees(accountId: string, makerRatePpm: number, takerRatePpm: number): Result {
    const rates = { makerRatePpm, takerRatePpm, auctionRatePpm: takerRatePpm };
    // Some trades later makers have the rates of takers.
    const turned = { ...rates, makerRatePpm: takerRatePpm, takerRatePpm: makerRatePpm };
    const tiers = [
      { minimumVolume: 0n, ...rates },
      { minimumVolume: 100_000_000_000_000n, ...turned },
    ];
    const what = { scope: { accountId, instrumentNumber: 0 }, tiers, asked: '' };
    return this.apply({ kind: 'setFeeSchedule', ...what });
  }

  /** Places a hold and, when it is placed, lets matching accept the order. */
  place(accountId: string, id: string, terms: OrderTerms): Result {
    const result = this.apply({
      kind: 'placeHold',
      accountId,
      clientOrderId: id,
      terms,
      bodyHash: '00112233445566778899aabbccddeeff',
      assetNumber: terms.side === 'BUY' ? ASSETS.USD : ASSETS.BTC,
      amountUnits: placementCost(RULES, terms),
      validUntilUs: this.#logTimeUs + 10_000_000,
      declineReason: 'NONE',
      refuseWhenShort: false,
    });
    const placed = result.events.find((event) => event.kind === 'holdPlaced');
    if (placed?.kind !== 'holdPlaced') return result;
    const { accountNumber, placement } = placed.record;
    this.settle({ kind: 'orderAccepted', accountNumber, placement, waiting: undefined });
    const held = placed.record.terms ?? terms;
    this.naive.orders.set(`${accountNumber}-${placement}`, naiveOrder(accountId, held));
    return result;
  }

  /** Places a group whose first leg is entered at once and whose others wait (TYP-7). */
  placeGroup(accountId: string, id: string, groupType: GroupType, legs: OrderTerms[]): Result {
    const result = this.apply({
      kind: 'placeGroupHold',
      accountId,
      groupType,
      legs: legs.map((terms, leg) => ({
        clientOrderId: `${id}-${leg}`,
        terms,
        declineReason: 'NONE',
      })),
      bodyHash: '00112233445566778899aabbccddeeff',
      ...groupCost(RULES, groupType, legs),
      validUntilUs: this.#logTimeUs + 10_000_000,
      refuseWhenShort: false,
    });
    const placed = result.events.find((event) => event.kind === 'groupHoldPlaced');
    if (placed?.kind !== 'groupHoldPlaced') return result;
    const isBracket = groupType === 'BRACKET';
    const orders = placed.records.map(({ terms }, leg) => {
      return naiveOrder(accountId, terms ?? (legs[leg] as OrderTerms));
    });
    const [entry, ...exits] = orders as [NaiveOrder, ...NaiveOrder[]];
    const side = (isBracket ? exits[0] : entry)?.side;
    const group: NaiveGroup = {
      type: groupType,
      account: accountId,
      asset: side === 'BUY' ? 'USD' : 'BTC',
      legs: [],
      extra: isBracket && side === 'BUY' ? this.naive.extraOf(entry, exits) : 0n,
      brought: 0n,
      isOpening: isBracket,
    };
    this.naive.groups.push(group);
    const events: MatchingEventBody[] = [];
    for (const [leg, { accountNumber, placement }] of placed.records.entries()) {
      const isEntry = isBracket && leg === 0;
      const isWaiting = leg > 0;
      const order = { ...(orders[leg] as NaiveOrder), group, isEntry, isWaiting };
      if (!isEntry) group.legs.push(order);
      if (!isBracket || isEntry) {
        const waiting = isWaiting ? { quantityUnits: order.open, stopPriceUnits: 1 } : undefined;
        events.push({ kind: 'orderAccepted', accountNumber, placement, waiting });
        this.naive.orders.set(`${accountNumber}-${placement}`, order);
      }
    }
    this.settle(...events);
    return result;
  }

  /** A waiting order is triggered, which ends the other of its group. */
  trigger(orderId: string): Result | undefined {
    const order = this.naive.orders.get(orderId) as NaiveOrder;
    if (!order.isWaiting) return undefined;
    order.isWaiting = false;
    const prices = { stopPriceUnits: 1, priceUnits: order.price };
    return this.settle(
      { kind: 'orderTriggered', ...namesOf(orderId), ...prices },
      ...this.#endOthers(orderId),
    );
  }

  /** What a fill, trigger or cancel of an order means for its group, in the same command. */
  #endOthers(orderId: string): MatchingEventBody[] {
    const order = this.naive.orders.get(orderId) as NaiveOrder;
    const { group } = order;
    if (group === undefined) return [];
    if (order.isEntry) return order.isFinal ? this.#endEntry(orderId, order, group) : [];
    const other = this.openOrders().find(([, one]) => one.group === group && one !== order);
    if (other === undefined) return [];
    const [otherId, one] = other;
    one.isFinal = true;
    return [{ kind: 'orderCanceled', ...namesOf(otherId), reason: 'OCO' }];
  }

  /** Exits of what the entry has filled appear, or never will. */
  #endEntry(orderId: string, entry: NaiveOrder, group: NaiveGroup): MatchingEventBody[] {
    group.isOpening = false;
    const quantityUnits = entry.total - entry.open;
    const { accountNumber, placement } = namesOf(orderId);
    return group.legs.flatMap((exit, leg): MatchingEventBody[] => {
      exit.open = quantityUnits;
      exit.isFinal = quantityUnits === 0;
      if (exit.isFinal) return [];
      const name = { accountNumber, placement: placement + 1 + leg };
      this.naive.orders.set(`${accountNumber}-${name.placement}`, exit);
      return [{ kind: 'orderAccepted', ...name, waiting: { quantityUnits, stopPriceUnits: 1 } }];
    });
  }

  openOrders(): readonly (readonly [string, NaiveOrder])[] {
    return [...this.naive.orders].filter(([, order]) => !order.isFinal);
  }

  trade(
    makerId: string,
    takerId: string,
    { price, quantity, isAuction }: { price: number; quantity: number; isAuction: boolean },
  ): Result {
    const maker = this.naive.orders.get(makerId) as NaiveOrder;
    const taker = this.naive.orders.get(takerId) as NaiveOrder;
    // In an uncross the buyer stands as maker.
    if (isAuction && maker.side === 'SELL') {
      return this.trade(takerId, makerId, { price, quantity, isAuction });
    }
    const trade = { price, quantity };
    const makerFee = this.naive.fill(maker, { ...trade, as: isAuction ? 'auction' : 'maker' });
    const takerFee = this.naive.fill(taker, { ...trade, as: isAuction ? 'auction' : 'taker' });
    const traded: MatchingEventBody = {
      kind: 'traded',
      priceUnits: price,
      quantityUnits: quantity,
      aggressorSide: isAuction ? undefined : taker.side,
      maker: { ...namesOf(makerId), remainingUnits: maker.open, feeUnits: makerFee },
      taker: { ...namesOf(takerId), remainingUnits: taker.open, feeUnits: takerFee },
    };
    return this.settle(traded, ...this.#endOthers(makerId), ...this.#endOthers(takerId));
  }

  cancel(orderId: string): Result {
    const order = this.naive.orders.get(orderId) as NaiveOrder;
    order.isFinal = true;
    const others = this.#endOthers(orderId);
    return this.settle({ kind: 'orderCanceled', ...namesOf(orderId), reason: 'OWNER' }, ...others);
  }

  /** An order's time is over: that ends nothing else but a bracket's entry. */
  expire(orderId: string): Result {
    const order = this.naive.orders.get(orderId) as NaiveOrder;
    order.isFinal = true;
    const exits = order.isEntry ? this.#endOthers(orderId) : [];
    return this.settle({ kind: 'orderExpired', ...namesOf(orderId) }, ...exits);
  }

  /** Holds more for an amend that matching does not answer yet. */
  startAmend(orderId: string, amountUnits: bigint): Result {
    const amendHoldId = `p${this.commands.length}`;
    const validUntilUs = this.#logTimeUs + 10_000_000;
    const names = namesOf(orderId);
    const result = this.apply({
      kind: 'amendHold',
      ...names,
      amendHoldId,
      amountUnits,
      validUntilUs,
    });
    if (result.events[0]?.kind === 'amendHoldPlaced') {
      this.naive.orders.get(orderId)?.amendHolds.set(amendHoldId, amountUnits);
    }
    return result;
  }

  /** Answers the oldest amend of an order that is in flight: it is refused or forbidden. */
  endAmend(orderId: string, kind: 'amendRejected' | 'orderForbidden'): Result | undefined {
    const holds = this.naive.orders.get(orderId)?.amendHolds;
    const [amendHoldId] = holds?.keys() ?? [];
    if (amendHoldId === undefined) return undefined;
    holds?.delete(amendHoldId);
    return this.settle({ kind, ...namesOf(orderId), amendHoldId });
  }

  /** Amends price and open quantity, with a hold of its own when it can cost more (HLD-6). */
  amend(orderId: string, price: number, open: number, answer: 'amended' | 'rejected'): Result {
    const order = this.naive.orders.get(orderId) as NaiveOrder;
    const names = namesOf(orderId);
    const more = this.naive.worstCost({ ...order, price, open }) - this.naive.worstCost(order);
    const amendHoldId = more > 0n ? `a${this.commands.length}` : '';
    if (more > 0n) {
      const held = this.apply({
        kind: 'amendHold',
        ...names,
        amendHoldId,
        amountUnits: more,
        validUntilUs: this.#logTimeUs + 10_000_000,
      });
      if (held.events[0]?.kind !== 'amendHoldPlaced') return held;
    }
    if (answer === 'rejected') return this.settle({ kind: 'amendRejected', ...names, amendHoldId });
    const filled = order.fills.reduce(
      (sum, fill) => sum + Number(fill.notional / NOTIONAL_FACTOR / BigInt(order.price)),
      0,
    );
    order.price = price;
    order.open = open;
    order.total = filled + open;
    if (open === 0) order.isFinal = true;
    const amended = { priceUnits: price, quantityUnits: Math.max(filled + open, 1) };
    return this.settle({
      kind: 'orderAmended',
      ...names,
      ...amended,
      version: 2,
      remainingUnits: open,
      ...{ stopPriceUnits: 0, displayUnits: 0, expireTimeUs: 0 },
      amendHoldId,
    });
  }
}

function namesOf(orderId: string): { accountNumber: number; placement: number } {
  const [accountNumber, placement] = orderId.split('-').map(Number);
  return { accountNumber: accountNumber ?? 0, placement: placement ?? 0 };
}
