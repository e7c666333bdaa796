// `bourse cluster`: nodes, shards, who leads and who stands by, how far behind, what they do.

import type { Command } from 'commander';
import type {
  GetClusterResponse,
  NodeStatus,
} from '../../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { GetClusterResponseSchema } from '../../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import {
  NodeKind,
  type Shard,
  ShardKind,
  type ShardReport,
  ShardRole,
} from '../../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { nameOf, type Output, printMessage, printTable } from '../output.ts';
import { runCommand, type Terminal } from './command.ts';

const LOAD_SECONDS = 10;

export function addCluster(program: Command, terminal: Terminal): void {
  program
    .command('cluster')
    .description('show nodes, shards, their leaders and standbys, lag and load')
    .action(async (_options: object, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const answer = await clients.cluster.getCluster({});
        printMessage(output, GetClusterResponseSchema, answer, () => print(output, answer));
      });
    });
}

function print(output: Output, answer: GetClusterResponse): void {
  const { statuses, version, term, coordinator, logBytes } = answer;
  output.write(`version ${version}, term ${term}, active coordinator: ${coordinator || '-'}`);
  if (logBytes !== undefined) output.write(`logs: ${describeBytes(Number(logBytes))}`);
  output.write('');
  printNodes(output, answer);
  output.write('');
  printShards(output, answer);
  printFaults(output, statuses);
}

function printNodes(output: Output, { table, statuses }: GetClusterResponse): void {
  const statusOf = new Map(statuses.map((status) => [status.nodeId, status]));
  const led = new Map<string, number>();
  for (const { leaderNodeId } of table?.shards ?? []) {
    led.set(leaderNodeId, (led.get(leaderNodeId) ?? 0) + 1);
  }
  printTable(
    output,
    ['NODE', 'KIND', 'ADDRESS', 'LIVE', 'HEARD', 'LEADS', 'STANDBYS', ''],
    (table?.nodes ?? []).map((node) => {
      const status = statusOf.get(node.nodeId);
      const standbys = status?.shards.filter(({ role }) => role === ShardRole.STANDBY).length;
      return [
        node.nodeId,
        nameOf(NodeKind, node.kind).toLowerCase(),
        node.address,
        node.live ? 'yes' : 'no',
        heard(status),
        String(led.get(node.nodeId) ?? 0),
        String(standbys ?? 0),
        wordsOf(status),
      ];
    }),
  );
}

function wordsOf(status: NodeStatus | undefined): string {
  if (status?.leaving === true) return 'leaving';
  return status?.draining === true ? 'draining' : '';
}

function printShards(output: Output, answer: GetClusterResponse): void {
  const slotCounts = countSlots(answer);
  printTable(
    output,
    ['SHARD', 'KIND', 'EPOCH', 'LEADER', 'STANDBYS', 'ENTRIES', 'SLOTS', 'COMMANDS/S', 'LOG/S'],
    (answer.table?.shards ?? []).map((shard) => {
      const { shardId, kind, epoch, leaderNodeId } = shard;
      const leader = reportOf(answer, leaderNodeId, shardId);
      const load = leader?.load;
      return [
        shardId,
        nameOf(ShardKind, kind).toLowerCase(),
        String(epoch),
        leaderNodeId || `- (${rolesOf(answer, shard)})`,
        standbysOf(answer, shard),
        leader === undefined ? '-' : String(leader.appliedEntryIndex),
        String(slotCounts.get(`${kind} ${shardId}`) ?? 0),
        load === undefined ? '-' : String(Math.round(load.commands / LOAD_SECONDS)),
        load === undefined ? '-' : describeBytes(Number(load.logBytes) / LOAD_SECONDS),
      ];
    }),
  );
}

/** What the replicas of a shard without a leader are doing. */
function rolesOf(answer: GetClusterResponse, { shardId, replicaNodeIds }: Shard): string {
  const roles = replicaNodeIds.map((nodeId) => {
    const report = reportOf(answer, nodeId, shardId);
    return report === undefined ? 'away' : nameOf(ShardRole, report.role).toLowerCase();
  });
  return roles.join(', ') || 'hosted nowhere';
}

/** Each with how far it is behind; another role than standby is named. */
function standbysOf(
  answer: GetClusterResponse,
  { shardId, leaderNodeId, replicaNodeIds }: Shard,
): string {
  const others = replicaNodeIds.filter((nodeId) => nodeId !== leaderNodeId);
  const texts = others.map((nodeId) => {
    const report = reportOf(answer, nodeId, shardId);
    if (report === undefined) return `${nodeId} (away)`;
    if (report.role !== ShardRole.STANDBY) {
      return `${nodeId} (${nameOf(ShardRole, report.role).toLowerCase()})`;
    }
    return `${nodeId} (${lagOf(report)})`;
  });
  return texts.join(', ') || '-';
}

function lagOf({ committedEntryIndex, appliedEntryIndex, lagUs }: ShardReport): string {
  if (committedEntryIndex <= appliedEntryIndex) return 'in step';
  const ms = (Number(lagUs) / 1_000).toFixed(1);
  return `${committedEntryIndex - appliedEntryIndex} entries, ${ms} ms behind`;
}

function reportOf(
  { statuses }: GetClusterResponse,
  nodeId: string,
  shardId: string,
): ShardReport | undefined {
  const status = statuses.find((one) => one.nodeId === nodeId);
  return status?.shards.find((report) => report.shardId === shardId);
}

function printFaults(output: Output, statuses: readonly NodeStatus[]): void {
  for (const { nodeId, shards } of statuses) {
    for (const { shardId, fault } of shards) {
      if (fault !== '') output.write(`${shardId} on ${nodeId}: ${fault}`);
    }
  }
}

function heard(status: NodeStatus | undefined): string {
  return status?.heardAgoMs === undefined ? '-' : `${status.heardAgoMs} ms ago`;
}

function countSlots({ table }: GetClusterResponse): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const maps = [
    [ShardKind.MATCHING, table?.matchingSlotMap],
    [ShardKind.ACCOUNT, table?.accountSlotMap],
  ] as const;
  for (const [kind, map] of maps) {
    for (const { shardId, slotCount } of map?.runs ?? []) {
      const key = `${kind} ${shardId}`;
      counts.set(key, (counts.get(key) ?? 0) + slotCount);
    }
  }
  return counts;
}

function describeBytes(bytes: number): string {
  if (bytes < 1_024) return `${Math.round(bytes)} B`;
  if (bytes < 1_024 ** 2) return `${(bytes / 1_024).toFixed(1)} KiB`;
  if (bytes < 1_024 ** 3) return `${(bytes / 1_024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1_024 ** 3).toFixed(2)} GiB`;
}
