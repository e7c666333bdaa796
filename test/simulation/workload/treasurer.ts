// Money of one simulated account: brings it in, takes it out and sends it to others; and an
// operator who takes trades back.

import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import type { Money } from '../check/money.ts';
import type { Calls } from './calls.ts';
import { ASSETS, type AssetId, accountIdOf } from './market.ts';

/** How often, from 0 to 1, a trade is taken back instead. */
const BUST_SHARE = 0.2;
const FIRST_DEPOSIT: Readonly<Record<AssetId, string>> = { BTC: '1000', USD: '1000000' };

export class Treasurer {
  readonly #accountId: string;
  readonly #calls: Calls;
  readonly #money: Money;
  readonly #traders: number;
  #count = 0;

  constructor(at: number, calls: Calls, money: Money, traders: number) {
    this.#accountId = accountIdOf(at);
    this.#calls = calls;
    this.#money = money;
    this.#traders = traders;
  }

  async openAccount(): Promise<void> {
    const accountId = this.#accountId;
    await this.#calls.certain(`account ${accountId}`, ({ accounts }, options) =>
      accounts.createAccount({ accountId }, options),
    );
    for (const assetId of ASSETS) await this.#bring('deposit', assetId, FIRST_DEPOSIT[assetId]);
  }

  async act(chance: number): Promise<void> {
    if (this.#calls.random() < BUST_SHARE) {
      await this.#bust();
      return;
    }
    const assetId = ASSETS[this.#calls.pick(ASSETS.length)] as AssetId;
    const amount = `${1 + this.#calls.pick(50)}.${1 + this.#calls.pick(99)}`;
    if (chance < 0.25) await this.#bring('deposit', assetId, amount);
    else if (chance < 0.5) await this.#bring('withdraw', assetId, amount);
    else await this.#transfer(assetId, amount);
  }

  async #bring(kind: 'deposit' | 'withdraw', assetId: AssetId, amount: string): Promise<void> {
    this.#count += 1;
    const clientTransferId = `t${this.#count}`;
    const request = { accountId: this.#accountId, assetId, amount, clientTransferId };
    const what = `${kind} ${this.#accountId}/${clientTransferId}`;
    const response = await this.#calls.certain(what, ({ accounts }, options) => {
      return kind === 'deposit'
        ? accounts.deposit(request, options).then(({ posting }) => ({ posting }))
        : accounts.withdraw(request, options).then(({ posting }) => ({ posting }));
    });
    if (response instanceof OperatingError) this.#calls.refused(what, response);
    else this.#money.acknowledged(request, kind === 'deposit' ? 1n : -1n, response.posting);
  }

  /** Now and then one that was taken back already. */
  async #bust(): Promise<void> {
    const calls = this.#calls;
    const tradeId = this.#money.anyTrade((count) => calls.pick(count));
    if (tradeId === undefined) return;
    const what = `bust ${tradeId}`;
    const response = await calls.certain(what, ({ accounts }, options) =>
      accounts.bustTrade({ tradeId, comment: 'a wrong price' }, options),
    );
    if (!(response instanceof OperatingError)) {
      this.#money.acknowledgedBust(tradeId, response.completed);
    } else if (response.reason !== 'TRADE_UNKNOWN' || !this.#money.isCutOff(tradeId)) {
      calls.refused(what, response);
    }
  }

  async #transfer(assetId: AssetId, amount: string): Promise<void> {
    this.#count += 1;
    const clientTransferId = `t${this.#count}`;
    const others = Array.from({ length: this.#traders }, (_, at) => accountIdOf(at)).filter(
      (id) => id !== this.#accountId,
    );
    const toAccountId = others[this.#calls.pick(others.length)] as string;
    const request = { accountId: this.#accountId, toAccountId, assetId, amount, clientTransferId };
    const what = `transfer ${this.#accountId}/${clientTransferId}`;
    const response = await this.#calls.certain(what, ({ money }, options) =>
      money.transfer(request, options),
    );
    if (response instanceof OperatingError) this.#calls.refused(what, response);
    else this.#money.acknowledged(request, -1n, response.posting);
  }
}
