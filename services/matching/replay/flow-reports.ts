// The reports of a day of commands, one a line, ordered by sequence, then by type; trades of one
// command in the order in which they happened:
//
//   0,seq,side,order id,price,quantity      accepted
//   1,seq,price,quantity,maker id,taker id  trade
//   2,seq,side,order id,price               canceled (by cancel, or the rest of an IOC)
//   3,seq,side,order id,price,quantity      amended
//   4,seq,order id                          cancel rejected
//   5,seq,order id                          amend rejected
import type { MatchingEvent } from '../domain/event.ts';
import type { MatchingMachine } from '../domain/machine.ts';
import type { FlowRecords } from './flow-records.ts';

const CONTEXT = { logTimeUs: 1, identity: 'replay', validUntilUs: 1 };

/** What reports need of an open order beside what an event says. */
type Open = { readonly side: number; priceUnits: number; filledUnits: number };

/** A command that the engine does not take: the day has no report for it. */
export class FlowRefused extends Error {}

/** Runs a day and puts its reports into words. */
export class FlowReports {
  readonly #machine: MatchingMachine;
  readonly #open = new Map<number, Open>();
  readonly #events: MatchingEvent[] = [];
  readonly #emit = (event: MatchingEvent): void => {
    this.#events.push(event);
  };
  #text = '';

  constructor(machine: MatchingMachine) {
    this.#machine = machine;
  }

  /** Runs one command. */
  run(records: FlowRecords, index: number): void {
    const orderId = records.orderIdAt(index);
    const command = records.commandAt(index, this.#open.get(orderId)?.filledUnits ?? 0);
    let outcome = this.#machine.apply(command, CONTEXT, this.#emit);
    while (outcome.kind === 'unfinished') outcome = this.#machine.proceed(CONTEXT, this.#emit);
    const sequence = records.sequenceAt(index);
    if (outcome.kind === 'refused') {
      throw new FlowRefused(`command ${sequence} was refused: ${outcome.refusal.reason}`);
    }
    const lines = this.#events.map((event) => this.#lineOf(event, sequence));
    if (lines.length > 1) lines.sort((a, b) => a.charCodeAt(0) - b.charCodeAt(0));
    for (const line of lines) this.#text += line;
    this.#events.length = 0;
  }

  /** Characters that wait to be taken. */
  get length(): number {
    return this.#text.length;
  }

  /** The reports since the last call, each with a newline behind it. */
  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  #lineOf(event: MatchingEvent, sequence: number): string {
    switch (event.kind) {
      case 'orderAccepted': {
        const { priceUnits, quantityUnits } = event.terms;
        const side = event.terms.side === 'BUY' ? 0 : 1;
        this.#open.set(event.placement, { side, priceUnits, filledUnits: 0 });
        return `0,${sequence},${side},${event.placement},${priceUnits},${quantityUnits}\n`;
      }
      case 'traded': {
        const { maker, taker, priceUnits, quantityUnits } = event;
        for (const { placement, remainingUnits } of [maker, taker]) {
          if (remainingUnits === 0) this.#open.delete(placement);
          else this.#mustKnow(placement).filledUnits += quantityUnits;
        }
        return `1,${sequence},${priceUnits},${quantityUnits},${maker.placement},${taker.placement}\n`;
      }
      case 'orderCanceled': {
        const { side, priceUnits } = this.#mustKnow(event.placement);
        this.#open.delete(event.placement);
        return `2,${sequence},${side},${event.placement},${priceUnits}\n`;
      }
      case 'orderAmended': {
        const order = this.#mustKnow(event.placement);
        order.priceUnits = event.priceUnits;
        const { placement, priceUnits, remainingUnits } = event;
        return `3,${sequence},${order.side},${placement},${priceUnits},${remainingUnits}\n`;
      }
      case 'cancelRejected':
        return `4,${sequence},${event.placement}\n`;
      case 'amendRejected':
        return `5,${sequence},${event.placement}\n`;
      default:
        throw new FlowRefused(`command ${sequence} ended as ${event.kind}`);
    }
  }

  #mustKnow(orderId: number): Open {
    const open = this.#open.get(orderId);
    if (open === undefined) throw new Error(`order ${orderId} is not open`);
    return open;
  }
}
