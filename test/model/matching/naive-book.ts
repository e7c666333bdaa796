// A book that is slow and plainly right: it keeps its orders in an array, sorts that before each
// match, counts lots one by one and tries a fill-or-kill order out on a copy of itself.

import { checkAmend, checkOrder } from '../../../services/lib/rules/check-order.ts';
import type {
  AmendOrder,
  CancelAllOrders,
  MatchingCommand,
  PlaceOrder,
} from '../../../services/matching/domain/command.ts';
import type { MatchingEvent, TradeParty } from '../../../services/matching/domain/event.ts';
import type {
  CancelReason,
  InstrumentRules,
  InstrumentState,
  OrderTerms,
  RejectReason,
} from '../../../services/matching/domain/rules.ts';
import { affordableUnits, costOf, feeOf, type NaiveOrder, notionalOf } from './naive-order.ts';

type Placed<E> = E extends unknown ? Omit<E, 'instrumentNumber' | 'instrumentSequence'> : never;

/** One instrument, its orders in an array. */
export class NaiveBook {
  orders: NaiveOrder[] = [];
  events: MatchingEvent[] = [];
  sequence = 0;
  arrivals = 0;
  lastPriceUnits = 0;
  readonly forbidden = new Set<string>();

  rules: InstrumentRules;
  state: InstrumentState;

  constructor(rules: InstrumentRules, state: InstrumentState) {
    this.rules = rules;
    this.state = state;
  }

  /** Applies a command; false when it is refused. */
  apply(command: MatchingCommand): boolean {
    this.events = [];
    switch (command.kind) {
      case 'placeOrder':
        return this.#place(command);
      case 'cancelOrder':
        return this.#cancel(command);
      case 'amendOrder':
        return this.#amend(command);
      case 'cancelAllOrders':
        return this.#cancelAll(command);
      case 'forbidOrder': {
        const { accountNumber, placement, amendHoldId } = command;
        if (amendHoldId === '' && this.#find(command) !== undefined) {
          this.#emit({ kind: 'forbidRefused', accountNumber, placement, amendHoldId, open: true });
          return true;
        }
        this.forbidden.add(`${accountNumber}-${placement}/${amendHoldId}`);
        this.#emit({ kind: 'orderForbidden', accountNumber, placement, amendHoldId });
        return true;
      }
      case 'setInstrumentState':
        this.state = command.state;
        this.#emit({ kind: 'instrumentStateChanged', state: command.state, comment: '' });
        return true;
      case 'setInstrument':
        this.rules = command.rules;
        this.#emit({ kind: 'instrumentSet', rules: command.rules, state: this.state });
        return true;
      default:
        throw new Error(`not in this model: ${command.kind}`);
    }
  }

  /** Resting orders of a side, best first. */
  sorted(side: 'BUY' | 'SELL'): NaiveOrder[] {
    const sign = side === 'BUY' ? -1 : 1;
    return this.orders
      .filter((order) => order.terms.side === side)
      .sort((a, b) => sign * (a.priceUnits - b.priceUnits) || a.arrival - b.arrival);
  }

