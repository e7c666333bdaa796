// The goldens again, with the naive book in the engine's place: two readings of every rule.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { NaiveVenue } from '../../model/matching/naive-venue.ts';
import { STEP_ENDS } from '../../support/matching/venue.ts';
import { LINE } from '../line.ts';
import { interpret } from './language.ts';

/** What the naive book has no part in: slots, and the rules that an instrument itself must keep. */
const NOT_OF_THE_BOOK = ['mov-1-slots.txt', 'ref-2-instrument-too-large.txt'];

/** It refuses without a reason and knows no steps. */
function asNaive(lines: readonly string[]): string[] {
  return lines
    .filter((line) => line.trim() !== STEP_ENDS)
    .map((line) => line.replace(/^ {2}refused: .*/, '  refused'));
}

test('the naive book does what every golden says', () => {
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.txt'));
  const differing = files.filter((name) => {
    if (NOT_OF_THE_BOOK.includes(name)) return false;
    const text = readFileSync(join(import.meta.dirname, name), 'utf8');
    const [commands = '', outcome = ''] = text.split(`${LINE}\n`);
    const told = interpret(commands.split('\n'), (limits) => new NaiveVenue(limits));
    return told.join('\n') !== asNaive(outcome.trimEnd().split('\n')).join('\n');
  });
  expect(differing).toEqual([]);
});
