// Reads of a shard's state by its leader (READ-1).

import type { ReadPlace, ReadResult } from './host-state.ts';
import type { Leadership } from './leadership.ts';
import type { Replica } from './replica.ts';
import type { StateMachine } from './state-machine.ts';

/** Answers from the state that is applied, once that may be shown. */
export function readFrom<C, E, A, T>(
  leadership: Leadership<C, E, A> | undefined,
  replica: Replica<C, E, A> | undefined,
  query: (machine: StateMachine<C, E, A>, place: ReadPlace) => T,
): Promise<ReadResult<T>> {
  if (leadership === undefined || replica === undefined) {
    return Promise.resolve({ kind: 'notAnswered', reason: 'NOT_LEADER' });
  }
  const nextSequence = replica.builder.nextSequence ?? replica.nextSequence;
  const place = { lastSequence: nextSequence - 1, logTimeUs: replica.logTimeUs };
  const value = query(replica.machine, place);
  return new Promise((resolve) => {
    leadership.waitForProof(
      () => resolve({ kind: 'answered', value }),
      (reason) => resolve({ kind: 'notAnswered', reason }),
    );
  });
}
