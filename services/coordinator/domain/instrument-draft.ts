// From the decimals of a request to rules in units: every bound of an instrument (REF-1, REF-2).
// Pure; the first problem found is the one reported, in the order of the contract.

import {
  type Decimal,
  formatUnits,
  MAXIMUM_AMOUNT_UNITS,
  MAXIMUM_SAFE_UNITS,
  type Parsed,
  parseAmount,
  parseDecimal,
  parseSafeUnits,
  ratioOf,
} from '../../lib/base/decimal.ts';
import { checkRules } from '../../lib/rules/check-rules.ts';
import { parseRate } from '../../lib/rules/rate.ts';
import type { InstrumentRules } from '../../lib/rules/terms.ts';
import type { AssetRow } from './reference-tables.ts';

/** What is wrong with a request, by the names of bourse.type.v1.ErrorReason. */
export type DraftProblem = {
  readonly reason:
    | 'FIELD_REQUIRED'
    | 'FIELDS_CONFLICT'
    | 'DECIMAL_INVALID'
    | 'DECIMAL_OUT_OF_RANGE'
    | 'SCALE_EXCEEDED'
    | 'NUMBER_OUT_OF_RANGE'
    | 'NOT_MULTIPLE_OF_UNIT'
    | 'INEXACT_NOTIONAL'
    | 'AMOUNT_TOO_LARGE';
  readonly field: string;
  readonly message: string;
};

export type Drafted<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: DraftProblem };

/** What an instrument keeps for life. */
export type InstrumentFrame = {
  readonly instrumentId: string;
  readonly instrumentNumber: number;
  readonly baseAsset: AssetRow;
  readonly quoteAsset: AssetRow;
  readonly priceUnit: Decimal;
  readonly quantityUnit: Decimal;
  readonly notionalFactor: number;
  readonly baseFactor: number;
};

/** The rules of a request, as decimals; an empty text stands for the default. */
export type RulesDraft = {
  readonly tickSize: string;
  readonly lotSize: string;
  readonly minimumQuantity: string;
  readonly maximumQuantity: string;
  readonly maximumPrice: string;
  readonly minimumNotional: string;
  readonly collarBps: number;
  readonly maximumOpenOrders: number;
  readonly makerFeeBps: string;
  readonly takerFeeBps: string;
  readonly auctionFeeBps: string;
  readonly referencePrice: string;
  readonly staticBandBps: number;
  readonly farBandBps: number;
  readonly dynamicBandBps: number;
  readonly volatilityAuctionUs: number;
  readonly hasSessions: boolean;
};

export const DEFAULT_COLLAR_BPS = 500;
export const DEFAULT_MAXIMUM_OPEN_ORDERS = 10_000;
export const DEFAULT_VOLATILITY_AUCTION_US = 120_000_000;

const PRICE_UNIT_SCALE = 9;
const COLLAR_BPS_LIMIT = 100_000;
const OPEN_ORDERS_LIMIT = 1_000_000;
const BAND_BPS_LIMIT = 100_000;
const SHORTEST_AUCTION_US = 1_000;
const LONGEST_AUCTION_US = 86_400_000_000;
const FEE_BPS_LIMIT = 1_000;
const PPM_PER_BPS = 100;
const FEE_UNIT: Decimal = { coefficient: 1n, scale: 2 };

class Refused extends Error {
  readonly problem: DraftProblem;
  constructor(reason: DraftProblem['reason'], field: string, message: string) {
    super(message);
    this.problem = { reason, field, message };
  }
}

function drafted<T>(make: () => T): Drafted<T> {
  try {
    return { ok: true, value: make() };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, problem: error.problem };
    throw error;
  }
}

