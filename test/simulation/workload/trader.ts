// One simulated account that places, cancels, amends and looks.

import { OrderType, Side, TimeInForce } from '../../../gen/bourse/type/v1/order_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import type { Calls } from './calls.ts';
import { type CallStart, type History, isFinalStatus, type OrderAnswer } from './history.ts';
import { accountIdOf, instrumentIdOf } from './market.ts';

const OPEN_ORDERS = 12;

type OpenOrder = { readonly clientOrderId: string; readonly instrumentId: string };

export class Trader {
  readonly #accountId: string;
  readonly #calls: Calls;
  readonly #history: History;
  readonly #instruments: number;
  readonly #open: OpenOrder[] = [];
  #count = 0;

  constructor(at: number, calls: Calls, history: History, instruments: number) {
    this.#accountId = accountIdOf(at);
    this.#calls = calls;
    this.#history = history;
    this.#instruments = instruments;
  }

  async act(chance: number): Promise<void> {
    if (this.#open.length === 0 || (chance < 0.55 && this.#open.length < OPEN_ORDERS)) {
      if (this.#calls.random() < 0.1) await this.#placeGroup();
      else await this.#place(chance);
    } else if (chance < 0.72) await this.#cancel();
    else if (chance < 0.86) await this.#amend();
    else await this.#look();
  }

  #pickOpen(): OpenOrder {
    return this.#open[this.#calls.pick(this.#open.length)] as OpenOrder;
  }

  #begin(what: string, order: OpenOrder): CallStart {
    return this.#history.begin(what, this.#accountId, order.clientOrderId);
  }

  /** Takes the answer in; undefined when it was refused. */
  #end<T extends OrderAnswer>(call: CallStart, response: T | OperatingError): T | undefined {
    if (!(response instanceof OperatingError)) {
      this.#history.end(call, response);
      return response;
    }
    this.#calls.refused(`${call.what} ${call.accountId}/${call.clientOrderId}`, response);
    return undefined;
  }

  #price(): string {
    return (100 + (this.#calls.pick(21) - 10) / 10).toFixed(2);
  }

  #quantity(): string {
    return `0.0${10 + this.#calls.pick(90)}`;
  }

  async #place(chance: number): Promise<void> {
    this.#count += 1;
    const calls = this.#calls;
    const instrumentId = instrumentIdOf(calls.pick(this.#instruments));
    const order = { clientOrderId: `c${this.#count}`, instrumentId };
    const request = {
      ...{ accountId: this.#accountId, ...order },
      side: calls.random() < 0.5 ? Side.BUY : Side.SELL,
      orderQuantity: { case: 'quantity', value: this.#quantity() } as const,
      ...this.#terms(chance),
    };
    const call = this.#begin('place', order);
    const placed = calls.certain(`place ${this.#accountId}/${order.clientOrderId}`, (to, options) =>
      to.orders.placeOrder(request, options),
    );
    // Now and then a cancel is sent right behind it, which must not overtake it (MOV-9).
    if (calls.random() < 0.05) void this.#cancelOrder(order);
    const response = this.#end(call, await placed);
    const isOpen = response?.order !== undefined && !isFinalStatus(response.order.status);
    if (isOpen) this.#open.push(order);
  }

  /** Two orders of which one ends the other (TYP-7): a limit order, and one that waits. */
  async #placeGroup(): Promise<void> {
    const calls = this.#calls;
    const instrumentId = instrumentIdOf(calls.pick(this.#instruments));
    const side = calls.random() < 0.5 ? Side.BUY : Side.SELL;
    const leg = (terms: { readonly type: OrderType; readonly stopPrice?: string }) => {
      this.#count += 1;
      const orderQuantity = { case: 'quantity', value: this.#quantity() } as const;
      const clientOrderId = `c${this.#count}`;
      return { clientOrderId, side, orderQuantity, price: this.#price(), ...terms };
    };
    const first = leg({ type: OrderType.LIMIT });
    const second = leg({ type: OrderType.STOP_LIMIT, stopPrice: this.#price() });
    const request = {
      ...{ accountId: this.#accountId, instrumentId },
      group: { case: 'oco', value: { first, second } } as const,
    };
    const orders = [first, second].map(({ clientOrderId }) => ({ clientOrderId, instrumentId }));
    const begun = orders.map((order) => this.#begin('place', order));
    const what = `place ${this.#accountId}/${first.clientOrderId} and its other`;
    const response = await calls.certain(what, (to, options) =>
      to.orders.placeOrderGroup(request, options),
    );
    for (const [at, call] of begun.entries()) {
      const order = response instanceof OperatingError ? undefined : response.group?.orders[at];
      const answered = this.#end(call, response instanceof OperatingError ? response : { order });
      const isOpen = answered?.order !== undefined && !isFinalStatus(answered.order.status);
      if (isOpen) this.#open.push(orders[at] as OpenOrder);
    }
  }

  /** Limit orders, and now and then one that waits for a price (TYP-3). */
  #terms(chance: number) {
    if (this.#calls.random() < 0.12) {
      const stopPrice = this.#price();
      return { type: OrderType.STOP_LIMIT, price: stopPrice, stopPrice };
    }
    const timeInForce = chance < 0.1 ? TimeInForce.IOC : TimeInForce.GTC;
    return { type: OrderType.LIMIT, price: this.#price(), timeInForce };
  }

  #cancel(): Promise<void> {
    const order = this.#pickOpen();
    this.#open.splice(this.#open.indexOf(order), 1);
    return this.#cancelOrder(order);
  }

  async #cancelOrder(order: OpenOrder): Promise<void> {
    this.#count += 1;
    const clientRequestId = `x${this.#count}`;
    const call = this.#begin('cancel', order);
    const response = await this.#calls.certain(`cancel ${this.#nameOf(order)}`, (to, options) =>
      to.orders.cancelOrder({ ...this.#refOf(order), clientRequestId }, options),
    );
    this.#end(call, response);
  }

  async #amend(): Promise<void> {
    const order = this.#pickOpen();
    this.#count += 1;
    const clientRequestId = `a${this.#count}`;
    const change =
      this.#calls.random() < 0.5 ? { quantity: this.#quantity() } : { price: this.#price() };
    const call = this.#begin('amend', order);
    const response = await this.#calls.certain(`amend ${this.#nameOf(order)}`, (to, options) =>
      to.orders.amendOrder({ ...this.#refOf(order), clientRequestId, ...change }, options),
    );
    this.#end(call, response);
  }

  async #look(): Promise<void> {
    const order = this.#pickOpen();
    const call = this.#begin('look', order);
    const response = await this.#calls.certain(`look ${this.#nameOf(order)}`, (to, options) =>
      to.orders.getOrder(this.#refOf(order), options),
    );
    const found = this.#end(call, response);
    if (found?.order === undefined || !isFinalStatus(found.order.status)) return;
    const at = this.#open.indexOf(order);
    if (at >= 0) this.#open.splice(at, 1);
  }

  #nameOf({ clientOrderId }: OpenOrder): string {
    return `${this.#accountId}/${clientOrderId}`;
  }

  #refOf({ clientOrderId, instrumentId }: OpenOrder) {
    const id = { case: 'clientOrderId', value: clientOrderId } as const;
    return { accountId: this.#accountId, order: { instrumentId, id } };
  }
}
