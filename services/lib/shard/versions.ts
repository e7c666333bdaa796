// Versions of a state machine's behavior and of all formats in its log: one number, held in every
// entry, raised by a record of its own once every replica supports it (LOG-16).

import type { StateMachine } from './state-machine.ts';

/** The log is at a version that this program lacks; it stops before it applies anything of it. */
export class VersionUnsupported extends Error {
  readonly version: number;

  constructor(version: number, { oldest, newest }: VersionRange) {
    const known = oldest === newest ? `version ${newest}` : `versions ${oldest} to ${newest}`;
    const advice = version > newest ? 'start a newer program' : 'start an older program once';
    super(`the log is at version ${version}, this program knows ${known}: ${advice} (LOG-16)`);
    this.version = version;
  }
}

export type VersionRange = { readonly oldest: number; readonly newest: number };

type Versioned = Pick<
  StateMachine<never, never, never>,
  'formatVersion' | 'versions' | 'useVersion'
>;

/** The versions that a machine can behave as. */
export function versionsOf({ formatVersion, versions }: Versioned): VersionRange {
  return versions ?? { oldest: formatVersion, newest: formatVersion };
}

/**
 * Has a machine behave as a version from here on.
 *
 * @throws VersionUnsupported
 */
export function useVersion(machine: Versioned, version: number): void {
  if (machine.formatVersion === version) return;
  const known = versionsOf(machine);
  if (version < known.oldest || version > known.newest || machine.useVersion === undefined) {
    throw new VersionUnsupported(version, known);
  }
  machine.useVersion(version);
}
