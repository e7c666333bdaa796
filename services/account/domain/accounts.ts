// Accounts and their transfers from and to outside: CreateAccount, Deposit, Withdraw.
import { MAXIMUM_AMOUNT_UNITS } from '../../lib/base/decimal.ts';
import { SLOT_COUNT, slotOf } from '../../lib/routing/slot.ts';
import type { CommandContext, Outcome } from '../../lib/shard/state-machine.ts';
import { Account, TransferRecord } from './account.ts';
import { DAY_US } from './account-limits.ts';
import type { CreateAccount, SetSelfTradeGroup, Transfer } from './command.ts';
import { ID_FORM, refused } from './command-checks.ts';
import type { Answer, Emit, TransferPosted } from './event.ts';
import { checkActive, checkNotClosed, checkWithdrawal } from './settings.ts';
import { isRefusal, type LedgerState } from './state.ts';

/** Account numbers are 32 bits: 20 of them count the accounts of a slot. */
const MAXIMUM_ACCOUNTS_PER_SLOT = 2 ** 20 - 1;

/** Creates an account, or answers with the one that is there already and equal. */
export function createAccount(
  state: LedgerState,
  command: CreateAccount,
  context: CommandContext,
  emit: Emit,
): Outcome<Answer> {
  const { accountId, defaultSelfTradePrevention } = command;
  if (!ID_FORM.test(accountId)) return refused('ID_INVALID', { field: 'account_id' });
  const found = state.findAccount(accountId);
  if (!isRefusal(found)) {
    if (found.defaultSelfTradePrevention !== defaultSelfTradePrevention) {
      return refused('ACCOUNT_ALREADY_EXISTS', { account_id: accountId });
    }
    return { kind: 'done', answer: { existing: true, accountNumber: found.accountNumber } };
  }
  if (found.reason !== 'ACCOUNT_UNKNOWN') return { kind: 'refused', refusal: found };
  const slot = slotOf(accountId);
  const count = (state.slots.accountCounts[slot] as number) + 1;
  if (count > MAXIMUM_ACCOUNTS_PER_SLOT) return refused('SHARD_OVERLOADED');
  if (state.accountsById.size >= state.limits.maximumAccounts) return refused('SHARD_OVERLOADED');

  // From here on it must succeed.
  state.slots.accountCounts[slot] = count;
  state.digest.mark(state.slots);
  const accountNumber = slot + SLOT_COUNT * count;
  const { logTimeUs: createdTimeUs } = context;
  const account = new Account({
    accountNumber,
    accountId,
    defaultSelfTradePrevention,
    createdTimeUs,
  });
  state.accountsById.set(accountId, account);
  state.accountsByNumber.set(accountNumber, account);
  state.nextSequence(account);
  const body = { kind: 'accountCreated', accountId, defaultSelfTradePrevention } as const;
  state.emitFor(account, [], body, emit);
  return { kind: 'done', answer: { existing: false, accountNumber } };
}

/** Highest number of a self-trade group. */
export const HIGHEST_SELF_TRADE_GROUP = 1_000_000_000;

/** Gives an account its self-trade group (STP-1); orders placed from now on have it. */
export function setSelfTradeGroup(
  state: LedgerState,
  command: SetSelfTradeGroup,
  emit: Emit,
): Outcome<Answer> {
  const { accountId, selfTradeGroup } = command;
  const account = state.findAccount(accountId);
  if (isRefusal(account)) return { kind: 'refused', refusal: account };
  const isNumber = Number.isInteger(selfTradeGroup) && selfTradeGroup >= 0;
  const isGroup = isNumber && selfTradeGroup <= HIGHEST_SELF_TRADE_GROUP;
  if (!isGroup) return refused('NUMBER_OUT_OF_RANGE', { field: 'self_trade_group' });
  const { accountNumber } = account;
  const answer = { existing: true, accountNumber, selfTradeGroup };
  if (account.selfTradeGroup === selfTradeGroup) return { kind: 'done', answer };

  // From here on it must succeed.
  account.selfTradeGroup = selfTradeGroup;
  state.nextSequence(account);
  state.emitFor(account, [], { kind: 'selfTradeGroupSet', selfTradeGroup }, emit);
  return { kind: 'done', answer: { ...answer, existing: false } };
}

