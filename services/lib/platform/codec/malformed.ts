// A message that does not say what the contract promises.

import { OperatingError } from '../errors/operating-error.ts';

/** MESSAGE_MALFORMED with a sentence that says what is missing or wrong. */
export function malformed(sentence: string): OperatingError {
  return new OperatingError('MESSAGE_MALFORMED', sentence);
}
