// What the logs say of every order, entry by entry: the truth that answers are measured by.

import type { Event as LedgerEvent } from '../../../services/account/domain/event.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import type { Findings } from './findings.ts';

/** One order as the books know it. */
export type OrderFacts = {
  acceptedCount: number;
  filledUnits: number;
  isFinal: boolean;
};

/** One client order id as the account shards know it. */
export type IdFacts = {
  readonly accountNumber: number;
  /** 0 while only the id is known: it was canceled before its order arrived (HLD-3). */
  readonly placement: number;
  /** REJECTED before any book saw it, or canceled before arrival. */
  isDeclined: boolean;
  /** The record is final and settled. */
  isClosed: boolean;
  settledUnits: number;
};

export class Facts {
  readonly orders = new Map<string, OrderFacts>();
  readonly ids = new Map<string, IdFacts>();
  readonly accountIds = new Map<number, string>();
  /** Deposits that were posted, by client transfer id. */
  readonly deposits = new Map<string, bigint>();
  trades = 0;
  readonly #sequences = new Map<number, number>();
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  order(accountNumber: number, placement: number): OrderFacts {
    const key = `${accountNumber}-${placement}`;
    let facts = this.orders.get(key);
    if (facts === undefined) {
      facts = { acceptedCount: 0, filledUnits: 0, isFinal: false };
      this.orders.set(key, facts);
    }
    return facts;
  }

  idOf(accountId: string, clientOrderId: string): IdFacts | undefined {
    return this.ids.get(`${accountId}/${clientOrderId}`);
  }

  takeMatching(event: MatchingEvent): void {
    if (event.instrumentNumber > 0) this.#checkSequence(event);
    switch (event.kind) {
      case 'orderAccepted': {
        const facts = this.order(event.accountNumber, event.placement);
        facts.acceptedCount += 1;
        if (facts.acceptedCount === 1) return;
        const id = `${event.accountNumber}-${event.placement}`;
        this.#findings.add('LOG-11', `order ${id} was accepted ${facts.acceptedCount} times`);
        return;
      }
      case 'traded':
        this.trades += 1;
        for (const party of [event.maker, event.taker]) {
          const facts = this.order(party.accountNumber, party.placement);
          facts.filledUnits += event.quantityUnits;
          if (party.remainingUnits === 0 && party.unspentUnits === 0n) facts.isFinal = true;
        }
        return;
      case 'orderAmended':
        if (event.remainingUnits > 0) return;
        this.order(event.accountNumber, event.placement).isFinal = true;
        return;
      case 'orderRejected':
      case 'orderCanceled':
      case 'orderExpired':
      case 'orderFilled':
      case 'orderForbidden':
        if (event.kind === 'orderForbidden' && event.amendHoldId !== '') return;
        this.order(event.accountNumber, event.placement).isFinal = true;
        return;
      default:
        return;
    }
  }

  /** MOV-4, CON-2: an instrument's events are numbered without a gap. */
  #checkSequence({ instrumentNumber, instrumentSequence }: MatchingEvent): void {
    const last = this.#sequences.get(instrumentNumber) ?? 0;
    this.#sequences.set(instrumentNumber, instrumentSequence);
    if (instrumentSequence === last + 1) return;
    this.#findings.add(
      'MOV-4',
      `instrument ${instrumentNumber}: ${instrumentSequence} after ${last}`,
    );
  }

  takeLedger(event: LedgerEvent): void {
    const accountId = this.accountIds.get(event.accountNumber) ?? '';
    switch (event.kind) {
      case 'accountCreated':
        this.accountIds.set(event.accountNumber, event.accountId);
        return;
      case 'transferPosted':
        this.deposits.set(`${accountId}/${event.clientTransferId}`, event.amountUnits);
        return;
      case 'holdPlaced':
      case 'orderDeclined':
        this.#takeId(event.record, event.kind === 'orderDeclined');
        return;
      case 'cancelRecorded': {
        const { accountNumber, clientOrderId } = event;
        this.#takeId({ accountId, clientOrderId, accountNumber, placement: 0 }, true);
        return;
      }
      case 'orderExecuted': {
        const { record } = event;
        const facts = this.idOf(record.accountId, record.clientOrderId);
        if (facts === undefined) return;
        facts.settledUnits = record.filledUnits;
        facts.isClosed = record.holdState === 'CLOSED';
        return;
      }
      case 'suspensePosted':
        this.#findings.add(
          'HLD-5',
          `a trade of order ${event.placement} of ${accountId} had no hold`,
        );
        return;
      default:
        return;
    }
  }

  #takeId(
    record: { accountId: string; clientOrderId: string; accountNumber: number; placement: number },
    isDeclined: boolean,
  ): void {
    const { accountNumber, placement } = record;
    const key = `${record.accountId}/${record.clientOrderId}`;
    const known = this.ids.get(key);
    if (known !== undefined && known.placement !== placement) {
      this.#findings.add('HLD-2', `${key} has two orders: ${known.placement} and ${placement}`);
    }
    this.ids.set(key, {
      ...{ accountNumber, placement, isDeclined, isClosed: isDeclined, settledUnits: 0 },
    });
  }
}
