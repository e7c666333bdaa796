// GetCluster: the whole table and what each node said last.

import { ShardRole } from '../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { encodeTable } from '../../lib/platform/cluster/cluster-codec.ts';
import {
  encodeHoldings,
  encodeLoad,
  encodeShardRole,
} from '../../lib/platform/cluster/heartbeats.ts';
import { byText } from '../domain/placement.ts';
import type { ActiveCoordinator } from './active-coordinator.ts';
import type { ClusterRegistry } from './cluster-registry.ts';
import { tableOf } from './cluster-view.ts';
import type { FullReport } from './members.ts';

export async function showCluster({ registry, stores, term, view }: ActiveCoordinator) {
  const [coordinator, logBytes] = await Promise.all([
    stores.terms.findHolder().catch(() => ''),
    stores.measureLogs?.().catch(() => undefined),
  ]);
  const { tables } = registry;
  return {
    version: BigInt(tables.version),
    term: BigInt(term),
    table: encodeTable(tableOf(tables, view.mapVersions)),
    statuses: [...tables.nodes.keys()].sort(byText).map((nodeId) => statusOf(registry, nodeId)),
    coordinator,
    ...(logBytes === undefined ? {} : { logBytes: BigInt(logBytes) }),
  };
}

function statusOf(registry: ClusterRegistry, nodeId: string) {
  const heardAgoMs = registry.heardAgoMs(nodeId);
  return {
    nodeId,
    ...(heardAgoMs === undefined ? {} : { heardAgoMs: BigInt(heardAgoMs) }),
    shards: (registry.reportsOf(nodeId) ?? []).map((report) => reportMessage(registry, report)),
    draining: registry.tables.nodes.get(nodeId)?.draining === true,
    leaving: registry.members().get(nodeId)?.isLeaving === true,
  };
}

function reportMessage(registry: ClusterRegistry, report: FullReport) {
  const { shardId, load } = report;
  const role = encodeShardRole(report.role);
  const holdings = role === ShardRole.LEADER ? registry.holdings.get(shardId) : undefined;
  return {
    shardId,
    role,
    epoch: BigInt(report.epoch),
    appliedEntryIndex: BigInt(report.appliedEntryIndex),
    appliedChainChecksum: Buffer.from(report.appliedChainChecksum, 'hex'),
    queuedCommands: report.queuedCommands,
    fault: report.fault,
    committedEntryIndex: BigInt(report.committedEntryIndex),
    lagUs: BigInt(report.lagUs),
    ...(load === undefined ? {} : { load: encodeLoad(load) }),
    ...(holdings === undefined ? {} : { holdings: encodeHoldings(holdings) }),
  };
}