  #emit(event: Placed<MatchingEvent>): void {
    this.sequence += 1;
    const place = { instrumentNumber: 1, instrumentSequence: this.sequence };
    this.events.push({ ...event, ...place } as MatchingEvent);
  }

  #find(name: { accountNumber: number; placement: number }): NaiveOrder | undefined {
    return this.orders.find(
      (order) => order.accountNumber === name.accountNumber && order.placement === name.placement,
    );
  }

  #opposite(order: NaiveOrder): NaiveOrder[] {
    const side = order.terms.side === 'BUY' ? 'SELL' : 'BUY';
    return this.sorted(side).filter((other) =>
      side === 'SELL' ? other.priceUnits <= order.priceUnits : other.priceUnits >= order.priceUnits,
    );
  }

  #place(command: PlaceOrder): boolean {
    const { accountNumber, placement } = command;
    let { terms } = command;
    const reject = (reason: RejectReason): boolean => {
      this.#emit({ kind: 'orderRejected', accountNumber, placement, reason });
      return true;
    };
    if (this.forbidden.has(`${accountNumber}-${placement}/`)) return reject('NOT_DELIVERED');
    if (this.#find(command) !== undefined) return false;
    if (this.state !== 'CONTINUOUS') return reject('INSTRUMENT_STATE');
    const problem = checkOrder(this.rules, terms)?.reason;
    if (problem !== undefined) {
      if (/FIELD|NUMBER/.test(problem)) return false;
      const isStale = terms.instrumentVersion !== this.rules.version;
      return reject(isStale ? 'INSTRUMENT_CHANGED' : (problem as RejectReason));
    }
    const own = this.orders.filter((order) => order.accountNumber === accountNumber);
    const isResting = terms.timeInForce === 'GTC';
    if (isResting && own.length >= this.rules.maximumOpenOrders) {
      return reject('TOO_MANY_OPEN_ORDERS');
    }
    const best = this.sorted(terms.side === 'BUY' ? 'SELL' : 'BUY')[0];
    if (terms.type === 'MARKET' && terms.priceUnits === 0) {
      if (best === undefined) return reject('NO_REFERENCE_PRICE');
      const distance = Math.floor((best.priceUnits * this.rules.collarPpm) / 1_000_000);
      const worst = best.priceUnits + (terms.side === 'BUY' ? distance : -distance);
      terms = { ...terms, priceUnits: Math.min(Math.max(worst, 1), this.rules.maximumPriceUnits) };
    }
    const order = this.#newOrder(command, terms);
    const met = this.#opposite(order)[0];
    if (terms.postOnly && met !== undefined) return reject('POST_ONLY_WOULD_TAKE');
    if (terms.quoteBudgetUnits > 0n && met !== undefined) {
      if (affordableUnits(this.rules, order, met.priceUnits) === 0)
        return reject('NOTIONAL_BELOW_MINIMUM');
    }
    this.#emit({ kind: 'orderAccepted', accountNumber, placement, terms });
    if (terms.timeInForce === 'FOK' && !this.#wouldFill(order)) this.#end(order, 'FOK');
    else this.#arrive(order);
    return true;
  }

  #newOrder(command: PlaceOrder, terms: OrderTerms): NaiveOrder {
    return {
      accountNumber: command.accountNumber,
      placement: command.placement,
      terms,
      priceUnits: terms.priceUnits,
      quantityUnits: terms.quantityUnits,
      remainingUnits: terms.quantityUnits,
      unspentUnits: terms.quoteBudgetUnits,
      version: 1,
      arrival: 0,
      weightedSum: 0n,
    };
  }

  /** Runs the order on a copy of the book and looks whether all of it traded (TIF-3). */
  #wouldFill(order: NaiveOrder): boolean {
    const copy = new NaiveBook(this.rules, this.state);
    copy.orders = this.orders.map((resting) => ({ ...resting }));
    copy.#arrive({ ...order });
    const fills = copy.events.filter((event) => event.kind === 'traded');
    return fills.reduce((sum, fill) => sum + fill.quantityUnits, 0) === order.quantityUnits;
  }

  #arrive(order: NaiveOrder): void {
    const byBudget = order.terms.quoteBudgetUnits > 0n;
    let hasTraded = false;
    let allowance = { priceUnits: 0, units: 0 };
    for (;;) {
      const maker = this.#opposite(order)[0];
      if (byBudget ? order.unspentUnits === 0n : order.remainingUnits === 0) break;
      if (maker === undefined) break;
      if (byBudget && allowance.priceUnits !== maker.priceUnits) {
        const units = affordableUnits(this.rules, order, maker.priceUnits);
        allowance = { priceUnits: maker.priceUnits, units };
      }
      if (byBudget && allowance.units === 0) {
        if (!hasTraded) this.#end(order, 'NO_LIQUIDITY');
        else this.#filled(order);
        return;
      }
      const open = byBudget ? allowance.units : order.remainingUnits;
      const quantityUnits = Math.min(open, maker.remainingUnits);
      allowance.units -= quantityUnits;
      const { selfTradePrevention: mode } = order.terms;
      if (maker.accountNumber === order.accountNumber && mode !== 'NONE') {
        if (this.#prevent(order, maker, quantityUnits, byBudget && allowance.units === 0)) return;
        if (mode !== 'DECREMENT') allowance.units += quantityUnits;
      } else {
        this.#trade(order, maker, quantityUnits);
        hasTraded = true;
      }
    }
    if (byBudget && order.unspentUnits === 0n) this.#filled(order);
    else if (byBudget || order.remainingUnits > 0) this.#rest(order);
  }

  #filled(order: NaiveOrder): void {
    const { accountNumber, placement, unspentUnits } = order;
    this.#emit({ kind: 'orderFilled', accountNumber, placement, unspentUnits });
  }

  #rest(order: NaiveOrder): void {
    const { type, timeInForce, side } = order.terms;
    if (timeInForce === 'GTC') {
      this.arrivals += 1;
      this.orders.push({ ...order, arrival: this.arrivals });
    } else if (type === 'LIMIT') this.#end(order, 'IOC_REMAINDER');
    else {
      const isEmpty = this.sorted(side === 'BUY' ? 'SELL' : 'BUY').length === 0;
      this.#end(order, isEmpty ? 'NO_LIQUIDITY' : 'WORST_PRICE');
    }
  }

  #trade(taker: NaiveOrder, maker: NaiveOrder, quantityUnits: number): void {
    const { priceUnits } = maker;
    const notional = notionalOf(this.rules, priceUnits, quantityUnits);
    const makerFee = this.#charge(maker, notional, maker.terms.makerRatePpm);
    const takerFee = this.#charge(taker, notional, taker.terms.takerRatePpm);
    maker.remainingUnits -= quantityUnits;
    if (taker.terms.quoteBudgetUnits > 0n) {
      const charge = taker.terms.side === 'BUY' && takerFee > 0n ? takerFee : 0n;
      taker.unspentUnits -= notional + charge;
    } else taker.remainingUnits -= quantityUnits;
    this.lastPriceUnits = priceUnits;
    const party = (order: NaiveOrder, feeUnits: bigint): TradeParty => {
      const { accountNumber, placement, remainingUnits, unspentUnits } = order;
      return { accountNumber, placement, remainingUnits, unspentUnits, feeUnits };
    };
    this.#emit({
      kind: 'traded',
      priceUnits,
      quantityUnits,
      aggressorSide: taker.terms.side,
      maker: party(maker, makerFee),
      taker: party(taker, takerFee),
    });
    this.#drop((order) => order.remainingUnits === 0);
  }

  #charge(order: NaiveOrder, notional: bigint, ratePpm: number): bigint {
    const before = feeOf(order.weightedSum);
    order.weightedSum += notional * BigInt(ratePpm);
    return feeOf(order.weightedSum) - before;
  }

  /** True when the incoming order has ended. */
  #prevent(taker: NaiveOrder, maker: NaiveOrder, quantityUnits: number, isSpent: boolean): boolean {
    const { selfTradePrevention: mode, quoteBudgetUnits } = taker.terms;
    const isDecrement = mode === 'DECREMENT';
    this.#emit({
      kind: 'matchPrevented',
      makerAccountNumber: maker.accountNumber,
      makerPlacement: maker.placement,
      takerAccountNumber: taker.accountNumber,
      takerPlacement: taker.placement,
      mode,
      decrementedUnits: isDecrement ? quantityUnits : 0,
    });
    if (isDecrement) {
      maker.remainingUnits -= quantityUnits;
      maker.quantityUnits -= quantityUnits;
      if (quoteBudgetUnits > 0n) {
        taker.unspentUnits -= notionalOf(this.rules, maker.priceUnits, quantityUnits);
      } else {
        taker.remainingUnits -= quantityUnits;
        taker.quantityUnits -= quantityUnits;
      }
    }
    if (mode === 'CANCEL_MAKER' || mode === 'CANCEL_BOTH' || maker.remainingUnits === 0) {
      this.#end(maker, 'SELF_TRADE');
    }
    const isUsedUp = isDecrement && (quoteBudgetUnits > 0n ? isSpent : taker.remainingUnits === 0);
    if (mode !== 'CANCEL_TAKER' && mode !== 'CANCEL_BOTH' && !isUsedUp) return false;
    this.#end(taker, 'SELF_TRADE');
    return true;
  }

  #end(order: NaiveOrder, reason: CancelReason): void {
    const { accountNumber, placement, remainingUnits: canceledUnits, version } = order;
    const named = { accountNumber, placement, reason, canceledUnits, version };
    this.#emit({ kind: 'orderCanceled', ...named });
    this.#drop((other) => other === order);
  }

  #drop(isGone: (order: NaiveOrder) => boolean): void {
    this.orders = this.orders.filter((order) => !isGone(order));
  }

  #cancel(name: { accountNumber: number; placement: number }): boolean {
    const { accountNumber, placement } = name;
    const order = this.#find(name);
    if (order !== undefined) this.#end(order, 'OWNER');
    else {
      const reason = 'ORDER_UNKNOWN';
      this.#emit({ kind: 'cancelRejected', accountNumber, placement, reason });
    }
    return true;
  }

  #cancelAll(command: CancelAllOrders): boolean {
    const { accountNumber, side } = command;
    const own = this.orders
      .filter((order) => order.accountNumber === accountNumber)
      .filter((order) => side === undefined || order.terms.side === side)
      .sort((a, b) => a.arrival - b.arrival);
    for (const order of own) this.#end(order, 'MASS');
    this.#emit({ kind: 'ordersCanceled', accountNumber, canceledCount: own.length });
    return true;
  }

  #amend(command: AmendOrder): boolean {
    const { accountNumber, placement, amendHoldId } = command;
    const reject = (reason: RejectReason): boolean => {
      this.#emit({ kind: 'amendRejected', accountNumber, placement, reason, amendHoldId });
      return true;
    };
    if (command.quantityUnits === 0 || command.priceUnits === 0) return false;
    const forbidKey = `${accountNumber}-${placement}/${amendHoldId}`;
    if (amendHoldId !== '' && this.forbidden.has(forbidKey)) return reject('NOT_DELIVERED');
    const order = this.#find(command);
    if (order === undefined) return reject('ORDER_UNKNOWN');
    const quantityUnits = command.quantityUnits ?? order.quantityUnits;
    const priceUnits = command.priceUnits ?? order.priceUnits;
    const filledUnits = order.quantityUnits - order.remainingUnits;
    const placeKept = priceUnits === order.priceUnits && quantityUnits <= order.quantityUnits;
    const ends = quantityUnits <= filledUnits;
    if ((command.expectedVersion ?? order.version) !== order.version) {
      return reject('VERSION_MISMATCH');
    }
    if (!ends) {
      const reason = this.#amendProblem(command, order, { quantityUnits, priceUnits });
      if (reason !== undefined) return reject(reason);
    }
    order.version += 1;
    order.quantityUnits = ends ? filledUnits : quantityUnits;
    order.remainingUnits = order.quantityUnits - filledUnits;
    if (!ends) order.priceUnits = priceUnits;
    this.#emit({
      kind: 'orderAmended',
      accountNumber,
      placement,
      version: order.version,
      quantityUnits: order.quantityUnits,
      remainingUnits: order.remainingUnits,
      priceUnits: order.priceUnits,
      placeKept: ends || placeKept,
      amendHoldId,
    });
    if (!ends && placeKept) return true;
    this.#drop((other) => other === order);
    if (!ends) this.#arrive(order);
    return true;
  }

  #amendProblem(
    command: AmendOrder,
    order: NaiveOrder,
    after: { quantityUnits: number; priceUnits: number },
  ): RejectReason | undefined {
    const { terms } = order;
    const filledUnits = order.quantityUnits - order.remainingUnits;
    const { quantityUnits, priceUnits } = after;
    const isMore = quantityUnits > order.quantityUnits;
    if (this.state !== 'CONTINUOUS' && (isMore || priceUnits !== order.priceUnits)) {
      return 'INSTRUMENT_STATE';
    }
    const { quantityUnits: before, priceUnits: priceBefore } = order;
    const amended = { ...terms, quantityUnits: before, priceUnits: priceBefore, filledUnits };
    const problem = checkAmend(this.rules, amended, after)?.reason as RejectReason | undefined;
    if (problem !== undefined) {
      return command.instrumentVersion === this.rules.version ? problem : 'INSTRUMENT_CHANGED';
    }
    const needed = costOf(this.rules, order, priceUnits, quantityUnits - filledUnits);
    const covered = costOf(this.rules, order, order.priceUnits, order.remainingUnits);
    if (needed > covered + command.amendHoldUnits) return 'HOLD_TOO_SMALL';
    const met = this.#opposite({ ...order, priceUnits })[0];
    return terms.postOnly && met !== undefined ? 'POST_ONLY_WOULD_TAKE' : undefined;
  }
}
