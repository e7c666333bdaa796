// `bourse rebalance`: which slots should move so that shards have about the same to do (MOV-10).

import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { GetClusterResponse } from '../../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { ShardKind, ShardRole } from '../../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import {
  BEGIN_PERCENT,
  END_PERCENT,
  LEAST_COMMANDS,
  type LoadOfShard,
  MOVES_LIMIT,
  type PlannedMove,
  planRebalance,
} from '../../../lib/routing/rebalance.ts';
import { nameOf, printTable } from '../output.ts';
import { runCommand, type Session, type Terminal } from './command.ts';
import { watchMoves } from './moves.ts';

/** Kinds of shard whose slots can move. */
const KINDS = [ShardKind.MATCHING, ShardKind.ACCOUNT] as const;

const POLICY = [
  '',
  'Load is the commands of the last ten seconds. Nothing moves while the busiest shard of a kind',
  `has at most ${BEGIN_PERCENT} % of the mean, or fewer than ${LEAST_COMMANDS} commands; then slots go from`,
  `the busiest to the idlest shard until the busiest has at most ${END_PERCENT} %, at most ${MOVES_LIMIT}`,
  'at a time. Slots are not split.',
].join('\n');

export function addRebalance(program: Command, terminal: Terminal): void {
  program
    .command('rebalance')
    .description('plan the moves that even out what shards have to do; --apply makes them')
    .option('--apply', 'carry the plan out')
    .option('--watch', 'with --apply: show the moves until they have ended')
    .addHelpText('after', POLICY)
    .action(async (options: Options, command: Command) => {
      await runCommand(command, terminal, (session) => rebalance(session, options, terminal));
    });
}

type Options = { readonly apply?: boolean; readonly watch?: boolean };

async function rebalance(session: Session, options: Options, terminal: Terminal): Promise<void> {
  const { clients, output } = session;
  const cluster = await clients.cluster.getCluster({});
  const plans = KINDS.map((kind) => {
    const loads = loadsOf(cluster, kind);
    return { kind, loads, ...planRebalance(loads) };
  });
  const moves = plans.flatMap((plan) => plan.moves.map((move) => ({ kind: plan.kind, ...move })));
  if (output.isJson) {
    output.write(JSON.stringify({ moves: moves.map(jsonOf), applied: options.apply === true }));
  } else {
    for (const { kind, loads, after } of plans) printLoads(session, kind, loads, after);
    if (moves.length === 0) output.write('Even enough: nothing to move.');
    else printPlan(session, moves);
  }
  if (options.apply !== true) return;
  for (const { targetShardId, kind, slots } of groupByTarget(moves)) {
    const clientRequestId = randomUUID();
    await clients.cluster.moveSlots({ clientRequestId, kind, slots, targetShardId });
    if (options.watch === true) await watchMoves(session, clientRequestId, terminal);
  }
}

type KindMove = PlannedMove & { readonly kind: ShardKind };

function loadsOf({ table, statuses }: GetClusterResponse, kind: ShardKind): LoadOfShard[] {
  const reports = statuses.flatMap(({ shards }) => shards);
  return (table?.shards ?? [])
    .filter((shard) => shard.kind === kind)
    .map(({ shardId }) => {
      const report = reports.find(
        (one) => one.shardId === shardId && one.role === ShardRole.LEADER,
      );
      const { commands = 0, slots = [] } = report?.load ?? {};
      return { shardId, commands, slots };
    });
}

function printLoads(
  { output }: Session,
  kind: ShardKind,
  loads: readonly LoadOfShard[],
  after: ReadonlyMap<string, number>,
): void {
  printTable(
    output,
    [`${nameOf(ShardKind, kind)} SHARD`, 'COMMANDS IN 10 S', 'AFTER THE PLAN'],
    loads.map(({ shardId, commands }) => [
      shardId,
      String(commands),
      String(after.get(shardId) ?? commands),
    ]),
  );
  output.write('');
}

function printPlan({ output }: Session, moves: readonly KindMove[]): void {
  printTable(
    output,
    ['SLOT', 'FROM', 'TO', 'COMMANDS IN 10 S'],
    moves.map(({ slot, fromShardId, toShardId, commands }) => [
      String(slot),
      fromShardId,
      toShardId,
      String(commands),
    ]),
  );
}

function groupByTarget(moves: readonly KindMove[]) {
  const groups = new Map<string, { targetShardId: string; kind: ShardKind; slots: number[] }>();
  for (const { kind, slot, toShardId } of moves) {
    const group = groups.get(toShardId) ?? { targetShardId: toShardId, kind, slots: [] };
    group.slots.push(slot);
    groups.set(toShardId, group);
  }
  return [...groups.values()];
}

function jsonOf({ kind, slot, commands, fromShardId, toShardId }: KindMove) {
  const from = { from_shard_id: fromShardId, to_shard_id: toShardId };
  return { kind: nameOf(ShardKind, kind), slot, commands, ...from };
}
