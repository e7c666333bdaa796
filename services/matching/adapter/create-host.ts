// Makes the hosts of this node's shards.

import type { NodeConfig } from '../../lib/platform/config/node-config.ts';
import type { LogSpaceWatch } from '../../lib/platform/postgres/log-space.ts';
import { planSnapshots } from '../../lib/platform/snapshots/snapshot-process.ts';
import { ShardHost } from '../../lib/shard/host.ts';
import type { HostObserver } from '../../lib/shard/observer.ts';
import type { FollowLeader, World } from '../../lib/shard/world.ts';
import type { MatchingCommand } from '../domain/command.ts';
import type { MatchingEvent } from '../domain/event.ts';
import { MatchingMachine } from '../domain/machine.ts';
import { matchingCodec } from './codec/matching-codec.ts';

type MatchingHost = ShardHost<MatchingCommand, MatchingEvent, never>;

export function hostMaker(
  config: NodeConfig,
  space: Pick<LogSpaceWatch, 'isLow'>,
  world: World,
  followLeader: FollowLeader,
): (shardId: string, observer: HostObserver<MatchingEvent, never>) => MatchingHost {
  const { nodeId } = config;
  const snapshots = planSnapshots(config, new URL('../write-snapshot.ts', import.meta.url));
  const createMachine = (): MatchingMachine => new MatchingMachine();
  const options = { world, followLeader, nodeId, createMachine, codec: matchingCodec, snapshots };
  // New orders only: what trades out of what is there goes on (SNAP-5).
  const refuses = ({ kind }: MatchingCommand) =>
    space.isLow() && (kind === 'placeOrder' || kind === 'placeOrderGroup')
      ? 'LOG_SPACE_LOW'
      : undefined;
  return (shardId, observer) => new ShardHost({ ...options, shardId, observer, refuses });
}
