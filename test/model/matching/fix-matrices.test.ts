// The order-state matrices of the FIX specification (data/fix), played against the engine: from
// its events alone the order's status, cumulative and leaves quantity follow each row. Rows with
// Pending states are passed over, DoneForDay is EXPIRED here.

import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import type { TimeInForce } from '../../../services/matching/domain/rules.ts';
import { openBook, PLAIN_TERMS, submit, WIDE_RULES } from '../../support/matching/one-book.ts';
import { findRecording } from '../../support/recordings.ts';

/** One row of a matrix, its columns named. */
type Row = {
  readonly received: string | null;
  readonly sent: string | null;
  readonly execType: string | null;
  readonly status: string | null;
  readonly orderQty: number | null;
  readonly cumQty: number | null;
  readonly leavesQty: number | null;
  readonly lastQty: number | null;
};

type Cell = string | number | null;

function rowOf(cells: readonly Cell[]): Row {
  const [, received, sent, execType, status, orderQty, cumQty, leavesQty, lastQty] = cells;
  const row = { received, sent, execType, status, orderQty, cumQty, leavesQty, lastQty };
  return row as Row;
}

/** The order X, followed through events only. */
class FollowedOrder {
  quantity = 0;
  cumulative = 0;
  leaves = 0;
  status = 'none';

  follow(event: MatchingEvent): Row | undefined {
    const execType = this.#apply(event);
    if (execType === undefined) return undefined;
    const { status, quantity: orderQty, cumulative: cumQty, leaves: leavesQty } = this;
    const lastQty = event.kind === 'traded' ? event.quantityUnits : 0;
    const received = null;
    return { received, sent: null, execType, status, orderQty, cumQty, leavesQty, lastQty };
  }

  #apply(event: MatchingEvent): string | undefined {
    switch (event.kind) {
      case 'orderAccepted':
        if (event.placement !== 1) return undefined;
        this.quantity = event.terms.quantityUnits;
        this.leaves = this.quantity;
        this.status = 'New';
        return 'New';
      case 'orderRejected':
        this.quantity = 10_000;
        this.status = 'Rejected';
        return 'Rejected';
      case 'traded':
        this.cumulative += event.quantityUnits;
        this.leaves -= event.quantityUnits;
        this.status = this.leaves === 0 ? 'Filled' : 'PartiallyFilled';
        return 'Trade';
      case 'orderAmended':
        this.quantity = event.quantityUnits;
        this.leaves = event.remainingUnits;
        if (this.leaves === 0) this.status = 'Filled';
        return 'Replace';
      case 'orderCanceled':
        if (event.placement !== 1) return undefined;
        this.leaves = 0;
        this.status = 'Canceled';
        return 'Canceled';
      case 'orderExpired':
        if (event.placement !== 1) return undefined;
        this.leaves = 0;
        this.status = 'Expired';
        return 'Expired';
      case 'cancelRejected':
        return 'CancelReject';
      default:
        return undefined;
    }
  }
}

const ORDER = { instrumentNumber: 1, accountNumber: 1, placement: 1 };

const STATE_CHANGE = {
  kind: 'setInstrumentState',
  instrumentNumber: 1,
  comment: '',
  auctionEndTimeUs: 0,
  stateAfterAuction: 'CONTINUOUS',
} as const;

/** Plays one matrix: X buys; whatever fills it comes from another account. */
class Play {
  readonly #machine = openBook({ ...WIDE_RULES, hasSessions: true });
  readonly #order = new FollowedOrder();
  readonly #reports: Row[] = [];
  #others = 0;

  constructor(rows: readonly Row[]) {
    const newRow = rows.findIndex((row) => row.received?.startsWith('New'));
    const first = rows[newRow + 1];
    const isRejected = first?.execType === 'Rejected';
    if (isRejected) this.#send({ ...STATE_CHANGE, state: 'CANCEL_ONLY' });
    const rest = rows.slice(newRow + 1);
    // What trades before the order is reported as new, or ends it at once, was in the book before.
    const isIoc = rows[newRow]?.received?.includes('IOC') ?? false;
    const arrivesTrading = first?.execType === 'Trade' || isIoc;
    if (arrivesTrading) {
      for (const row of rest) if (row.execType === 'Trade') this.#sell(row.lastQty ?? 0, 'GTC');
    }
    const isOfDay = rows.some((row) => row.execType === 'DoneForDay');
    this.#place(`${rows[newRow]?.received ?? ''}${isOfDay ? ' DAY' : ''}`);
    for (const row of rest) this.#play(row, arrivesTrading);
  }

