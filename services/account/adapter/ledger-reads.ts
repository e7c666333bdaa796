// LedgerService's reads of orders: after settlement when asked for (SET-4), and only
// what is committed while this node leads (READ-1).

import type {
  FindOrderRequest,
  ListOrderRecordsRequest,
} from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { safeNumber } from '../../lib/platform/codec/numbers.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { slotOfAccountNumber } from '../../lib/routing/slot.ts';
import type { Account } from '../domain/account.ts';
import type { OrderRecord } from '../domain/order.ts';
import { instrumentsOf, listOrders } from '../domain/queries.ts';
import { isRefusal, type LedgerState } from '../domain/state.ts';
import { recordMessage } from './codec/record-codec.ts';
import type { AccountNode } from './shard/account-node.ts';
import type { AccountShard } from './shard/account-shard.ts';
import { accountUnknown, errorOfRefusal } from './shard/refusals.ts';

const MOST_PER_PAGE = 1_000;

export function limitOf(limit: number): number {
  if (limit >= 1 && limit <= MOST_PER_PAGE) return limit;
  throw new OperatingError('NUMBER_OUT_OF_RANGE', 'limit must be 1 to 1,000.', {
    metadata: { field: 'limit' },
  });
}

/** @throws OperatingError WRONG_SHARD, ACCOUNT_UNKNOWN. */
export function accountOf(state: LedgerState, accountId: string): Account {
  const account = state.findAccount(accountId);
  if (isRefusal(account)) throw accountUnknown(account, accountId);
  return account;
}

/** Settles the instruments of the account, or only one of them. */
export async function settleFor(
  shard: AccountShard,
  find: (state: LedgerState) => Account,
  instrumentNumber: number,
): Promise<void> {
  const instrumentIds = await shard.read((state) => {
    const account = find(state);
    if (instrumentNumber === 0) return instrumentsOf(state, account);
    const instrument = state.instruments.get(instrumentNumber);
    return instrument === undefined ? [] : [instrument.instrumentId];
  });
  await shard.settle(instrumentIds);
}

export async function findOrder(node: AccountNode, request: FindOrderRequest) {
  const { accountId, accountNumber } = request;
  const shard =
    accountId === '' ? node.shardOfAccountNumber(accountNumber) : node.shardOfAccount(accountId);
  const find = (state: LedgerState): OrderRecord => {
    const account =
      accountId === '' ? accountOfNumber(state, accountNumber) : accountOf(state, accountId);
    return recordOf(state, account, request);
  };
  const early = await shard.read((state) => {
    const record = find(state);
    const instrument = record.terms && state.instruments.get(record.terms.instrumentNumber);
    return { record, instrumentId: instrument?.instrumentId };
  });
  const isFinal = early.record.holdState === 'CLOSED';
  // A final order does not change any more, so nothing needs to be waited for.
  if (!request.settled || isFinal || early.instrumentId === undefined) {
    return { record: recordMessage(early.record) };
  }
  await shard.settle([early.instrumentId]);
  return { record: recordMessage(await shard.read(find)) };
}

function accountOfNumber(state: LedgerState, accountNumber: number): Account {
  const refusal = state.refusalOf(slotOfAccountNumber(accountNumber));
  if (refusal !== undefined) throw errorOfRefusal(refusal);
  const account = state.accountsByNumber.get(accountNumber);
  if (account === undefined) throw errorOfRefusal({ reason: 'ACCOUNT_UNKNOWN' });
  return account;
}

function recordOf(state: LedgerState, account: Account, request: FindOrderRequest): OrderRecord {
  const { order } = request;
  let placement: number | undefined;
  if (order.case === 'placement') placement = safeNumber(order.value);
  else if (order.case === 'clientOrderId') {
    placement = account.placementByClientOrderId.get(order.value);
  }
  const record = placement === undefined ? undefined : state.findRecord(account, placement);
  if (record !== undefined) return record;
  // An id that was never given, or one that was: then the order has been final for long.
  const isBeyond =
    order.case === 'clientOrderId' || (placement !== undefined && placement <= account.placements);
  throw new OperatingError('ORDER_UNKNOWN', 'The account has no such order that is still kept.', {
    metadata: isBeyond ? { beyond: 'window' } : {},
  });
}

export async function listOrderRecords(node: AccountNode, request: ListOrderRecordsRequest) {
  const { accountId, instrumentNumber, openOnly } = request;
  const limit = limitOf(request.limit);
  const beforePlacement = safeNumber(request.beforePlacement);
  const shard = node.shardOfAccount(accountId);
  const find = (state: LedgerState): Account => accountOf(state, accountId);
  if (request.settled) await settleFor(shard, find, instrumentNumber);
  const page = await shard.read((state) =>
    listOrders(state, find(state), { instrumentNumber, openOnly, beforePlacement, limit }),
  );
  return { records: page.records.map(recordMessage), more: page.more };
}
