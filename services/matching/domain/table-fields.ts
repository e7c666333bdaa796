// What an entry of a hash table of numbers is made of (handle-table.ts); see order-fields.ts.

/** Low bits of an entry: its distance; above them the number. */
export const DISTANCE_BITS = 6;
/** This far or further: the hash tells. */
export const FAR = 2 ** DISTANCE_BITS - 1;
/** Numbers that an entry has room for. */
export const NUMBER_LIMIT = 2 ** (32 - DISTANCE_BITS);