/** Checks the units of a new instrument: positive, within scale, and exact together (REF-1). */
export function draftFrame(request: {
  readonly instrumentId: string;
  readonly instrumentNumber: number;
  readonly baseAsset: AssetRow;
  readonly quoteAsset: AssetRow;
  readonly priceUnit: string;
  readonly quantityUnit: string;
}): Drafted<InstrumentFrame> {
  return drafted(() => {
    const { baseAsset, quoteAsset, instrumentId, instrumentNumber } = request;
    const priceUnit = readUnit('price_unit', request.priceUnit, PRICE_UNIT_SCALE);
    const quantityUnit = readUnit('quantity_unit', request.quantityUnit, baseAsset.scale);
    const product = {
      coefficient: priceUnit.coefficient * quantityUnit.coefficient,
      scale: priceUnit.scale + quantityUnit.scale,
    };
    const notionalFactor = ratioOf(product, { coefficient: 1n, scale: quoteAsset.scale });
    if (notionalFactor === undefined) {
      throw new Refused(
        'INEXACT_NOTIONAL',
        'price_unit',
        `One price_unit times one quantity_unit is no whole number of the smallest unit of ` +
          `${quoteAsset.assetId}, which has ${quoteAsset.scale} decimal places.`,
      );
    }
    const baseFactor = ratioOf(quantityUnit, { coefficient: 1n, scale: baseAsset.scale }) ?? 0n;
    return {
      ...{ instrumentId, instrumentNumber, baseAsset, quoteAsset, priceUnit, quantityUnit },
      notionalFactor: countable('price_unit', notionalFactor),
      baseFactor: countable('quantity_unit', baseFactor),
    };
  });
}

/** Checks rules against each other and the bounds of the integers used (REF-2). */
export function draftRules(
  frame: InstrumentFrame,
  version: number,
  draft: RulesDraft,
): Drafted<InstrumentRules> {
  return drafted(() => {
    const { instrumentId, instrumentNumber, notionalFactor, baseFactor } = frame;
    const rules: InstrumentRules = {
      ...{ instrumentId, instrumentNumber, version, notionalFactor, baseFactor },
      baseAssetNumber: frame.baseAsset.assetNumber,
      quoteAssetNumber: frame.quoteAsset.assetNumber,
      ...readPrices(frame, draft),
      ...readQuantities(frame, draft),
      minimumNotionalUnits: readNotional(frame, draft.minimumNotional),
      collarPpm: readNumber('collar_bps', draft.collarBps, COLLAR_BPS_LIMIT) * PPM_PER_BPS,
      maximumOpenOrders: readNumber(
        'maximum_open_orders',
        draft.maximumOpenOrders,
        OPEN_ORDERS_LIMIT,
      ),
      ...readFees(draft),
      ...readBands(frame, draft),
      hasSessions: draft.hasSessions,
    };
    checkTogether(rules);
    return rules;
  });
}

/** The rules as the decimals of a request, so that a change can be laid over them. */
export function rulesDraftOf(
  rules: InstrumentRules,
  units: {
    readonly priceUnit: Decimal;
    readonly quantityUnit: Decimal;
    readonly quoteScale: number;
  },
): RulesDraft {
  const price = (count: number) => formatUnits(count, units.priceUnit);
  const quantity = (count: number) => formatUnits(count, units.quantityUnit);
  const smallest = { coefficient: 1n, scale: units.quoteScale };
  return {
    tickSize: price(rules.tickUnits),
    lotSize: quantity(rules.lotUnits),
    minimumQuantity: quantity(rules.minimumQuantityUnits),
    maximumQuantity: quantity(rules.maximumQuantityUnits),
    maximumPrice: price(rules.maximumPriceUnits),
    minimumNotional: formatUnits(rules.minimumNotionalUnits, smallest),
    collarBps: rules.collarPpm / PPM_PER_BPS,
    maximumOpenOrders: rules.maximumOpenOrders,
    makerFeeBps: formatUnits(rules.makerRatePpm, FEE_UNIT),
    takerFeeBps: formatUnits(rules.takerRatePpm, FEE_UNIT),
    auctionFeeBps: formatUnits(rules.auctionRatePpm, FEE_UNIT),
    referencePrice: price(rules.referencePriceUnits),
    staticBandBps: rules.staticBandPpm / PPM_PER_BPS,
    farBandBps: rules.farBandPpm / PPM_PER_BPS,
    dynamicBandBps: rules.dynamicBandPpm / PPM_PER_BPS,
    volatilityAuctionUs: rules.volatilityAuctionUs,
    hasSessions: rules.hasSessions,
  };
}

