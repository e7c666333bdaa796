// Assets and instruments as the public contract shows them: decimals, timestamps.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Duration,
  DurationSchema,
  type Timestamp,
  TimestampSchema,
} from '@bufbuild/protobuf/wkt';
import type {
  AssetSchema,
  InstrumentSchema,
} from '../../../gen/bourse/reference/v1/reference_pb.ts';
import { assertDefined } from '../../lib/base/assert.ts';
import { type Decimal, parseDecimal } from '../../lib/base/decimal.ts';
import { instrumentStateCodec } from '../../lib/platform/codec/terms-codec.ts';
import { rulesDraftOf } from '../domain/instrument-draft.ts';
import {
  ASSET_VERSION,
  type AssetRow,
  type InstrumentRow,
  type InstrumentTerms,
  type ReferenceTables,
} from '../domain/reference-tables.ts';

import { sessionsMessage } from './session-codec.ts';

export type AssetInit = MessageInitShape<typeof AssetSchema>;
export type InstrumentInit = MessageInitShape<typeof InstrumentSchema>;

export function assetMessage(asset: AssetRow): AssetInit {
  const { assetId, assetNumber, displayName, scale } = asset;
  const version = BigInt(ASSET_VERSION);
  const createTime = timestampOfUs(asset.createTimeUs);
  return { assetId, assetNumber, displayName, scale, version, createTime };
}

/** The instrument with rules and state as given: what callers see, or what was asked for. */
export function instrumentMessage(
  tables: ReferenceTables,
  instrument: InstrumentRow,
  terms: InstrumentTerms,
): InstrumentInit {
  const { rules, state, sessions } = terms;
  const { baseAsset, quoteAsset } = assetsOf(tables, instrument);
  return {
    instrumentId: instrument.instrumentId,
    instrumentNumber: instrument.instrumentNumber,
    baseAssetId: baseAsset.assetId,
    quoteAssetId: quoteAsset.assetId,
    priceUnit: instrument.priceUnit,
    quantityUnit: instrument.quantityUnit,
    ...rulesDraftOf(rules, { ...unitsOf(instrument), quoteScale: quoteAsset.scale }),
    volatilityAuctionDuration: durationOfUs(rules.volatilityAuctionUs),
    ...(sessions === undefined ? {} : { sessions: sessionsMessage(sessions) }),
    state: instrumentStateCodec.toNumber(state),
    version: BigInt(rules.version),
    createTime: timestampOfUs(instrument.createTimeUs),
    updateTime: timestampOfUs(terms.updateTimeUs),
  };
}

export function assetsOf(
  tables: ReferenceTables,
  { wish }: InstrumentRow,
): { readonly baseAsset: AssetRow; readonly quoteAsset: AssetRow } {
  const find = (assetNumber: number) =>
    assertDefined(tables.assets.get(assetNumber), `there is no asset ${assetNumber}`);
  return {
    baseAsset: find(wish.rules.baseAssetNumber),
    quoteAsset: find(wish.rules.quoteAssetNumber),
  };
}

export function unitsOf(instrument: InstrumentRow): {
  readonly priceUnit: Decimal;
  readonly quantityUnit: Decimal;
} {
  return {
    priceUnit: stored(instrument.priceUnit),
    quantityUnit: stored(instrument.quantityUnit),
  };
}

function stored(text: string): Decimal {
  const parsed = parseDecimal(text);
  if (!parsed.ok) throw new Error(`the tables hold ${text}, which is no decimal`);
  return parsed.value;
}

function durationOfUs(durationUs: number): Duration {
  const seconds = Math.floor(durationUs / 1_000_000);
  const nanos = (durationUs - seconds * 1_000_000) * 1_000;
  return create(DurationSchema, { seconds: BigInt(seconds), nanos });
}

/**
 * A duration of a request; undefined when it is absent, negative when it is none. Parts of a
 * microsecond are dropped.
 */
export function microsecondsOf(duration: Duration | undefined): number | undefined {
  if (duration === undefined) return undefined;
  if (duration.nanos < 0 || duration.nanos > 999_999_999) return -1;
  return Number(duration.seconds) * 1_000_000 + Math.floor(duration.nanos / 1_000);
}

/** Microseconds since the Unix epoch as the contracts write them. */
export function timestampOfUs(timeUs: number): Timestamp {
  const seconds = Math.floor(timeUs / 1_000_000);
  const nanos = (timeUs - seconds * 1_000_000) * 1_000;
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos });
}
