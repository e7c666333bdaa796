// LedgerService's reads of orders and fills: after settlement when asked for (SET-4), and only
// what is committed while this node leads (READ-1).

import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  FillRecord,
  FillRecordSchema,
  FindOrderRequest,
  ListFillRecordsRequest,
  ListOrderRecordsRequest,
} from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { safeNumber } from '../../lib/platform/codec/numbers.ts';
import { encodeTerms } from '../../lib/platform/codec/terms-codec.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { slotOfAccountNumber } from '../../lib/routing/slot.ts';
import type { Account } from '../domain/account.ts';
import { bustKeyOf } from '../domain/bust-record.ts';
import type { OrderRecord } from '../domain/order.ts';
import { instrumentsOf, listOrders } from '../domain/queries.ts';
import { isRefusal, type LedgerState } from '../domain/state.ts';
import { fillInit, recordMessage } from './codec/record-codec.ts';
import type { AccountNode } from './shard/account-node.ts';
import type { AccountShard } from './shard/account-shard.ts';
import type { Happening } from './shard/happening.ts';
import { accountUnknown, errorOfRefusal } from './shard/refusals.ts';

const MOST_PER_PAGE = 1_000;

function limitOf(limit: number): number {
  if (limit >= 1 && limit <= MOST_PER_PAGE) return limit;
  throw new OperatingError('NUMBER_OUT_OF_RANGE', 'limit must be 1 to 1,000.', {
    metadata: { field: 'limit' },
  });
}

/** @throws OperatingError WRONG_SHARD, ACCOUNT_UNKNOWN. */
function accountOf(state: LedgerState, accountId: string): Account {
  const account = state.findAccount(accountId);
  if (isRefusal(account)) throw accountUnknown(account, accountId);
  return account;
}

/** Settles the instruments of the account, or only one of them. */
async function settleFor(
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

type FillInit = Exclude<MessageInitShape<typeof FillRecordSchema>, FillRecord>;

export async function listFillRecords(node: AccountNode, request: ListFillRecordsRequest) {
  const { accountId, instrumentNumber } = request;
  const limit = limitOf(request.limit);
  const shard = node.shardOfAccount(accountId);
  const find = (state: LedgerState): Account => accountOf(state, accountId);
  if (request.settled) await settleFor(shard, find, instrumentNumber);
  const { accountNumber, busted, lastSequence } = await shard.read((state, place) => {
    const { accountNumber: number, busts } = find(state);
    const keys = new Set(busts.keys());
    return { accountNumber: number, busted: keys, lastSequence: place.lastSequence };
  });
  await shard.recall(lastSequence);
  const before = request.beforeSequence === 0n ? Infinity : safeNumber(request.beforeSequence);
  const placement = safeNumber(request.placement);
  const fills: FillInit[] = [];
  for (const happening of shard.activity.posted(accountNumber)) {
    if (happening.sequence >= before) continue;
    const fill = fillRecordOf(happening, { instrumentNumber, placement, busted });
    if (fill === undefined) continue;
    if (fills.length === limit) return { fills, more: true, beyond: false };
    fills.push(fill);
  }
  return { fills, more: false, beyond: shard.activity.postedSince(accountNumber) > 0 };
}

function fillRecordOf(
  { sequence, event }: Happening,
  wanted: {
    readonly instrumentNumber: number;
    readonly placement: number;
    /** Trades that were taken back. */
    readonly busted: ReadonlySet<string>;
  },
): FillInit | undefined {
  if (event.kind !== 'orderExecuted' || event.fill === undefined) return undefined;
  const { record, fill } = event;
  const { terms } = record;
  if (terms === undefined) return undefined;
  const { instrumentNumber } = terms;
  const { instrumentSequence } = event;
  if (wanted.instrumentNumber !== 0 && wanted.instrumentNumber !== instrumentNumber) {
    return undefined;
  }
  if (wanted.placement !== 0 && wanted.placement !== record.placement) return undefined;
  return {
    sequence: BigInt(sequence),
    instrumentNumber,
    instrumentSequence: BigInt(instrumentSequence),
    placement: BigInt(record.placement),
    clientOrderId: record.clientOrderId,
    accountNumber: record.accountNumber,
    terms: encodeTerms(terms),
    fill: fillInit(fill),
    eventTimeUs: BigInt(event.eventTimeUs),
    busted: wanted.busted.has(
      bustKeyOf({ instrumentNumber, instrumentSequence }, record.placement),
    ),
  };
}
