// The static band (BND-1): how far a limit may be from the static reference price.

import type { Side } from '../../../services/matching/domain/rules.ts';
import type { NaiveBook } from './naive-book.ts';
import { isAbove, isBelow } from './naive-order.ts';

/** A buy too far above or a sell too far below; on the far side the looser limit counts. */
export function isOutsideStaticBand(book: NaiveBook, side: Side, priceUnits: number): boolean {
  const { staticBandPpm, farBandPpm } = book.rules;
  const reference = book.referencePriceUnits;
  if (reference === 0) return false;
  const up = side === 'BUY' ? staticBandPpm : farBandPpm;
  const down = side === 'BUY' ? farBandPpm : staticBandPpm;
  return (
    (up > 0 && isAbove(priceUnits, reference, up)) ||
    (down > 0 && isBelow(priceUnits, reference, down))
  );
}
