// The engine against days whose every report somebody else wrote down (data/flow, data/lobster).

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import type { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import { type FlowCommand, readFlow, readReports } from '../../support/matching/flow.ts';
import { openBook, PLAIN_TERMS, submit } from '../../support/matching/one-book.ts';
import { findRecording } from '../../support/recordings.ts';

/** What a run of a flow knows of its orders, from events alone. */
type Seen = { side: 0 | 1; priceUnits: number; filledUnits: number };

/** Orders have no owner: one account, no self-trade prevention. */
function commandOf(flow: FlowCommand, seen: Map<number, Seen>): MatchingCommand {
  const order = { instrumentNumber: 1, accountNumber: 1, placement: flow.orderId };
  if (flow.kind === 'cancel') return { kind: 'cancelOrder', ...order };
  const { quantityUnits, priceUnits, side } = flow;
  if (flow.kind === 'new') {
    const timeInForce = flow.isIoc ? 'IOC' : 'GTC';
    const terms = { ...PLAIN_TERMS, side, timeInForce, quantityUnits, priceUnits } as const;
    return { kind: 'placeOrder', accountNumber: 1, placement: flow.orderId, terms };
  }
  return {
    kind: 'amendOrder',
    ...order,
    quantityUnits: (seen.get(flow.orderId)?.filledUnits ?? 0) + quantityUnits,
    priceUnits,
    stopPriceUnits: undefined,
    displayUnits: undefined,
    expireTimeUs: undefined,
    expectedVersion: undefined,
    instrumentVersion: 1,
    amendHoldUnits: 2n ** 61n,
    amendHoldId: '',
  };
}

function reportOf(event: MatchingEvent, flow: FlowCommand, seen: Map<number, Seen>): string {
  const { sequence } = flow;
  const known = (placement: number) => seen.get(placement) as Seen;
  switch (event.kind) {
    case 'orderAccepted': {
      const side = event.terms.side === 'BUY' ? 0 : 1;
      const { priceUnits, quantityUnits } = event.terms;
      seen.set(event.placement, { side, priceUnits, filledUnits: 0 });
      return `0,${sequence},${side},${event.placement},${priceUnits},${quantityUnits}`;
    }
    case 'traded':
      known(event.maker.placement).filledUnits += event.quantityUnits;
      known(event.taker.placement).filledUnits += event.quantityUnits;
      return [1, sequence, event.priceUnits, event.quantityUnits]
        .concat(event.maker.placement, event.taker.placement)
        .join(',');
    case 'orderCanceled': {
      const { side, priceUnits } = known(event.placement);
      return `2,${sequence},${side},${event.placement},${priceUnits}`;
    }
    case 'orderAmended': {
      const order = known(event.placement);
      order.priceUnits = event.priceUnits;
      const { side, priceUnits } = order;
      return `3,${sequence},${side},${event.placement},${priceUnits},${event.remainingUnits}`;
    }
    case 'cancelRejected':
      return `4,${sequence},${event.placement}`;
    case 'amendRejected':
      expect(event.reason).toBe('ORDER_UNKNOWN');
      return `5,${sequence},${event.placement}`;
    default:
      throw new Error(`a flow has no ${event.kind}`);
  }
}

/** Reports of a day, ordered within a command by type as the files are. */
function runFlow(machine: MatchingMachine, commands: readonly FlowCommand[]): string[] {
  const seen = new Map<number, Seen>();
  const reports: string[] = [];
  for (const flow of commands) {
    const events = submit(machine, commandOf(flow, seen));
    const told = events.map((event) => reportOf(event, flow, seen));
    reports.push(...told.sort((a, b) => Number(a[0]) - Number(b[0])));
  }
  return reports;
}

for (const day of ['normal-seed7', 'flash-crash-seed7']) {
  const commands = findRecording(`flow/${day}.bin.gz`, `the day ${day}`);
  const reports = findRecording(`flow/${day}.reports.txt.gz`, `the day ${day}`);
  const run = commands === undefined || reports === undefined ? test.skip : test;
  run(`MAT-1 to MAT-6 the day ${day} gives exactly the reports that it must`, () => {
    const machine = openBook();
    const actual = runFlow(machine, readFlow(commands as string));
    const expected = readReports(reports as string);
    const differing = expected.findIndex((line, index) => line !== actual[index]);
    expect([differing, actual[differing]]).toEqual([differing, expected[differing]]);
    expect(actual.length).toBe(expected.length);
    machine.assertSound();
  });
}

type LobsterLine =
  | { op: 'add'; id: string; side: 'buy' | 'sell'; price: number; qty: number }
  | { op: 'cancel'; id: string }
  | { op: 'reduce'; id: string; by: number }
  | { op: 'row'; i: number; ok: boolean }
  | {
      op: 'take';
      side: 'buy' | 'sell';
      limit: number;
      qty: number;
      expect: [string, number, number][];
      exact: boolean;
    };

const EMPTY_PRICE = 9_999_999_999;
const MAKERS = 1;
const TAKERS = 2;

/** The recorded day of one stock, replayed into a book; makers and takers are different owners. */
class LobsterDay {
  readonly #machine = openBook();
  readonly #rows: string[];
  /** Placements by the tape's ids, and the ids by placement. */
  readonly #placements = new Map<string, number>();
  readonly #ids: string[] = [''];
  readonly #open = new Map<string, { quantityUnits: number; remainingUnits: number }>();
  #taken = 0;
  readonly agreed = { takes: 0, rows: 0 };
  readonly differing: string[] = [];

  constructor(orderBookFile: string) {
    const text = gunzipSync(readFileSync(orderBookFile)).toString('utf8');
    this.#rows = text.split('\n').map((row) => row.trimEnd());
  }

  step(line: LobsterLine): void {
    switch (line.op) {
      case 'add':
        this.#add(line);
        return;
      case 'cancel':
        this.#cancel(line.id);
        return;
      case 'reduce':
        this.#reduce(line);
        return;
      case 'take':
        this.#take(line);
        return;
      case 'row': {
        if (!line.ok) return;
        if (this.#row() === this.#rows[line.i]) this.agreed.rows += 1;
        else this.differing.push(`row ${line.i}`);
      }
    }
  }

  #add(line: Extract<LobsterLine, { op: 'add' }>): void {
    const placement = this.#ids.push(line.id) - 1;
    this.#placements.set(line.id, placement);
    this.#open.set(line.id, { quantityUnits: line.qty, remainingUnits: line.qty });
    const side = line.side === 'buy' ? 'BUY' : 'SELL';
    const terms = {
      ...PLAIN_TERMS,
      side,
      quantityUnits: line.qty,
      priceUnits: line.price,
    } as const;
    submit(this.#machine, { kind: 'placeOrder', accountNumber: MAKERS, placement, terms });
  }

  #name(id: string) {
    const placement = this.#placements.get(id) ?? 0;
    return { instrumentNumber: 1, accountNumber: MAKERS, placement };
  }

  #cancel(id: string): void {
    submit(this.#machine, { kind: 'cancelOrder', ...this.#name(id) });
  }

  #reduce(line: Extract<LobsterLine, { op: 'reduce' }>): void {
    const order = this.#open.get(line.id);
    if (order === undefined || order.remainingUnits <= line.by) {
      this.#cancel(line.id);
      return;
    }
    order.quantityUnits -= line.by;
    order.remainingUnits -= line.by;
    submit(this.#machine, {
      kind: 'amendOrder',
      ...this.#name(line.id),
      quantityUnits: order.quantityUnits,
      priceUnits: undefined,
      stopPriceUnits: undefined,
      displayUnits: undefined,
      expireTimeUs: undefined,
      expectedVersion: undefined,
      instrumentVersion: 1,
      amendHoldUnits: 0n,
      amendHoldId: '',
    });
  }

  #take(line: Extract<LobsterLine, { op: 'take' }>): void {
    this.#taken += 1;
    const side = line.side === 'buy' ? 'BUY' : 'SELL';
    const { qty: quantityUnits, limit: priceUnits } = line;
    const terms = { ...PLAIN_TERMS, side, timeInForce: 'IOC', quantityUnits, priceUnits } as const;
    const taker = { accountNumber: TAKERS, placement: this.#taken };
    const fills: [string, number, number][] = [];
    for (const event of submit(this.#machine, { kind: 'placeOrder', ...taker, terms })) {
      if (event.kind !== 'traded') continue;
      const id = this.#ids[event.maker.placement] as string;
      const order = this.#open.get(id);
      if (order !== undefined) order.remainingUnits -= event.quantityUnits;
      fills.push([id, event.priceUnits, event.quantityUnits]);
    }
    if (!line.exact) return;
    if (JSON.stringify(fills) === JSON.stringify(line.expect)) this.agreed.takes += 1;
    else this.differing.push(`take ${this.#taken}`);
  }

  /** The top ten levels in the form of the order-book file. */
  #row(): string {
    const view = this.#machine.viewBook(1, 10);
    const cells: number[] = [];
    for (let depth = 0; depth < 10; depth += 1) {
      const ask = view?.asks[depth];
      const bid = view?.bids[depth];
      cells.push(ask?.priceUnits ?? EMPTY_PRICE, ask?.quantityUnits ?? 0);
      cells.push(bid?.priceUnits ?? -EMPTY_PRICE, bid?.quantityUnits ?? 0);
    }
    return cells.join(',');
  }
}

const commandsFile = findRecording('lobster/GOOG_2012-06-21_10.replay.jsonl.gz', 'the LOBSTER day');
const bookFile = findRecording('lobster/GOOG_2012-06-21_10.orderbook.csv.gz', 'the LOBSTER day');
const runLobster = commandsFile === undefined || bookFile === undefined ? test.skip : test;

runLobster(
  'MAT-1 to MAT-6 AMD-1 a day of GOOG on NASDAQ gives every exact take and every row',
  () => {
    const day = new LobsterDay(bookFile as string);
    const lines = gunzipSync(readFileSync(commandsFile as string))
      .toString('utf8')
      .split('\n');
    for (const line of lines) if (line !== '') day.step(JSON.parse(line) as LobsterLine);
    expect(day.differing).toEqual([]);
    expect(day.agreed).toEqual({ takes: 5_927, rows: 144_174 });
  },
);