  /** Reports about the order; the New that bundled reports leave out is left out. */
  reports(bundled: boolean): Row[] {
    return bundled ? this.#reports.filter((row) => row.execType !== 'New') : this.#reports;
  }

  #play(row: Row, isDone: boolean): void {
    if (row.execType === 'Trade' && !isDone) this.#sell(row.lastQty ?? 0, 'IOC');
    if (row.execType === 'Replace') {
      this.#send({
        kind: 'amendOrder',
        ...ORDER,
        quantityUnits: row.orderQty ?? undefined,
        priceUnits: undefined,
        stopPriceUnits: undefined,
        displayUnits: undefined,
        expireTimeUs: undefined,
        expectedVersion: undefined,
        instrumentVersion: 1,
        amendHoldUnits: 2n ** 61n,
        amendHoldId: 'y',
      });
    }
    if (row.execType === 'DoneForDay') this.#send({ ...STATE_CHANGE, state: 'CLOSED' });
    if (row.sent?.startsWith('CancelReject')) this.#send({ kind: 'cancelOrder', ...ORDER });
  }

  #place(received: string): void {
    const timeInForce: TimeInForce = received.includes('FOK')
      ? 'FOK'
      : received.includes('IOC')
        ? 'IOC'
        : received.includes('DAY')
          ? 'DAY'
          : 'GTC';
    const terms = { ...PLAIN_TERMS, timeInForce, quantityUnits: 10_000, priceUnits: 100 };
    this.#send({ kind: 'placeOrder', accountNumber: 1, placement: 1, terms });
  }

  #sell(quantityUnits: number, timeInForce: TimeInForce): void {
    this.#others += 1;
    const terms = {
      ...PLAIN_TERMS,
      side: 'SELL',
      timeInForce,
      quantityUnits,
      priceUnits: 100,
    } as const;
    this.#send({ kind: 'placeOrder', accountNumber: 2, placement: 1 + this.#others, terms });
  }

  #send(command: MatchingCommand): void {
    for (const event of submit(this.#machine, command)) {
      const report = this.#order.follow(event);
      if (report !== undefined) this.#reports.push(report);
    }
  }
}

/** What the matrix demands of our reports: Pending states are the ones before or after them. */
function demandOf(row: Row): Row | undefined {
  if (row.sent?.startsWith('CancelReject')) {
    return { ...row, received: null, sent: null, execType: 'CancelReject' };
  }
  if (row.execType === null || row.execType.startsWith('Pending')) return undefined;
  if (row.execType === 'DoneForDay') {
    return { ...row, received: null, sent: null, execType: 'Expired', status: 'Expired' };
  }
  const after = row.leavesQty === 0 ? 'Filled' : 'PartiallyFilled';
  const status = row.status?.startsWith('Pending') ? after : row.status;
  return { ...row, received: null, sent: null, status };
}

/** What a matrix leaves open (a reject of a cancel states no quantities) may be anything. */
function fillBlanks(demand: Row, report: Row | undefined): Row {
  return {
    ...demand,
    orderQty: demand.orderQty ?? report?.orderQty ?? null,
    cumQty: demand.cumQty ?? report?.cumQty ?? null,
    leavesQty: demand.leavesQty ?? report?.leavesQty ?? null,
    lastQty: demand.lastQty ?? report?.lastQty ?? null,
  };
}

/** A matrix with a row "if rejected" is two: one that is, and one that is not. */
function variantsOf(rows: readonly Row[]): Row[][] {
  const rejected = rows.filter((row) => row.received !== null || row.execType === 'Rejected');
  const others = rows.filter((row) => row.execType !== 'Rejected');
  return rows.some((row) => row.execType === 'Rejected') ? [rejected, others] : [others];
}

const path = findRecording('fix/order_state_matrices_exchanges.json', 'the FIX matrices');
const matrices: Record<string, Cell[][]> =
  path === undefined ? {} : JSON.parse(readFileSync(path, 'utf8')).matrices;

if (path === undefined) test.skip('the FIX order-state matrices are followed', () => undefined);

for (const [name, cells] of Object.entries(matrices)) {
  const all = cells.map(rowOf);
  for (const rows of variantsOf(all)) {
    const isRejected = rows.some((row) => row.execType === 'Rejected');
    test(`FIX ${name}${isRejected ? ', rejected' : ''}: the events follow the matrix`, () => {
      const demanded = rows.map(demandOf).filter((row) => row !== undefined);
      const bundled = !demanded.some((row) => row.execType === 'New');
      const actual = new Play(rows).reports(bundled);
      expect(actual).toEqual(demanded.map((demand, index) => fillBlanks(demand, actual[index])));
    });
  }
}
