// The rules of the book, one a file, in a language that a trader can read.

import { EngineVenue } from '../../support/matching/engine-venue.ts';
import { testGoldens } from '../runner.ts';
import { interpret } from './language.ts';

testGoldens(import.meta.dirname, (lines) => interpret(lines, (limits) => new EngineVenue(limits)));
