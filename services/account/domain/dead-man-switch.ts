// The dead man's switch (CXL-2): a client sets it and renews it; when the shard's log time passes
// its time, everything of the account with a hold that is not closed is canceled or forbidden.
// The state keeps what is still to do, so whoever leads the shard goes on with it.
import { slotOfAccountNumber } from '../../lib/routing/slot.ts';
import type { CommandContext, Outcome } from '../../lib/shard/state-machine.ts';
import type { CancelAllAfter, FinishCancelAfter } from './command.ts';
import { refused } from './command-checks.ts';
import type { Answer, Emit } from './event.ts';
import { isRefusal, type LedgerState } from './state.ts';
import { DueSwitch } from './switches.ts';

/** Shortest and longest time that a switch may be set to, in microseconds. */
export const SHORTEST_TIMEOUT_US = 1_000_000;
export const LONGEST_TIMEOUT_US = 86_400_000_000;

/** Sets, renews or ends an account's switch. */
export function cancelAllAfter(
  state: LedgerState,
  command: CancelAllAfter,
  context: Pick<CommandContext, 'logTimeUs'>,
  emit: Emit,
): Outcome<Answer> {
  const account = state.findAccount(command.accountId);
  if (isRefusal(account)) return { kind: 'refused', refusal: account };
  const { timeoutUs } = command;
  const isInRange = timeoutUs >= SHORTEST_TIMEOUT_US && timeoutUs <= LONGEST_TIMEOUT_US;
  if (timeoutUs !== 0 && !isInRange) return refused('NUMBER_OUT_OF_RANGE', { field: 'timeout' });

  // From here on it must succeed.
  account.cancelTimeUs = timeoutUs === 0 ? 0 : context.logTimeUs + timeoutUs;
  const { accountNumber, cancelTimeUs } = account;
  if (cancelTimeUs > 0) state.switches.watch(accountNumber, cancelTimeUs);
  state.nextSequence(account);
  state.emitFor(account, [], { kind: 'cancelAfterSet', cancelTimeUs }, emit);
  return { kind: 'done', answer: { existing: false, accountNumber, cancelTimeUs } };
}

/** Accounts looked at in one entry; the others' turn comes in the next, which is due at once. */
export const SWITCHES_PER_ENTRY = 1_000;

/** Lets the switches go off whose time has come, a step at a time (LOG-17). */
export function advanceSwitches(state: LedgerState, logTimeUs: number, emit: Emit): void {
  for (let looked = 0; looked < SWITCHES_PER_ENTRY; looked += 1) {
    const accountNumber = state.switches.take(logTimeUs);
    if (accountNumber === undefined) return;
    const account = state.accountsByNumber.get(accountNumber);
    if (account === undefined || account.cancelTimeUs === 0) continue;
    if (account.cancelTimeUs > logTimeUs) {
      // It was renewed meanwhile.
      state.switches.watch(accountNumber, account.cancelTimeUs);
      continue;
    }
    account.cancelTimeUs = 0;
    const concerned = new Set<number>();
    for (const { terms } of account.liveOrders.values()) {
      if (terms !== undefined) concerned.add(terms.instrumentNumber);
    }
    const instrumentNumbers = [...concerned].sort((one, other) => one - other);
    const dueSequence = state.nextSequence(account);
    if (instrumentNumbers.length > 0) {
      const dueTimeUs = logTimeUs;
      const due = { accountNumber, dueSequence, dueTimeUs, instrumentNumbers };
      state.switches.file(new DueSwitch(due));
    }
    state.emitFor(account, [], { kind: 'cancelAfterDue', instrumentNumbers }, emit);
  }
}

/** Notes that what a switch had to cancel in an instrument is canceled or forbidden. */
export function finishCancelAfter(
  state: LedgerState,
  command: FinishCancelAfter,
  emit: Emit,
): Outcome<Answer> {
  const { accountNumber, dueSequence, instrumentNumber } = command;
  const elsewhere = state.refusalOf(slotOfAccountNumber(accountNumber));
  if (elsewhere !== undefined) return { kind: 'refused', refusal: elsewhere };
  const account = state.accountsByNumber.get(accountNumber);
  if (account === undefined) return refused('ACCOUNT_UNKNOWN');
  // Noted before: an earlier attempt was applied without its answer being heard.
  const isNew = state.switches.finish(command, instrumentNumber);
  if (!isNew) return { kind: 'done' };
  state.nextSequence(account);
  const body = { kind: 'cancelAfterFinished', instrumentNumber, dueSequence } as const;
  state.emitFor(account, [], body, emit);
  return { kind: 'done' };
}
