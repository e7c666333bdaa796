// What every public method of accounts begins with: the account's shard, seen as a client does who
// knows no shards, and the account in it.
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { Account } from '../../domain/account.ts';
import type { Asset } from '../../domain/command.ts';
import { instrumentsOf } from '../../domain/queries.ts';
import { isRefusal, type LedgerState } from '../../domain/state.ts';
import type { AccountNode } from '../shard/account-node.ts';
import type { AccountShard } from '../shard/account-shard.ts';
import { accountUnknown, errorOfRefusal, shardUnavailable } from '../shard/refusals.ts';

/** Runs a handler; reasons of the mesh become what a client can use. */
export async function forClient<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw clientError(error);
  }
}

/**
 * NOT_LEADER and WRONG_SHARD mean nothing to a client: nothing was done, and another node leads the
 * account's shard, which the error names when it is known, or none does.
 */
export function clientError(error: unknown): unknown {
  if (!(error instanceof OperatingError)) return error;
  const { reason, metadata } = error;
  if (reason !== 'NOT_LEADER' && reason !== 'WRONG_SHARD') return error;
  const { shard_id: shardId = '', leader_node_id: nodeId, leader_address: address } = metadata;
  const isKnown = nodeId !== undefined && address !== undefined;
  return shardUnavailable(shardId, isKnown ? { nodeId, address } : undefined);
}

/** @throws OperatingError ACCOUNT_UNKNOWN or WRONG_SHARD. */
export function accountIn(state: LedgerState, accountId: string): Account {
  const account = state.findAccount(accountId);
  if (isRefusal(account)) throw accountUnknown(account, accountId);
  return account;
}

/** @throws OperatingError ASSET_UNKNOWN. */
export function assetIn(state: LedgerState, assetId: string): Asset {
  for (const asset of state.assets.values()) if (asset.assetId === assetId) return asset;
  throw errorOfRefusal({ reason: 'ASSET_UNKNOWN', detail: { asset_id: assetId } });
}

/** @throws OperatingError INSTRUMENT_UNKNOWN. */
export function instrumentNumberIn(state: LedgerState, instrumentId: string): number {
  for (const instrument of state.instruments.values()) {
    if (instrument.instrumentId === instrumentId) return instrument.instrumentNumber;
  }
  throw errorOfRefusal({
    reason: 'INSTRUMENT_UNKNOWN',
    detail: { instrument_id: instrumentId },
  });
}

/**
 * The shard of an account, when everything that the books had committed by now is settled.
 *
 * @param check looks at the state before settlement is waited for, and may throw
 */
export async function settledShard(
  node: AccountNode,
  accountId: string,
  check: (state: LedgerState) => void = () => {},
): Promise<AccountShard> {
  const shard = node.shardOfAccount(accountId);
  const instrumentIds = await shard.read((state) => {
    const account = accountIn(state, accountId);
    check(state);
    return instrumentsOf(state, account);
  });
  await shard.settle(instrumentIds);
  return shard;
}
