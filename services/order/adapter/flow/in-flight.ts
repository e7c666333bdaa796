// Which orders have a request of this process under way, by the name that the request uses: what
// names the same order waits for it, so that it sees what came before (MOV-9).

/** A request that is noted until it ends. */
export type OpenRequest = {
  /** Calls `run` when it is answered, however. */
  whenEnded(run: () => void): void;
};

/** The name of an order among all of this process. */
export function fullNameOf(accountId: string, orderName: string): string {
  return `${accountId} ${orderName}`;
}

/** Requests under way, by account and name of the order. */
export class InFlight {
  readonly #byName = new Map<string, OpenRequest>();

  /** Whatever is under way for this order; resolves, never rejects. Undefined when nothing is. */
  find(accountId: string, orderName: string): Promise<void> | undefined {
    const request = this.#byName.get(fullNameOf(accountId, orderName));
    if (request === undefined) return undefined;
    return new Promise((resolve) => request.whenEnded(resolve));
  }

  /** Notes a request, in place of the one before it, which it must wait for. */
  begin(fullName: string, request: OpenRequest): void {
    this.#byName.set(fullName, request);
  }

  /** Forgets a request that has ended, unless another one has taken its place. */
  end(fullName: string, request: OpenRequest): void {
    if (this.#byName.get(fullName) === request) this.#byName.delete(fullName);
  }

  /** Notes a request until it ends, for one that is a promise. */
  track<T>(accountId: string, orderName: string, answer: Promise<T>): Promise<T> {
    const fullName = fullNameOf(accountId, orderName);
    const request: OpenRequest = { whenEnded: (run) => void answer.then(run, run) };
    this.begin(fullName, request);
    request.whenEnded(() => this.end(fullName, request));
    return answer;
  }
}
