// A map that keeps what was put in lately and forgets the rest by halves. Taking the oldest entry
// out of a Map whenever a new one comes would pass over all that were taken out before.

export class RecentMap<K, V> {
  readonly #half: number;
  #recent = new Map<K, V>();
  #former = new Map<K, V>();

  /** @param limit most entries; at least half of them are there once there were so many */
  constructor(limit: number) {
    this.#half = Math.ceil(limit / 2);
  }

  get(key: K): V | undefined {
    return this.#recent.get(key) ?? this.#former.get(key);
  }

  has(key: K): boolean {
    return this.#recent.has(key) || this.#former.has(key);
  }

  /** Puts an entry in as the youngest. */
  set(key: K, value: V): void {
    this.#recent.set(key, value);
    if (this.#recent.size < this.#half) return;
    this.#former = this.#recent;
    this.#recent = new Map();
  }
}
