// Who follows a leader (REP-1), and who of them leads next (REP-5).

import type { Successor } from './world.ts';

/** The standbys that follow a leader now, in the order in which they came. */
export class Standbys {
  readonly #present = new Set<object>();
  /** Whom the last batch names, once everything is committed. */
  successor: Successor | undefined;

  get count(): number {
    return this.#present.size;
  }

  add(): object {
    const standby = {};
    this.#present.add(standby);
    return standby;
  }

  remove(standby: object): void {
    this.#present.delete(standby);
  }

  /** Whether it is the one that has snapshots written (SNAP-2). */
  isFirst(standby: object): boolean {
    const [first] = this.#present;
    return first === standby;
  }
}
