// The account shards of this node, and which of them answers for an account.

import {
  findShardOfAccount,
  findShardOfAccountNumber,
  shardsOfKind,
} from '../../../lib/platform/cluster/cluster-table.ts';
import type { ClusterWatch } from '../../../lib/platform/cluster/watch-cluster.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { World } from '../../../lib/shard/world.ts';
import type { LedgerNodes } from '../settlement/ledger-nodes.ts';
import type { MatchingNodes } from '../settlement/matching-nodes.ts';
import type { AccountShard } from './account-shard.ts';
import { notLeader } from './refusals.ts';

export class AccountNode {
  readonly world: World;
  readonly books: MatchingNodes;
  readonly ledgers: LedgerNodes;
  readonly #watch: ClusterWatch;
  readonly #shards = new Map<string, AccountShard>();

  constructor(
    world: World,
    watch: ClusterWatch,
    nodes: { readonly books: MatchingNodes; readonly ledgers: LedgerNodes },
  ) {
    this.world = world;
    this.books = nodes.books;
    this.ledgers = nodes.ledgers;
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

  /**
   * Id of the shard of an account, wherever it is led.
   *
   * @throws OperatingError WRONG_SHARD when no shard has it.
   */
  placeOfAccount(accountId: string): string {
    const table = this.#watch.table();
    const shardId = table && findShardOfAccount(table, accountId)?.shardId;
    if (shardId !== undefined) return shardId;
    throw new OperatingError('WRONG_SHARD', 'No shard owns the account as far as is known here.');
  }

  /**
   * Id of the shard of an account, by its number, wherever it is led.
   *
   * @throws OperatingError WRONG_SHARD when no shard has it.
   */
  placeOfAccountNumber(accountNumber: number): string {
    const table = this.#watch.table();
    const shardId = table && findShardOfAccountNumber(table, accountNumber)?.shardId;
    if (shardId !== undefined) return shardId;
    throw new OperatingError('WRONG_SHARD', 'No shard owns the account as far as is known here.');
  }

  /**
   * Ids of all shards of a kind. Before the cluster table has been heard of, that is not "none".
   *
   * @throws OperatingError SHARD_UNAVAILABLE
   */
  shardIdsOf(kind: 'account' | 'matching'): readonly string[] {
    const table = this.#watch.table();
    if (table !== undefined) return shardsOfKind(table, kind).map(({ shardId }) => shardId);
    const sentence = 'The shards are not known here yet; nothing was done.';
    throw new OperatingError('SHARD_UNAVAILABLE', sentence, { retryDelayMs: 250 });
  }

  /**
   * Any shard that is led here.
   *
   * @throws OperatingError NOT_LEADER when none is, SHARD_UNAVAILABLE.
   */
  ledShard(): AccountShard {
    const led = this.shards().find(({ leadershipSignal }) => leadershipSignal !== undefined);
    if (led !== undefined) return led;
    throw this.noLeader(this.shardIdsOf('account')[0] ?? '');
  }

  /** Nobody leads a shard now. */
  noLeader(shardId: string): OperatingError {
    return notLeader(shardId, this.#watch.table()?.shards.get(shardId)?.leader);
  }

  #owned(shardId: string | undefined): AccountShard {
    if (shardId === undefined) {
      throw new OperatingError('WRONG_SHARD', 'No shard owns the account as far as is known here.');
    }
    return this.shard(shardId);
  }
}