function readUnit(field: string, text: string, scale: number): Decimal {
  if (text === '') throw new Refused('FIELD_REQUIRED', field, `${field} is required.`);
  const unit = read(field, parseDecimal(text));
  if (unit.coefficient <= 0n) {
    throw new Refused('DECIMAL_OUT_OF_RANGE', field, `${field} must be positive.`);
  }
  if (unit.scale > scale) {
    throw new Refused('SCALE_EXCEEDED', field, `${field} has more than ${scale} decimal places.`);
  }
  return unit;
}

function readPrices(
  { priceUnit }: InstrumentFrame,
  draft: RulesDraft,
): Pick<InstrumentRules, 'tickUnits' | 'maximumPriceUnits'> {
  const tickUnits = draft.tickSize === '' ? 1 : readUnits('tick_size', draft.tickSize, priceUnit);
  required('maximum_price', draft.maximumPrice);
  const maximumPriceUnits = readUnits('maximum_price', draft.maximumPrice, priceUnit);
  multipleOf('maximum_price', maximumPriceUnits, 'tick_size', tickUnits);
  return { tickUnits, maximumPriceUnits };
}

function readQuantities(
  { quantityUnit }: InstrumentFrame,
  draft: RulesDraft,
): Pick<InstrumentRules, 'lotUnits' | 'minimumQuantityUnits' | 'maximumQuantityUnits'> {
  const lotUnits = draft.lotSize === '' ? 1 : readUnits('lot_size', draft.lotSize, quantityUnit);
  const minimumQuantityUnits =
    draft.minimumQuantity === ''
      ? lotUnits
      : readUnits('minimum_quantity', draft.minimumQuantity, quantityUnit);
  multipleOf('minimum_quantity', minimumQuantityUnits, 'lot_size', lotUnits);
  required('maximum_quantity', draft.maximumQuantity);
  const maximumQuantityUnits = readUnits('maximum_quantity', draft.maximumQuantity, quantityUnit);
  multipleOf('maximum_quantity', maximumQuantityUnits, 'lot_size', lotUnits);
  if (maximumQuantityUnits < minimumQuantityUnits) {
    const message = 'maximum_quantity is below minimum_quantity.';
    throw new Refused('FIELDS_CONFLICT', 'maximum_quantity', message);
  }
  return { lotUnits, minimumQuantityUnits, maximumQuantityUnits };
}

function readNotional({ quoteAsset }: InstrumentFrame, text: string): bigint {
  if (text === '') return 0n;
  const bounds = { minimumUnits: 0n, maximumUnits: MAXIMUM_AMOUNT_UNITS };
  return read('minimum_notional', parseAmount(text, quoteAsset.scale, bounds));
}

function readBands(
  { priceUnit }: InstrumentFrame,
  draft: RulesDraft,
): Pick<
  InstrumentRules,
  'referencePriceUnits' | 'staticBandPpm' | 'farBandPpm' | 'dynamicBandPpm' | 'volatilityAuctionUs'
