// The rules of the book, one a file, in a language that a trader can read.

import { testGoldens } from '../runner.ts';
import { interpret } from './language.ts';

testGoldens(import.meta.dirname, interpret);
