// The real world of a shard host: this machine's clocks and timers, the system's chance, and logs
// in PostgreSQL.

import { randomBytes } from 'node:crypto';
import type { LogUpkeep } from './log-upkeep.ts';
import { PostgresLog, type PostgresLogOptions } from './postgres-log.ts';
import { PostgresSnapshots } from './postgres-snapshots.ts';
import { PostgresUpkeep } from './postgres-upkeep.ts';
import type { LogStore, SnapshotStore, Timer, World } from './world.ts';

/** The fine clock follows the system's clock when they are further apart than this. */
const CLOCK_DRIFT_US = 2_000;

/** The world of a process that hosts no shard. */
export type WorldWithoutLogs = Omit<World, 'openLog' | 'openSnapshots' | 'openUpkeep'>;

class RealWorldWithoutLogs implements WorldWithoutLogs {
  #wallOffsetUs = Date.now() * 1000 - performance.now() * 1000;

  monotonicUs(): number {
    return performance.now() * 1000;
  }

  wallClockUs(): number {
    // The system's clock has only milliseconds here; the monotonic one gives the rest.
    const systemUs = Date.now() * 1000;
    const monotonicUs = performance.now() * 1000;
    if (Math.abs(systemUs - monotonicUs - this.#wallOffsetUs) > CLOCK_DRIFT_US) {
      this.#wallOffsetUs = systemUs - monotonicUs;
    }
    return Math.floor(monotonicUs + this.#wallOffsetUs);
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  }

  nextTurn(callback: () => void): void {
    setImmediate(callback);
  }

  randomBytes(count: number): Uint8Array {
    return randomBytes(count);
  }
}

class RealWorld extends RealWorldWithoutLogs implements World {
  readonly #options: PostgresLogOptions;

  constructor(options: PostgresLogOptions) {
    super();
    this.#options = options;
  }

  openLog(shardId: string): LogStore {
    return new PostgresLog(shardId, this.#options);
  }

  openSnapshots(shardId: string): SnapshotStore {
    return new PostgresSnapshots(shardId, this.#options);
  }

  openUpkeep(shardId: string): LogUpkeep {
    return new PostgresUpkeep(shardId, this.#options);
  }
}

/** The real world, with the logs in one database. */
export function createRealWorld(options: PostgresLogOptions): World {
  return new RealWorld(options);
}

/** The real world of a process that hosts no shard. */
export function createRealWorldWithoutLogs(): WorldWithoutLogs {
  return new RealWorldWithoutLogs();
}
