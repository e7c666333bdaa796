// The account shards of this node, and which of them answers for an account.

import {
  findShardOfAccount,
  findShardOfAccountNumber,
} from '../../../lib/platform/cluster/cluster-table.ts';
import type { ClusterWatch } from '../../../lib/platform/cluster/watch-cluster.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { World } from '../../../lib/shard/world.ts';
import type { AccountShard } from './account-shard.ts';
import { notLeader } from './refusals.ts';

export class AccountNode {
  readonly world: World;
  readonly #watch: ClusterWatch;
  readonly #shards = new Map<string, AccountShard>();

  constructor(world: World, watch: ClusterWatch) {
    this.world = world;
    this.#watch = watch;
  }

  add(shard: AccountShard): void {
    this.#shards.set(shard.host.shardId, shard);
  }

  shards(): readonly AccountShard[] {
    return [...this.#shards.values()];
  }

  /** Starts or ends what accompanies leaderships, after the hosts have changed. */
  sync(): void {
    for (const shard of this.#shards.values()) shard.sync();
  }

  async stop(): Promise<void> {
    await Promise.all(this.shards().map((shard) => shard.stop()));
  }

  /** @throws OperatingError NOT_LEADER when the shard is not hosted here. */
  shard(shardId: string): AccountShard {
    const shard = this.#shards.get(shardId);
    if (shard !== undefined) return shard;
    throw notLeader(shardId, this.#watch.table()?.shards.get(shardId)?.leader);
  }

  /** @throws OperatingError WRONG_SHARD or NOT_LEADER when another node answers for the account. */
  shardOfAccount(accountId: string): AccountShard {
    const table = this.#watch.table();
    return this.#owned(table && findShardOfAccount(table, accountId)?.shardId);
  }

  /** @throws OperatingError WRONG_SHARD or NOT_LEADER when another node answers for the account. */
  shardOfAccountNumber(accountNumber: number): AccountShard {
    const table = this.#watch.table();
    return this.#owned(table && findShardOfAccountNumber(table, accountNumber)?.shardId);
  }

  #owned(shardId: string | undefined): AccountShard {
    if (shardId === undefined) {
      throw new OperatingError('WRONG_SHARD', 'No shard owns the account as far as is known here.');
    }
    return this.shard(shardId);
  }
}
