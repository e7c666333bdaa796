// What an account shard settles from: another shard's events, and where in them it stands.

import type { Command } from '../../domain/command.ts';

/** How far a source is settled, as the shard's state has it. */
export type SettledPlace = {
  readonly sequence: number;
  readonly entryIndex: number;
  readonly chainChecksum: string;
};

/** One event of a source that concerns this shard. */
export type SourceItem = {
  readonly sequence: number;
  /** Of the command that caused it; empty when not traced. */
  readonly traceContext: string;
  readonly logTimeUs: number;
};

/** What a source says at a time. */
export type SourceMessage<Item> = {
  readonly items: readonly Item[];
  /** Everything up to here is in the messages so far. */
  readonly throughSequence: number;
  readonly committed: { readonly entryIndex: number; readonly chainChecksum: string };
  /** Of the slots by which its items were filtered. */
  readonly slotsVersion: number;
  /** It goes on when another source is settled further (MOV-6). */
  readonly held?: boolean;
  /** The stream is over and counts for nothing from here on; it is opened anew. */
  readonly closing: boolean;
};

/** Where a range stands in its source, as the command has it. */
export type SourceRange = {
  readonly sourceShardId: string;
  readonly fromSequence: number;
  readonly throughSequence: number;
  readonly sourceEntryIndex: number;
  readonly sourceChainChecksum: string;
  /** Of the slots by which the events were filtered; absent for one slot. */
  readonly slotsVersion?: number;
};

/** A command that settles a range. */
export type SettlingCommand = Extract<Command, { kind: 'settle' | 'settleTransfers' }>;

/** A slot that came from a shard that was settled less far than this one (MOV-7). */
export type LateSlot = { readonly slot: number; readonly place: SettledPlace };

/** What is followed. */
export type EventSource<Item extends SourceItem> = {
  /**
   * Every event behind a place, as the leader at an address has it.
   *
   * @param slot the only one whose accounts it is about; of all owned ones when absent
   */
  open(
    address: string,
    place: SettledPlace,
    signal: AbortSignal,
    slot?: number,
  ): AsyncIterable<SourceMessage<Item>>;
  /** The last place that the leader at an address has committed (READ-1). */
  fetchEnd(address: string): Promise<SettledPlace>;
  /** The command that settles a range. */
  commandOf(range: SourceRange, items: readonly Item[]): SettlingCommand;
  /** Whether a stretch without events of ours is to be recorded with nothing else to settle. */
  isRecorded(stretch: { readonly events: number; readonly ms: number }): boolean;
};
