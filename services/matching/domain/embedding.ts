// The engine for a program that drives it in process, without a service, a log or a network: one
// call a command, with the time that the program says it is. The machine itself has everything
// else: books, orders, checksums, snapshots.
import { slotOf } from '../../lib/routing/slot.ts';
import type { MatchingCommand } from './command.ts';
import type { MatchingEvent } from './event.ts';
import { MatchingMachine } from './machine.ts';
import type { InstrumentRules, OrderTerms } from './rules.ts';

/** Rules of an instrument; those that are left out bound nothing and cost nothing (BND-2). */
export function instrumentRules(
  given: Pick<InstrumentRules, 'instrumentNumber' | 'instrumentId'> & Partial<InstrumentRules>,
): InstrumentRules {
  return {
    ...{ version: 1, baseAssetNumber: 1, quoteAssetNumber: 2, notionalFactor: 1, baseFactor: 1 },
    ...{ tickUnits: 1, lotUnits: 1, minimumQuantityUnits: 1, minimumNotionalUnits: 0n },
    ...{ maximumQuantityUnits: 2 ** 32 - 1, maximumPriceUnits: 2 ** 30 - 1 },
    ...{ maximumOpenOrders: 2 ** 31, collarPpm: 50_000, hasSessions: false },
    ...{ makerRatePpm: 0, takerRatePpm: 0, auctionRatePpm: 0, referencePriceUnits: 0 },
    ...{ staticBandPpm: 0, farBandPpm: 0, dynamicBandPpm: 0, volatilityAuctionUs: 0 },
    ...given,
  };
}

/** Terms of a limit order, or of any other when more is given; it never trades with its own. */
export function orderTerms(
  given: Pick<OrderTerms, 'instrumentNumber' | 'side' | 'quantityUnits'> & Partial<OrderTerms>,
): OrderTerms {
  return {
    ...{ type: 'LIMIT', timeInForce: 'GTC', postOnly: false, instrumentVersion: 1 },
    ...{ priceUnits: 0, stopPriceUnits: 0, trailingOffsetUnits: 0, trailingOffsetBps: 0 },
    ...{ quoteBudgetUnits: 0n, displayUnits: 0, minimumUnits: 0, expireTimeUs: 0 },
    ...{ selfTradePrevention: 'CANCEL_TAKER', selfTradeGroup: 0 },
    ...{ makerRatePpm: 0, takerRatePpm: 0, auctionRatePpm: 0 },
    ...given,
  };
}

/** A machine, and somebody who takes its events. */
export class EmbeddedEngine {
  readonly machine: MatchingMachine;
  readonly #emit: (event: MatchingEvent) => void;

  /** @param from a new machine, or one that was restored from a snapshot */
  constructor(emit: (event: MatchingEvent) => void, from: MatchingMachine = new MatchingMachine()) {
    this.machine = from;
    this.#emit = emit;
  }

  /**
   * Does what is due by then, and the command, all its steps (LOG-15, LOG-17).
   *
   * @param logTimeUs microseconds, not before those of the command before
   * @returns why nothing was done; undefined when it was: rejections are events
   */
  apply(command: MatchingCommand, logTimeUs: number): string | undefined {
    const { machine } = this;
    this.advance(logTimeUs);
    const context = { logTimeUs, identity: 'embedded', validUntilUs: logTimeUs };
    let outcome = machine.apply(command, context, this.#emit);
    while (outcome.kind === 'unfinished') outcome = machine.proceed(context, this.#emit);
    return outcome.kind === 'refused' ? outcome.refusal.reason : undefined;
  }

  /** Lets time pass: expiries, ends of auctions (TIF-3, STA-1). */
  advance(logTimeUs: number): void {
    const { machine } = this;
    while ((machine.nextDueTimeUs() ?? Number.POSITIVE_INFINITY) <= logTimeUs) {
      machine.advance(logTimeUs, this.#emit);
    }
  }

  /** Opens an instrument for continuous trading. @returns as `apply` */
  open(rules: InstrumentRules, logTimeUs: number): string | undefined {
    const slots = [slotOf(rules.instrumentId)];
    this.apply({ kind: 'acquireSlots', slots, generation: 1 }, logTimeUs);
    return this.apply({ kind: 'setInstrument', rules, initialState: 'CONTINUOUS' }, logTimeUs);
  }
}
