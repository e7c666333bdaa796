// Double entry (LED-1): every change is a move of an amount from one purse to another, so the sum
// over all purses of an asset is zero, always; running totals prove it after every command.
// Customers' balances are purses that never go below zero (LED-2); the shard's own may.
import { assert } from '../../lib/base/assert.ts';
import { type Hasher, Part, type StateDigest } from './digest.ts';
import type { BalanceAfter } from './event.ts';

/**
 * Purses that exist once per shard and asset and belong to no account:
 * - EXTERNAL: what came in, negative. - FEE: fees received. - SUSPENSE: what no hold covered, and
 * trades of unknown orders (SET-5). - CLEARING: one per source stream, cumulative; over all
 * account shards its totals sum to zero (LED-3). Sources are the books and the account shards,
 * which follow one another's transfers.
 */
export type PurseKind = 'EXTERNAL' | 'FEE' | 'SUSPENSE' | 'CLEARING';

/** Source of the clearing that stands for what this shard itself has sent to others (LED-5). */
export const OWN_STREAM = '';

/** A purse of the shard itself. */
export class Purse extends Part {
  readonly kind: PurseKind;
  readonly assetNumber: number;
  /** The source stream of a CLEARING purse, empty for this shard's own; empty for others. */
  readonly source: string;
  units = 0n;

  constructor(kind: PurseKind, assetNumber: number, source: string) {
    super();
    this.kind = kind;
    this.assetNumber = assetNumber;
    this.source = source;
  }

  override feed(hasher: Hasher): void {
    hasher.text(this.kind);
    hasher.integer(this.assetNumber);
    hasher.text(this.source);
    hasher.amount(this.units);
  }
}

/** An account's balance of one asset. */
export class Balance extends Part {
  readonly accountNumber: number;
  readonly assetNumber: number;
  /** Available and held together. */
  totalUnits = 0n;
  heldUnits = 0n;

  constructor(accountNumber: number, assetNumber: number) {
    super();
    this.accountNumber = accountNumber;
    this.assetNumber = assetNumber;
  }

  get availableUnits(): bigint {
    return this.totalUnits - this.heldUnits;
  }

  override feed(hasher: Hasher): void {
    hasher.text('balance');
    hasher.integer(this.accountNumber);
    hasher.integer(this.assetNumber);
    hasher.amount(this.totalUnits);
    hasher.amount(this.heldUnits);
  }

  toBalanceAfter(): BalanceAfter {
    const { assetNumber, totalUnits, heldUnits } = this;
    return { assetNumber, totalUnits, heldUnits };
  }
}

/** Sum over everything that the shard has of an asset. */
type AssetTotal = { readonly assetNumber: number; units: bigint; isTouched: boolean };

/** All purses of a shard but the accounts' balances, which the accounts own. */
export class Ledger {
  readonly #purses: Purse[] = [];
  /** By kind, source and asset. */
  readonly #found = new Map<PurseKind, Map<string, Map<number, Purse>>>();
  readonly #totals = new Map<number, AssetTotal>();
  /** Those that the command at hand has changed. */
  readonly #touched: AssetTotal[] = [];
  readonly #digest: StateDigest;

  constructor(digest: StateDigest) {
    this.#digest = digest;
  }

  /** The shard's purse of that kind, made when it is first needed. */
  purse(kind: PurseKind, assetNumber: number, source = ''): Purse {
    const found = this.#found.get(kind)?.get(source)?.get(assetNumber);
    return found ?? this.#addPurse(new Purse(kind, assetNumber, source));
  }

  #addPurse(purse: Purse): Purse {
    const { kind, source, assetNumber } = purse;
    const ofKind = this.#found.get(kind) ?? new Map<string, Map<number, Purse>>();
    const ofSource = ofKind.get(source) ?? new Map<number, Purse>();
    this.#found.set(kind, ofKind.set(source, ofSource.set(assetNumber, purse)));
    this.#purses.push(purse);
    return purse;
  }

  /** All purses of the shard, in the order in which they were first needed. */
  purses(): readonly Purse[] {
    return this.#purses;
  }

  /** Moves an amount, 0 or more; from a balance only what is available. */
  move(from: Purse | Balance, to: Purse | Balance, amountUnits: bigint): void {
    assert(amountUnits >= 0n, 'an amount that is moved is not negative');
    assert(from.assetNumber === to.assetNumber, 'a move stays within one asset');
    this.#change(from, -amountUnits);
    this.#change(to, amountUnits);
  }

  /**
   * Takes a balance out of the shard's sums, or into them: its slot is on its way to another shard,
   * or has come from one, and the clearing stands for it meanwhile (LED-5).
   */
  park(balance: Balance, clearing: Purse, isLeaving: boolean): void {
    const { assetNumber, totalUnits } = balance;
    this.#change(clearing, isLeaving ? totalUnits : -totalUnits);
    this.#totalOf(assetNumber).units += isLeaving ? -totalUnits : totalUnits;
  }

  /** Holds an amount that is available (HLD-1). */
  hold(balance: Balance, amountUnits: bigint): void {
    assert(amountUnits >= 0n && amountUnits <= balance.availableUnits, 'only what is available');
    balance.heldUnits += amountUnits;
    this.#digest.mark(balance);
  }

  /** Makes a held amount available again. */
  release(balance: Balance, amountUnits: bigint): void {
    assert(amountUnits >= 0n && amountUnits <= balance.heldUnits, 'only what is held');
    balance.heldUnits -= amountUnits;
    this.#digest.mark(balance);
  }

  /** LED-1: to be called after every command; stops the shard on a broken sum. */
  assertBalanced(): void {
    for (const total of this.#touched) {
      if (total.units !== 0n) assert(false, `asset ${total.assetNumber} does not sum to zero`);
      total.isTouched = false;
    }
    this.#touched.length = 0;
  }

  #change(purse: Purse | Balance, deltaUnits: bigint): void {
    const { assetNumber } = purse;
    if (purse instanceof Balance) {
      purse.totalUnits += deltaUnits;
      assert(purse.totalUnits >= purse.heldUnits, 'an available balance is never negative');
    } else {
      purse.units += deltaUnits;
    }
    this.#digest.mark(purse);
    const total = this.#totalOf(assetNumber);
    total.units += deltaUnits;
    if (total.isTouched) return;
    total.isTouched = true;
    this.#touched.push(total);
  }

  #totalOf(assetNumber: number): AssetTotal {
    let total = this.#totals.get(assetNumber);
    if (total === undefined) {
      total = { assetNumber, units: 0n, isTouched: false };
      this.#totals.set(assetNumber, total);
    }
    return total;
  }
}
