// Instruments as the coordinator streams them, in the shape that this service's domain takes.

import type { Instrument } from '../../lib/platform/cluster/reference.ts';
import type { ReferenceWatch } from '../../lib/platform/cluster/watch-reference.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { TradedInstrument } from '../domain/instrument.ts';
import type { Instruments } from './flow/parts.ts';

export class InstrumentSource implements Instruments {
  readonly #watch: ReferenceWatch;
  /** Each version and state of an instrument is converted once. */
  readonly #converted = new WeakMap<Instrument, TradedInstrument>();

  #isReady = false;

  constructor(watch: ReferenceWatch) {
    this.#watch = watch;
    void watch.ready.then(() => {
      this.#isReady = true;
    });
  }

  /** @throws OperatingError NOT_READY before the instruments have come: nobody knows which exist. */
  find(instrumentId: string): TradedInstrument | undefined {
    const found = this.#convert(this.#watch.findInstrument(instrumentId));
    if (found !== undefined || this.#isReady) return found;
    const options = { retryDelayMs: 200 };
    throw new OperatingError('NOT_READY', 'The instruments are not known here yet.', options);
  }

  findByNumber(instrumentNumber: number): TradedInstrument | undefined {
    return this.#convert(this.#watch.findInstrumentByNumber(instrumentNumber));
  }

  async waitForVersion(
    instrumentId: string,
    version: number,
    limitMs: number,
  ): Promise<TradedInstrument | undefined> {
    return this.#convert(await this.#watch.waitForInstrument(instrumentId, version, limitMs));
  }

  #convert(instrument: Instrument | undefined): TradedInstrument | undefined {
    if (instrument === undefined) return undefined;
    let converted = this.#converted.get(instrument);
    if (converted === undefined) {
      const { baseAsset, quoteAsset } = instrument;
      converted = {
        instrumentId: instrument.instrumentId,
        instrumentNumber: instrument.instrumentNumber,
        rules: instrument.rules,
        state: instrument.state,
        priceUnit: instrument.priceUnit,
        quantityUnit: instrument.quantityUnit,
        baseAssetId: baseAsset.assetId,
        baseScale: baseAsset.scale,
        quoteAssetId: quoteAsset.assetId,
        quoteScale: quoteAsset.scale,
      };
      this.#converted.set(instrument, converted);
    }
    return converted;
  }
}
