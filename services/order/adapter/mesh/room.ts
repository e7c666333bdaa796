// Room at a matching shard, reserved before a hold is placed (LOG-10): so that an order whose
// money is held is not turned away by a full queue.

import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { FlowWorld } from '../pipeline/propose-pipeline.ts';
import { shardUnavailable } from './connections.ts';

/** Placements and amends of this process that may be on their way to one shard. */
export const ROOM_WANTED = 8_192;

/** How long a request waits at a full shard, at one without a leader, and how many may wait. */
const FULL_LIMIT_MS = 2_000;
const LEADERLESS_LIMIT_MS = 15_000;
const WAITING_LIMIT = 20_000;

type Waiter = { resume: (() => void) | undefined };

/** The room that this process holds at one shard. */
export class ShardRoom {
  readonly #shardId: string;
  readonly #world: FlowWorld;
  #granted = 0;
  #taken = 0;
  #waiters: Waiter[] = [];
  #first = 0;

  constructor(shardId: string, world: FlowWorld) {
    this.#shardId = shardId;
    this.#world = world;
  }

  /** Requests that wait for the shard to have a leader. */
  get stuck(): number {
    return this.#granted === 0 ? this.#waitingCount : 0;
  }

  /** The shard has granted this much in all; 0 when the stream is gone. */
  setGranted(commands: number): void {
    this.#granted = commands;
    this.#serveWaiters();
  }

  /** Takes room for one command if there is some and nobody waits for it. */
  tryTake(): boolean {
    if (this.#waitingCount > 0 || this.#taken >= this.#granted) return false;
    this.#taken++;
    return true;
  }

  /**
   * Takes room for one command, waiting for it if need be.
   *
   * @throws OperatingError SHARD_OVERLOADED or, when there is no leader, SHARD_UNAVAILABLE;
   * nothing was done.
   */
  take(): Promise<void> {
    if (this.tryTake()) return Promise.resolve();
    if (this.#waitingCount >= WAITING_LIMIT) return Promise.reject(this.#refusal());
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resume: undefined };
      let waitedMs = FULL_LIMIT_MS;
      const expire = () => {
        if (waiter.resume === undefined) return;
        if (this.#granted === 0 && waitedMs < LEADERLESS_LIMIT_MS) {
          waitedMs += FULL_LIMIT_MS;
          timer = this.#world.setTimer(FULL_LIMIT_MS, expire);
          return;
        }
        waiter.resume = undefined;
        reject(this.#refusal());
      };
      let timer = this.#world.setTimer(FULL_LIMIT_MS, expire);
      waiter.resume = () => {
        waiter.resume = undefined;
        timer.cancel();
        resolve();
      };
      this.#waiters.push(waiter);
    });
  }

  /** Gives back the room of one command. */
  give(): void {
    this.#taken--;
    this.#serveWaiters();
  }

  get #waitingCount(): number {
    return this.#waiters.length - this.#first;
  }

  #serveWaiters(): void {
    while (this.#waitingCount > 0) {
      const waiter = this.#waiters[this.#first] as Waiter;
      if (waiter.resume !== undefined) {
        if (this.#taken >= this.#granted) return;
        this.#taken++;
        waiter.resume();
      }
      this.#first++;
    }
    this.#waiters = [];
    this.#first = 0;
  }

  #refusal(): OperatingError {
    if (this.#granted === 0) return shardUnavailable(this.#shardId);
    const metadata = { shard_id: this.#shardId };
    const options = { metadata, retryDelayMs: 100 };
    return new OperatingError('SHARD_OVERLOADED', 'The shard has no room for more.', options);
  }
}
