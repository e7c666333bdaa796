// Who leads, and who stops leading: `bourse leader transfer`, `bourse node drain`, `bourse shards
// add`.

import type { Command } from 'commander';
import {
  AddShardResponseSchema,
  DrainNodeResponseSchema,
  type GetClusterResponse,
  TransferLeadershipResponseSchema,
} from '../../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { ShardKind } from '../../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { nameOf, printMessage } from '../output.ts';
import { runCommand, type Session, type Terminal } from './command.ts';

const POLL_MS = 100;
const DRAIN_PATIENCE_MS = 30_000;

export function addLeaders(program: Command, terminal: Terminal): void {
  const leader = program.command('leader').description('who leads a shard');
  leader
    .command('transfer')
    .description('hand a shard over to another node: nobody waits longer than some milliseconds')
    .argument('<shard>', 'shard id')
    .argument('[node]', 'node that shall lead; without it the best standby')
    .action(async (shardId: string, nodeId: string | undefined, _: object, command: Command) => {
      await runCommand(command, terminal, (session) => transfer(session, shardId, nodeId ?? ''));
    });
  const node = program.command('node').description('processes of the mesh');
  node
    .command('drain')
    .description('hand over what a node leads and let it lead nothing, until it is started again')
    .argument('<node>', 'node id')
    .option('--resume', 'end the drain: the node may lead again')
    .option('--wait', 'wait until the node leads nothing, at most 30 s')
    .action(async (nodeId: string, options: DrainOptions, command: Command) => {
      await runCommand(command, terminal, (session) => drain(session, nodeId, options, terminal));
    });
  const shards = program.command('shards').description('shards of the cluster');
  shards
    .command('add')
    .description('add a shard; it owns no slot until some are moved to it')
    .argument('[shard]', 'its id, such as matching-3 or account-3; without it the next free one')
    .option('--accounts', 'for accounts; what is named account-N is so anyway')
    .option('--move', 'also move an even share of the slots to it, one after another')
    .action(async (shardId: string | undefined, options: AddOptions, command: Command) => {
      await runCommand(command, terminal, (session) => add(session, shardId, options));
    });
}

type DrainOptions = { readonly resume?: boolean; readonly wait?: boolean };
type AddOptions = { readonly move?: boolean; readonly accounts?: boolean };

async function transfer(
  { clients, output }: Session,
  shardId: string,
  nodeId: string,
): Promise<void> {
  const answer = await clients.cluster.transferLeadership({ shardId, nodeId });
  printMessage(output, TransferLeadershipResponseSchema, answer, () => {
    const { leaderNodeId, epoch } = answer.shard ?? { leaderNodeId: '', epoch: 0n };
    const already = answer.alreadyLeads ? ' already' : '';
    output.write(`${shardId} is${already} led by ${leaderNodeId} in epoch ${epoch}.`);
  });
}

async function drain(
  session: Session,
  nodeId: string,
  options: DrainOptions,
  terminal: Terminal,
): Promise<void> {
  const { clients, output } = session;
  const resume = options.resume === true;
  const answer = await clients.cluster.drainNode({ nodeId, resume });
  if (options.wait === true && !resume && answer.stuckShardIds.length === 0) {
    await waitUntilLeadsNothing(session, nodeId, terminal.interrupted);
  }
  printMessage(output, DrainNodeResponseSchema, answer, () => {
    if (resume) return output.write(`${nodeId} may lead again.`);
    output.write(`${nodeId} is drained; it led ${answer.ledShards} shards.`);
    for (const shardId of answer.stuckShardIds) {
      output.write(`${shardId} stays there: no other node can take it over now.`);
    }
  });
}

async function waitUntilLeadsNothing(
  { clients }: Session,
  nodeId: string,
  interrupted: AbortSignal,
): Promise<void> {
  const deadlineMs = Date.now() + DRAIN_PATIENCE_MS;
  for (;;) {
    const { table } = await clients.cluster.getCluster({});
    if (table?.shards.every(({ leaderNodeId }) => leaderNodeId !== nodeId) === true) return;
    if (interrupted.aborted) return;
    if (Date.now() > deadlineMs) throw new Error(`${nodeId} still leads after 30 s.`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function add(
  { clients, output }: Session,
  givenId: string | undefined,
  { move, accounts }: AddOptions,
): Promise<void> {
  const isOfAccounts = accounts === true || givenId?.startsWith('account-') === true;
  const kind = isOfAccounts ? ShardKind.ACCOUNT : ShardKind.MATCHING;
  const shardId = givenId ?? nextShardId(await clients.cluster.getCluster({}), kind);
  const answer = await clients.cluster.addShard({ kind, shardId, moveSlots: move === true });
  printMessage(output, AddShardResponseSchema, answer, () => {
    output.write(`${shardId} ${answer.duplicate ? 'was there already' : 'is added'}.`);
    if (answer.openMoves === 0) return;
    output.write(`${answer.openMoves} slots move to it: bourse moves list --open`);
  });
}

function nextShardId({ table }: GetClusterResponse, kind: ShardKind): string {
  const prefix = `${nameOf(ShardKind, kind).toLowerCase()}-`;
  const numbers = (table?.shards ?? [])
    .filter(({ shardId }) => shardId.startsWith(prefix))
    .map(({ shardId }) => Number(shardId.slice(prefix.length)) || 0);
  return `${prefix}${Math.max(0, ...numbers) + 1}`;
}
