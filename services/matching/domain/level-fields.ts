// Where the fields of a price level stand (level-store.ts); see order-fields.ts.

// 64-bit floats.
/** Price in price units. */
export const LEVEL_PRICE = 0;
/** Sum of what its orders have open, in quantity units (MAT-5). */
export const LEVEL_QUANTITY = 1;

// 32-bit words.
/** Oldest order; of a free level the next free one. */
export const FIRST = 4;
/** Youngest order. */
export const LAST = 5;
/** Number of orders. */
export const ORDER_COUNT = 6;
/** Number of the side that the level belongs to, unique in the shard; -1 when it is free. */
export const SIDE_NUMBER = 7;
