// What has arrived on one side of a stream and waits to be read there.

export class Messages<T> implements AsyncIterable<T> {
  readonly #waiting: T[] = [];
  #end: 'open' | 'ended' | { readonly failure: unknown } = 'open';
  #wake: (() => void) | undefined;

  push(message: T): void {
    if (this.#end !== 'open') return;
    this.#waiting.push(message);
    this.#wake?.();
  }

  /** Nothing follows. */
  end(): void {
    if (this.#end === 'open') this.#end = 'ended';
    this.#wake?.();
  }

  /** What has arrived is still read; then the reader gets the failure. */
  fail(failure: unknown): void {
    if (this.#end === 'open') this.#end = { failure };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      const message = this.#waiting.shift();
      if (message !== undefined) {
        yield message;
        continue;
      }
      if (this.#end === 'ended') return;
      if (this.#end !== 'open') throw this.#end.failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
