// Assets and instruments as the coordinator keeps them: the newest wish, and what callers see,
// which follows once every shard that needs it has committed it (CRD-5). Pure.

import type { InstrumentRules, InstrumentState } from '../../lib/rules/terms.ts';
import type { SessionSchedule } from './sessions.ts';

export type AssetRow = {
  readonly assetNumber: number;
  readonly assetId: string;
  readonly displayName: string;
  /** Decimal places of the smallest unit, for life (REF-1). */
  readonly scale: number;
  readonly createTimeUs: number;
  /** Reference version since which callers see it; undefined: not yet. */
  readonly publishedAt: number | undefined;
};

/** Assets never change, so all have the same version. */
export const ASSET_VERSION = 1;

/** Rules, sessions and state of an instrument at one moment. */
export type InstrumentTerms = {
  readonly rules: InstrumentRules;
  /** Of a wish: the state in which the instrument begins. Of what callers see: its shard's. */
  readonly state: InstrumentState;
  /** Undefined: the state never changes by itself. */
  readonly sessions: SessionSchedule | undefined;
  /** Version of the rules since which the sessions are these. */
  readonly sessionsVersion: number;
  readonly updateTimeUs: number;
};

export type InstrumentRow = {
  readonly instrumentNumber: number;
  readonly instrumentId: string;
  /** Decimals, for life (REF-1). */
  readonly priceUnit: string;
  readonly quantityUnit: string;
  /** Recognises the request that created it; hexadecimal. */
  readonly createHash: string;
  readonly createTimeUs: number;
  /** What the operators want. */
  readonly wish: InstrumentTerms;
  /** What callers see; undefined until the shards have committed the first version. */
  readonly published: InstrumentTerms | undefined;
  /** Reference version since which callers see `published`. */
  readonly publishedAt: number | undefined;
  /** Time of the last change of the schedule that was carried out; 0: none was. */
  readonly sessionTimeUs: number;
};

export type ReferenceTables = {
  /** Raised by every change (CRD-1). */
  readonly version: number;
  /** By asset number. */
  readonly assets: ReadonlyMap<number, AssetRow>;
  /** By instrument number. */
  readonly instruments: ReadonlyMap<number, InstrumentRow>;
};

export function findAssetById(tables: ReferenceTables, assetId: string): AssetRow | undefined {
  for (const asset of tables.assets.values()) if (asset.assetId === assetId) return asset;
  return undefined;
}

export function findInstrumentById(
  tables: ReferenceTables,
  instrumentId: string,
): InstrumentRow | undefined {
  for (const instrument of tables.instruments.values()) {
    if (instrument.instrumentId === instrumentId) return instrument;
  }
  return undefined;
}

/** True when callers see the rules that the operators want. */
export function isPublished({ published, wish }: InstrumentRow): boolean {
  return published?.rules.version === wish.rules.version;
}
