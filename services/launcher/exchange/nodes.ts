// Which processes make up the exchange, and in which order they stop.

import { environmentNameOf, keyNames, type Settings } from '../../lib/platform/config/keys.ts';
import { nodeConfigOf, type ServiceName } from '../../lib/platform/config/node-config.ts';
import { nodeNames } from '../../lib/platform/config/node-names.ts';
import { PARENT_PIPE } from '../../lib/platform/lifecycle/parent-pipe.ts';

export type Node = {
  readonly nodeId: string;
  readonly service: ServiceName;
  /** `host:port` of its gRPC server. */
  readonly address: string;
  readonly metricsPort: number;
  readonly env: NodeJS.ProcessEnv;
};

/**
 * Services in the order in which they stop: first those that take orders from outside, then those
 * that decide, the coordinator last. Services in one group stop together.
 */
export const STOP_ORDER: readonly (readonly ServiceName[])[] = [
  ['marketdata', 'order'],
  ['matching', 'account'],
  ['coordinator'],
];

/** The processes for these settings, whose `databaseUrl` is that of the server in use. */
export function listNodes(settings: Settings, env: NodeJS.ProcessEnv): Node[] {
  return nodeNames(settings).map(({ service, nodeId }) => {
    const own = { ...settings, nodeId };
    const childEnv = { ...settingsEnv(own, env), [PARENT_PIPE]: '1' };
    const { advertisedAddress, metricsPort } = nodeConfigOf(service, own);
    return { nodeId, service, address: advertisedAddress, metricsPort, env: childEnv };
  });
}

/** The environment that carries the settings, wherever they were read, into a process. */
export function settingsEnv(settings: Settings, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const values = keyNames.map((name) => [environmentNameOf(name), String(settings[name])]);
  return { ...env, ...Object.fromEntries(values), BOURSE_CONFIG: '' };
}
