// Fee schedules: rates by tiers of an account's volume of 30 days, for an account, an instrument,
// both, or everybody.
import { type Hasher, Part, type StateDigest } from './digest.ts';

/** Days that count for a volume, today among them. */
export const VOLUME_DAYS = 30;

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
  /** None: it has ended. */
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
      this.#active({ accountId, instrumentNumber }) ??
      this.#active({ accountId, instrumentNumber: 0 }) ??
      this.#active({ accountId: '', instrumentNumber }) ??
      this.#active({ accountId: '', instrumentNumber: 0 })
    );
  }

  #active(scope: FeeScope): FeeSchedule | undefined {
    const found = this.get(scope);
    return found === undefined || found.tiers.length === 0 ? undefined : found;
  }

  /**
   * Sets a scope's tiers; without tiers its schedule is gone. One for everybody is remembered as
   * ended, so that a slot that comes from a shard which has not heard of it does not bring it back.
   */
  set(scope: FeeScope, tiers: readonly FeeTier[]): void {
    const known = this.get(scope);
    if (tiers.length === 0 && scope.accountId !== '') {
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
