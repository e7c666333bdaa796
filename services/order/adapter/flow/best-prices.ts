// The prices that worst prices start from, read from the book's leader (TYP-2): the best opposite
// price of a market order, the last price of a trailing stop. Orders that ask while a read is under
// way share it.

import type { GetBookResponse } from '../../../../gen/bourse/matching/v1/service_pb.ts';
import type { Side } from '../../../lib/rules/terms.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import type { MatchingShards } from '../mesh/matching.ts';

export class BestPrices {
  readonly #matching: Pick<MatchingShards, 'getBook'>;
  readonly #reads = new Map<number, Promise<GetBookResponse>>();

  constructor(matching: Pick<MatchingShards, 'getBook'>) {
    this.#matching = matching;
  }

  /** Best price of the other side, in price units; undefined when that side is empty. */
  async fetchOpposite(instrument: TradedInstrument, side: Side): Promise<number | undefined> {
    const book = await this.#read(instrument);
    const best = (side === 'BUY' ? book.asks : book.bids)[0];
    return best === undefined ? undefined : Number(best.priceUnits);
  }

  /** Price of the last trade, in price units; undefined before the first. */
  async fetchLast(instrument: TradedInstrument): Promise<number | undefined> {
    const { lastPriceUnits } = await this.#read(instrument);
    return lastPriceUnits === 0n ? undefined : Number(lastPriceUnits);
  }

  #read(instrument: TradedInstrument): Promise<GetBookResponse> {
    const { instrumentNumber } = instrument;
    const underWay = this.#reads.get(instrumentNumber);
    if (underWay !== undefined) return underWay;
    const read = this.#matching.getBook(instrument, 1).finally(() => {
      this.#reads.delete(instrumentNumber);
    });
    this.#reads.set(instrumentNumber, read);
    return read;
  }
}
