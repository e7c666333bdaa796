// The shard host's only view of the business: a deterministic function of state, command and log
// time (LOG-8). Pure, so that `domain/` may import its types.

import type { SlotCommand, SlotStatus } from '../routing/slot-command.ts';

/** Why a command was refused by the state machine. A refusal changes nothing. */
export type Refusal = {
  readonly reason: string;
  readonly detail?: Readonly<Record<string, string>>;
};

/** What applying a command came to, beside the events it emitted. */
export type Outcome<A> =
  /** The command is finished. `answer` is what events alone cannot say (an existing record). */
  | { readonly kind: 'done'; readonly answer?: A }
  /** The command changed nothing and emitted nothing. */
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The machine keeps a cursor; the host calls `proceed` in the next entry (LOG-17). */
  | { readonly kind: 'unfinished' };

/** What a state machine may know about a command beside its content. */
export type CommandContext = {
  /** Log time of the entry, in microseconds since the Unix epoch. */
  readonly logTimeUs: number;
  /** Identity of the command (LOG-11), 1 to 128 bytes of UTF-8. */
  readonly identity: string;
  /** The command was valid until this log time. */
  readonly validUntilUs: number;
};

/** What a state machine may know when it carries on unfinished work. */
export type ProceedContext = { readonly logTimeUs: number };

/**
 * A deterministic state machine over commands `C`, events `E` and answers `A`.
 *
 * The host calls, for every entry of the log and in this order: `advance`, then `proceed` until
 * the unfinished command has ended or the entry is full, then `apply` per command. The calls may
 * throw only on a broken invariant.
 */
export interface StateMachine<C, E, A> {
  /**
   * Version of behavior and formats that it has at present, held in every entry of the log
   * (LOG-16). A new machine has its newest.
   */
  readonly formatVersion: number;
  /** The versions that it can behave as: at least n and n-1. Only its present one when absent. */
  readonly versions?: { readonly oldest: number; readonly newest: number };
  /** Behaves as one of these from the next call on. Present if `versions` is. */
  useVersion?(version: number): void;
  /** Log time of the earliest work that is due by itself; undefined when there is none. */
  nextDueTimeUs(): number | undefined;
  /** Does everything that is due at or before `logTimeUs`, by due time, then age (LOG-15). */
  advance(logTimeUs: number, emit: (event: E) => void): void;
  /** Applies one command. */
  apply(command: C, context: CommandContext, emit: (event: E) => void): Outcome<A>;
  /** Carries on the command that was left unfinished; never answers `refused`. */
  proceed(context: ProceedContext, emit: (event: E) => void): Outcome<A>;
  /** Covers everything that can influence the future; equal on all replicas at equal index. */
  stateChecksum(): string;
  /** True while no snapshot can be taken, because something was interrupted (LOG-17). */
  readonly hasUnfinishedWork?: boolean;
  /**
   * The whole state in its canonical form (SNAP-1), in pieces of at most `MOST_PIECE_BYTES`: equal
   * bytes for equal states, whatever led to them. Nothing is applied before the last piece is read,
   * and `hasUnfinishedWork` is not true.
   */
  snapshotPieces?(): Iterable<Uint8Array>;
  /**
   * Takes over a state, on a machine to which nothing was applied. The state checksum is computed
   * from what was taken over. Present if `snapshotPieces` is.
   */
  beginRestore?(): StateRestorer;
  /** Present when the machine's slots can move to other shards (MOV-1). */
  readonly slots?: MovableSlots<C>;
}

/**
 * What the host has to know of slots to let them move: to remember identities with their slot
 * (LOG-11), and to read out of one shard's log what another has to take over (MOV-3).
 */
export interface MovableSlots<C> {
  /** What the shard knows of a slot. */
  statusOf(slot: number): SlotStatus;
  /** The slot that a command belongs to; undefined when to none, to several, or to none here. */
  slotOf(command: C): number | undefined;
  /** Whether a command, applied now, may change a slot: then the slot's tail has it. */
  concerns(command: C, slot: number): boolean;
  /** The step of a slot's move that a command is; undefined when it is none. */
  stepOf(command: C): SlotCommand<C> | undefined;
  /** Steps of due work that a slot has taken since the machine was made; not part of the state. */
  dueStepsOf(slot: number): number;
  /**
   * The state of a slot that is owned or frozen, in its canonical form (SNAP-1), in pieces of at
   * most `MOST_PIECE_BYTES`: the content of `CopySlot`. Only while `hasUnfinishedWork` is not true.
   */
  piecesOf(slot: number): Iterable<Uint8Array>;
  /**
   * What brings a copy of the pieces so far up to date, when the machine does not do once more what
   * tails say: then tails are about identities alone. Begins anew with `piecesOf`.
   */
  changesOf?(slot: number): Iterable<Uint8Array>;
  /** Covers everything in the slot that can influence the future; 32 hexadecimal digits. */
  checksumOf(slot: number): string;
}

/** Longest piece of a machine's snapshot. */
export const MOST_PIECE_BYTES = 1 << 16;

/** Takes over the pieces of a snapshot in their order, so that its caller may pause in between. */
export interface StateRestorer {
  /** @throws Error when the piece is not one that this version writes. */
  take(piece: Uint8Array): void;
  /** To be called behind the last piece. @throws Error when pieces are missing. */
  end(): void;
}
