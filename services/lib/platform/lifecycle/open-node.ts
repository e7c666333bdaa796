// What every process of the mesh opens before its own work: logger, telemetry and gRPC server.

import type { NodeConfig } from '../config/node-config.ts';
import { loadDescriptors } from '../rpc/descriptors.ts';
import { createRpcServer, type RpcServer } from '../rpc/server.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { startTelemetry } from '../telemetry/telemetry.ts';
import type { Lifecycle } from './run-service.ts';

/** How long calls may go on when the process stops; less than the launcher waits before it kills. */
const DRAIN_DEADLINE_MS = 3_000;

export type Node = {
  readonly logger: Logger;
  readonly server: RpcServer;
  /**
   * Opens the port, after all services were added. From then on stopping begins with the drain:
   * whatever `main` registered before keeps working until the last call is answered.
   */
  serve(): Promise<void>;
};

/** Opens them as configured and registers their end. */
export async function openNode(config: NodeConfig, lifecycle: Lifecycle): Promise<Node> {
  const { service, nodeId: node, otlpEndpoint, traceSampleRatio } = config;
  const logger = createLogger({ service, node, level: config.logLevel });
  lifecycle.useLogger(logger);
  const telemetry = await startTelemetry({
    service,
    node,
    otlpEndpoint,
    traceSampleRatio,
    prometheusHost: config.host,
    prometheusPort: config.metricsPort,
  });
  lifecycle.onStop('telemetry', () => telemetry.shutdown());
  const server = createRpcServer({ logger, descriptors: loadDescriptors() });
  return {
    logger,
    server,
    async serve() {
      const port = await server.listen(config.port, config.host);
      lifecycle.onStop('rpc server', () => server.drain(DRAIN_DEADLINE_MS));
      logger.info({ host: config.host, port, metrics_port: config.metricsPort }, 'listening');
    },
  };
}
