// What an account has traded in a quote asset, by UTC day of log time: the volume of 30 days, by
// which its fees have tiers.
import { type Hasher, Part } from './digest.ts';
import { VOLUME_DAYS } from './fee-schedules.ts';

export class Volume extends Part {
  readonly accountNumber: number;
  readonly assetNumber: number;
  /** Notional by day, ascending; days that no longer count are dropped. */
  readonly days = new Map<number, bigint>();

  constructor(accountNumber: number, assetNumber: number) {
    super();
    this.accountNumber = accountNumber;
    this.assetNumber = assetNumber;
  }

  add(day: number, notionalUnits: bigint): void {
    const before = this.days.get(day);
    this.days.set(day, (before ?? 0n) + notionalUnits);
    if (before !== undefined) return;
    for (const old of this.days.keys()) if (old <= day - VOLUME_DAYS) this.days.delete(old);
  }

  /** A trade of that day was taken back; a day that no longer counts has nothing to take. */
  takeBack(day: number, notionalUnits: bigint): void {
    const before = this.days.get(day);
    if (before === undefined) return;
    this.days.set(day, before > notionalUnits ? before - notionalUnits : 0n);
  }

  /** The sum over the days that count on a day. */
  sumAt(day: number): bigint {
    let sum = 0n;
    for (const [one, units] of this.days) if (one > day - VOLUME_DAYS) sum += units;
    return sum;
  }

  override feed(hasher: Hasher): void {
    hasher.text('volume');
    hasher.integer(this.accountNumber);
    hasher.integer(this.assetNumber);
    for (const [day, units] of this.days) {
      hasher.integer(day);
      hasher.amount(units);
    }
  }
}
