// Bounds that servers and clients share.

/** Largest message taken or sent; the contracts stay below (contracts, Style). */
export const MESSAGE_BYTES_LIMIT = 4 * 1024 * 1024;

/** How deep a received message may nest (contracts, Style). */
export const MESSAGE_DEPTH_LIMIT = 1_000;

/** How long a call may take when its caller says nothing else. */
export const DEFAULT_TIMEOUT_MS = 2_000;
