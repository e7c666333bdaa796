// The configuration of one process of the mesh, derived from the settings that all share.

import { hostname } from 'node:os';
import { describeKeys, describeSettings } from './describe.ts';
import { METRICS_PORT_DISTANCE, type Settings } from './keys.ts';
import { loadConfig } from './load-config.ts';
import { nodeNameOf, type ServiceName } from './node-names.ts';
import { StartError } from './start-error.ts';

export type { ServiceName } from './node-names.ts';

/** By kind of shard. */
export type ClusterSize = {
  readonly shards: { readonly matching: number; readonly account: number };
  readonly nodes: { readonly matching: number; readonly account: number };
  /** Of each shard. */
  readonly replicas: number;
};

export type LogSpaceConfig = {
  /** 0: no limit of its own. */
  readonly limitBytes: number;
  /** Where the database lies on this machine; empty when it does not. */
  readonly folder: string;
};

export type NodeConfig = {
  readonly service: ServiceName;
  /** The process's name in the mesh: `order`, `matching-2`. */
  readonly nodeId: string;
  /** Address to bind to. */
  readonly host: string;
  /** gRPC port. */
  readonly port: number;
  /** Prometheus port. */
  readonly metricsPort: number;
  /** `host:port` that other processes dial. */
  readonly advertisedAddress: string;
  /** `host:port` of every coordinator. */
  readonly coordinatorAddresses: readonly string[];
  /** Empty only in services that own nothing durable. */
  readonly databaseUrl: string;
  /** What the coordinator creates when the exchange is new. */
  readonly clusterSize: ClusterSize;
  /** Whether the coordinator moves slots by itself (MOV-10). */
  readonly rebalances: boolean;
  /** When a shard has a snapshot written; never when `everyCommands` is 0. */
  readonly snapshots: { readonly everyCommands: number; readonly everyMs: number };
  /** How old an entry of a log has to be to be cut off; none is when absent (SNAP-4). */
  readonly logRetentionUs: number | undefined;
  /** The room of the logs (SNAP-5). */
  readonly logSpace: LogSpaceConfig;
  readonly logLevel: Settings['logLevel'];
  readonly otlpEndpoint: string | undefined;
  /** From 0 to 1. */
  readonly traceSampleRatio: number;
};

const DURABLE: ReadonlySet<ServiceName> = new Set(['coordinator', 'matching', 'account']);

/**
 * Reads a process's configuration. Prints and exits for `--help` and `--print-config` (code 0) and
 * for faults (code 1, all of them at once).
 */
export function loadNodeConfig(
  service: ServiceName,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): NodeConfig {
  try {
    const loaded = loadConfig(argv, env);
    const text =
      loaded.ask === 'help'
        ? describeKeys(`node services/${service}/main.ts`)
        : loaded.ask === 'print-config' && describeSettings(loaded);
    if (typeof text !== 'string') return nodeConfigOf(service, loaded.settings);
    process.stdout.write(`${text}\n`);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** Derives one process's configuration from the settings. */
export function nodeConfigOf(service: ServiceName, settings: Settings): NodeConfig {
  const nodeId = settings.nodeId === '' ? nodeNameOf(service, 1) : settings.nodeId;
  if (!nodeId.startsWith(service)) {
    throw new StartError(`A ${service} process cannot have the node id ${nodeId}.`);
  }
  if (DURABLE.has(service) && settings.databaseUrl === '') {
    throw new StartError(
      `${nodeId} needs DATABASE_URL: set it, or start everything with npm start.`,
    );
  }
  const port = portOf(service, nodeId, settings);
  const reachable = reachableHost(settings.host);
  return {
    service,
    nodeId,
    host: settings.host,
    port,
    metricsPort: port + METRICS_PORT_DISTANCE,
    advertisedAddress: settings.advertisedAddress || `${reachable}:${port}`,
    coordinatorAddresses: coordinatorAddressesOf(settings),
    databaseUrl: settings.databaseUrl,
    clusterSize: {
      shards: { matching: settings.matchingShards, account: settings.accountShards },
      nodes: { matching: settings.matchingNodes, account: settings.accountNodes },
      replicas: settings.replicas,
    },
    rebalances: settings.rebalance,
    snapshots: {
      everyCommands: settings.snapshotCommands,
      everyMs: settings.snapshotSeconds * 1_000,
    },
    logRetentionUs: retentionUsOf(settings.logRetention),
    logSpace: { limitBytes: settings.logSpaceBytes, folder: settings.databaseFolder },
    logLevel: settings.logLevel,
    otlpEndpoint: settings.otlpEndpoint || undefined,
    traceSampleRatio: settings.traceSampleRatio,
  };
}

const SECONDS_OF_UNIT = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** In microseconds; undefined: for ever. */
function retentionUsOf(text: string): number | undefined {
  if (text === 'forever') return undefined;
  const unit = text.at(-1) as keyof typeof SECONDS_OF_UNIT;
  return Number(text.slice(0, -1)) * SECONDS_OF_UNIT[unit] * 1e6;
}

/** `host:port` of every coordinator, at least one. */
export function coordinatorAddressesOf(settings: Settings): readonly string[] {
  if (settings.coordinatorAddresses !== '') return settings.coordinatorAddresses.split(',');
  const reachable = reachableHost(settings.host);
  return Array.from({ length: settings.coordinatorNodes }, (_, index) => {
    return `${reachable}:${settings.coordinatorPort + index + settings.portOffset}`;
  });
}

function portOf(service: ServiceName, nodeId: string, settings: Settings): number {
  const number = Number(nodeId.split('-')[1] ?? 1);
  return settings[`${service}Port`] + number - 1 + settings.portOffset;
}

/** An address that others can dial, for one that a server binds to. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return hostname();
  return host.includes(':') ? `[${host}]` : host;
}
