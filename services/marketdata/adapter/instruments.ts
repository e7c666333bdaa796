// Shows instruments as reference data describes them.

import type { Instrument } from '../../lib/platform/cluster/reference.ts';
import type { ReferenceWatch } from '../../lib/platform/cluster/watch-reference.ts';
import type { Feeds } from './feeds.ts';
import type { InstrumentScale } from './shown.ts';

/** Keeps the feeds' scales as reference data has them, from now on. */
export function showInstruments(reference: ReferenceWatch, feeds: Feeds): () => void {
  return reference.onChange(({ instruments }) => {
    for (const instrument of instruments) feeds.setScale(scaleOf(instrument));
  });
}

function scaleOf(instrument: Instrument): InstrumentScale {
  return {
    instrumentId: instrument.instrumentId,
    instrumentNumber: instrument.instrumentNumber,
    priceUnit: instrument.priceUnit,
    quantityUnit: instrument.quantityUnit,
    quoteScale: instrument.quoteAsset.scale,
  };
}