/** Posts a deposit or withdrawal, or answers with the first posting of its id (LED-4). */
export function postTransfer(
  state: LedgerState,
  command: Transfer,
  context: CommandContext,
  emit: Emit,
): Outcome<Answer> {
  const { assetNumber, clientTransferId } = command;
  const account = state.findAccount(command.accountId);
  if (isRefusal(account)) return { kind: 'refused', refusal: account };
  const amountUnits = command.kind === 'deposit' ? command.amountUnits : -command.amountUnits;
  const earlier = account.transfers.get(clientTransferId);
  if (earlier !== undefined) {
    return answerEarlier(account, earlier, { assetNumber, amountUnits, otherAccountId: '' });
  }
  const problem = checkTransfer(state, account, command, context);
  if (problem !== undefined) return problem;

  // From here on it must succeed.
  const balance = account.balance(assetNumber);
  const external = state.ledger.purse('EXTERNAL', assetNumber);
  if (command.kind === 'deposit') state.ledger.move(external, balance, command.amountUnits);
  else {
    state.ledger.move(balance, external, command.amountUnits);
    const day = Math.floor(context.logTimeUs / DAY_US);
    const units = account.withdrawnOn(day, assetNumber) + command.amountUnits;
    account.withdrawals.set(assetNumber, { day, units });
  }
  const outside = { otherAccountId: '', byClearing: false, accountId: '' };
  const transfer: TransferPosted = { assetNumber, amountUnits, clientTransferId, ...outside };
  const accountSequence = state.nextSequence(account);
  const record = new TransferRecord(account.accountNumber, transfer, {
    accountSequence,
    postedTimeUs: context.logTimeUs,
    totalAfterUnits: balance.totalUnits,
  });
  account.transfers.set(clientTransferId, record);
  state.digest.mark(record);
  state.emitFor(account, [assetNumber], { kind: 'transferPosted', ...transfer }, emit);
  return { kind: 'done', answer: answerOf(account, record, false) };
}

function checkTransfer(
  state: LedgerState,
  account: Account,
  command: Transfer,
  context: CommandContext,
): Outcome<Answer> | undefined {
  const { assetNumber, amountUnits, clientTransferId } = command;
  if (!ID_FORM.test(clientTransferId))
    return refused('ID_INVALID', { field: 'client_transfer_id' });
  if (amountUnits < 1n) return refused('DECIMAL_OUT_OF_RANGE', { field: 'amount' });
  const barred = command.kind === 'deposit' ? checkNotClosed(account) : checkActive(account);
  if (barred !== undefined) return barred;
  const asset = state.assets.get(assetNumber);
  if (asset === undefined) return refused('ASSET_UNKNOWN', { asset_number: `${assetNumber}` });
  const balance = account.balances.get(assetNumber);
  if (command.kind === 'deposit') {
    const before = balance?.totalUnits ?? 0n;
    if (before + amountUnits > MAXIMUM_AMOUNT_UNITS) return refused('AMOUNT_TOO_LARGE');
    return undefined;
  }
  const beyond = checkWithdrawal(account, command, context);
  if (beyond !== undefined) return beyond;
  if ((balance?.availableUnits ?? 0n) < amountUnits) {
    return refused('INSUFFICIENT_FUNDS', { asset_id: asset.assetId });
  }
  return undefined;
}

/** LED-4: the first posting for the same body; another body used the id first. */
export function answerEarlier(
  account: Account,
  earlier: TransferRecord,
  wanted: Pick<TransferPosted, 'assetNumber' | 'amountUnits' | 'otherAccountId'>,
): Outcome<Answer> {
  const { transfer } = earlier;
  const isSame =
    transfer.assetNumber === wanted.assetNumber &&
    transfer.amountUnits === wanted.amountUnits &&
    transfer.otherAccountId === wanted.otherAccountId;
  if (!isSame) {
    const detail = { client_transfer_id: transfer.clientTransferId };
    return refused('CLIENT_TRANSFER_ID_ALREADY_EXISTS', detail);
  }
  return { kind: 'done', answer: answerOf(account, earlier, true) };
}

/** The posting that a transfer's id stands for, and the balance now. */
export function answerOf(account: Account, record: TransferRecord, existing: boolean): Answer {
  const { transfer, accountSequence, postedTimeUs, totalAfterUnits } = record;
  const balance = account.balance(transfer.assetNumber).toBalanceAfter();
  return { existing, transfer, balance, accountSequence, postedTimeUs, totalAfterUnits };
}
