// The postings of an event: changes of an account's totals, in the order in which they were made.
import { PostingKind } from '../../../../gen/bourse/account/v1/account_pb.ts';
import type { InstrumentRules } from '../../../lib/rules/terms.ts';
import type { Event, TransferPosted } from '../../domain/event.ts';

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

export function kindOfTransfer(
  transfer: Pick<TransferPosted, 'amountUnits' | 'otherAccountId'>,
): PostingKind {
  if (transfer.otherAccountId !== '') return PostingKind.TRANSFER;
  return transfer.amountUnits > 0n ? PostingKind.DEPOSIT : PostingKind.WITHDRAWAL;
}
