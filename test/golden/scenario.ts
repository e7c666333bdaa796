// `npm run -s engine:scenario -- FILE`: runs a scenario in the language of the goldens against the
// engine and prints what it leads to, in the form of the part below a golden's line.

import { readFileSync } from 'node:fs';
import { EngineVenue } from '../support/matching/engine-venue.ts';
import { LINE } from './line.ts';
import { interpret } from './matching/language.ts';
import { ScenarioError } from './matching/words.ts';

/** Ends with what is wrong, in one line. */
function fail(text: string): never {
  console.error(text);
  process.exit(1);
}

const [path, ...others] = process.argv.slice(2);
if (path === undefined || others.length > 0) fail('usage: npm run -s engine:scenario -- FILE');

try {
  const text = readFileSync(path, 'utf8');
  // A golden file has its outcome below the line; it is a scenario like any other.
  const [commands = ''] = text.split(`${LINE}\n`);
  const told = interpret(commands.split(/\r?\n/), (limits) => new EngineVenue(limits));
  process.stdout.write(`${told.join('\n')}\n`);
} catch (error) {
  if (error instanceof ScenarioError) fail(`${path}: ${error.message}`);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code === 'string') fail(`${path} cannot be read: ${code}`);
  throw error;
}
