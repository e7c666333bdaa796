// Serves one `Propose` stream: batches of proposals in, results out as their entries commit.
// Knows no messages; the adapter passes the two conversions.

import type { ShardHost } from './host.ts';
import type { Proposal, ProposalResult } from './proposal.ts';
import type { Reservation } from './proposal-queue.ts';

/** A proposal with the caller's number, which its result carries. */
export type NumberedProposal<C, N> = { readonly number: N; readonly proposal: Proposal<C> };

export type ProposalBatch<C, N> = {
  readonly proposals: readonly NumberedProposal<C, N>[];
  /** What could not be read as a proposal, with the answer it gets. */
  readonly refused?: readonly NumberedResult<never, never, N>[];
  /** Room to reserve from here on, in commands; 0 leaves it as it is (LOG-10). */
  readonly reserve: number;
};

export type NumberedResult<E, A, N> = {
  readonly number: N;
  readonly result: ProposalResult<E, A>;
};

export type ResultBatch<E, A, N> = {
  readonly results: readonly NumberedResult<E, A, N>[];
  /** Room that the stream holds, in commands. */
  readonly reserved: number;
};

export type ProposeStreamOptions<C, E, A, N, Request, Response> = {
  readonly host: Pick<ShardHost<C, E, A>, 'submit' | 'reserve'>;
  readonly requests: AsyncIterable<Request>;
  /** What it throws ends the stream. */
  readonly decode: (request: Request) => ProposalBatch<C, N>;
  readonly encode: (batch: ResultBatch<E, A, N>) => Response;
  readonly signal?: AbortSignal;
};

/** Unanswered commands of one stream beyond which it reads no further. */
const MOST_UNANSWERED = 16_384;
/** Bounds of one message of results, so that it stays below 4 MiB. */
const MOST_RESULTS = 512;
const MOST_EVENTS = 4_096;

/**
 * Results of the stream, several in one batch when they come at the same time. Ends when the
 * caller has finished and everything is answered.
 */
export async function* serveProposeStream<C, E, A, N, Request, Response>(
  options: ProposeStreamOptions<C, E, A, N, Request, Response>,
): AsyncGenerator<Response, void, void> {
  const stream = new ProposeStream(options);
  try {
    yield* stream.results();
  } finally {
    stream.close();
  }
}

class ProposeStream<C, E, A, N, Request, Response> {
  readonly #options: ProposeStreamOptions<C, E, A, N, Request, Response>;
  #outbox: NumberedResult<E, A, N>[] = [];
  #unanswered = 0;
  #reservation: Reservation | undefined;
  /** A changed reservation is reported even when no result is due. */
  #reservationChanged = false;
  #input: 'open' | 'ended' | { readonly failure: unknown } = 'open';
  #closed = false;
  #wakeWriter: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;

  constructor(options: ProposeStreamOptions<C, E, A, N, Request, Response>) {
    this.#options = options;
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    void this.#read();
  }

  readonly #onAbort = (): void => {
    this.#closed = true;
    this.#wakeWriter?.();
    this.#wakeReader?.();
  };

  close(): void {
    this.#onAbort();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#reservation?.release();
  }

  async #read(): Promise<void> {
    try {
      for await (const request of this.#options.requests) {
        if (this.#closed) return;
        this.#submit(this.#options.decode(request));
        while (this.#unanswered >= MOST_UNANSWERED && !this.#closed) {
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve;
          });
        }
      }
      this.#input = 'ended';
    } catch (failure) {
      this.#input = { failure };
    }
    this.#wakeWriter?.();
  }

  #submit({ proposals, refused = [], reserve }: ProposalBatch<C, N>): void {
    const { host } = this.#options;
    if (reserve > 0) this.#reserve(reserve);
    this.#unanswered += proposals.length + refused.length;
    if (refused.length > 0) {
      this.#outbox.push(...refused);
      this.#wakeWriter?.();
    }
    for (const { number, proposal } of proposals) {
      const settle = (result: ProposalResult<E, A>): void => {
        this.#outbox.push({ number, result });
        // Results of one commit come in one go; the writer goes on when all of them are there.
        if (this.#outbox.length === 1) this.#wakeWriter?.();
      };
      host.submit(proposal, settle, this.#reservation);
    }
  }

  #reserve(commands: number): void {
    // Room belongs to one leadership: the next one has to be asked again.
    if (this.#reservation?.ended !== false) this.#reservation = this.#options.host.reserve();
    this.#reservation?.resize(commands);
    this.#reservationChanged = true;
    this.#wakeWriter?.();
  }

  async *results(): AsyncGenerator<Response, void, void> {
    while (!this.#closed) {
      if (this.#outbox.length > 0 || this.#reservationChanged) {
        yield this.#nextMessage();
        continue;
      }
      if (typeof this.#input === 'object') throw this.#input.failure;
      if (this.#input === 'ended' && this.#unanswered === 0) return;
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
  }

  #nextMessage(): Response {
    const outbox = this.#outbox;
    let count = 0;
    let events = 0;
    while (count < Math.min(outbox.length, MOST_RESULTS) && events < MOST_EVENTS) {
      const { result } = outbox[count] as NumberedResult<E, A, N>;
      events += result.kind === 'applied' ? result.events.length : 0;
      count += 1;
    }
    const results = count === outbox.length ? outbox : outbox.slice(0, count);
    this.#outbox = count === outbox.length ? [] : outbox.slice(count);
    this.#unanswered -= count;
    this.#reservationChanged = false;
    this.#wakeReader?.();
    const reserved = this.#reservation?.ended === false ? this.#reservation.room : 0;
    return this.#options.encode({ results, reserved });
  }
}
