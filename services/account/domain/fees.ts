// SetFeeSchedule, and the rates that a new order has by the schedules. The rates of an order are
// fixed by its hold, and those are charged (HLD-5).
import type { InstrumentRules } from '../../lib/rules/terms.ts';
import type { Outcome } from '../../lib/shard/state-machine.ts';
import type { Account } from './account.ts';
import type { SetFeeSchedule } from './command.ts';
import { refused } from './command-checks.ts';
import type { Answer, Emit } from './event.ts';
import type { FeeTier, Rates } from './fee-schedules.ts';
import { isRefusal, type LedgerState } from './state.ts';

/** Volumes of tiers are counted in billionths of the quote asset, whatever its scale. */
const VOLUME_SCALE = 9;
export const MOST_TIERS = 20;
const HIGHEST_RATE_PPM = 100_000;

/** Sets the fees of a scope; orders placed from now on have them. */
export function setFeeSchedule(
  state: LedgerState,
  command: SetFeeSchedule,
  emit: Emit,
): Outcome<Answer> {
  const { scope, tiers, asked } = command;
  const account = scope.accountId === '' ? undefined : state.findAccount(scope.accountId);
  if (account !== undefined && isRefusal(account)) return { kind: 'refused', refusal: account };
  if (scope.instrumentNumber !== 0 && !state.instruments.has(scope.instrumentNumber)) {
    return refused('INSTRUMENT_UNKNOWN');
  }
  const problem = problemOf(tiers);
  if (problem !== undefined) return refused('NUMBER_OUT_OF_RANGE', { field: problem });
  const answer = { existing: true, asked };
  const known = state.feeSchedules.get(scope);
  const isNews = known === undefined && (account === undefined || tiers.length > 0);
  if (!isNews && textOf(known?.tiers ?? []) === textOf(tiers)) return { kind: 'done', answer };

  // From here on it must succeed.
  state.feeSchedules.set(scope, tiers);
  const body = { kind: 'feeScheduleSet', scope, tiers } as const;
  if (account === undefined) {
    emit({ accountNumber: 0, accountSequence: 0, balances: [], ...body });
  } else {
    state.nextSequence(account);
    state.emitFor(account, [], body, emit);
  }
  return { kind: 'done', answer: { ...answer, existing: false } };
}

function problemOf(tiers: readonly FeeTier[]): string | undefined {
  if (tiers.length > MOST_TIERS) return 'tiers';
  let last = -1n;
  for (const [index, tier] of tiers.entries()) {
    const isFirst = index === 0;
    if (tier.minimumVolume <= last || (isFirst && tier.minimumVolume !== 0n)) {
      return 'minimum_volume';
    }
    last = tier.minimumVolume;
    const rates = [tier.makerRatePpm, tier.takerRatePpm, tier.auctionRatePpm];
    if (rates.some((rate) => Math.abs(rate) > HIGHEST_RATE_PPM)) return 'rate';
  }
  return undefined;
}

function textOf(tiers: readonly FeeTier[]): string {
  const each = tiers.map((tier) => {
    return [tier.minimumVolume, tier.makerRatePpm, tier.takerRatePpm, tier.auctionRatePpm].join();
  });
  return each.join(' ');
}

/** The tier that an account has in an instrument at a log time; undefined without a schedule. */
export function findTier(
  state: LedgerState,
  account: Account,
  { instrument, day }: { readonly instrument: InstrumentRules; readonly day: number },
): FeeTier | undefined {
  const { instrumentNumber, quoteAssetNumber } = instrument;
  const schedule = state.feeSchedules.find({ accountId: account.accountId, instrumentNumber });
  if (schedule === undefined) return undefined;
  const scale = state.assets.get(quoteAssetNumber)?.scale ?? 0;
  const factor = 10n ** BigInt(VOLUME_SCALE - scale);
  const volume = (account.volumes.get(quoteAssetNumber)?.sumAt(day) ?? 0n) * factor;
  return schedule.tiers.findLast(({ minimumVolume }) => volume >= minimumVolume);
}

/** The rates that a new order of an account has. */
export function ratesOf(
  state: LedgerState,
  account: Account,
  at: { readonly instrument: InstrumentRules; readonly day: number },
): Rates | undefined {
  const tier = findTier(state, account, at);
  if (tier === undefined) return undefined;
  const { makerRatePpm, takerRatePpm, auctionRatePpm } = tier;
  return { makerRatePpm, takerRatePpm, auctionRatePpm };
}
