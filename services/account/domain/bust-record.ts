// What is kept of a trade that was taken back, with the account of each side.

import type { BustedTrade } from './command.ts';
import { type Hasher, Part } from './digest.ts';

/** That one side of a trade was taken back; kept with its account for ever, as transfer ids are. */
export class BustRecord extends Part {
  readonly accountNumber: number;
  /** The trade and the order, see `bustKeyOf`. */
  readonly key: string;
  readonly comment: string;
  readonly bustedTimeUs: number;

  constructor(of: Pick<BustRecord, 'accountNumber' | 'key' | 'comment' | 'bustedTimeUs'>) {
    super();
    this.accountNumber = of.accountNumber;
    this.key = of.key;
    this.comment = of.comment;
    this.bustedTimeUs = of.bustedTimeUs;
  }

  override feed(hasher: Hasher): void {
    hasher.text('bust');
    hasher.integer(this.accountNumber);
    hasher.text(this.key);
    hasher.text(this.comment);
    hasher.integer(this.bustedTimeUs);
  }
}

export type TradeName = Pick<BustedTrade, 'instrumentNumber' | 'instrumentSequence'>;

/** Names one side of a trade: an account may have both. */
export function bustKeyOf(trade: TradeName, placement: number): string {
  return `${trade.instrumentNumber}-${trade.instrumentSequence}-${placement}`;
}
