// `bourse cluster`: nodes, shards and who leads them.

import type { Command } from 'commander';
import type {
  GetClusterResponse,
  NodeStatus,
} from '../../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { GetClusterResponseSchema } from '../../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import {
  NodeKind,
  ShardKind,
  ShardRole,
} from '../../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { nameOf, type Output, printMessage, printTable } from '../output.ts';
import { runCommand, type Terminal } from './command.ts';

export function addCluster(program: Command, terminal: Terminal): void {
  program
    .command('cluster')
    .description('show nodes, shards and their leaders')
    .action(async (_options: object, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const answer = await clients.cluster.getCluster({});
        printMessage(output, GetClusterResponseSchema, answer, () => print(output, answer));
      });
    });
}

function print(output: Output, answer: GetClusterResponse): void {
  const { table, statuses, version, term } = answer;
  output.write(`version ${version}, coordinator's term ${term}`);
  output.write('');
  const statusOf = new Map(statuses.map((status) => [status.nodeId, status]));
  printTable(
    output,
    ['NODE', 'KIND', 'ADDRESS', 'LIVE', 'HEARD'],
    (table?.nodes ?? []).map((node) => [
      node.nodeId,
      nameOf(NodeKind, node.kind).toLowerCase(),
      node.address,
      node.live ? 'yes' : 'no',
      heard(statusOf.get(node.nodeId)),
    ]),
  );
  output.write('');
  const slotCounts = countSlots(answer);
  printTable(
    output,
    ['SHARD', 'KIND', 'EPOCH', 'LEADER', 'ROLE', 'ENTRIES', 'SLOTS'],
    (table?.shards ?? []).map((shard) => {
      const nodeId = shard.leaderNodeId || shard.replicaNodeIds[0] || '';
      const report = statusOf.get(nodeId)?.shards.find(({ shardId }) => shardId === shard.shardId);
      return [
        shard.shardId,
        nameOf(ShardKind, shard.kind).toLowerCase(),
        String(shard.epoch),
        shard.leaderNodeId || '-',
        report === undefined ? '-' : nameOf(ShardRole, report.role).toLowerCase(),
        report === undefined ? '-' : String(report.appliedEntryIndex),
        String(slotCounts.get(`${shard.kind} ${shard.shardId}`) ?? 0),
      ];
    }),
  );
  printFaults(output, statuses);
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
