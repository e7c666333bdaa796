// Assets and instruments between the public contract's decimals and the units of the mesh (REF-1).

import type { Duration } from '@bufbuild/protobuf/wkt';
import type {
  Asset as AssetMessage,
  Instrument as InstrumentMessage,
  SessionSchedule,
} from '../../../../gen/bourse/reference/v1/reference_pb.ts';
import { InstrumentState } from '../../../../gen/bourse/type/v1/instrument_pb.ts';
import {
  type Decimal,
  MAXIMUM_AMOUNT_UNITS,
  type Parsed,
  parseAmount,
  parseDecimal,
  parseSafeUnits,
  ratioOf,
} from '../../base/decimal.ts';
import type { InstrumentRules } from '../../rules/terms.ts';
import { malformed } from '../codec/malformed.ts';
import { safeNumber } from '../codec/numbers.ts';
import { instrumentStateCodec } from '../codec/terms-codec.ts';
import type { Asset, Instrument } from './reference.ts';

/** Millionths in a basis point. */
export const PPM_PER_BPS = 100;

/** Decimal places of a fee in basis points: rates count millionths. */
export const FEE_BPS_SCALE = 2;

export function decodeAsset(message: AssetMessage): Asset {
  const { assetId, assetNumber, scale, displayName } = message;
  return { assetId, assetNumber, scale, displayName, version: safeNumber(message.version) };
}

/**
 * An instrument in units.
 *
 * @throws OperatingError MESSAGE_MALFORMED when a decimal or an asset is not as the contract says.
 */
export function decodeInstrument(
  message: InstrumentMessage,
  findAsset: (assetId: string) => Asset | undefined,
): Instrument {
  const baseAsset = findAsset(message.baseAssetId);
  const quoteAsset = findAsset(message.quoteAssetId);
  if (baseAsset === undefined || quoteAsset === undefined) {
    throw malformed(`instrument ${message.instrumentId} came before its assets`);
  }
  const priceUnit = read(parseDecimal(message.priceUnit));
  const quantityUnit = read(parseDecimal(message.quantityUnit));
  return {
    instrumentId: message.instrumentId,
    instrumentNumber: message.instrumentNumber,
    version: safeNumber(message.version),
    state: instrumentStateCodec.toName(message.state),
    baseAsset,
    quoteAsset,
    priceUnit,
    quantityUnit,
    rules: rulesOf(message, { baseAsset, quoteAsset, priceUnit, quantityUnit }),
  };
}

type ForLife = Pick<Instrument, 'baseAsset' | 'quoteAsset' | 'priceUnit' | 'quantityUnit'>;

function rulesOf(message: InstrumentMessage, forLife: ForLife): InstrumentRules {
  const { baseAsset, quoteAsset, priceUnit, quantityUnit } = forLife;
  const price = (text: string) => read(parseSafeUnits(text, priceUnit, 1));
  const quantity = (text: string) => read(parseSafeUnits(text, quantityUnit, 1));
  return {
    instrumentNumber: message.instrumentNumber,
    instrumentId: message.instrumentId,
    version: safeNumber(message.version),
    baseAssetNumber: baseAsset.assetNumber,
    quoteAssetNumber: quoteAsset.assetNumber,
    notionalFactor: findNotionalFactor(priceUnit, quantityUnit, quoteAsset.scale) ?? inexact(),
    baseFactor: findBaseFactor(quantityUnit, baseAsset.scale) ?? inexact(),
    tickUnits: price(message.tickSize),
    lotUnits: quantity(message.lotSize),
    minimumQuantityUnits: quantity(message.minimumQuantity),
    maximumQuantityUnits: quantity(message.maximumQuantity),
    maximumPriceUnits: price(message.maximumPrice),
    minimumNotionalUnits: read(
      parseAmount(message.minimumNotional, quoteAsset.scale, {
        minimumUnits: 0n,
        maximumUnits: MAXIMUM_AMOUNT_UNITS,
      }),
    ),
    collarPpm: message.collarBps * PPM_PER_BPS,
    maximumOpenOrders: message.maximumOpenOrders,
    makerRatePpm: feeRatePpm(message.makerFeeBps),
    takerRatePpm: feeRatePpm(message.takerFeeBps),
    auctionRatePpm: feeRatePpm(message.auctionFeeBps),
    referencePriceUnits: read(parseSafeUnits(message.referencePrice, priceUnit, 0)),
    staticBandPpm: message.staticBandBps * PPM_PER_BPS,
    farBandPpm: message.farBandBps * PPM_PER_BPS,
    dynamicBandPpm: message.dynamicBandBps * PPM_PER_BPS,
    volatilityAuctionUs: microsecondsOf(message.volatilityAuctionDuration),
    hasSessions: endsDays(message.sessions),
  };
}

/** Ordinary days end, so that orders for the day do, too (TIF-5). */
function endsDays(sessions: SessionSchedule | undefined): boolean {
  const weekly = sessions?.weekly ?? [];
  return weekly.some(({ changes }) =>
    changes.some(({ state }) => state === InstrumentState.CLOSED),
  );
}

function microsecondsOf(duration: Duration | undefined): number {
  if (duration === undefined) throw malformed('an instrument says how long its auctions last');
  return safeNumber(duration.seconds) * 1_000_000 + Math.floor(duration.nanos / 1_000);
}

/** Quote's smallest units in one price unit times one quantity unit; undefined when not whole. */
export function findNotionalFactor(
  priceUnit: Decimal,
  quantityUnit: Decimal,
  quoteScale: number,
): number | undefined {
  const product = {
    coefficient: priceUnit.coefficient * quantityUnit.coefficient,
    scale: priceUnit.scale + quantityUnit.scale,
  };
  return wholeBelow2To53(ratioOf(product, { coefficient: 1n, scale: quoteScale }));
}

/** Base's smallest units in one quantity unit; undefined when not whole. */
export function findBaseFactor(quantityUnit: Decimal, baseScale: number): number | undefined {
  return wholeBelow2To53(ratioOf(quantityUnit, { coefficient: 1n, scale: baseScale }));
}

function wholeBelow2To53(factor: bigint | undefined): number | undefined {
  if (factor === undefined || factor > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  return Number(factor);
}

function feeRatePpm(text: string): number {
  const decimal = read(parseDecimal(text));
  const rate = ratioOf(decimal, { coefficient: 1n, scale: FEE_BPS_SCALE });
  if (rate === undefined) throw malformed(`a fee of ${text} basis points`);
  return Number(rate);
}

function read<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw malformed(`a decimal of an instrument is ${parsed.problem}`);
  return parsed.value;
}

function inexact(): never {
  throw malformed('an instrument whose notionals are not exact');
}
