// Where the fields of an order's record stand (order-store.ts). A file of their own, so that the
// store itself can hold constants that the compiler folds: an exported one it loads each time.

/** Length of a record in 32-bit words: 88 bytes. */
export const RECORD_WORDS = 22;

// 64-bit floats.
/** The account's count of placements: with the account number the order id. */
export const PLACEMENT = 0;
/** Open, in quantity units. */
export const REMAINING = 1;
/** Total, in quantity units: what is filled plus what is open. */
export const QUANTITY = 2;
/** Number that the book gave the order when it took its place: the smaller, the earlier. */
export const ARRIVAL = 3;
/** Σ notional × rate of the fills (SET-2), whole part in smallest units; see order-fees.ts. */
export const FEE_WHOLE = 4;

// 32-bit words.
/** What the state checksum counts for this order; see checksum.ts. */
export const HASH = 10;
/** Next younger order of the price level; of a free record the next free one. */
export const NEXT = 11;
/** Next older order of the price level. */
export const PREVIOUS = 12;
/** Level where the order rests; 0 while it does not. */
export const LEVEL = 13;
/** Account and instrument that the order is counted under; 0 while it never rested. */
export const HOLDER = 14;
/** Next younger order of the holder. */
export const HOLDER_NEXT = 15;
/** Next older order of the holder. */
export const HOLDER_PREVIOUS = 16;
export const ACCOUNT = 17;
/** From 1, raised by each amend. */
export const VERSION = 18;
/** The three rates, packed into two words; see `packRates`. */
export const RATES = 19;
/** The bits below, above them the self-trade prevention, and above that the fees' rest. */
export const FLAGS = 21;

/** The order sells. */
export const SELLS = 1;
/** The order must not take (TYP-6). */
export const POST_ONLY = 2;
/** FEE_WHOLE holds a 64-bit integer, because it passed 2^53. */
export const WIDE_FEE = 4;
/** More is known of the order than its record has room for. */
export const HAS_EXTRAS = 8;
/** Its owner is a self-trade group, not its account (STP-1); see `groupOf`. */
export const OWNED_BY_GROUP = 16;
/** Place of the self-trade prevention in the flags, three bits. */
export const PREVENTION_SHIFT = 5;
