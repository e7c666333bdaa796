// Dead man's switches of a shard's accounts (CXL-2): when the next one goes off, and what those
// that went off still have to cancel. An account's own time stands in the account; here is only in
// which order to look at them.
import { type Hasher, Part, type StateDigest } from './digest.ts';

/** What a switch that went off still has to cancel, one instrument a time. */
export class DueSwitch extends Part {
  readonly accountNumber: number;
  /** Account sequence of the event by which it went off. */
  readonly dueSequence: number;
  /** Log time at which it went off: later placements are none of its business. */
  readonly dueTimeUs: number;
  readonly instrumentNumbers: Set<number>;

  constructor(named: {
    readonly accountNumber: number;
    readonly dueSequence: number;
    readonly dueTimeUs: number;
    readonly instrumentNumbers: readonly number[];
  }) {
    super();
    this.accountNumber = named.accountNumber;
    this.dueSequence = named.dueSequence;
    this.dueTimeUs = named.dueTimeUs;
    this.instrumentNumbers = new Set(named.instrumentNumbers);
  }

  override feed(hasher: Hasher): void {
    hasher.text('due switch');
    hasher.integer(this.accountNumber);
    hasher.integer(this.dueSequence);
    hasher.integer(this.dueTimeUs);
    for (const instrumentNumber of this.instrumentNumbers) hasher.integer(instrumentNumber);
  }
}

/** A time at which an account's switch is to be looked at. */
type Look = { readonly timeUs: number; readonly accountNumber: number };

export class Switches {
  /** A binary heap, earliest first; at most one useful look for each account. */
  readonly #looks: Look[] = [];
  /** Earliest look of each account. */
  readonly #lookTimes = new Map<number, number>();
  readonly #due = new Map<string, DueSwitch>();
  readonly #digest: StateDigest;

  constructor(digest: StateDigest) {
    this.#digest = digest;
  }

  /** Log time at which some account is to be looked at; undefined when there is none. */
  nextTimeUs(): number | undefined {
    return this.#looks[0]?.timeUs;
  }

  /**
   * An account's switch was set to a time. A renewal to a later time costs nothing: the account is
   * looked at when its first time has come, and then again.
   */
  watch(accountNumber: number, timeUs: number): void {
    const known = this.#lookTimes.get(accountNumber);
    if (known !== undefined && known <= timeUs) return;
    this.#lookTimes.set(accountNumber, timeUs);
    this.#push({ timeUs, accountNumber });
  }

  /** When each account is to be looked at, by account: what `watch` restores. */
  lookTimes(): readonly (readonly [accountNumber: number, timeUs: number])[] {
    return [...this.#lookTimes].sort(([one], [other]) => one - other);
  }

  /** The next account to look at by a log time; undefined when there is none. */
  take(logTimeUs: number): number | undefined {
    for (;;) {
      const [look] = this.#looks;
      if (look === undefined || look.timeUs > logTimeUs) return undefined;
      this.#pop();
      // An earlier time of the same account has come before.
      if (this.#lookTimes.get(look.accountNumber) !== look.timeUs) continue;
      this.#lookTimes.delete(look.accountNumber);
      return look.accountNumber;
    }
  }

  /** An account is looked at no more: no time passes in its slot. */
  unwatch(accountNumber: number): void {
    this.#lookTimes.delete(accountNumber);
  }

  /** Forgets a switch that went off: another shard sees to it. */
  drop(due: DueSwitch): void {
    if (this.#due.delete(keyOf(due))) this.#digest.remove(due);
  }

  /** Files a switch that went off and has something to cancel. */
  file(due: DueSwitch): void {
    this.#due.set(keyOf(due), due);
    this.#digest.mark(due);
  }

  /** Switches that went off and are not done, in the order in which they went off. */
  due(): IterableIterator<DueSwitch> {
    return this.#due.values();
  }

  /** Notes that an instrument is done; false when there was nothing to note. */
  finish(
    named: { readonly accountNumber: number; readonly dueSequence: number },
    instrumentNumber: number,
  ): boolean {
    const due = this.#due.get(keyOf(named));
    if (due === undefined || !due.instrumentNumbers.delete(instrumentNumber)) return false;
    if (due.instrumentNumbers.size > 0) {
      this.#digest.mark(due);
      return true;
    }
    this.#due.delete(keyOf(named));
    this.#digest.remove(due);
    return true;
  }

  #push(look: Look): void {
    const looks = this.#looks;
    let index = looks.length;
    looks.push(look);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isEarlier(looks[parent] as Look, look)) break;
      looks[index] = looks[parent] as Look;
      index = parent;
    }
    looks[index] = look;
  }

  #pop(): void {
    const looks = this.#looks;
    const last = looks.pop();
    if (last === undefined || looks.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= looks.length) break;
      const right = looks[child + 1];
      if (right !== undefined && isEarlier(right, looks[child] as Look)) child += 1;
      if (isEarlier(last, looks[child] as Look)) break;
      looks[index] = looks[child] as Look;
      index = child;
    }
    looks[index] = last;
  }
}

/** By time; accounts of one time by number, so that every replica takes them in one order. */
function isEarlier(one: Look, other: Look): boolean {
  if (one.timeUs !== other.timeUs) return one.timeUs < other.timeUs;
  return one.accountNumber < other.accountNumber;
}

function keyOf(named: { readonly accountNumber: number; readonly dueSequence: number }): string {
  return `${named.accountNumber}/${named.dueSequence}`;
}
