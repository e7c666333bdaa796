// The postings of an event: changes of an account's totals, in the order in which they were made.
import { PostingKind } from '../../../../gen/bourse/account/v1/account_pb.ts';
import { notionalOf } from '../../../lib/rules/cost.ts';
import type { InstrumentRules } from '../../../lib/rules/terms.ts';
import type { Event, TradeBusted, TransferPosted } from '../../domain/event.ts';

/** A change of a total, with its place among the postings of one event. */
export type Leg = {
  /** From 1 within the event. */
  readonly leg: number;
  readonly assetNumber: number;
  readonly kind: PostingKind;
  readonly amountUnits: bigint;
  readonly totalAfterUnits: bigint;
};

/** The postings of an event, in the order in which they were made. */
export function postingsOf(
  event: Event,
  instruments: ReadonlyMap<number, InstrumentRules>,
): readonly Leg[] {
  const totalOf = (assetNumber: number): bigint =>
    event.balances.find((balance) => balance.assetNumber === assetNumber)?.totalUnits ?? 0n;
  if (event.kind === 'transferPosted') {
    const { assetNumber, amountUnits } = event;
    const kind = kindOfTransfer(event);
    const totalAfterUnits = totalOf(assetNumber);
    return [{ leg: 1, assetNumber, kind, amountUnits, totalAfterUnits }];
  }
  if (event.kind === 'tradeBusted') {
    const instrument = instruments.get(event.trade.instrumentNumber);
    return instrument === undefined ? [] : bustedLegs(event, instrument, totalOf);
  }
  if (event.kind !== 'orderExecuted' || event.fill === undefined) return [];
  const { terms } = event.record;
  const instrument = terms && instruments.get(terms.instrumentNumber);
  if (instrument === undefined) return [];
  const sign = terms?.side === 'BUY' ? 1n : -1n;
  const { quantityUnits, notionalUnits, feeUnits } = event.fill;
  const { baseAssetNumber, quoteAssetNumber, baseFactor } = instrument;
  const legs: Leg[] = [
    {
      leg: 1,
      assetNumber: baseAssetNumber,
      kind: PostingKind.TRADE,
      amountUnits: sign * BigInt(quantityUnits) * BigInt(baseFactor),
      totalAfterUnits: totalOf(baseAssetNumber),
    },
    {
      leg: 2,
      assetNumber: quoteAssetNumber,
      kind: PostingKind.TRADE,
      amountUnits: -sign * notionalUnits,
      totalAfterUnits: totalOf(quoteAssetNumber) + feeUnits,
    },
  ];
  if (feeUnits !== 0n) {
    legs.push({
      leg: 3,
      assetNumber: quoteAssetNumber,
      kind: PostingKind.FEE,
      amountUnits: -feeUnits,
      totalAfterUnits: totalOf(quoteAssetNumber),
    });
  }
  return legs;
}

/** What a bust did to a side, in smallest units; without what the side did not have any more. */
export type BustAmounts = {
  readonly baseUnits: bigint;
  /** Before the fee. */
  readonly quoteUnits: bigint;
  readonly feeUnits: bigint;
};

/** All that went back of a trade, whether the side had it or suspense came in (SET-5). */
export function reversalOf({ trade, side }: TradeBusted, instrument: InstrumentRules): BustAmounts {
  const sign = side === 'BUY' ? 1n : -1n;
  const { feeUnits } = side === 'BUY' ? trade.buyer : trade.seller;
  const { priceUnits, quantityUnits } = trade;
  return {
    baseUnits: -sign * BigInt(quantityUnits) * BigInt(instrument.baseFactor),
    quoteUnits: sign * notionalOf(instrument, priceUnits, quantityUnits),
    feeUnits,
  };
}

function postedOf(event: TradeBusted, instrument: InstrumentRules): BustAmounts {
  const { baseUnits, quoteUnits, feeUnits } = reversalOf(event, instrument);
  const { side, missingUnits } = event;
  if (side === 'BUY') return { baseUnits: baseUnits + missingUnits, quoteUnits, feeUnits };
  // A rebate is given back last, so it is what lacks first.
  const rebateUnits = feeUnits < 0n ? -feeUnits : 0n;
  const missingRebate = missingUnits < rebateUnits ? missingUnits : rebateUnits;
  const missingQuote = missingUnits - missingRebate;
  return {
    baseUnits,
    quoteUnits: quoteUnits + missingQuote,
    feeUnits: feeUnits + missingRebate,
  };
}

/** A fee comes back before the quote goes, a rebate goes after it; so nothing is ever below zero. */
function bustedLegs(
  event: TradeBusted,
  instrument: InstrumentRules,
  totalOf: (assetNumber: number) => bigint,
): readonly Leg[] {
  const { baseAssetNumber, quoteAssetNumber } = instrument;
  const { baseUnits, quoteUnits, feeUnits } = postedOf(event, instrument);
  const { BUST, FEE_REFUND } = PostingKind;
  const quote = { kind: BUST, assetNumber: quoteAssetNumber, amountUnits: quoteUnits };
  const fee = { kind: FEE_REFUND, assetNumber: quoteAssetNumber, amountUnits: feeUnits };
  const [first, last] = feeUnits > 0n ? [fee, quote] : [quote, fee];
  const total = totalOf(quoteAssetNumber);
  const legs = [
    { kind: BUST, assetNumber: baseAssetNumber, amountUnits: baseUnits },
    { ...first, totalAfterUnits: total - last.amountUnits },
    { ...last, totalAfterUnits: total },
  ];
  return legs
    .map((leg, index) => ({ totalAfterUnits: totalOf(leg.assetNumber), ...leg, leg: index + 1 }))
    .filter(({ amountUnits }) => amountUnits !== 0n);
}

export function kindOfTransfer(
  transfer: Pick<TransferPosted, 'amountUnits' | 'otherAccountId'>,
): PostingKind {
  if (transfer.otherAccountId !== '') return PostingKind.TRANSFER;
  return transfer.amountUnits > 0n ? PostingKind.DEPOSIT : PostingKind.WITHDRAWAL;
}
