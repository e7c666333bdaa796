// A small state machine for tests of the shard host: accounts that are added to, reminders that
// come due, and a spread that takes several entries.

import type { ShardCodec } from '../../../services/lib/shard/proposal.ts';
import type {
  CommandContext,
  Outcome,
  ProceedContext,
  StateMachine,
  StateRestorer,
} from '../../../services/lib/shard/state-machine.ts';

export type ToyCommand =
  /** Adds to a key; refused when the sum would be negative. */
  | { readonly kind: 'add'; readonly key: string; readonly amount: number }
  /** Emits `reminded` at a log time. */
  | { readonly kind: 'remind'; readonly key: string; readonly dueTimeUs: number }
  /** Adds 1 to the keys 1 to `count`, two per entry (LOG-17). */
  | { readonly kind: 'spread'; readonly count: number }
  /** A broken invariant. */
  | { readonly kind: 'crash' };

export type ToyEvent =
  | { readonly kind: 'added'; readonly key: string; readonly total: number }
  | { readonly kind: 'reminded'; readonly key: string; readonly dueTimeUs: number }
  | { readonly kind: 'spread'; readonly count: number };

export type ToyAnswer = { readonly total: number };

type Outcomes = Outcome<ToyAnswer>;
const SPREAD_PER_ENTRY = 2;

export class ToyMachine implements StateMachine<ToyCommand, ToyEvent, ToyAnswer> {
  /** In version 2 every key has a total that is doubled when something is added. */
  readonly versions: { readonly oldest: number; readonly newest: number };
  #version: number;
  readonly totals = new Map<string, number>();
  #reminders: { key: string; dueTimeUs: number }[] = [];
  #cursor: { next: number; count: number } | undefined;
  #logTimeUs = 0;
  readonly #bias: number;

  /**
   * @param bias makes this machine compute otherwise than others
   * @param newest version that it knows; it knows the one before, too
   */
  constructor(bias = 0, newest = 1) {
    this.#bias = bias;
    this.#version = newest;
    this.versions = { oldest: Math.max(1, newest - 1), newest };
  }

  get formatVersion(): number {
    return this.#version;
  }

  useVersion(version: number): void {
    this.#version = version;
  }

  nextDueTimeUs(): number | undefined {
    return this.#reminders[0]?.dueTimeUs;
  }

  advance(logTimeUs: number, emit: (event: ToyEvent) => void): void {
    if (logTimeUs < this.#logTimeUs) throw new Error('log time went back');
    this.#logTimeUs = logTimeUs;
    // At most three at a time, so that a crowd takes several entries.
    for (let count = 0; count < 3; count += 1) {
      const reminder = this.#reminders[0];
      if (reminder === undefined || reminder.dueTimeUs > logTimeUs) return;
      this.#reminders.shift();
      emit({ kind: 'reminded', ...reminder });
    }
  }

  apply(command: ToyCommand, context: CommandContext, emit: (event: ToyEvent) => void): Outcomes {
    if (context.logTimeUs !== this.#logTimeUs) throw new Error('time did not advance first');
    if (this.#cursor !== undefined) throw new Error('a command came before the cursor ended');
    switch (command.kind) {
      case 'add': {
        const before = this.totals.get(command.key) ?? 0;
        const total = before * (this.#version >= 2 ? 2 : 1) + command.amount + this.#bias;
        if (total < 0) {
          const detail = { total: String(before) };
          return { kind: 'refused', refusal: { reason: 'TOO_LITTLE', detail } };
        }
        this.totals.set(command.key, total);
        emit({ kind: 'added', key: command.key, total });
        return { kind: 'done', answer: { total } };
      }
      case 'remind':
        this.#reminders.push({ key: command.key, dueTimeUs: command.dueTimeUs });
        this.#reminders.sort((one, other) => one.dueTimeUs - other.dueTimeUs);
        return { kind: 'done' };
      case 'spread':
        this.#cursor = { next: 1, count: command.count };
        return this.#spread(emit);
      case 'crash':
        throw new Error('the toy is broken');
    }
  }

  proceed(_context: ProceedContext, emit: (event: ToyEvent) => void): Outcomes {
    return this.#spread(emit);
  }

  #spread(emit: (event: ToyEvent) => void): Outcomes {
    const cursor = this.#cursor;
    if (cursor === undefined) throw new Error('nothing is unfinished');
    for (let count = 0; count < SPREAD_PER_ENTRY && cursor.next <= cursor.count; count += 1) {
      const key = String(cursor.next);
      const total = (this.totals.get(key) ?? 0) + 1;
      this.totals.set(key, total);
      emit({ kind: 'added', key, total });
      cursor.next += 1;
    }
    if (cursor.next <= cursor.count) return { kind: 'unfinished' };
    this.#cursor = undefined;
    emit({ kind: 'spread', count: cursor.count });
    return { kind: 'done', answer: { total: cursor.count } };
  }

  *snapshotPieces(): Generator<Uint8Array> {
    yield encode([...this.totals].sort(([one], [other]) => (one < other ? -1 : 1)));
    yield encode([this.#reminders, this.#cursor ?? null, this.#logTimeUs]);
  }

  beginRestore(): StateRestorer {
    let count = 0;
    const take = (piece: Uint8Array): void => {
      count += 1;
      if (count === 1) {
        for (const [key, total] of decode<[string, number][]>(piece)) this.totals.set(key, total);
        return;
      }
      const [reminders, cursor, logTimeUs] = decode<Parameters<ToyMachine['takeRest']>>(piece);
      this.takeRest(reminders, cursor, logTimeUs);
    };
    const end = (): void => {
      if (count !== 2) throw new Error('a piece is missing');
    };
    return { take, end };
  }

  takeRest(
    reminders: { key: string; dueTimeUs: number }[],
    cursor: { next: number; count: number } | null,
    logTimeUs: number,
  ): void {
    this.#reminders = reminders;
    this.#cursor = cursor ?? undefined;
    this.#logTimeUs = logTimeUs;
  }

  stateChecksum(): string {
    const state = {
      totals: [...this.totals].sort(([one], [other]) => (one < other ? -1 : 1)),
      reminders: this.#reminders,
      cursor: this.#cursor,
      time: this.#logTimeUs,
    };
    return JSON.stringify(state);
  }
}

const encode = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const decode = <T>(bytes: Uint8Array): T => JSON.parse(Buffer.from(bytes).toString()) as T;

export const TOY_CODEC: ShardCodec<ToyCommand, ToyEvent, ToyAnswer> = {
  encodeCommand: encode,
  decodeCommand: decode,
  encodeEvent: encode,
  decodeEvent: decode,
  encodeAnswer: encode,
  decodeAnswer: decode,
};
