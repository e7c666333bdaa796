// What is allowed to break a size, and why. Everything here should be hard to add to.

export type Exception = { readonly path: string; readonly reason: string };

export const LONG_FILES: readonly Exception[] = [];

/** `path#function` */
export const LONG_FUNCTIONS: readonly Exception[] = [];
