// Work in steps (LOG-17): a command's, or what is due by itself. At most one is under way in a
// shard; what a full step has interrupted goes on before anything else happens.
import { assertDefined, assertNever } from '../../lib/base/assert.ts';
import type { Outcome } from '../../lib/shard/state-machine.ts';
import type { Book } from './book.ts';
import type { Cursor, Job } from './cursor.ts';
import { type Incoming, makeIncoming } from './incoming.ts';
import type { MassCanceling } from './mass-cancel.ts';
import type { Settling } from './settling.ts';
import type { StateChanging } from './state-change.ts';

const DONE: Outcome<never> = { kind: 'done' };
const UNFINISHED: Outcome<never> = { kind: 'unfinished' };

/** Carries the work of a shard. */
export class Work {
  readonly #settling: Settling;
  readonly #massCanceling: MassCanceling;
  readonly #stateChanging: StateChanging;
  #cursor: Cursor | undefined;
  #incoming: Incoming | undefined;

  constructor(parts: {
    readonly settling: Settling;
    readonly massCanceling: MassCanceling;
    readonly stateChanging: StateChanging;
  }) {
    this.#settling = parts.settling;
    this.#massCanceling = parts.massCanceling;
    this.#stateChanging = parts.stateChanging;
  }

  /** What is interrupted; undefined when nothing is. */
  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  /** The order that trades now; undefined before the first one. */
  get incoming(): Incoming | undefined {
    return this.#incoming;
  }

  /** The one incoming order of the shard, for the next one to begin. */
  incomingOf(book: Book): Incoming {
    this.#incoming ??= makeIncoming(book);
    return this.#incoming;
  }

  /** Brings a book to quiet after a command's own part; a full step interrupts it. */
  settle(book: Book): Outcome<never> {
    if (this.#settling.run(book, this.incomingOf(book))) return DONE;
    return this.interrupt(book);
  }

  /** Notes that a full step has interrupted the arrival of an order. */
  interrupt(book: Book): Outcome<never> {
    this.#cursor = { book, job: undefined, dueTimeUs: undefined };
    return UNFINISHED;
  }

  /** Begins work of its own; `dueTimeUs` says that no command asked for it. */
  begin(book: Book, job: Job | undefined, dueTimeUs?: number): Outcome<never> {
    this.#cursor = { book, job, dueTimeUs };
    return this.proceed();
  }

  /** Goes on with what is under way. */
  proceed(): Outcome<never> {
    const cursor = assertDefined(this.#cursor, 'there is unfinished work');
    if (cursor.job !== undefined) {
      if (!this.#proceedJob(cursor.job)) return UNFINISHED;
      cursor.job = undefined;
    }
    if (!this.#settling.run(cursor.book, this.incomingOf(cursor.book))) return UNFINISHED;
    this.#cursor = undefined;
    return DONE;
  }

  /** Before an order ends by itself while a mass cancel is interrupted. */
  passOver(order: number): void {
    const job = this.#cursor?.job;
    if (job?.kind === 'massCancel') this.#massCanceling.passOver(job, order);
  }

  #proceedJob(job: Job): boolean {
    switch (job.kind) {
      case 'massCancel':
        return this.#massCanceling.proceed(job);
      case 'stateChange':
        return this.#stateChanging.proceed(job);
      default:
        return assertNever(job);
    }
  }
}
