// What the effects of one settled event of a matching shard have in common.
import type { Emit } from './event.ts';
import type { MatchingEvent } from './matching-event.ts';
import type { LedgerState } from './state.ts';

/** What is the same for all effects of one matching event. */
export type Cause = {
  readonly state: LedgerState;
  readonly emit: Emit;
  readonly sourceShardId: string;
  /** Identity of the matching command. */
  readonly identity: string;
  /** Log time of the matching shard's entry. */
  readonly eventTimeUs: number;
  /** Log time of this shard's entry. */
  readonly logTimeUs: number;
  readonly event: MatchingEvent;
};
