// Which number an account has, as far as this process has learned it: numbers are for life, so
// what is known stays true. Tells without a question whose an order id is.

/** Accounts remembered; the oldest is forgotten first and asked for again. */
const LIMIT = 100_000;

export class AccountNumbers {
  readonly #numbers = new Map<string, number>();

  find(accountId: string): number | undefined {
    return this.#numbers.get(accountId);
  }

  learn(accountId: string, accountNumber: number): void {
    if (this.#numbers.has(accountId)) return;
    if (this.#numbers.size >= LIMIT) {
      for (const oldest of this.#numbers.keys()) {
        this.#numbers.delete(oldest);
        break;
      }
    }
    this.#numbers.set(accountId, accountNumber);
  }
}
