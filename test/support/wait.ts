// Waits for a condition with a deadline, instead of sleeping for luck.

import { setTimeout as delay } from 'node:timers/promises';

export type WaitOptions = {
  /** What is waited for, for the message when it does not come: "the book to have two orders". */
  readonly what: string;
  readonly deadlineMs?: number;
  readonly pollMs?: number;
};

/**
 * Asks again and again until the answer is neither `undefined` nor `false`; a question that throws
 * is asked again, too.
 *
 * @throws Error naming what did not come, with the last error as its cause.
 */
export async function waitUntil<T>(
  ask: () => T | Promise<T>,
  { what, deadlineMs = 10_000, pollMs = 10 }: WaitOptions,
): Promise<Exclude<T, undefined | false>> {
  const deadline = Date.now() + deadlineMs;
  let lastError: unknown;
  do {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    await delay(pollMs);
  } while (Date.now() < deadline);
  throw new Error(`waited ${deadlineMs} ms in vain for ${what}`, { cause: lastError });
}
