// What the rules of an instrument ask of a plain order, as numbers of one shape: rules come from
// the log, from snapshots and from tests, each time an object of another making, and the path of
// every order should not have to tell them apart.
import type { InstrumentRules, OrderTerms } from './rules.ts';

const SAFE = 2 ** 53;
/** Millionths: the whole. */
const MAXIMUM_RATE_PPM = 1_000_000;

/** Limits of plain orders. */
export class PlainRules {
  readonly instrumentNumber: number;
  readonly tickUnits: number;
  readonly lotUnits: number;
  readonly minimumQuantityUnits: number;
  readonly maximumQuantityUnits: number;
  readonly maximumPriceUnits: number;
  readonly notionalFactor: number;
  readonly baseFactor: number;
  /** Infinite when it is not below 2^53: what is not plain, others decide. */
  readonly minimumNotional: number;
  readonly maximumOpenOrders: number;

  constructor(rules: InstrumentRules) {
    this.instrumentNumber = rules.instrumentNumber;
    this.tickUnits = rules.tickUnits;
    this.lotUnits = rules.lotUnits;
    this.minimumQuantityUnits = rules.minimumQuantityUnits;
    this.maximumQuantityUnits = rules.maximumQuantityUnits;
    this.maximumPriceUnits = rules.maximumPriceUnits;
    this.notionalFactor = rules.notionalFactor;
    this.baseFactor = rules.baseFactor;
    const minimum = Number(rules.minimumNotionalUnits);
    this.minimumNotional = minimum < SAFE ? minimum : Number.POSITIVE_INFINITY;
    this.maximumOpenOrders = rules.maximumOpenOrders;
  }

  /** Whether price and quantity pass every rule (BND-2), with everything far below the bounds. */
  allow(priceUnits: number, quantityUnits: number): boolean {
    const notional = priceUnits * quantityUnits;
    return (
      Number.isSafeInteger(priceUnits) &&
      Number.isSafeInteger(quantityUnits) &&
      priceUnits > 0 &&
      priceUnits <= this.maximumPriceUnits &&
      quantityUnits > 0 &&
      quantityUnits >= this.minimumQuantityUnits &&
      quantityUnits <= this.maximumQuantityUnits &&
      (this.tickUnits === 1 || priceUnits % this.tickUnits === 0) &&
      (this.lotUnits === 1 || quantityUnits % this.lotUnits === 0) &&
      notional < SAFE &&
      notional * this.notionalFactor < SAFE &&
      notional * this.notionalFactor >= this.minimumNotional &&
      quantityUnits * this.baseFactor < SAFE
    );
  }
}

/** Whether an order is a limit order without any of the options; price and quantity aside. */
export function isPlain(terms: OrderTerms): boolean {
  return (
    terms.type === 'LIMIT' &&
    terms.postOnly === false &&
    (terms.timeInForce === 'GTC' || terms.timeInForce === 'IOC') &&
    (terms.side === 'BUY' || terms.side === 'SELL') &&
    terms.selfTradeGroup === 0 &&
    terms.displayUnits === 0 &&
    terms.minimumUnits === 0 &&
    terms.stopPriceUnits === 0 &&
    terms.expireTimeUs === 0 &&
    terms.trailingOffsetUnits === 0 &&
    terms.trailingOffsetBps === 0 &&
    // A test that takes a branch, where a comparison would call the bigint's own.
    !terms.quoteBudgetUnits &&
    Number.isSafeInteger(terms.instrumentVersion) &&
    terms.instrumentVersion >= 0 &&
    isRate(terms.makerRatePpm) &&
    isRate(terms.takerRatePpm) &&
    isRate(terms.auctionRatePpm)
  );
}

function isRate(value: number): boolean {
  return (value | 0) === value && value <= MAXIMUM_RATE_PPM && value >= -MAXIMUM_RATE_PPM;
}
