// Who follows a leader (REP-1).

/** The standbys that follow a leader now, in the order in which they came. */
export class Standbys {
  readonly #present = new Set<object>();

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
