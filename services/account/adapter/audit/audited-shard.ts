// What an audit takes of every account shard, and what it finds.

import type { LedgerBreakKind } from '../../../../gen/bourse/account/v1/admin_service_pb.ts';
import type { AccountBalance, ShardTotals } from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import type { AccountNode } from '../shard/account-node.ts';

/** One shard at the moment of the audit. */
export type AuditedShard = {
  readonly shardId: string;
  readonly totals: ShardTotals;
  readonly balances: readonly AccountBalance[];
};

/** Something that does not fit; names and decimals are put in at the end. */
export type Break = {
  readonly kind: LedgerBreakKind;
  readonly accountId: string;
  readonly assetNumber: number;
  readonly shardId: string;
  readonly expectedUnits: bigint;
  readonly foundUnits: bigint;
};

/** @throws OperatingError NOT_LEADER. */
export function ledgerOf(node: AccountNode, shardId: string) {
  const leader = node.ledgers.findLeader(shardId);
  if (leader === undefined) throw node.noLeader(shardId);
  return leader.ledger;
}
