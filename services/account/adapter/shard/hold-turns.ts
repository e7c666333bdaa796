// Places of holds that were refused as short and will be asked again (SET-4): while one is awaited,
// no later hold on the same money that may be asked again goes before it. Who does not come back
// in time, because its order service has died, loses its place; it costs nobody anything else.

import type { World } from '../../../lib/shard/world.ts';

/** How long a place is kept; a hold comes back when the account's earlier requests have ended. */
const TURN_LIMIT_MS = 10_000;
/** Places kept; at the bound the oldest is lost. */
const MOST_TURNS = 65_536;

type Turn = { readonly key: string; readonly deadlineUs: number };

export class HoldTurns {
  readonly #world: Pick<World, 'monotonicUs'>;
  /** By hold, oldest first, which is the order of the deadlines too. */
  readonly #turns = new Map<string, Turn>();
  /** How many are awaited, by account and asset. */
  readonly #counts = new Map<string, number>();

  constructor(world: Pick<World, 'monotonicUs'>) {
    this.#world = world;
  }

  /** A hold was refused as short and keeps its place for a while. */
  begin(name: string, key: string): void {
    this.end(name);
    if (this.#turns.size >= MOST_TURNS) {
      const [oldest] = this.#turns.keys();
      if (oldest !== undefined) this.end(oldest);
    }
    this.#turns.set(name, {
      key,
      deadlineUs: this.#world.monotonicUs() + TURN_LIMIT_MS * 1000,
    });
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** The hold has come back; without effect when it has no place. */
  end(name: string): void {
    const turn = this.#turns.get(name);
    if (turn === undefined) return;
    this.#turns.delete(name);
    const left = (this.#counts.get(turn.key) ?? 0) - 1;
    if (left > 0) this.#counts.set(turn.key, left);
    else this.#counts.delete(turn.key);
  }

  /** Whether a hold on this money is awaited. */
  isAwaited(key: string): boolean {
    if (!this.#counts.has(key)) return false;
    const nowUs = this.#world.monotonicUs();
    for (const [name, { deadlineUs }] of this.#turns) {
      if (deadlineUs > nowUs) break;
      this.end(name);
    }
    return this.#counts.has(key);
  }
}
