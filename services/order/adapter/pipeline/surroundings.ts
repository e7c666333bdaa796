// What a pipeline needs of its surroundings, and the stream that it sends on.

import type { CommandResult, FlowWorld, NumberedCommand } from './command.ts';

/** An open stream to a shard's leader. */
export interface Link<C, R> {
  send(batch: readonly NumberedCommand<C, R>[]): void;
  close(): void;
}

/** What a link tells its pipeline; nothing after `onBroken` or `close`. */
export type LinkListener<R> = {
  readonly onResults: (results: readonly CommandResult<R>[]) => void;
  readonly onBroken: (why: unknown) => void;
};

/** What a pipeline needs of its surroundings. */
export interface PipelineSurroundings<C, R> {
  readonly world: FlowWorld;
  /** Opens a stream to an address, or to the shard's present leader; undefined without one. */
  openLink(shardId: string, listener: LinkListener<R>, address?: string): Link<C, R> | undefined;
  /** Epoch of the shard's present leader; undefined when none serves. */
  leaderEpochOf(shardId: string): number | undefined;
  /** `host:port` of that leader. */
  leaderAddressOf(shardId: string): string | undefined;
  /** Called when a leader or a slot's owner may have changed; returns how to unsubscribe. */
  onPlacementChange(run: () => void): () => void;
  /** The shard that owns the slot by the present table. */
  findShardId(slot: number): string | undefined;
  /** Moves the commands, all of one slot, to another shard's pipeline, in this order. */
  moveSlot(slot: number, shardId: string, commands: readonly NumberedCommand<C, R>[]): void;
}
