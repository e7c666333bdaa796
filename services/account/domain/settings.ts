// What an operator sets for an account: its state, and its limits.
import type { CommandContext, Outcome } from '../../lib/shard/state-machine.ts';
import type { Account } from './account.ts';
import { type AccountLimits, type AssetLimit, DAY_US } from './account-limits.ts';
import type { SetAccountLimits, SetAccountState } from './command.ts';
import { refused } from './command-checks.ts';
import type { Answer, Emit } from './event.ts';
import { isRefusal, type LedgerState } from './state.ts';

/** Why an account may do nothing that makes money leave it; undefined when it may. */
export function checkActive(account: Account): Outcome<Answer> | undefined {
  const detail = { account_id: account.accountId };
  if (account.state === 'CLOSED') return refused('ACCOUNT_CLOSED', detail);
  return account.state === 'FROZEN' ? refused('ACCOUNT_FROZEN', detail) : undefined;
}

/** Why an account may get no money; undefined when it may. */
export function checkNotClosed(account: Account): Outcome<Answer> | undefined {
  if (account.state !== 'CLOSED') return undefined;
  return refused('ACCOUNT_CLOSED', { account_id: account.accountId });
}

/** Freezes an account, makes it active again, or closes it for ever. */
export function setAccountState(
  state: LedgerState,
  command: SetAccountState,
  emit: Emit,
): Outcome<Answer> {
  const account = state.findAccount(command.accountId);
  if (isRefusal(account)) return { kind: 'refused', refusal: account };
  const { accountState, asked } = command;
  const answer = { existing: true, accountNumber: account.accountNumber, asked };
  if (account.state === accountState) return { kind: 'done', answer };
  const closed = checkNotClosed(account);
  if (closed !== undefined) return closed;
  if (accountState === 'CLOSED' && !isEmpty(account)) {
    return refused('ACCOUNT_NOT_EMPTY', { account_id: account.accountId });
  }

  // From here on it must succeed.
  account.state = accountState;
  state.nextSequence(account);
  const body = { kind: 'accountStateSet', accountState, comment: command.comment } as const;
  state.emitFor(account, [], body, emit);
  return { kind: 'done', answer: { ...answer, existing: false } };
}

function isEmpty(account: Account): boolean {
  if (account.liveOrders.size > 0) return false;
  return [...account.balances.values()].every(({ totalUnits }) => totalUnits === 0n);
}

/** Gives an account its limits; all of them are replaced. */
export function setAccountLimits(
  state: LedgerState,
  command: SetAccountLimits,
  emit: Emit,
): Outcome<Answer> {
  const account = state.findAccount(command.accountId);
  if (isRefusal(account)) return { kind: 'refused', refusal: account };
  const { asked, limits } = command;
  const unknown = limits.assets.find(({ assetNumber }) => !state.assets.has(assetNumber));
  if (unknown !== undefined) {
    return refused('ASSET_UNKNOWN', { asset_number: `${unknown.assetNumber}` });
  }
  const closed = checkNotClosed(account);
  if (closed !== undefined) return closed;
  const answer = { existing: true, accountNumber: account.accountNumber, asked };
  if (textOf(account.limits) === textOf(limits)) return { kind: 'done', answer };

  // From here on it must succeed.
  account.limits = limits;
  state.nextSequence(account);
  state.emitFor(account, [], { kind: 'accountLimitsSet', limits }, emit);
  return { kind: 'done', answer: { ...answer, existing: false } };
}

function textOf({ maximumOpenOrders, assets }: AccountLimits): string {
  const each = assets.map((limit) => {
    return `${limit.assetNumber} ${limit.maximumNotionalUnits} ${limit.maximumWithdrawalUnits}`;
  });
  return [maximumOpenOrders, ...each].join('/');
}

export function limitOf({ limits }: Account, assetNumber: number): AssetLimit | undefined {
  return limits.assets.find((limit) => limit.assetNumber === assetNumber);
}

/** Why a withdrawal is more than the account may take out in a day; undefined when it is not. */
export function checkWithdrawal(
  account: Account,
  wanted: { readonly assetNumber: number; readonly amountUnits: bigint },
  { logTimeUs }: Pick<CommandContext, 'logTimeUs'>,
): Outcome<Answer> | undefined {
  const { assetNumber, amountUnits } = wanted;
  const most = limitOf(account, assetNumber)?.maximumWithdrawalUnits ?? 0n;
  if (most === 0n) return undefined;
  const already = account.withdrawnOn(Math.floor(logTimeUs / DAY_US), assetNumber);
  return already + amountUnits > most ? refused('WITHDRAWAL_LIMIT') : undefined;
}

/** Whether one more order of a notional is beyond the account's limits. */
export function isBeyondLimits(
  account: Account,
  order: { readonly orders: number; readonly quoteAssetNumber: number; readonly notional: bigint },
): boolean {
  const { maximumOpenOrders } = account.limits;
  if (maximumOpenOrders > 0 && account.liveOrders.size + order.orders > maximumOpenOrders) {
    return true;
  }
  const most = limitOf(account, order.quoteAssetNumber)?.maximumNotionalUnits ?? 0n;
  return most > 0n && order.notional > most;
}