> {
  const { referencePrice, volatilityAuctionUs } = draft;
  const referencePriceUnits =
    referencePrice === ''
      ? 0
      : read('reference_price', parseSafeUnits(referencePrice, priceUnit, 0));
  const highest = readUnits('maximum_price', draft.maximumPrice, priceUnit);
  if (referencePriceUnits > highest) {
    const message = 'reference_price is above maximum_price.';
    throw new Refused('DECIMAL_OUT_OF_RANGE', 'reference_price', message);
  }
  if (volatilityAuctionUs < SHORTEST_AUCTION_US || volatilityAuctionUs > LONGEST_AUCTION_US) {
    const message = 'volatility_auction_duration must be from 1 ms to 1 day.';
    throw new Refused('NUMBER_OUT_OF_RANGE', 'volatility_auction_duration', message);
  }
  const band = (field: string, bps: number) =>
    bps === 0 ? 0 : readNumber(field, bps, BAND_BPS_LIMIT) * PPM_PER_BPS;
  return {
    referencePriceUnits,
    staticBandPpm: band('static_band_bps', draft.staticBandBps),
    farBandPpm: band('far_band_bps', draft.farBandBps),
    dynamicBandPpm: band('dynamic_band_bps', draft.dynamicBandBps),
    volatilityAuctionUs,
  };
}

function readFees(
  draft: RulesDraft,
): Pick<InstrumentRules, 'makerRatePpm' | 'takerRatePpm' | 'auctionRatePpm'> {
  const makerRatePpm = readFee('maker_fee_bps', draft.makerFeeBps);
  const takerRatePpm = readFee('taker_fee_bps', draft.takerFeeBps);
  const auctionRatePpm = readFee('auction_fee_bps', draft.auctionFeeBps);
  if (auctionRatePpm < 0) {
    const message = 'auction_fee_bps is paid by both sides and cannot be a rebate.';
    throw new Refused('DECIMAL_OUT_OF_RANGE', 'auction_fee_bps', message);
  }
  if (makerRatePpm + takerRatePpm < 0) {
    const field = makerRatePpm < 0 ? 'maker_fee_bps' : 'taker_fee_bps';
    throw new Refused('FIELDS_CONFLICT', field, 'The rebate is greater than the other side’s fee.');
  }
  return { makerRatePpm, takerRatePpm, auctionRatePpm };
}

function readFee(field: string, text: string): number {
  if (text === '') return 0;
  return read(field, parseRate(text, FEE_BPS_LIMIT * PPM_PER_BPS));
}

/** What the engine would refuse is refused here, before anything is stored (REF-2). */
function checkTogether(rules: InstrumentRules): void {
  const problem = checkRules(rules);
  if (problem === undefined) return;
  const message = 'maximum_price times maximum_quantity passes the amounts that can be counted.';
  throw new Refused(problem.reason, 'maximum_quantity', message);
}

function readUnits(field: string, text: string, unit: Decimal): number {
  return read(field, parseSafeUnits(text, unit, 1));
}

function readNumber(field: string, value: number, limit: number): number {
  if (value < 1 || value > limit) {
    throw new Refused('NUMBER_OUT_OF_RANGE', field, `${field} must be from 1 to ${limit}.`);
  }
  return value;
}

function required(field: string, text: string): void {
  if (text === '') throw new Refused('FIELD_REQUIRED', field, `${field} is required.`);
}

function multipleOf(field: string, count: number, ofField: string, unitCount: number): void {
  if (count % unitCount === 0) return;
  throw new Refused('NOT_MULTIPLE_OF_UNIT', field, `${field} is no multiple of ${ofField}.`);
}

function countable(field: string, factor: bigint): number {
  if (factor >= 1n && factor <= MAXIMUM_SAFE_UNITS) return Number(factor);
  throw new Refused('AMOUNT_TOO_LARGE', field, `${field} passes the amounts that can be counted.`);
}

const EXPLANATIONS = {
  DECIMAL_INVALID: 'is no decimal',
  SCALE_EXCEEDED: 'has too many decimal places',
  NOT_MULTIPLE_OF_UNIT: 'is no multiple of its unit',
  DECIMAL_OUT_OF_RANGE: 'is out of range',
} as const;

function read<T>(field: string, parsed: Parsed<T>): T {
  if (parsed.ok) return parsed.value;
  throw new Refused(parsed.problem, field, `${field} ${EXPLANATIONS[parsed.problem]}.`);
}
