// The newest events of each account, in memory: bounded for an account and over all accounts,
// oldest out first. Says how far back it is complete.

/** What a ring remembers of an event. */
export type RingItem = { readonly sequence: number };

type AccountItems<T> = {
  /** Oldest first; those before `start` are forgotten. */
  items: T[];
  start: number;
  /** Number of the item at `start`, counting every item that the account ever had here. */
  startSerial: number;
  /** Sequence of the newest item that was forgotten; 0 when none was. */
  forgottenSequence: number;
};

/** Room that is there from the start; it doubles up to what may be kept. */
const FIRST_LENGTH = 1 << 10;

export class EventRing<T extends RingItem> {
  readonly #perAccount: number;
  readonly #total: number;
  readonly #accounts = new Map<number, AccountItems<T>>();
  /** Account and serial of every item, in order of arrival; a circle once it has its full size. */
  #arrivalAccounts: Uint32Array;
  #arrivalSerials: Float64Array;
  #arrivals = 0;

  /**
   * @param perAccount most items kept of one account
   * @param total most items kept of all accounts
   */
  constructor(perAccount: number, total: number) {
    this.#perAccount = perAccount;
    this.#total = total;
    const begun = Math.min(total, FIRST_LENGTH);
    this.#arrivalAccounts = new Uint32Array(begun);
    this.#arrivalSerials = new Float64Array(begun);
  }

  push(accountNumber: number, item: T): void {
    let account = this.#accounts.get(accountNumber);
    if (account === undefined) {
      account = { items: [], start: 0, startSerial: 0, forgottenSequence: 0 };
      this.#accounts.set(accountNumber, account);
    }
    if (this.#arrivals === this.#arrivalAccounts.length) this.#grow();
    const place = this.#arrivals % this.#arrivalAccounts.length;
    if (this.#arrivals >= this.#arrivalAccounts.length) this.#forgetArrival(place);
    this.#arrivalAccounts[place] = accountNumber;
    this.#arrivalSerials[place] = account.startSerial + account.items.length - account.start;
    this.#arrivals += 1;
    account.items.push(item);
    if (account.items.length - account.start > this.#perAccount) forgetOldest(account);
  }

  /** Before the circle has closed for the first time: everything keeps its place. */
  #grow(): void {
    const length = Math.min(this.#total, this.#arrivals * 2);
    if (length === this.#arrivals) return;
    const [accounts, serials] = [this.#arrivalAccounts, this.#arrivalSerials];
    this.#arrivalAccounts = new Uint32Array(length);
    this.#arrivalAccounts.set(accounts);
    this.#arrivalSerials = new Float64Array(length);
    this.#arrivalSerials.set(serials);
  }

  #forgetArrival(place: number): void {
    const account = this.#accounts.get(this.#arrivalAccounts[place] as number);
    // The account's own bound may have been quicker.
    if (account === undefined || account.startSerial !== this.#arrivalSerials[place]) return;
    if (account.start < account.items.length) forgetOldest(account);
  }

  /** Items of an account, newest first. */
  *newestFirst(accountNumber: number): Generator<T> {
    const account = this.#accounts.get(accountNumber);
    if (account === undefined) return;
    for (let index = account.items.length - 1; index >= account.start; index -= 1) {
      yield account.items[index] as T;
    }
  }

  /** The oldest items of an account behind a sequence, in order, at most as many as said. */
  after(accountNumber: number, sequence: number, limit: number): readonly T[] {
    const account = this.#accounts.get(accountNumber);
    if (account === undefined) return [];
    const { items } = account;
    let low = account.start;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((items[middle] as T).sequence <= sequence) low = middle + 1;
      else high = middle;
    }
    return items.slice(low, low + limit);
  }

  /** Sequence of the newest item of the account that is no longer kept; 0 when none was lost. */
  forgottenSequence(accountNumber: number): number {
    return this.#accounts.get(accountNumber)?.forgottenSequence ?? 0;
  }
}

function forgetOldest<T extends RingItem>(account: AccountItems<T>): void {
  account.forgottenSequence = (account.items[account.start] as T).sequence;
  account.start += 1;
  account.startSerial += 1;
  if (account.start > 64 && account.start * 2 > account.items.length) {
    account.items = account.items.slice(account.start);
    account.start = 0;
  }
}
