// Virtual time, seeded chance and the order of everything that happens in one run: one event at a
// time, each in the name of one process, and after it everything that follows from it at once.

import { createHash, type Hash } from 'node:crypto';
import type { Timer } from '../../../services/lib/shard/world.ts';
import { Simulation } from '../../support/shard/simulated-world.ts';
import { settleMicrotasks } from './clock-guard.ts';

/** Something that can be killed or paused; what it was going to do then does not happen. */
export type Actor = {
  readonly name: string;
  readonly alive: boolean;
  readonly paused: boolean;
};

type Event = {
  timeUs: number;
  order: number;
  readonly actor: Actor | undefined;
  readonly run: () => void;
  canceled: boolean;
};

export class Kernel extends Simulation {
  /** Whose event it is that happens now. */
  current: Actor | undefined;
  steps = 0;
  /** Told after every event and what followed from it. */
  onStep: () => void = () => {};
  readonly #heap: Event[] = [];
  /** What waits for processes that are paused, in its order. */
  readonly #deferred = new Map<Actor, Event[]>();
  #order = 0;
  #state: number;
  readonly #history: Hash = createHash('sha256');
  readonly #lines: string[] = [];
  #pending = '';
  keepsHistory = false;
  #isOver = false;

  constructor(seed: number) {
    super(seed);
    this.#state = (Math.imul(seed, 0x9e3779b1) + 0x7f4a7c15) >>> 0;
  }

  /** A number from 0 to 1, the same for the same seed (splitmix32). */
  override random(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below the bound. */
  pick(bound: number): number {
    return Math.floor(this.random() * bound);
  }

  override after(delayUs: number, run: () => void): Timer {
    return this.schedule(undefined, delayUs, run);
  }

  /** Lets something happen later, unless its process is dead by then. */
  schedule(actor: Actor | undefined, delayUs: number, run: () => void): Timer {
    const timeUs = this.timeUs + Math.max(0, Math.ceil(delayUs));
    const event: Event = { timeUs, order: this.#order++, actor, run, canceled: false };
    this.#push(event);
    return {
      cancel: () => {
        event.canceled = true;
      },
    };
  }

  /** A process was paused and goes on: what came meanwhile happens now, in its order. */
  resume(actor: Actor): void {
    const deferred = this.#deferred.get(actor) ?? [];
    this.#deferred.delete(actor);
    for (const event of deferred) {
      event.timeUs = this.timeUs;
      event.order = this.#order++;
      this.#push(event);
    }
  }

  #defer(actor: Actor, event: Event): void {
    const deferred = this.#deferred.get(actor);
    if (deferred === undefined) this.#deferred.set(actor, [event]);
    else deferred.push(event);
  }

  /** Writes a line into the history, whose hash tells two runs apart. */
  note(line: string): void {
    if (this.#isOver) return;
    this.#pending += `${this.timeUs} ${line}\n`;
    if (this.keepsHistory) this.#lines.push(`${this.timeUs} ${line}`);
    if (this.#pending.length < 1 << 15) return;
    this.#history.update(this.#pending);
    this.#pending = '';
  }

  get history(): readonly string[] {
    return this.#lines;
  }

  /** Hash of everything that was noted; ends the history. */
  digest(): string {
    this.#isOver = true;
    return this.#history.update(this.#pending).update(`${this.steps}`).digest('hex');
  }

  override async run(durationUs: number): Promise<void> {
    const endUs = this.timeUs + durationUs;
    await this.runUntil(() => false, endUs);
    this.timeUs = Math.max(this.timeUs, endUs);
  }

  /** Lets time pass until the condition holds; false when it does not by `endUs`. */
  async runUntil(holds: () => boolean, endUs: number): Promise<boolean> {
    await settleMicrotasks();
    while (!holds()) {
      const next = this.#heap[0];
      if (next === undefined || next.timeUs > endUs) return false;
      this.#pop();
      if (next.canceled || next.actor?.alive === false) continue;
      this.timeUs = next.timeUs;
      if (next.actor?.paused === true) {
        this.#defer(next.actor, next);
        continue;
      }
      this.steps += 1;
      this.current = next.actor;
      next.run();
      await settleMicrotasks();
      this.current = undefined;
      this.onStep();
    }
    return true;
  }

  /** Runs something in the name of a process, with what follows from it left to the next event. */
  as<T>(actor: Actor, run: () => T): T {
    const before = this.current;
    this.current = actor;
    try {
      return run();
    } finally {
      this.current = before;
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Event;
      if (!isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) {
        child += 1;
      }
      if (!isBefore(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.timeUs === other.timeUs ? one.order < other.order : one.timeUs < other.timeUs;
}
