// Positions at average cost (POS-1): what an account has bought of an instrument beyond what it
// sold, what that has cost, and what was made by selling it, from its fills in their order. Follows
// from the events, so it is no part of the state.
import type { Side } from '../../lib/rules/terms.ts';
import type { OrderExecuted } from './event.ts';

/** What of a fill counts for a position. */
export type PositionFill = {
  readonly side: Side;
  readonly quantityUnits: number;
  readonly notionalUnits: bigint;
  readonly feeUnits: bigint;
};

/** A fill, and in which instrument. */
export type InstrumentFill = { readonly instrumentNumber: number; readonly fill: PositionFill };

export class Position {
  /** Bought less sold, in quantity units of the instrument. */
  quantityUnits = 0n;
  /** What it has cost, of its sign; in the quote asset, as are the others. */
  costUnits = 0n;
  realisedUnits = 0n;
  /** Fees less rebates. */
  feeUnits = 0n;

  /**
   * Counts a fill. What it takes out of the cost is rounded towards zero; the rest stays in the
   * cost, so the realised result less the cost is always what has come in less what has gone out.
   */
  add(fill: PositionFill): void {
    const sign = fill.side === 'BUY' ? 1n : -1n;
    const quantity = sign * BigInt(fill.quantityUnits);
    const value = sign * fill.notionalUnits;
    this.feeUnits += fill.feeUnits;
    const closed = this.#closedBy(quantity);
    if (closed > 0n) {
      const share = (this.costUnits * closed) / magnitude(this.quantityUnits);
      const closing = (value * closed) / magnitude(quantity);
      this.realisedUnits -= closing + share;
      this.costUnits += value - closing - share;
    } else {
      this.costUnits += value;
    }
    this.quantityUnits += quantity;
  }

  /** How much of the position a quantity closes. */
  #closedBy(quantity: bigint): bigint {
    const isOpposite = this.quantityUnits > 0n ? quantity < 0n : quantity > 0n;
    if (this.quantityUnits === 0n || !isOpposite) return 0n;
    const own = magnitude(this.quantityUnits);
    const other = magnitude(quantity);
    if (other < own) return other;
    return own;
  }
}

/** Positions of accounts, by instrument. */
export class Positions {
  readonly #accounts = new Map<number, Map<number, Position>>();

  /** Counts what was executed, when it was a fill. */
  take(accountNumber: number, { fill, record }: Pick<OrderExecuted, 'fill' | 'record'>): void {
    const { terms } = record;
    if (fill === undefined || terms === undefined) return;
    const { instrumentNumber, side } = terms;
    this.add(accountNumber, { instrumentNumber, fill: { side, ...fill } });
  }

  /** Counts a fill of an account in an instrument. */
  add(accountNumber: number, { instrumentNumber, fill }: InstrumentFill): void {
    let positions = this.#accounts.get(accountNumber);
    if (positions === undefined) {
      positions = new Map();
      this.#accounts.set(accountNumber, positions);
    }
    let position = positions.get(instrumentNumber);
    if (position === undefined) {
      position = new Position();
      positions.set(instrumentNumber, position);
    }
    position.add(fill);
  }

  /** Those of an account, by instrument number. */
  of(accountNumber: number): ReadonlyMap<number, Position> {
    return this.#accounts.get(accountNumber) ?? new Map();
  }
}

function magnitude(units: bigint): bigint {
  return units < 0n ? -units : units;
}
