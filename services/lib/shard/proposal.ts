// What callers hand to a shard and what they get back. Plain values; adapters turn them into
// messages and errors.

import type { Refusal } from './state-machine.ts';
import type { WireWriter } from './wire.ts';

/**
 * How urgent a command is (LOG-10): `internal` (settlement, forbid, move), `cancel`, `rest`. A
 * lower class never makes a higher one wait or be refused.
 */
export type CommandClass = 'internal' | 'cancel' | 'rest';

/** One command for a shard. */
export type Proposal<C> = {
  /** By which a retry is recognised (LOG-11): 1 to 128 bytes of UTF-8. */
  readonly identity: string;
  /** Not applied after this log time; at most 60 s ahead of log time. */
  readonly validUntilUs: number;
  /** W3C `traceparent` of the caller; empty when not traced. */
  readonly traceContext: string;
  readonly commandClass: CommandClass;
  /**
   * Commands with an equal key keep their order of arrival, whatever their classes: so a cancel
   * never overtakes its order (MOV-9).
   */
  readonly orderingKey?: string | number | undefined;
  /** A second such key: for requests of one stream over several accounts. */
  readonly streamKey?: string | undefined;
  readonly command: C;
  /** The command's canonical encoding, when the caller has it already. */
  readonly encodedCommand?: Uint8Array | undefined;
  /** The version to raise the log to; then there is no command (LOG-16). */
  readonly raisesVersionTo?: number;
};

/** How a command ended, when it was applied. */
export type FinalOutcome<A> =
  | { readonly kind: 'done'; readonly answer?: A }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Why a proposal was not applied. Each did nothing and may be tried again, unless noted. */
export type NotAppliedReason =
  /** This host does not lead the shard. */
  | 'NOT_LEADER'
  /** The queue of the command's class, or the memory of identities, is full (LOG-10, LOG-11). */
  | 'SHARD_OVERLOADED'
  /** The leader cannot reach its log at present (REP-6). */
  | 'LOG_UNAVAILABLE'
  /** The shard's log has passed `validUntilUs`; this attempt did nothing (LOG-11). */
  | 'COMMAND_EXPIRED'
  /** A leader died of it; refused until an operator lifts that (LOG-14). */
  | 'COMMAND_QUARANTINED'
  /** There is little room for the log, and the command can wait (SNAP-5). */
  | 'LOG_SPACE_LOW'
  /** Not a proposal: an identity out of bounds, or `validUntilUs` too far ahead. Never retry. */
  | 'PROPOSAL_INVALID';

/** What became of a proposal. */
export type ProposalResult<E, A> =
  | AppliedResult<E, A>
  | {
      readonly kind: 'notApplied';
      readonly reason: NotAppliedReason;
      readonly detail: Readonly<Record<string, string>>;
    }
  /** The host ended before it knew; the same proposal gives certainty elsewhere. */
  | { readonly kind: 'unknown' };

/** A command that is applied and committed (LOG-5). */
export type AppliedResult<E, A> = {
  readonly kind: 'applied';
  /** True when an earlier attempt had been applied; everything else is that one's. */
  readonly duplicate: boolean;
  /** Log time, index and so on of the entry in which the command began. */
  readonly logTimeUs: number;
  readonly entryIndex: number;
  /** Sequence of the first event, or of the next one to come when there are none. */
  readonly firstSequence: number;
  /** The events, over all entries if it took several (LOG-17); then not dense in sequence. */
  readonly events: readonly E[];
  /** The same in their canonical encoding, where it is at hand. */
  readonly encodedEvents?: readonly Uint8Array[];
  readonly outcome: FinalOutcome<A>;
};

/** Converts between the machine's types and their canonical bytes (LOG-6). */
export interface ShardCodec<C, E, A> {
  encodeCommand(command: C): Uint8Array;
  /** @throws Error when the bytes are not a command. */
  decodeCommand(bytes: Uint8Array): C;
  encodeEvent(event: E): Uint8Array;
  /**
   * As `encodeEvent`, in a writer that the caller empties before the next call; undefined when the
   * codec does not write this event that way.
   */
  writeFrequentEvent?(event: E): WireWriter | undefined;
  decodeEvent(bytes: Uint8Array): E;
  encodeAnswer(answer: A): Uint8Array;
  decodeAnswer(bytes: Uint8Array): A;
}

/** Longest identity in bytes. */
export const MAXIMUM_IDENTITY_BYTES = 128;

/** How far `validUntilUs` may lie ahead of log time. */
export const MAXIMUM_VALIDITY_US = 60_000_000;

/** How long an identity is remembered after its `validUntilUs` (LOG-11). */
export const ANSWER_WINDOW_US = 60_000_000;
