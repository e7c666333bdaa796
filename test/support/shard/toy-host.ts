// Hosts of the toy machine, and proposals for them.

import { ShardHost, type ShardHostOptions } from '../../../services/lib/shard/host.ts';
import type { HostObserver } from '../../../services/lib/shard/observer.ts';
import type { Proposal, ProposalResult } from '../../../services/lib/shard/proposal.ts';
import type { World } from '../../../services/lib/shard/world.ts';
import { SimulatedWorld } from './simulated-world.ts';
import {
  TOY_CODEC,
  type ToyAnswer,
  type ToyCommand,
  type ToyEvent,
  ToyMachine,
} from './toy-machine.ts';

export type ToyHost = ShardHost<ToyCommand, ToyEvent, ToyAnswer>;
export type ToyResult = ProposalResult<ToyEvent, ToyAnswer>;
export type ToyProposal = Proposal<ToyCommand>;

export const TOY_SHARD = 'toy-1';

export function createToyHost(
  world: World,
  options: Partial<ShardHostOptions<ToyCommand, ToyEvent, ToyAnswer>> & {
    readonly observer?: HostObserver<ToyEvent, ToyAnswer>;
  } = {},
): ToyHost {
  const host = new ShardHost<ToyCommand, ToyEvent, ToyAnswer>({
    world,
    shardId: TOY_SHARD,
    nodeId: 'node-1',
    createMachine: () => new ToyMachine(),
    codec: TOY_CODEC,
    maximumIdentities: 100_000,
    followLeader: world instanceof SimulatedWorld ? world.followLeader : undefined,
    ...options,
  });
  if (world instanceof SimulatedWorld) world.database.peers.add(host, world);
  return host;
}

/** A proposal that adds to a key. */
export function add(
  world: World,
  identity: string,
  change: Partial<ToyProposal> & { readonly key?: string; readonly amount?: number } = {},
): ToyProposal {
  const { key = 'a', amount = 1, ...rest } = change;
  return {
    identity,
    validUntilUs: world.wallClockUs() + 30_000_000,
    traceContext: '',
    commandClass: 'rest',
    command: { kind: 'add', key, amount },
    ...rest,
  };
}

/** Proposes one command. */
export function propose(host: ToyHost, proposal: ToyProposal): Promise<ToyResult> {
  return host.propose([proposal])[0] as Promise<ToyResult>;
}

/** What a read of the toy's state answers with. */
export function readTotal(host: ToyHost, key = 'a') {
  return host.read((machine) => (machine as ToyMachine).totals.get(key) ?? 0);
}
