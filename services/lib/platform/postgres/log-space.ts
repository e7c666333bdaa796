// How much of the room that the database may have is used (SNAP-5): asked every few seconds, so
// that new orders and holds are refused while there is still room to trade out of.

import { statfs } from 'node:fs/promises';
import type pg from 'pg';
import type { Timer, World } from '../../shard/world.ts';
import type { LogSpaceConfig } from '../config/node-config.ts';
import type { Logger } from '../telemetry/logger.ts';
import { observeMetric } from '../telemetry/metrics.ts';
import { METRICS } from '../telemetry/names.ts';
import { createPool } from './pool.ts';

/** What was measured, in bytes. */
export type LogSpace = { readonly usedBytes: number; readonly totalBytes: number };

export type LogSpaceWatch = {
  /** True while new orders and holds are refused: LOG_SPACE_LOW. */
  isLow(): boolean;
  stop(): Promise<void>;
};

const LOW_SHARE = 0.7;
/** A little more room than that ends it, so that it does not flicker. */
const ENOUGH_SHARE = 0.68;
const LOOK_MS = 5_000;

const DATABASE_SIZE = 'SELECT pg_database_size(current_database()) AS bytes';
// What was cut off leaves room inside of the files, which is used again. Slow, so it is only asked
// when the files are large; an extension knows it.
const REUSABLE = `
  SELECT coalesce(sum(space.avail), 0) AS bytes
  FROM pg_class AS owner
    JOIN pg_class AS part ON part.oid IN (owner.oid, owner.reltoastrelid),
    LATERAL pg_freespace(part.oid::regclass) AS space
  WHERE owner.oid IN ('log_entry'::regclass, 'shard_snapshot_row'::regclass)`;
const HAS_EXTENSION = `SELECT 1 FROM pg_extension WHERE extname = 'pg_freespacemap'`;

/** Measures the room; undefined when nothing limits it. */
export async function measureLogSpace(
  database: Pick<pg.Pool, 'query'>,
  { limitBytes, folder }: LogSpaceConfig,
): Promise<LogSpace | undefined> {
  if (limitBytes === 0 && folder === '') return undefined;
  let usedBytes = await fetchBytes(database, DATABASE_SIZE);
  const limit = limitBytes === 0 ? Number.POSITIVE_INFINITY : limitBytes;
  const disk = folder === '' ? Number.POSITIVE_INFINITY : usedBytes + (await freeBytes(folder));
  const totalBytes = Math.min(limit, disk);
  if (usedBytes >= totalBytes * ENOUGH_SHARE) {
    const { rowCount } = await database.query(HAS_EXTENSION);
    if (rowCount === 1) usedBytes -= await fetchBytes(database, REUSABLE);
  }
  return { usedBytes, totalBytes };
}

async function fetchBytes(database: Pick<pg.Pool, 'query'>, query: string): Promise<number> {
  return Number((await database.query(query)).rows[0]?.bytes ?? 0);
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

export type WatchLogSpaceOptions = {
  readonly databaseUrl: string;
  readonly nodeId: string;
  readonly logSpace: LogSpaceConfig;
  readonly world: Pick<World, 'setTimer'>;
  readonly log: Logger;
};

/** Measures every few seconds, from now on. */
export function watchLogSpace(options: WatchLogSpaceOptions): LogSpaceWatch {
  return new Watch(options);
}

class Watch implements LogSpaceWatch {
  readonly #options: WatchLogSpaceOptions;
  readonly #pool: pg.Pool;
  readonly #stopMetrics: readonly (() => void)[];
  #space: LogSpace | undefined;
  #isLow = false;
  #isStopped = false;
  #timer: Timer | undefined;
  #looking: Promise<void>;

  constructor(options: WatchLogSpaceOptions) {
    this.#options = options;
    const { databaseUrl, nodeId } = options;
    this.#pool = createPool({ databaseUrl, name: `bourse ${nodeId} log space`, max: 1 });
    this.#stopMetrics = [
      observeMetric(METRICS.logSpaceUsed, () =>
        this.#space === undefined ? [] : [[this.#space.usedBytes, {}]],
      ),
      observeMetric(METRICS.logSpaceTotal, () =>
        this.#space === undefined ? [] : [[this.#space.totalBytes, {}]],
      ),
    ];
    this.#looking = this.#look();
  }

  isLow(): boolean {
    return this.#isLow;
  }

  async #look(): Promise<void> {
    const { logSpace, world, log } = this.#options;
    try {
      this.#space = await measureLogSpace(this.#pool, logSpace);
      if (this.#space === undefined) return; // nothing limits it, and nothing will
      this.#judge(this.#space);
    } catch (error) {
      log.debug({ err: error }, 'the space of the logs was not measured');
    }
    if (this.#isStopped) return;
    this.#timer = world.setTimer(LOOK_MS, () => {
      this.#looking = this.#look();
    });
  }

  #judge({ usedBytes, totalBytes }: LogSpace): void {
    const { log } = this.#options;
    const share = usedBytes / totalBytes;
    const isLow = share >= (this.#isLow ? ENOUGH_SHARE : LOW_SHARE);
    if (isLow === this.#isLow) return;
    this.#isLow = isLow;
    const fields = { used_bytes: usedBytes, total_bytes: totalBytes };
    if (isLow) log.error(fields, 'the space of the logs is low: new orders are refused (SNAP-5)');
    else log.info(fields, 'there is space for the logs again: new orders are taken');
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const stop of this.#stopMetrics) stop();
    await this.#looking;
    this.#timer?.cancel();
    await this.#pool.end();
  }
}
