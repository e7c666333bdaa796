// Bounds of a matching shard (MAT-7, LOG-17). They are part of its behavior: every replica of a
// shard has the same.

/** Bounds of a matching shard. */
export type MatchingLimits = {
  /** Resting orders a book holds before new ones are refused (`BOOK_FULL`). */
  readonly ordersPerBook: number;
  /** Orders that wait to be triggered in a book before new ones are refused (`BOOK_FULL`). */
  readonly waitingPerBook: number;
  /** Trailing stops among them (`BOOK_FULL`): each is looked at after each print. */
  readonly trailingPerBook: number;
  /** Events after which a step ends and the command goes on in the next entry. */
  readonly eventsPerStep: number;
  /** Forbids remembered at a time; beyond it new ones are refused (`SHARD_OVERLOADED`). */
  readonly forbids: number;
};

/** What holds when nothing else is said. */
export const DEFAULT_LIMITS: MatchingLimits = {
  ordersPerBook: 1_048_576,
  waitingPerBook: 65_536,
  trailingPerBook: 4_096,
  eventsPerStep: 4_000,
  forbids: 1_000_000,
};
