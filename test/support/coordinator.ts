// A coordinator inside the test's own process, with real sockets and tables: for tests that join it
// as nodes of their own making.

import { ClusterAdminService } from '../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { CoordinatorService } from '../../gen/bourse/coordinator/v1/service_pb.ts';
import { ReferenceAdminService } from '../../gen/bourse/reference/v1/admin_service_pb.ts';
import { ReferenceService } from '../../gen/bourse/reference/v1/service_pb.ts';
import { Coordinator, nameHolder } from '../../services/coordinator/adapter/coordinator.ts';
import {
  clusterAdminHandlers,
  coordinatorHandlers,
} from '../../services/coordinator/adapter/coordinator-handlers.ts';
import { postgresStores } from '../../services/coordinator/adapter/coordinator-stores.ts';
import { referenceAdminHandlers } from '../../services/coordinator/adapter/reference-admin-handlers.ts';
import { referenceHandlers } from '../../services/coordinator/adapter/reference-handlers.ts';
import type { RebalancePatience } from '../../services/coordinator/domain/rebalancing.ts';
import { realProbingWorld } from '../../services/lib/platform/cluster/probe.ts';
import { createPool } from '../../services/lib/platform/postgres/pool.ts';
import { loadDescriptors } from '../../services/lib/platform/rpc/descriptors.ts';
import { createRpcServer } from '../../services/lib/platform/rpc/server.ts';
import { createLogger, type Logger } from '../../services/lib/platform/telemetry/logger.ts';
import { freePort } from './ports.ts';
import { waitUntil } from './wait.ts';

export const silentLog: Logger = createLogger({ service: 'test', node: 'test', level: 'silent' });

export type TestCoordinator = {
  readonly address: string;
  readonly coordinator: Coordinator;
  /** True while it holds the term. */
  isActive(): boolean;
  stop(): Promise<void>;
};

export type TestCoordinatorOptions = {
  readonly databaseUrl: string;
  readonly name?: string;
  readonly matchingShards?: number;
  readonly matchingNodes?: number;
  /** Of each shard; 1 when absent. */
  readonly replicas?: number;
  /** Slots never move by themselves when absent (MOV-10). */
  readonly rebalance?: RebalancePatience;
  /** A free one when absent. */
  readonly port?: number;
  /** Wait until it is the active one; the default. */
  readonly waitForTerm?: boolean;
};

export async function startCoordinator(options: TestCoordinatorOptions): Promise<TestCoordinator> {
  const { databaseUrl, name = 'coordinator', matchingShards = 2, matchingNodes = 2 } = options;
  const pool = createPool({ databaseUrl, name });
  const server = createRpcServer({ logger: silentLog, descriptors: loadDescriptors() });
  const port = options.port ?? (await freePort());
  const address = `127.0.0.1:${port}`;
  let active = false;
  const coordinator = new Coordinator({
    stores: postgresStores(pool, nameHolder(name, address)),
    world: realProbingWorld,
    log: silentLog,
    shardCounts: { matching: matchingShards, account: 1 },
    expectedNodes: { matching: matchingNodes, account: 1 },
    replicas: options.replicas ?? 1,
    rebalance: options.rebalance,
    onActive: (isActive) => {
      active = isActive;
    },
  });
  server.add(CoordinatorService, coordinatorHandlers(coordinator));
  server.add(ClusterAdminService, clusterAdminHandlers(coordinator));
  server.add(ReferenceService, referenceHandlers(coordinator));
  server.add(ReferenceAdminService, referenceAdminHandlers(coordinator));
  await server.listen(port);
  coordinator.start();
  if (options.waitForTerm !== false) {
    await waitUntil(() => active, { what: `${name} to hold the term` });
  }
  return {
    address,
    coordinator,
    isActive: () => active,
    async stop() {
      await server.drain(1_000);
      await coordinator.stop();
      await pool.end();
    },
  };
}
