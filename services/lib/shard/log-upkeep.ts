// What keeps a shard's log in order beside appending to it: commands that must not be applied again
// (LOG-14), who reads it and how far (SNAP-4), and cutting off what nobody needs (SNAP-4).

/** A command on which a leader died. */
export type QuarantineRecord = {
  readonly identity: string;
  /** Of the leader that died. */
  readonly epoch: number;
  /** What went wrong, for a person. */
  readonly problem: string;
};

/** The last entry, and the last event, that a consumer has made durable and does not need again. */
export type ConsumedPlace = { readonly entryIndex: number; readonly sequence: number };

/** A registered consumer of a shard's log. */
export type LogConsumer = ConsumedPlace & { readonly consumer: string };

/** What one step of cutting may remove. */
export type CutOrder = {
  /** Entries up to this index. */
  readonly throughEntryIndex: number;
  /** At most so many. */
  readonly limit: number;
};

/**
 * The upkeep of one shard's log, on a session of its own. Every method may throw `LogUnreachable`
 * or `LogNotDurable`.
 */
export interface LogUpkeep {
  /** Has a command refused from now on; it is durable when this returns. */
  quarantine(record: QuarantineRecord): Promise<void>;
  /** Identities of all commands that are refused. */
  fetchQuarantined(): Promise<readonly string[]>;
  /** Registers a consumer, or takes note of how far it has come; a place never goes back. */
  confirmConsumed(consumer: string, place: ConsumedPlace): Promise<void>;
  fetchConsumers(): Promise<readonly LogConsumer[]>;
  /** The consumer is gone for good and needs nothing any more. */
  removeConsumer(consumer: string): Promise<void>;
  /** Index of the first entry that the log holds; 0 when it holds none. */
  fetchStart(): Promise<number>;
  /** Log times of the entries with these indices that are there, in order. */
  fetchLogTimes(entryIndices: readonly number[]): Promise<readonly number[]>;
  /**
   * Removes the lowest entries, and none that a registered consumer has not confirmed.
   *
   * @returns how many were removed
   */
  cut(order: CutOrder): Promise<number>;
  /** Ends the session for good. */
  close(): Promise<void>;
}
