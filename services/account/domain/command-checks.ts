// What the handlers of commands share when they check and refuse one.
import type { Outcome, Refusal } from '../../lib/shard/state-machine.ts';
import type { Answer } from './event.ts';

/** Form of public ids: 1 to 64 of `[A-Za-z0-9._:-]`. */
export const ID_FORM = /^[A-Za-z0-9._:-]{1,64}$/;

export function refused(reason: string, detail?: Record<string, string>): Outcome<Answer> {
  const refusal: Refusal = detail === undefined ? { reason } : { reason, detail };
  return { kind: 'refused', refusal };
}
