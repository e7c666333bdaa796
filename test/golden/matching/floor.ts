// A trading floor for golden tests: one instrument in a matching machine, accounts and orders
// known by their names. It speaks the language that test/golden/README.md describes.

import { assertDefined } from '../../../services/lib/base/assert.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { InstrumentRules } from '../../../services/lib/rules/terms.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import type { MatchingLimits } from '../../../services/matching/domain/limits.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';

/** Rules of the instrument `X` until the file says otherwise: nothing is in the way. */
export const OPEN_RULES: InstrumentRules = {
  instrumentNumber: 1,
  instrumentId: 'X',
  version: 1,
  baseAssetNumber: 1,
  quoteAssetNumber: 2,
  notionalFactor: 1,
  baseFactor: 1,
  tickUnits: 1,
  lotUnits: 1,
  minimumQuantityUnits: 1,
  maximumQuantityUnits: 1_000_000_000,
  maximumPriceUnits: 1_000_000_000,
  minimumNotionalUnits: 0n,
  collarPpm: 50_000,
  maximumOpenOrders: 1_000,
  makerRatePpm: 0,
  takerRatePpm: 0,
};

/** One instrument, and everybody's names. */
export class Floor {
  readonly #machine: MatchingMachine;
  readonly #accounts: string[] = [];
  /** Order names by order id, and the other way round. */
  readonly #names = new Map<string, string>();
  readonly #orders = new Map<string, { accountNumber: number; placement: number }>();
  #rules = OPEN_RULES;
  #logTimeUs = 0;

  constructor(limits: Partial<MatchingLimits>) {
    this.#machine = new MatchingMachine(limits);
  }

  /** Takes over the slot and creates the instrument; its events are numbered from 1. */
  open(rules: InstrumentRules): void {
    this.submit({ kind: 'acquireSlots', slots: [slotOf(rules.instrumentId)], generation: 1 });
    this.submit({ kind: 'setInstrument', rules, initialState: 'CONTINUOUS' });
  }

  /** Rules that the edge would check an order against: the last that the book took. */
  get rules(): InstrumentRules {
    return this.#rules;
  }

  accountNumber(name: string): number {
    const index = this.#accounts.indexOf(name);
    return index >= 0 ? index + 1 : this.#accounts.push(name);
  }

  accountName(accountNumber: number): string {
    return this.#accounts[accountNumber - 1] ?? `account ${accountNumber}`;
  }

  /** Id of an order that is to get this name; placements count up over all accounts. */
  nameOrder(name: string, account: string): { accountNumber: number; placement: number } {
    const known = this.#orders.get(name);
    if (known !== undefined) return known;
    const id = { accountNumber: this.accountNumber(account), placement: this.#orders.size + 1 };
    this.#orders.set(name, id);
    this.#names.set(`${id.accountNumber}-${id.placement}`, name);
    return id;
  }

  findOrder(name: string): { accountNumber: number; placement: number } {
    return assertDefined(this.#orders.get(name), `no order is called ${name}`);
  }

  orderName(order: { accountNumber: number; placement: number }): string {
    const id = `${order.accountNumber}-${order.placement}`;
    return assertDefined(this.#names.get(id), `order ${id} has a name`);
  }

  set timeSeconds(seconds: number) {
    this.#logTimeUs = seconds * 1_000_000;
    this.#machine.advance(this.#logTimeUs);
  }

  /** Applies a command in as many steps as it takes, and says what happened in each. */
  submit(command: MatchingCommand): (MatchingEvent | string)[] {
    const seen: (MatchingEvent | string)[] = [];
    const emit = (event: MatchingEvent) => {
      seen.push(event);
      if (event.kind === 'instrumentSet') this.#rules = event.rules;
    };
    const context = { logTimeUs: this.#logTimeUs, identity: 'golden', validUntilUs: 0 };
    let outcome = this.#machine.apply(command, context, emit);
    while (outcome.kind === 'unfinished') {
      seen.push('… goes on in the next entry');
      outcome = this.#machine.proceed(context, emit);
    }
    if (outcome.kind === 'refused') seen.push(`refused: ${outcome.refusal.reason}`);
    this.#machine.assertSound();
    return seen;
  }

  /** The whole book: every level with its sum and its orders, oldest first. */
  describeBook(): string[] {
    const view = assertDefined(this.#machine.viewBook(1, Number.MAX_SAFE_INTEGER), 'a book');
    const open = this.#machine.openOrders(1);
    const line = (side: string, priceUnits: number, quantityUnits: number): string => {
      const orders = open
        .filter((order) => order.priceUnits === priceUnits)
        .map((order) => `${this.orderName(order)} ${order.remainingUnits}`);
      return `  ${side} ${priceUnits}: ${quantityUnits} (${orders.join(', ')})`;
    };
    const asks = [...view.asks].reverse();
    return [
      `book, ${view.state}, last price ${view.lastPriceUnits || 'none'}`,
      ...asks.map((level) => line('ask', level.priceUnits, level.quantityUnits)),
      ...view.bids.map((level) => line('bid', level.priceUnits, level.quantityUnits)),
      ...(open.length === 0 ? ['  empty'] : []),
    ];
  }
}
