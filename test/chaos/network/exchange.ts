// An exchange with standbys as `npm start -- --ha` runs it, with each process where its own cable
// can be cut. The launcher knows nothing of networks; here its parts start the same processes.

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../../services/launcher/exchange/database.ts';
import {
  waitUntilAnswering,
  waitUntilServing,
} from '../../../services/launcher/exchange/health.ts';
import { openLogFolder } from '../../../services/launcher/exchange/logs.ts';
import { listNodes, type Node, STOP_ORDER } from '../../../services/launcher/exchange/nodes.ts';
import {
  type SupervisedProcess,
  supervise,
} from '../../../services/launcher/exchange/supervised.ts';
import type { Terminal } from '../../../services/launcher/exchange/terminal.ts';
import { loadConfig } from '../../../services/lib/platform/config/load-config.ts';
import { cleanEnv, makeDataFolder, ROOT } from '../../support/exchange.ts';
import type { MeshExchange } from '../mesh-exchange.ts';
import { forwardToLoopback } from './forward.ts';
import { makeNetwork, type Network } from './topology.ts';

const START_DEADLINE_MS = 60_000;

export type NetworkExchange<N extends string> = {
  readonly network: Network<N>;
  readonly exchange: MeshExchange;
};

/** Starts it, with these nodes. @param args more options of `npm start` */
export async function startNetworkExchange<N extends string>(
  nodeIds: readonly N[],
  args: readonly string[],
): Promise<NetworkExchange<N>> {
  const network = makeNetwork(nodeIds);
  const dataFolder = makeDataFolder();
  const { settings } = loadConfig(['--ha', '--insecure', ...args], {});
  const database = await openDatabase(settings, dataFolder, SILENT);
  const port = settings.postgresPort + settings.portOffset;
  const stopForwarding = await forwardToLoopback({ host: network.postgresAddress, port });
  const coordinators = nodeIds
    .filter((nodeId) => nodeId.startsWith('coordinator'))
    .map((id, index) => `${network.addressOf(id)}:${settings.coordinatorPort + index}`);
  const nodes = nodeIds.map((nodeId): Node => {
    const own = {
      ...settings,
      host: network.addressOf(nodeId),
      coordinatorAddresses: coordinators.join(','),
      databaseUrl: database.url.replace('127.0.0.1', network.postgresAddress),
      databaseFolder: database.folder,
    };
    return listNodes(own, cleanEnv()).find((node) => node.nodeId === nodeId) as Node;
  });
  const logs = openLogFolder(dataFolder, nodeIds);
  const running = new Map<string, SupervisedProcess>();
  const stop = async (): Promise<void> => {
    for (const services of STOP_ORDER) {
      const group = nodes.filter(({ service }) => services.includes(service));
      await Promise.all(group.map(({ nodeId }) => running.get(nodeId)?.stop()));
    }
    logs.close();
    await stopForwarding();
    await database.stop();
    rmSync(dataFolder, { recursive: true, force: true });
  };
  for (const { nodeId, service, env } of nodes) {
    const options = {
      prefix: network.prefixOf(nodeId as N),
      args: [join('services', service, 'main.ts'), '--node-id', nodeId],
      ...{ env, folder: ROOT, logFile: logs.fileOf(nodeId), onDeath: () => {} },
    };
    running.set(nodeId, supervise(options));
  }
  try {
    await waitForAll(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  const addresses = new Map(nodes.map(({ nodeId, address }) => [nodeId, address]));
  const launcher = {
    dataFolder,
    logOf: (nodeId: string) => readFileSync(logs.fileOf(nodeId), 'utf8'),
    processIdOf: (nodeId: string) => running.get(nodeId)?.processId(),
  };
  const addressOf = (nodeId: string): string => addresses.get(nodeId) as string;
  return { network, exchange: { launcher, addressOf, stop } };
}

/** Every node serves; of the coordinators one does, and the other answers. */
async function waitForAll(nodes: readonly Node[]): Promise<void> {
  const deadline = AbortSignal.timeout(START_DEADLINE_MS);
  await Promise.all(
    nodes.map(async ({ nodeId, service, address }) => {
      const wait = service === 'coordinator' ? waitUntilAnswering : waitUntilServing;
      if (!(await wait(address, deadline))) throw new Error(`${nodeId} does not serve`);
    }),
  );
}

const SILENT: Terminal = {
  begin: () => ({ done: () => {} }),
  say: () => {},
  warn: () => {},
  showReady: () => {},
};
