// Which slot has work that is due next (LOG-15): by time, then slot. A slot is looked at anew when
// something has happened in it, and only when somebody asks.
import type { SlotState } from './slot-state.ts';

/** Due work of the slots that time passes in. */
export class DueSlots<E> {
  readonly #states = new Set<SlotState<E>>();
  readonly #touched: SlotState<E>[] = [];
  #next: SlotState<E> | undefined;

  /** Something has happened in the slot, or time passes in it from here on. */
  touch(state: SlotState<E>): void {
    if (state.isTouched) return;
    state.isTouched = true;
    this.#touched.push(state);
  }

  /** Time passes in the slot no more. */
  remove(state: SlotState<E>): void {
    state.dueTimeUs = undefined;
    this.#states.delete(state);
    if (this.#next === state) this.#findNext();
    if (!state.isTouched) return;
    state.isTouched = false;
    this.#touched.splice(this.#touched.indexOf(state), 1);
  }

  /** The slot whose work is due first; undefined when there is none. */
  next(): SlotState<E> | undefined {
    for (let state = this.#touched.pop(); state !== undefined; state = this.#touched.pop()) {
      state.isTouched = false;
      const timeUs = state.shard.due.nextTimeUs();
      if (timeUs === state.dueTimeUs) continue;
      state.dueTimeUs = timeUs;
      if (timeUs === undefined) this.#states.delete(state);
      else this.#states.add(state);
      if (this.#next === state) this.#findNext();
      else if (isBefore(state, this.#next)) this.#next = state;
    }
    return this.#next;
  }

  #findNext(): void {
    this.#next = undefined;
    for (const state of this.#states) if (isBefore(state, this.#next)) this.#next = state;
  }
}

function isBefore<E>(one: SlotState<E>, other: SlotState<E> | undefined): boolean {
  if (one.dueTimeUs === undefined) return false;
  if (other?.dueTimeUs === undefined) return true;
  if (one.dueTimeUs !== other.dueTimeUs) return one.dueTimeUs < other.dueTimeUs;
  return one.slot < other.slot;
}
