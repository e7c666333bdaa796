// Keeps the last table of the cluster (CRD-3): whole first, then its changes, whole again after a
// reconnect. While the coordinator is away the last table stays in use.

import type { WatchClusterResponse } from '../../../../gen/bourse/coordinator/v1/service_pb.ts';
import { CoordinatorService } from '../../../../gen/bourse/coordinator/v1/service_pb.ts';
import { malformed } from '../codec/malformed.ts';
import { OperatingError } from '../errors/operating-error.ts';
import type { Logger } from '../telemetry/logger.ts';
import { observeMetric } from '../telemetry/metrics.ts';
import { METRICS } from '../telemetry/names.ts';
import { applyChange, decodeTable } from './cluster-codec.ts';
import type { ClusterTable } from './cluster-table.ts';
import { type ClusterWorld, realClusterWorld } from './cluster-world.ts';
import { COORDINATOR_PAUSE_MS, CoordinatorRoad } from './coordinator-road.ts';
import { followStream } from './follow-stream.ts';

/** Five heartbeats of the coordinator. */
const SILENCE_MS = 1_000;

export type WatchOptions = {
  /** `host:port` of every coordinator. */
  readonly coordinatorAddresses: readonly string[];
  readonly log: Logger;
  /** The real one when absent. */
  readonly world?: ClusterWorld;
};

export interface ClusterWatch {
  /** The first table. */
  readonly ready: Promise<ClusterTable>;
  /** The last table; undefined before the first. */
  table(): ClusterTable | undefined;
  /** Calls back with every table, the present one included; returns what ends it. */
  onChange(listener: (table: ClusterTable) => void): () => void;
  /**
   * The first thing that `find` finds in a table, from the present one on.
   *
   * @throws OperatingError SHARD_UNAVAILABLE when there is none within `deadlineMs`.
   */
  waitFor<T>(find: (table: ClusterTable) => T | undefined, deadlineMs: number): Promise<T>;
  /** True when the coordinator has not been heard for 1 s; the table stays usable. */
  isStale(): boolean;
  stop(): Promise<void>;
}

/** Begins to watch at once, and for as long as `stop` is not called. */
export function watchCluster(options: WatchOptions): ClusterWatch {
  const { world = realClusterWorld, log } = options;
  const road = new CoordinatorRoad(CoordinatorService, options.coordinatorAddresses);
  const watch = new TableKeeper(world);
  const follower = followStream<WatchClusterResponse>({
    what: 'the cluster table',
    world,
    log,
    silenceMs: SILENCE_MS,
    longestPauseMs: COORDINATOR_PAUSE_MS,
    open: (signal) => {
      watch.expectSnapshot();
      return road.client.watchCluster({}, { signal });
    },
    onMessage: (message) => watch.take(message),
    onBroken: (error) => {
      road.turn(error);
      return false;
    },
  });
  const endGauge = observeMetric(METRICS.mapVersion, () =>
    watch.table === undefined ? [] : [[watch.table.version, {}]],
  );
  return {
    ready: watch.ready,
    table: () => watch.table,
    onChange: (listener) => watch.listen(listener),
    waitFor: (find, deadlineMs) => watch.waitFor(find, deadlineMs),
    isStale: () => !follower.isCurrent(),
    async stop() {
      endGauge();
      await follower.stop();
      road.close();
    },
  };
}

type Listener = (table: ClusterTable) => void;

class TableKeeper {
  readonly ready: Promise<ClusterTable>;
  table: ClusterTable | undefined;
  readonly #world: ClusterWorld;
  readonly #listeners = new Set<Listener>();
  #snapshotDue = true;

  constructor(world: ClusterWorld) {
    this.#world = world;
    this.ready = new Promise((resolve) => {
      const end = this.listen((table) => {
        resolve(table);
        queueMicrotask(() => end());
      });
    });
  }

  expectSnapshot(): void {
    this.#snapshotDue = true;
  }

  take({ version, message }: WatchClusterResponse): void {
    if (message.case === 'snapshot') {
      this.#snapshotDue = false;
      this.#set(decodeTable(version, message.value));
    } else if (message.case === 'change') {
      if (this.#snapshotDue || this.table === undefined) throw malformed('a change before a table');
      if (Number(version) !== this.table.version + 1) throw malformed('a gap in the table');
      this.#set(applyChange(this.table, version, message.value));
    }
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (this.table !== undefined) listener(this.table);
    return () => this.#listeners.delete(listener);
  }

  waitFor<T>(find: (table: ClusterTable) => T | undefined, deadlineMs: number): Promise<T> {
    const present = this.table === undefined ? undefined : find(this.table);
    if (present !== undefined) return Promise.resolve(present);
    return new Promise((resolve, reject) => {
      const timer = this.#world.setTimer(deadlineMs, () => {
        this.#listeners.delete(look);
        const message = `The cluster has no shard to serve this within ${deadlineMs} ms.`;
        reject(new OperatingError('SHARD_UNAVAILABLE', message, { retryDelayMs: 100 }));
      });
      const look: Listener = (table) => {
        const found = find(table);
        if (found === undefined) return;
        timer.cancel();
        this.#listeners.delete(look);
        resolve(found);
      };
      this.#listeners.add(look);
    });
  }

  #set(table: ClusterTable): void {
    // A coordinator that was restored from an old backup may not turn the table back (CRD-1); its
    // whole table is still taken when versions are equal, it is the same.
    if (this.table !== undefined && table.version < this.table.version) {
      throw malformed(`table ${table.version} after table ${this.table.version}`);
    }
    this.table = table;
    for (const listener of [...this.#listeners]) listener(table);
  }
}
