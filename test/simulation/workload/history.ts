// Calls and answers of the clients, with their beginnings and ends, and what must hold of them by
// the logs. An answer has to be true at some moment between its call and itself: then all answers
// together have one order that fits their calls, for each client order id and for each instrument
// (what is linearizable), and no acknowledged command is lost or doubled.

import type { Order } from '../../../gen/bourse/order/v1/order_pb.ts';
import { OrderStatus } from '../../../gen/bourse/type/v1/order_pb.ts';
import type { Findings } from '../check/findings.ts';
import type { Facts, OrderState } from '../check/order-facts.ts';
import { UNITS_PER_ONE } from './market.ts';

/** A call about an order, from its first attempt on. */
export type CallStart = {
  readonly what: string;
  readonly accountId: string;
  readonly clientOrderId: string;
  readonly beginUs: number;
};

/** What an answer says of an order, and where in its instrument the request took effect. */
export type OrderAnswer = {
  readonly order?: Order | undefined;
  readonly sequence?: bigint;
  /** An earlier request had done it. */
  readonly duplicate?: boolean;
  readonly alreadyFinal?: boolean;
};

type Said = { readonly filledUnits: number; readonly isFinal: boolean };

const FINAL: ReadonlySet<OrderStatus> = new Set([
  OrderStatus.FILLED,
  OrderStatus.CANCELED,
  OrderStatus.REJECTED,
  OrderStatus.EXPIRED,
]);

function statusName(status: OrderStatus): string {
  const names = Object.entries(OrderStatus) as [string, OrderStatus][];
  return names.find(([, value]) => value === status)?.[0] ?? String(status);
}

export function isFinalStatus(status: OrderStatus): boolean {
  return FINAL.has(status);
}

export class History {
  readonly #facts: Facts;
  readonly #findings: Findings;
  readonly #nowUs: () => number;
  readonly #note: (line: string) => void;
  answers = 0;

  constructor(
    facts: Facts,
    findings: Findings,
    on: { readonly nowUs: () => number; readonly note: (line: string) => void },
  ) {
    this.#facts = facts;
    this.#findings = findings;
    this.#nowUs = on.nowUs;
    this.#note = on.note;
  }

  /** A call about a client order id is sent. */
  begin(what: string, accountId: string, clientOrderId: string): CallStart {
    return { what, accountId, clientOrderId, beginUs: this.#nowUs() };
  }

  /** It was answered with the order as it is. */
  end(call: CallStart, answer: OrderAnswer): void {
    const { order } = answer;
    const name = nameOf(call);
    if (order === undefined) {
      this.#findings.add('HLD-2', `${name} was answered without an order`);
      return;
    }
    this.answers += 1;
    const filledUnits = Math.round(Number(order.filledQuantity) * UNITS_PER_ONE);
    const said = { filledUnits, isFinal: isFinalStatus(order.status) };
    const state = `${statusName(order.status)} ${order.filledQuantity}`;
    this.#note(`answer ${name} ${order.orderId} ${state} of ${call.beginUs}`);
    this.#checkOrder(call, order.orderId, said);
    this.#checkPlace(call, order.instrumentId, answer);
  }

  /** Nothing is said before it is in the logs (LOG-5), and nothing that was over before the call. */
  #checkOrder(call: CallStart, orderId: string, said: Said): void {
    const name = nameOf(call);
    const id = this.#facts.idOf(call.accountId, call.clientOrderId);
    if (id === undefined) {
      this.#findings.add('LOG-5', `${name} was acknowledged and is in no log`);
      return;
    }
    const { accountNumber, placement, facts } = id;
    if (placement > 0 && `${accountNumber}-${placement}` !== orderId) {
      this.#findings.add(
        'HLD-2',
        `${name}: ${orderId} is ${accountNumber}-${placement} in the log`,
      );
      return;
    }
    if (wasTrue(facts.states, said, call.beginUs)) return;
    const isAhead = said.filledUnits > facts.filledUnits || (said.isFinal && !facts.isFinal);
    const states = facts.states.map((one) => `${describe(one)} since ${one.atUs}`).join(', ');
    const message = `${name} says ${describe(said)}, begun ${call.beginUs}; the log: ${states}`;
    this.#findings.add(isAhead ? 'LOG-5' : 'LINEARIZABLE', message);
  }

  /** What a request did in its instrument was durable between its call and its answer. */
  #checkPlace(call: CallStart, instrumentId: string, answer: OrderAnswer): void {
    const { sequence = 0n, duplicate, alreadyFinal } = answer;
    if (sequence === 0n) return;
    const durableUs = this.#facts.durableUs(instrumentId, Number(sequence));
    const name = `${nameOf(call)} at ${sequence} of ${instrumentId}`;
    if (durableUs === undefined) {
      this.#findings.add('LOG-5', `${name} is in no log`);
      return;
    }
    if (duplicate === true || alreadyFinal === true || durableUs >= call.beginUs) return;
    const message = `${name} was durable at ${durableUs}, begun ${call.beginUs}`;
    this.#findings.add('LINEARIZABLE', message);
  }
}

/** Whether an order was like that at some moment since a call began. */
function wasTrue(states: readonly OrderState[], said: Said, beginUs: number): boolean {
  return states.some(({ filledUnits, isFinal }, at) => {
    const untilUs = states[at + 1]?.atUs ?? Number.POSITIVE_INFINITY;
    return filledUnits === said.filledUnits && isFinal === said.isFinal && untilUs >= beginUs;
  });
}

function nameOf({ what, accountId, clientOrderId }: CallStart): string {
  return `${what} ${accountId}/${clientOrderId}`;
}

function describe({ filledUnits, isFinal }: Said): string {
  return `${filledUnits} filled, ${isFinal ? 'final' : 'open'}`;
}
