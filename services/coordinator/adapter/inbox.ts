// A bounded queue between whoever produces and one stream that sends.

/** Thrown out of the stream when its reader falls too far behind. */
export class InboxFull extends Error {
  override readonly name = 'InboxFull';
}

export class Inbox<T> {
  readonly #limit: number;
  #items: T[] = [];
  #failure: Error | undefined;
  #wake: () => void = () => {};

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Beyond the limit nothing is kept, and the reader is told. */
  push(item: T): void {
    if (this.#failure !== undefined) return;
    if (this.#items.length >= this.#limit) this.end(new InboxFull());
    else this.#items.push(item);
    this.#wake();
  }

  /** The reader's next `take` throws it. */
  end(failure: Error): void {
    this.#failure ??= failure;
    this.#items = [];
    this.#wake();
  }

  /** What has arrived; waits for something, or for a signal. Empty when a signal came first. */
  async take(...signals: readonly AbortSignal[]): Promise<readonly T[]> {
    if (this.#items.length === 0 && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          for (const signal of signals) signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#wake = wake;
        for (const signal of signals) {
          if (signal.aborted) return wake();
          signal.addEventListener('abort', wake);
        }
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
    const items = this.#items;
    this.#items = [];
    return items;
  }
}
