// The clients of the simulated exchange: a process of their own that sets up a market and trades in
// it through the public services.

import type { Findings } from '../check/findings.ts';
import type { Money } from '../check/money.ts';
import type { SimulatedProcess } from '../kernel/process.ts';
import { type Addresses, Calls } from './calls.ts';
import type { History } from './history.ts';
import { type MarketSize, Operator, type ShardNumbers } from './operator.ts';
import { Trader } from './trader.ts';
import { Treasurer } from './treasurer.ts';

export type ClientOptions = {
  readonly process: SimulatedProcess;
  readonly history: History;
  readonly money: Money;
  readonly findings: Findings;
  readonly addresses: Addresses;
  readonly size: MarketSize;
  readonly shards: ShardNumbers;
  readonly hasStandbys: boolean;
};

/** How often, from 0 to 1, a client moves money instead of trading. */
const MONEY_SHARE = 0.12;
/** How often an operation comes with the call of an auction. */
const AUCTION_SHARE = 0.015;

export class ClientProcess {
  readonly #options: ClientOptions;
  #calls: Calls | undefined;
  #operator: Operator | undefined;
  /** Traders begin no new calls. */
  isClosing = false;
  isSetUp = false;
  operations = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Calls under way, by what they are. */
  get underWay(): readonly string[] {
    return [...(this.#calls?.underWay.values() ?? [])];
  }

  /** How often each reason came. */
  get refusals(): ReadonlyMap<string, number> {
    return this.#calls?.refusals ?? new Map();
  }

  /** Sets up and trades; to be called in the name of the process. */
  async run(): Promise<void> {
    const { process, findings, addresses, size, money, shards, hasStandbys } = this.#options;
    const calls = new Calls(process, findings, addresses);
    this.#calls = calls;
    this.#operator = new Operator(calls, size, shards, hasStandbys);
    await this.#operator.createMarket();
    const treasurers = Array.from(
      { length: size.traders },
      (_, at) => new Treasurer(at, calls, money, size.traders),
    );
    await Promise.all(treasurers.map((treasurer) => treasurer.openAccount()));
    this.isSetUp = true;
    for (const [at, treasurer] of treasurers.entries()) void this.#trade(at, calls, treasurer);
  }

  async #trade(at: number, calls: Calls, treasurer: Treasurer): Promise<void> {
    const trader = new Trader(at, calls, this.#options.history, this.#options.size.instruments);
    while (!this.isClosing) {
      await calls.pause(4 + calls.random() * 36);
      if (this.isClosing) return;
      this.operations += 1;
      if (calls.random() < AUCTION_SHARE) void this.#operator?.callAuction();
      if (calls.random() < MONEY_SHARE) await treasurer.act(calls.random());
      else await trader.act(calls.random());
    }
  }

  /** An operator changes the cluster. */
  async operate(): Promise<void> {
    if (!this.isClosing) await this.#operator?.act();
  }
}
