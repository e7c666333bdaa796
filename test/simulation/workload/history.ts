// Calls and answers of the clients, and what must hold of them by the logs: no acknowledged
// command is lost or doubled, and answers about one client order id follow one order of events.

import type { Order } from '../../../gen/bourse/order/v1/order_pb.ts';
import { OrderStatus } from '../../../gen/bourse/type/v1/order_pb.ts';
import type { Findings } from '../check/findings.ts';
import type { Facts } from '../check/order-facts.ts';

/** Quantities of the simulated instruments have three decimals. */
const UNITS_PER_ONE = 1_000;

/** What was known of an id when a call about it began. */
export type CallStart = {
  readonly key: string;
  readonly accountId: string;
  readonly clientOrderId: string;
  readonly filledUnits: number;
  readonly isFinal: boolean;
  readonly orderId: string | undefined;
};

type Known = { orderId: string; filledUnits: number; isFinal: boolean };

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
  readonly #known = new Map<string, Known>();
  readonly #facts: Facts;
  readonly #findings: Findings;
  readonly #note: (line: string) => void;
  answers = 0;

  constructor(facts: Facts, findings: Findings, note: (line: string) => void) {
    this.#facts = facts;
    this.#findings = findings;
    this.#note = note;
  }

  /** A call about a client order id is sent. */
  begin(accountId: string, clientOrderId: string): CallStart {
    const key = `${accountId}/${clientOrderId}`;
    const known = this.#known.get(key);
    return {
      ...{ key, accountId, clientOrderId, orderId: known?.orderId },
      ...{ filledUnits: known?.filledUnits ?? 0, isFinal: known?.isFinal ?? false },
    };
  }

  /** It was answered with the order as it is. */
  end(call: CallStart, what: string, order: Order | undefined): void {
    if (order === undefined) {
      this.#findings.add('HLD-2', `${what} of ${call.key} was answered without an order`);
      return;
    }
    this.answers += 1;
    const filledUnits = Math.round(Number(order.filledQuantity) * UNITS_PER_ONE);
    const isFinal = isFinalStatus(order.status);
    const state = `${statusName(order.status)} ${order.filledQuantity}`;
    this.#note(`answer ${what} ${call.key} ${order.orderId} ${state}`);
    this.#checkOrder(call, what, { orderId: order.orderId, filledUnits, isFinal });
    this.#checkFacts(call, what, { orderId: order.orderId, filledUnits, isFinal });
    const known = this.#known.get(call.key);
    this.#known.set(call.key, {
      orderId: order.orderId,
      filledUnits: Math.max(known?.filledUnits ?? 0, filledUnits),
      isFinal: (known?.isFinal ?? false) || isFinal,
    });
  }

  /** What an earlier answer has said before this call began cannot be undone. */
  #checkOrder(call: CallStart, what: string, { orderId, filledUnits, isFinal }: Known): void {
    if (call.orderId !== undefined && call.orderId !== orderId) {
      this.#findings.add('HLD-2', `${call.key} was ${call.orderId}, ${what} says ${orderId}`);
    }
    if (filledUnits < call.filledUnits) {
      const message = `${what} of ${call.key} says ${filledUnits} filled after ${call.filledUnits}`;
      this.#findings.add('LINEARIZABLE', message);
    }
    if (call.isFinal && !isFinal) {
      this.#findings.add('LINEARIZABLE', `${what} of ${call.key} is open after it was final`);
    }
  }

  /** Nothing is said before it is in the logs (LOG-5). */
  #checkFacts({ key, accountId, clientOrderId }: CallStart, what: string, said: Known): void {
    const id = this.#facts.idOf(accountId, clientOrderId);
    if (id === undefined) {
      this.#findings.add('LOG-5', `${what} of ${key} was acknowledged and is in no log`);
      return;
    }
    if (id.placement === 0) return;
    if (`${id.accountNumber}-${id.placement}` !== said.orderId) {
      this.#findings.add('HLD-2', `${key} is order ${id.accountNumber}-${id.placement} in the log`);
      return;
    }
    const facts = this.#facts.order(id.accountNumber, id.placement);
    if (said.filledUnits > facts.filledUnits) {
      const message = `${what} of ${key} says ${said.filledUnits} filled, the log ${facts.filledUnits}`;
      this.#findings.add('LOG-5', message);
    }
    if (said.isFinal && !facts.isFinal && !id.isDeclined) {
      this.#findings.add('LOG-5', `${what} of ${key} is final, in the log it is open`);
    }
  }
}
