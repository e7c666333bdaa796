// Fee schedules: rates by tiers of an account's volume of 30 days, set while the exchange runs, for
// an account, an instrument, both, or everybody. The rates of an order are fixed by its hold, and
// those are charged (HLD-5).
import type { InstrumentRules } from '../../lib/rules/terms.ts';
import type { Outcome } from '../../lib/shard/state-machine.ts';
import type { Account } from './account.ts';
import { refused } from './accounts.ts';
import type { SetFeeSchedule } from './command.ts';
import { type Hasher, Part, type StateDigest } from './digest.ts';
import type { Answer, Emit } from './event.ts';
import { isRefusal, type LedgerState } from './state.ts';

/** Days that count for a volume, today among them. */
export const VOLUME_DAYS = 30;
/** Volumes of tiers are counted in billionths of the quote asset, whatever its scale. */
const VOLUME_SCALE = 9;
export const MOST_TIERS = 20;
const HIGHEST_RATE_PPM = 100_000;

/** Rates in millionths of the notional; negative is a rebate. */
export type Rates = {
  readonly makerRatePpm: number;
  readonly takerRatePpm: number;
  readonly auctionRatePpm: number;
};

/** Rates from a volume on. */
export type FeeTier = Rates & {
  /** In billionths of the quote asset of the order's instrument; 0n in the first tier. */
  readonly minimumVolume: bigint;
};

/** For whom a schedule is; of several the one with the lower place in this order counts. */
export type FeeScope = {
  /** Empty: of every account. */
  readonly accountId: string;
  /** 0: of every instrument. */
  readonly instrumentNumber: number;
};

export class FeeSchedule extends Part {
  readonly scope: FeeScope;
  tiers: readonly FeeTier[];

  constructor(scope: FeeScope, tiers: readonly FeeTier[]) {
    super();
    this.scope = scope;
    this.tiers = tiers;
  }

  override feed(hasher: Hasher): void {
    hasher.text('fees');
    hasher.text(this.scope.accountId);
    hasher.integer(this.scope.instrumentNumber);
    for (const tier of this.tiers) {
      hasher.amount(tier.minimumVolume);
      hasher.integer(tier.makerRatePpm);
      hasher.integer(tier.takerRatePpm);
      hasher.integer(tier.auctionRatePpm);
    }
  }
}

/** Schedules by scope. */
export class FeeSchedules {
  readonly #schedules = new Map<string, FeeSchedule>();
  readonly #digest: StateDigest;

  constructor(digest: StateDigest) {
    this.#digest = digest;
  }

  all(): IterableIterator<FeeSchedule> {
    return this.#schedules.values();
  }

  get(scope: FeeScope): FeeSchedule | undefined {
    return this.#schedules.get(keyOf(scope));
  }

  /** The one that counts: of the account and instrument, the account, the instrument, everybody. */
  find({ accountId, instrumentNumber }: FeeScope): FeeSchedule | undefined {
    if (this.#schedules.size === 0) return undefined;
    return (
      this.get({ accountId, instrumentNumber }) ??
      this.get({ accountId, instrumentNumber: 0 }) ??
      this.get({ accountId: '', instrumentNumber }) ??
      this.get({ accountId: '', instrumentNumber: 0 })
    );
  }

  /** Sets a scope's tiers; without tiers its schedule is gone. */
  set(scope: FeeScope, tiers: readonly FeeTier[]): void {
    const known = this.get(scope);
    if (tiers.length === 0) {
      if (known === undefined) return;
      this.#schedules.delete(keyOf(scope));
      this.#digest.remove(known);
      return;
    }
    const schedule = known ?? new FeeSchedule(scope, tiers);
    schedule.tiers = tiers;
    this.#schedules.set(keyOf(scope), schedule);
    this.#digest.mark(schedule);
  }
}

function keyOf({ accountId, instrumentNumber }: FeeScope): string {
  return `${accountId} ${instrumentNumber}`;
}

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
  if (textOf(known?.tiers ?? []) === textOf(tiers)) return { kind: 'done', answer };

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
