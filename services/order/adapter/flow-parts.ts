// Puts together what the flows work with, from the cluster's and the instruments' watches.

import type { ClusterWatch } from '../../lib/platform/cluster/watch-cluster.ts';
import type { ReferenceWatch } from '../../lib/platform/cluster/watch-reference.ts';
import { observeMetric } from '../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../lib/platform/telemetry/names.ts';
import { FlowRegistry } from '../domain/lanes.ts';
import { Edge } from './edge.ts';
import { AccountNumbers } from './flow/account-numbers.ts';
import { AmendedOrders } from './flow/amended-orders.ts';
import { BestPrices } from './flow/best-prices.ts';
import { InFlight } from './flow/in-flight.ts';
import { KnownOrders } from './flow/known-orders.ts';
import type { FlowParts } from './flow/parts.ts';
import { StageClock } from './flow/stage-times.ts';
import { InstrumentSource } from './instrument-source.ts';
import { MeshConnections } from './mesh/connections.ts';
import { AccountShards } from './mesh/ledger.ts';
import { MatchingShards } from './mesh/matching.ts';
import type { FlowWorld } from './pipeline/propose-pipeline.ts';

export type OpenFlows = FlowParts & {
  readonly flows: FlowRegistry;
  readonly edge: Edge;
  /** Waits until every request has been answered (HLD-7), then ends the streams. */
  close(): Promise<void>;
};

const CLOSE_LIMIT_MS = 3_000;
const CLOSE_PAUSE_MS = 10;

export function openFlows(around: {
  readonly cluster: ClusterWatch;
  readonly reference: ReferenceWatch;
  readonly world: FlowWorld;
}): OpenFlows {
  const { world } = around;
  const mesh = new MeshConnections(around.cluster, world);
  const accounts = new AccountShards(mesh);
  const matching = new MatchingShards(mesh);
  const flows = new FlowRegistry();
  const knownOrders = new KnownOrders();
  const stopObserving = observeMetric(METRICS.queueDepth, () => [
    [accounts.depth, { [ATTRIBUTES.queue]: 'to-account-shards' }],
    [matching.depth, { [ATTRIBUTES.queue]: 'to-matching-shards' }],
    [flows.openCount, { [ATTRIBUTES.queue]: 'open-flows' }],
  ]);
  return {
    world,
    instruments: new InstrumentSource(around.reference),
    accounts,
    matching,
    flows,
    edge: new Edge({ flows, stuck: () => accounts.stuck + matching.stuck, world }),
    inFlight: new InFlight(knownOrders),
    knownOrders,
    amendedOrders: new AmendedOrders(),
    bestPrices: new BestPrices(matching),
    accountNumbers: new AccountNumbers(),
    stages: new StageClock(world),
    async close() {
      for (let waitedMs = 0; flows.openCount > 0 && waitedMs < CLOSE_LIMIT_MS; ) {
        await new Promise<void>((resolve) => world.setTimer(CLOSE_PAUSE_MS, resolve));
        waitedMs += CLOSE_PAUSE_MS;
      }
      stopObserving();
      accounts.stop();
      matching.stop();
      mesh.close();
    },
  };
}
