// Which orders have a request of this process under way, by the name that the request uses: what
// names the same order waits for it, so that it sees what came before (MOV-9).

/** Requests under way, by account and name of the order. */
export class InFlight {
  readonly #byName = new Map<string, Promise<unknown>>();

  /** Whatever is under way for this order; resolves, never rejects. Undefined when nothing is. */
  find(accountId: string, orderName: string): Promise<unknown> | undefined {
    return this.#byName.get(`${accountId} ${orderName}`)?.then(ignore, ignore);
  }

  /** Notes a request until it ends, in place of the one before it, which it must wait for. */
  track<T>(accountId: string, orderName: string, request: Promise<T>): Promise<T> {
    const key = `${accountId} ${orderName}`;
    this.#byName.set(key, request);
    const forget = (): void => {
      if (this.#byName.get(key) === request) this.#byName.delete(key);
    };
    request.then(forget, forget);
    return request;
  }
}

function ignore(): void {}
