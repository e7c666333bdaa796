// Slots that are moving (MOV-3): their commands wait in their order, without being in the way of
// other slots, until the cluster table changes or a growing pause is over.

import type { Timer } from '../../../lib/shard/world.ts';
import type { FlowWorld, NumberedCommand } from './command.ts';

/** Pause before a moving slot is tried again; a change of the table ends it. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 50;

export class ParkedSlots<C, R> {
  readonly #world: FlowWorld;
  readonly #retry: () => void;
  readonly #commands = new Map<number, NumberedCommand<C, R>[]>();
  #timer: Timer | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #depth = 0;

  /** @param retry called when it is time to try them again */
  constructor(world: FlowWorld, retry: () => void) {
    this.#world = world;
    this.#retry = retry;
  }

  /** How many commands are parked. */
  get depth(): number {
    return this.#depth;
  }

  slots(): readonly number[] {
    return [...this.#commands.keys()];
  }

  /** Adds a command behind those of its slot; false when the slot is not parked. */
  add(command: NumberedCommand<C, R>): boolean {
    const commands = this.#commands.get(command.slot);
    if (commands === undefined) return false;
    commands.push(command);
    this.#depth += 1;
    return true;
  }

  /** Parks all commands of slots that are not parked, in this order. */
  park(commands: readonly NumberedCommand<C, R>[]): void {
    for (const command of commands) {
      if (!this.#commands.has(command.slot)) this.#commands.set(command.slot, []);
      this.add(command);
    }
    if (this.#depth === 0 || this.#timer !== undefined) return;
    this.#timer = this.#world.setTimer(this.#pauseMs, () => {
      this.#timer = undefined;
      this.#retry();
    });
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  /** What was tried again went through: the next slot that moves is tried again soon. */
  resetPause(): void {
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  /** The commands of a slot, which is not parked any more. */
  take(slot: number): NumberedCommand<C, R>[] {
    const commands = this.#commands.get(slot) ?? [];
    this.#commands.delete(slot);
    this.#depth -= commands.length;
    if (this.#depth > 0) return commands;
    this.#timer?.cancel();
    this.#timer = undefined;
    return commands;
  }

  takeAll(): NumberedCommand<C, R>[] {
    return this.slots().flatMap((slot) => this.take(slot));
  }
}
