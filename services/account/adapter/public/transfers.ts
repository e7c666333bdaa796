// Money that moves: in from outside, out to outside, and between accounts.

import type {
  DepositRequest,
  WithdrawRequest,
} from '../../../../gen/bourse/account/v1/admin_service_pb.ts';
import type { TransferRequest } from '../../../../gen/bourse/account/v1/service_pb.ts';
import { assertDefined } from '../../../lib/base/assert.ts';
import { MAXIMUM_AMOUNT_UNITS, parseAmount } from '../../../lib/base/decimal.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { assertForm } from '../../../lib/platform/rpc/form-error.ts';
import { FormCheck } from '../../../lib/rules/form.ts';
import type { AppliedResult } from '../../../lib/shard/proposal.ts';
import type { Answer, Event } from '../../domain/event.ts';
import type { LedgerState } from '../../domain/state.ts';
import type { AccountNode } from '../shard/account-node.ts';
import type { AccountShard } from '../shard/account-shard.ts';
import { accountIn, assetIn } from './account-reads.ts';
import { kindOfTransfer } from './postings.ts';
import { madeId, propose } from './propose.ts';
import { balanceView, postingView } from './views.ts';

/** How long the answer waits for the other account to have the money. */
const CREDIT_LIMIT_MS = 1_000;

type AnyTransfer = DepositRequest | WithdrawRequest | TransferRequest;

/** A form that is good but for what it must have besides. */
function checkMoney(
  check: FormCheck,
  { accountId, assetId, amount, clientTransferId }: AnyTransfer,
) {
  check.requiredId('account_id', accountId);
  check.requiredId('asset_id', assetId);
  if (amount === '') check.add('amount', 'FIELD_REQUIRED', 'is required');
  else check.positiveDecimal('amount', amount);
  check.optionalId('client_transfer_id', clientTransferId);
}

/** What a request says, in units, and the shard that does it. */
async function prepare(node: AccountNode, request: AnyTransfer) {
  const { accountId, assetId, amount } = request;
  const clientTransferId =
    request.clientTransferId === '' ? madeId(node) : request.clientTransferId;
  const shard = node.shardOfAccount(accountId);
  const { asset, isRepeat } = await shard.read((state) => ({
    isRepeat: accountIn(state, accountId).transfers.has(clientTransferId),
    asset: assetIn(state, assetId),
  }));
  const amountUnits = amountOf(amount, asset.scale);
  const { assetNumber } = asset;
  return { shard, isRepeat, wanted: { accountId, assetNumber, amountUnits, clientTransferId } };
}

/** Deposit and Withdraw. */
export async function transferOutside(
  node: AccountNode,
  kind: 'deposit' | 'withdraw',
  request: DepositRequest | WithdrawRequest,
) {
  const check = new FormCheck();
  checkMoney(check, request);
  assertForm(check);
  const { shard, wanted } = await prepare(node, request);
  const { outcome } = await propose(node, shard, { kind, ...wanted });
  const { answer } = outcome;
  return shard.read((state) => transferView(state, wanted, answer));
}

/** Transfer, whose other account may be on another shard (LED-5). */
export async function transferBetween(node: AccountNode, request: TransferRequest) {
  const { accountId, toAccountId } = request;
  const check = new FormCheck();
  checkMoney(check, request);
  check.requiredId('to_account_id', toAccountId);
  if (accountId !== '' && accountId === toAccountId) {
    check.add('to_account_id', 'FIELDS_CONFLICT', 'must be another account');
  }
  assertForm(check);
  const { shard, isRepeat, wanted } = await prepare(node, request);
  const receiver = node.placeOfAccount(toAccountId);
  // What was done stays done; else the account that gets it must be there.
  if (!isRepeat && receiver !== shard.host.shardId) {
    await assertAccount(node, receiver, toAccountId);
  }
  const applied = await propose(node, shard, { kind: 'transfer', ...wanted, toAccountId });
  const { answer } = applied.outcome;
  const credited =
    answer?.transfer?.byClearing !== true || (await isCredited(node, { shard, receiver }, applied));
  const view = await shard.read((state) => transferView(state, wanted, answer));
  return { ...view, credited };
}

/** @throws OperatingError ACCOUNT_UNKNOWN, SHARD_UNAVAILABLE. */
async function assertAccount(node: AccountNode, shardId: string, accountId: string): Promise<void> {
  const leader = node.ledgers.findLeader(shardId);
  if (leader === undefined) throw node.noLeader(shardId);
  await leader.account.getAccount({ accountId });
}

/** Whether the other account's shard has taken in everything up to the transfer. */
async function isCredited(
  node: AccountNode,
  { shard, receiver }: { readonly shard: AccountShard; readonly receiver: string },
  applied: AppliedResult<Event, Answer>,
): Promise<boolean> {
  const isNew = applied.events.length > 0;
  const sequence = isNew
    ? applied.firstSequence
    : await shard.read((_state, { lastSequence }) => lastSequence);
  try {
    const answer = await node.ledgers
      .findLeader(receiver)
      ?.ledger.waitSettled(
        { shardId: receiver, sourceShardId: shard.host.shardId, sequence: BigInt(sequence) },
        { timeoutMs: CREDIT_LIMIT_MS },
      );
    return answer?.settled === true;
  } catch {
    return false; // it arrives all the same
  }
}

type Wanted = { readonly accountId: string; readonly clientTransferId: string };

function transferView(state: LedgerState, wanted: Wanted, found: Answer | undefined) {
  const { accountId, clientTransferId } = wanted;
  const answer = assertDefined(found, 'a transfer has an answer');
  const posted = assertDefined(answer.transfer, 'a transfer has a posting');
  const origin = {
    accountNumber: accountIn(state, accountId).accountNumber,
    accountId,
    accountSequence: answer.accountSequence ?? 0,
    timeUs: answer.postedTimeUs ?? 0,
    clientTransferId,
    otherAccountId: posted.otherAccountId,
    trade: undefined,
  };
  const leg = {
    leg: 1,
    assetNumber: posted.assetNumber,
    kind: kindOfTransfer(posted),
    amountUnits: posted.amountUnits,
    totalAfterUnits: answer.totalAfterUnits ?? 0n,
  };
  const balance = assertDefined(answer.balance, 'a transfer has a balance');
  return {
    posting: postingView(state, origin, leg),
    balance: balanceView(state, balance),
    clientTransferId,
    duplicate: answer.existing,
  };
}

/** @throws OperatingError SCALE_EXCEEDED or DECIMAL_OUT_OF_RANGE. */
function amountOf(amount: string, scale: number): bigint {
  const parsed = parseAmount(amount, scale, {
    minimumUnits: 1n,
    maximumUnits: MAXIMUM_AMOUNT_UNITS,
  });
  if (parsed.ok) return parsed.value;
  const isScale = parsed.problem === 'SCALE_EXCEEDED';
  const description = isScale
    ? `has more than ${scale} decimal places`
    : 'must be above 0 and below 2^62 of the asset’s smallest unit';
  throw new OperatingError(
    isScale ? 'SCALE_EXCEEDED' : 'DECIMAL_OUT_OF_RANGE',
    `amount ${description}.`,
    {
      metadata: { field: 'amount', ...(isScale ? { scale: `${scale}` } : {}) },
      violations: [{ field: 'amount', description }],
    },
  );
}
