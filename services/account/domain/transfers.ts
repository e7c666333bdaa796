// Transfers between accounts (LED-4, LED-5): straight when the shard has both accounts, else by
// clearing: the account that gives pays into the clearing of its shard's own stream, and the shard
// of the other account, which follows that stream as it follows trades, pays out of it.

import { MAXIMUM_AMOUNT_UNITS } from '../../lib/base/decimal.ts';
import { slotOf } from '../../lib/routing/slot.ts';
import type { CommandContext, Outcome } from '../../lib/shard/state-machine.ts';
import { type Account, TransferRecord } from './account.ts';
import { answerEarlier, answerOf } from './accounts.ts';
import { receiveBust } from './busts.ts';
import type { AccountTransfer, SentTransfer, SettleTransfers } from './command.ts';
import { ID_FORM, refused } from './command-checks.ts';
import type { Answer, Emit, TransferPosted } from './event.ts';
import { OWN_STREAM } from './ledger.ts';
import { beginRange, checkRange, endRange } from './ranges.ts';
import { checkActive, checkNotClosed } from './settings.ts';
import { isRefusal, type LedgerState } from './state.ts';

/** Moves money to another account, or answers with the first posting of the id (LED-4). */
export function transferToAccount(
  state: LedgerState,
  command: AccountTransfer,
  context: CommandContext,
  emit: Emit,
): Outcome<Answer> {
  const { accountId, assetNumber, clientTransferId, toAccountId } = command;
  const account = state.findAccount(accountId);
  if (isRefusal(account)) return { kind: 'refused', refusal: account };
  const amountUnits = -command.amountUnits;
  const earlier = account.transfers.get(clientTransferId);
  if (earlier !== undefined) {
    return answerEarlier(account, earlier, {
      assetNumber,
      amountUnits,
      otherAccountId: toAccountId,
    });
  }
  const problem = checkTransfer(state, account, command);
  if (problem !== undefined) return problem;

  // From here on it must succeed.
  const balance = account.balance(assetNumber);
  const receiver = state.owns(toAccountId) ? state.accountsById.get(toAccountId) : undefined;
  const byClearing = receiver === undefined;
  const to =
    receiver?.balance(assetNumber) ?? state.ledger.purse('CLEARING', assetNumber, OWN_STREAM);
  state.ledger.move(balance, to, command.amountUnits);
  const transfer: TransferPosted = {
    ...{ assetNumber, amountUnits, clientTransferId },
    ...{ otherAccountId: toAccountId, byClearing, accountId: byClearing ? accountId : '' },
  };
  const accountSequence = state.nextSequence(account);
  const record = new TransferRecord(account.accountNumber, transfer, {
    accountSequence,
    postedTimeUs: context.logTimeUs,
    totalAfterUnits: balance.totalUnits,
  });
  account.transfers.set(clientTransferId, record);
  state.digest.mark(record);
  state.emitFor(account, [assetNumber], { kind: 'transferPosted', ...transfer }, emit);
  if (receiver !== undefined) {
    const { amountUnits: received } = command;
    const mirrored = { ...transfer, amountUnits: received, otherAccountId: accountId };
    state.nextSequence(receiver);
    state.emitFor(receiver, [assetNumber], { kind: 'transferPosted', ...mirrored }, emit);
  }
  return { kind: 'done', answer: answerOf(account, record, false) };
}

function checkTransfer(
  state: LedgerState,
  account: Account,
  command: AccountTransfer,
): Outcome<Answer> | undefined {
  const { assetNumber, amountUnits, clientTransferId, toAccountId } = command;
  if (!ID_FORM.test(clientTransferId))
    return refused('ID_INVALID', { field: 'client_transfer_id' });
  if (!ID_FORM.test(toAccountId)) return refused('ID_INVALID', { field: 'to_account_id' });
  if (toAccountId === account.accountId)
    return refused('FIELDS_CONFLICT', { field: 'to_account_id' });
  if (amountUnits < 1n) return refused('DECIMAL_OUT_OF_RANGE', { field: 'amount' });
  const barred = checkActive(account);
  if (barred !== undefined) return barred;
  // Whose clearing it would be is not known before the slot has moved, or stays.
  const toSlot = slotOf(toAccountId);
  if (state.isFrozen(toSlot)) return refused('SLOT_MOVING', { slot: `${toSlot}` });
  const receiver = state.accountsById.get(toAccountId);
  if (state.owns(toAccountId) && receiver === undefined) {
    return refused('ACCOUNT_UNKNOWN', { account_id: toAccountId });
  }
  const closed = receiver && checkNotClosed(receiver);
  if (closed !== undefined) return closed;
  const asset = state.assets.get(assetNumber);
  if (asset === undefined) return refused('ASSET_UNKNOWN', { asset_number: `${assetNumber}` });
  if (receiver !== undefined && !hasRoom(receiver, assetNumber, amountUnits)) {
    return refused('AMOUNT_TOO_LARGE');
  }
  if ((account.balances.get(assetNumber)?.availableUnits ?? 0n) < amountUnits) {
    return refused('INSUFFICIENT_FUNDS', { asset_id: asset.assetId });
  }
  return undefined;
}

/** Whether a balance stays below what the exchange can count. */
function hasRoom(account: Account, assetNumber: number, amountUnits: bigint): boolean {
  const totalUnits = account.balances.get(assetNumber)?.totalUnits ?? 0n;
  return totalUnits + amountUnits <= MAXIMUM_AMOUNT_UNITS;
}

/** Applies a range of what another account shard has sent; refuses what is no next range. */
export function settleTransfers(
  state: LedgerState,
  command: SettleTransfers,
  context: { readonly logTimeUs: number },
  emit: Emit,
  slot?: number,
): Outcome<Answer> {
  const problem = checkRange(state, command, slot);
  if (problem !== undefined) return problem;

  // From here on it must succeed.
  beginRange(state, command, slot);
  const { sourceShardId } = command;
  for (const sent of command.transfers) receive(state, sourceShardId, sent, emit);
  const received = { sourceShardId, logTimeUs: context.logTimeUs };
  for (const trade of command.busts) receiveBust(state, received, trade, emit);
  endRange(state, command, slot, emit);
  return { kind: 'done' };
}

/** Pays out what was sent to an account of this shard; what has nowhere to go stands in suspense. */
function receive(state: LedgerState, sourceShardId: string, sent: SentTransfer, emit: Emit): void {
  const { assetNumber, amountUnits, toAccountId, fromAccountId, clientTransferId } = sent;
  const slot = slotOf(toAccountId);
  if (!state.ownsSlot(slot) || state.settled?.(slot) === false) return;
  const { ledger } = state;
  const clearing = ledger.purse('CLEARING', assetNumber, sourceShardId);
  const account = state.accountsById.get(toAccountId);
  if (account === undefined || !hasRoom(account, assetNumber, amountUnits)) {
    ledger.move(clearing, ledger.purse('SUSPENSE', assetNumber), amountUnits);
    const body = { kind: 'suspensePosted', assetNumber, amountUnits, placement: 0 } as const;
    emit({ accountNumber: 0, accountSequence: 0, balances: [], ...body });
    return;
  }
  ledger.move(clearing, account.balance(assetNumber), amountUnits);
  state.nextSequence(account);
  const transfer = { assetNumber, amountUnits, clientTransferId, otherAccountId: fromAccountId };
  const posted = { ...transfer, byClearing: true, accountId: toAccountId };
  state.emitFor(account, [assetNumber], { kind: 'transferPosted', ...posted }, emit);
}
