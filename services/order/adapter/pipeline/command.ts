// A command on its way to a shard, and what becomes of it.

import type { ErrorReasonName } from '../../../lib/platform/errors/reasons.ts';
import type { World } from '../../../lib/shard/world.ts';

/** What the flow of an order may touch of the world (W-1). */
export type FlowWorld = Pick<World, 'wallClockUs' | 'setTimer' | 'nextTurn' | 'randomBytes'>;

/** What became of a command. */
export type Settled<R> =
  /** Applied and committed (LOG-5); `duplicate` when an earlier attempt was. */
  | { readonly kind: 'committed'; readonly committed: R; readonly duplicate: boolean }
  /** Refused by the shard; this attempt did nothing. */
  | {
      readonly kind: 'refused';
      readonly reason: ErrorReasonName;
      readonly detail: Readonly<Record<string, string>>;
    }
  /** Its time ran out before the shard ever had it: it did nothing. */
  | { readonly kind: 'unsent' }
  /** Its time ran out without an answer: it may or may not have been applied. */
  | { readonly kind: 'unknown' };

/** One command on its way to a shard. */
export type Command<C, R> = {
  /** Slot of its key; tells where it goes after a move. */
  readonly slot: number;
  /** Identity by which a retry is recognised (LOG-11). */
  readonly identity: string;
  /** Not applied after this time, in microseconds since the Unix epoch; kept by every attempt. */
  readonly validUntilUs: number;
  /** W3C `traceparent`; empty when not traced. */
  readonly traceContext: string;
  /** Commands of one group keep their order at the shard as well; absent: no group. */
  readonly orderingGroup?: bigint;
  /** Whose it is: commands of one owner in one slot keep their order. Absent: with all of them. */
  readonly owner?: number | string | undefined;
  /** True: it goes before what others have sent and the leader does not have yet (LOG-10). */
  readonly isUrgent?: boolean;
  readonly content: C;
  /** True: transient refusals are tried again until `validUntilUs`; false: they are handed out. */
  readonly insists: boolean;
  readonly settle: (settled: Settled<R>) => void;
};

/** A command as it is sent: `number` is its place among all commands of this process. */
export type NumberedCommand<C, R> = Command<C, R> & { readonly number: number; sent: boolean };

/** Answer to one command, as a link reports it. */
export type CommandResult<R> = {
  readonly number: number;
  readonly settled: Extract<Settled<R>, { kind: 'committed' | 'refused' }>;
};
