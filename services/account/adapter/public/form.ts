// Forms that several requests of operators have.

/** Up to 256 characters without control characters: why something is done, and by whom. */
export const COMMENT_FORM = /^[^\p{Cc}]{0,256}$/u;
