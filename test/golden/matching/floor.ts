// A trading floor for scenarios: one instrument, accounts and orders known by their names. The
// book itself is the engine, or another one that keeps the same rules.

import type { InstrumentRules, InstrumentState } from '../../../services/lib/rules/terms.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import { WIDE_RULES } from '../../support/matching/one-book.ts';
import type { Venue } from '../../support/matching/venue.ts';
import { mistake } from './words.ts';

/** Rules of the instrument `X` until the scenario says otherwise: nothing is in the way. */
export const OPEN_RULES: InstrumentRules = {
  ...WIDE_RULES,
  maximumOpenOrders: 1_000,
  volatilityAuctionUs: 30_000_000,
  hasSessions: true,
};

type OrderId = { readonly accountNumber: number; readonly placement: number };

/** One instrument, and everybody's names. */
export class Floor {
  readonly venue: Venue;
  readonly #accounts: string[] = [];
  /** Order names by order id, and the other way round. */
  readonly #names = new Map<string, string>();
  readonly #orders = new Map<string, OrderId>();
  /** Self-trade groups by account name. */
  readonly #groups = new Map<string, number>();
  #groupCount = 0;
  #rules = OPEN_RULES;
  nowUs = 0;
  /** End of the auction that goes on. */
  auctionEndTimeUs = 0;

  constructor(venue: Venue) {
    this.venue = venue;
  }

  /** Creates the instrument; its events are numbered from 1. */
  open(rules: InstrumentRules, state: InstrumentState): void {
    const told = this.venue.open(rules, state);
    if (typeof told[0] === 'string') mistake(`the instrument is ${told[0]}`);
    this.#rules = rules;
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

  /** From now on the orders of these accounts have one owner (STP-1). */
  joinOwners(names: readonly string[]): void {
    this.#groupCount += 1;
    for (const name of names) this.#groups.set(name, this.#groupCount);
  }

  selfTradeGroupOf(account: string): number {
    return this.#groups.get(account) ?? 0;
  }

  /** Id of an order that is to get this name; placements count up over all accounts. */
  nameOrder(name: string, account: string): OrderId {
    const accountNumber = this.accountNumber(account);
    const known = this.#orders.get(name);
    if (known !== undefined) {
      if (known.accountNumber !== accountNumber) mistake(`${name} is another account's order`);
      return known;
    }
    const id = { accountNumber, placement: this.#orders.size + 1 };
    this.#orders.set(name, id);
    this.#names.set(`${id.accountNumber}-${id.placement}`, name);
    return id;
  }

  findOrder(name: string): OrderId {
    return this.#orders.get(name) ?? mistake(`no order is called ${name}`);
  }

  orderName({ accountNumber, placement }: OrderId): string {
    const id = `${accountNumber}-${placement}`;
    return this.#names.get(id) ?? `order ${id}`;
  }

  /** Time passes; what is due happens. */
  advanceTo(nowUs: number): (MatchingEvent | string)[] {
    this.nowUs = nowUs;
    return this.#note(this.venue.advance(nowUs));
  }

  /** Applies a command in as many steps as it takes, and says what happened in each. */
  submit(command: MatchingCommand): (MatchingEvent | string)[] {
    return this.#note(this.venue.apply(command, this.nowUs));
  }

  #note(told: (MatchingEvent | string)[]): (MatchingEvent | string)[] {
    for (const event of told) {
      if (typeof event === 'string') continue;
      if (event.kind === 'instrumentSet') this.#rules = event.rules;
      if (event.kind === 'instrumentStateChanged') this.auctionEndTimeUs = event.auctionEndTimeUs;
    }
    return told;
  }
}
