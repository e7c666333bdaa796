// Runs all sequences of commands up to a length: the naive book as a tree, in which a sequence goes
// on from a copy of the book before; the engine each sequence from the beginning, on an
// instrument of its own, which is retired afterwards.

import { SLOT_COUNT } from '../../../services/lib/routing/slot.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import { EngineVenue } from '../../support/matching/engine-venue.ts';
import { WIDE_RULES } from '../../support/matching/one-book.ts';
import { NaiveBook } from './naive-book.ts';
import { applyTo } from './naive-machine.ts';
import { OPEN_LIMITS, showBook } from './naive-venue.ts';
import { isSame } from './same.ts';
import { scenarioOf } from './scenario-writer.ts';
import { ALPHABET, type Letter } from './sequences.ts';
import { settingsOf } from './settings.ts';

/** After so many instruments the engine begins anew, so that it does not grow. */
const INSTRUMENTS_PER_MACHINE = 500;

const RULES = { ...WIDE_RULES, volatilityAuctionUs: 1_000_000 };

/** The engine, with a fresh instrument for each sequence. */
class FreshBooks {
  #venue = new EngineVenue();
  #count = INSTRUMENTS_PER_MACHINE;

  /** Events of the last command, and the book after it. */
  run(letters: readonly Letter[]): { told: MatchingEvent[]; shown: unknown } {
    if (this.#count === INSTRUMENTS_PER_MACHINE) this.#begin();
    this.#count += 1;
    const instrumentNumber = this.#count;
    const rules = { ...RULES, instrumentNumber, instrumentId: `X${instrumentNumber}` };
    this.#apply({ kind: 'setInstrument', rules, initialState: 'CONTINUOUS' });
    let told: MatchingEvent[] = [];
    letters.forEach((letter, index) => {
      told = this.#apply(numbered(letter(index + 1), instrumentNumber));
    });
    const shown = this.#venue.show(instrumentNumber);
    if (this.#count % 50 === 0) this.#venue.machine.assertSound();
    this.#apply({ kind: 'retireInstrument', instrumentNumber, comment: '' });
    return { told, shown };
  }

  #begin(): void {
    this.#venue = new EngineVenue();
    const slots = Array.from({ length: SLOT_COUNT }, (_, slot) => slot);
    this.#apply({ kind: 'acquireSlots', slots, generation: 1 });
    this.#count = 0;
  }

  #apply(command: MatchingCommand): MatchingEvent[] {
    const events: MatchingEvent[] = [];
    const context = { logTimeUs: 0, identity: 'sequence', validUntilUs: 0 };
    const emit = (event: MatchingEvent) => events.push(event);
    const outcome = this.#venue.machine.apply(command, context, emit);
    if (outcome.kind === 'unfinished') throw new Error('a short command takes one step');
    return events;
  }
}

function numbered(command: MatchingCommand, instrumentNumber: number): MatchingCommand {
  if (command.kind === 'placeOrder') {
    return { ...command, terms: { ...command.terms, instrumentNumber } };
  }
  if (command.kind === 'placeOrderGroup') {
    return { ...command, legs: command.legs.map((leg) => ({ ...leg, instrumentNumber })) };
  }
  return { ...command, instrumentNumber } as MatchingCommand;
}

/** @returns how many sequences were compared */
export function compareSequences(length: number): number {
  const engine = new FreshBooks();
  let count = 0;
  const goOn = (before: NaiveBook, letters: readonly Letter[]): void => {
    for (const letter of ALPHABET) {
      const sequence = [...letters, letter];
      const book = before.copy();
      applyTo(book, letter(sequence.length));
      const { told, shown } = engine.run(sequence);
      count += 1;
      const areSame = isSame(book.events, told, 'instrumentNumber');
      if (!areSame || !isSame(showBook(book), shown)) explain(sequence, book, told, shown);
      if (sequence.length < length) goOn(book, sequence);
    }
  };
  const empty = new NaiveBook(RULES, 'CONTINUOUS', OPEN_LIMITS);
  empty.emit({ kind: 'instrumentSet', rules: RULES, state: 'CONTINUOUS' });
  goOn(empty, []);
  return count;
}

function explain(
  letters: readonly Letter[],
  book: NaiveBook,
  told: readonly MatchingEvent[],
  shown: unknown,
): never {
  const steps = letters.map((letter, index) => letter(index + 1));
  const settings = { ...settingsOf(0), rules: RULES, state: 'CONTINUOUS', limits: {} } as const;
  const scenario = scenarioOf(settings, steps).join('\n');
  const text = (value: unknown) =>
    JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}` : one));
  const expected = `${text(book.events)}\n${text(showBook(book))}`;
  throw new Error(`${scenario}\n\nexpected ${expected}\nengine   ${text(told)}\n${text(shown)}`);
}
