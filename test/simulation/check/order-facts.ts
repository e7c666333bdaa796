// What the logs say of every order, entry by entry: the truth that answers are measured by.

import type { Event as LedgerEvent } from '../../../services/account/domain/event.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import type { Findings } from './findings.ts';

/** Where an event stands, and when it was durable. */
export type EventPlace = {
  readonly shardId: string;
  readonly sequence: number;
  readonly atUs: number;
};

/** An order from the moment in which something about it was durable, until the next. */
export type OrderState = {
  readonly atUs: number;
  readonly filledUnits: number;
  readonly isFinal: boolean;
};

/** One order as the books know it. */
export class OrderFacts {
  acceptedCount = 0;
  readonly states: OrderState[] = [];
  readonly fills: { readonly place: EventPlace; readonly quantityUnits: number }[] = [];

  get filledUnits(): number {
    return this.states.at(-1)?.filledUnits ?? 0;
  }

  get isFinal(): boolean {
    return this.states.at(-1)?.isFinal ?? false;
  }

  change(atUs: number, { filledUnits = this.filledUnits, isFinal = this.isFinal }): void {
    this.states.push({ atUs, filledUnits, isFinal });
  }
}

/** One client order id as the account shards know it. */
export type IdFacts = {
  readonly accountNumber: number;
  /** 0 while only the id is known: it was canceled before its order arrived (HLD-3). */
  readonly placement: number;
  readonly facts: OrderFacts;
};

export class Facts {
  readonly orders = new Map<string, OrderFacts>();
  readonly ids = new Map<string, IdFacts>();
  readonly accountIds = new Map<number, string>();
  readonly instrumentNumbers = new Map<string, number>();
  trades = 0;
  /** By instrument number. */
  readonly #traded = new Map<number, { trades: number; quantityUnits: number }>();
  /** By instrument number: when each of its events was durable. */
  readonly #sequences = new Map<number, number[]>();
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  order(accountNumber: number, placement: number): OrderFacts {
    const key = `${accountNumber}-${placement}`;
    let facts = this.orders.get(key);
    if (facts === undefined) {
      facts = new OrderFacts();
      this.orders.set(key, facts);
    }
    return facts;
  }

  idOf(accountId: string, clientOrderId: string): IdFacts | undefined {
    return this.ids.get(`${accountId}/${clientOrderId}`);
  }

  /** What was traded in an instrument. */
  tradedOf(instrumentNumber: number): { trades: number; quantityUnits: number } {
    return this.#traded.get(instrumentNumber) ?? { trades: 0, quantityUnits: 0 };
  }

  /** When an event of an instrument was durable; undefined when it is not. */
  durableUs(instrumentId: string, sequence: number): number | undefined {
    const number = this.instrumentNumbers.get(instrumentId) ?? 0;
    return this.#sequences.get(number)?.[sequence - 1];
  }

  takeMatching(event: MatchingEvent, place: EventPlace): void {
    const { atUs } = place;
    if (event.instrumentNumber > 0) this.#checkSequence(event, atUs);
    switch (event.kind) {
      case 'instrumentSet':
        this.instrumentNumbers.set(event.rules.instrumentId, event.instrumentNumber);
        return;
      case 'orderAccepted': {
        const facts = this.order(event.accountNumber, event.placement);
        facts.acceptedCount += 1;
        if (facts.acceptedCount === 1) return;
        const id = `${event.accountNumber}-${event.placement}`;
        this.#findings.add('LOG-11', `order ${id} was accepted ${facts.acceptedCount} times`);
        return;
      }
      case 'traded': {
        this.trades += 1;
        const { quantityUnits } = event;
        const traded = this.tradedOf(event.instrumentNumber);
        this.#traded.set(event.instrumentNumber, traded);
        traded.trades += 1;
        traded.quantityUnits += quantityUnits;
        for (const party of [event.maker, event.taker]) {
          const facts = this.order(party.accountNumber, party.placement);
          facts.fills.push({ place, quantityUnits });
          facts.change(atUs, {
            filledUnits: facts.filledUnits + quantityUnits,
            isFinal: facts.isFinal || (party.remainingUnits === 0 && party.unspentUnits === 0n),
          });
        }
        return;
      }
      case 'orderAmended':
        if (event.remainingUnits > 0) return;
        this.order(event.accountNumber, event.placement).change(atUs, { isFinal: true });
        return;
      case 'orderRejected':
      case 'orderCanceled':
      case 'orderExpired':
      case 'orderFilled':
      case 'orderForbidden':
        if (event.kind === 'orderForbidden' && event.amendHoldId !== '') return;
        this.order(event.accountNumber, event.placement).change(atUs, { isFinal: true });
        return;
      default:
        return;
    }
  }

  /** MOV-4, CON-2: an instrument's events are numbered without a gap. */
  #checkSequence({ instrumentNumber, instrumentSequence }: MatchingEvent, atUs: number): void {
    const times = this.#sequences.get(instrumentNumber) ?? [];
    this.#sequences.set(instrumentNumber, times);
    const last = times.length;
    times.push(atUs);
    if (instrumentSequence === last + 1) return;
    this.#findings.add(
      'MOV-4',
      `instrument ${instrumentNumber}: ${instrumentSequence} after ${last}`,
    );
  }

  takeLedger(event: LedgerEvent, { atUs }: EventPlace): void {
    switch (event.kind) {
      case 'accountCreated':
        this.accountIds.set(event.accountNumber, event.accountId);
        return;
      case 'holdPlaced':
      case 'orderDeclined':
        this.#takeId(event.record, atUs, event.kind === 'orderDeclined');
        return;
      case 'groupHoldPlaced':
        for (const record of event.records) this.#takeId(record, atUs, false);
        return;
      case 'cancelRecorded': {
        const { accountNumber, clientOrderId } = event;
        const accountId = this.accountIds.get(accountNumber) ?? '';
        this.#takeId({ accountId, clientOrderId, accountNumber, placement: 0 }, atUs, true);
        return;
      }
      case 'suspensePosted': {
        const accountId = this.accountIds.get(event.accountNumber) ?? 'nobody';
        const what = `${event.amountUnits} of asset ${event.assetNumber}`;
        this.#findings.add('HLD-5', `${what} of ${accountId} stands in suspense`);
        return;
      }
      default:
        return;
    }
  }

  #takeId(
    record: { accountId: string; clientOrderId: string; accountNumber: number; placement: number },
    atUs: number,
    isDeclined: boolean,
  ): void {
    const { accountNumber, placement } = record;
    const key = `${record.accountId}/${record.clientOrderId}`;
    const known = this.ids.get(key);
    if (known !== undefined && known.placement !== placement) {
      this.#findings.add('HLD-2', `${key} has two orders: ${known.placement} and ${placement}`);
    }
    const facts = placement === 0 ? new OrderFacts() : this.order(accountNumber, placement);
    facts.change(atUs, { isFinal: isDeclined });
    this.ids.set(key, { accountNumber, placement, facts });
  }
}
