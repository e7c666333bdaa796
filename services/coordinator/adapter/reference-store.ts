// Assets and instruments in PostgreSQL (CRD-1).

import type pg from 'pg';
import type { ErrorReasonName } from '../../lib/platform/errors/reasons.ts';
import type { InstrumentRules } from '../../lib/rules/terms.ts';
import { DEFAULT_VOLATILITY_AUCTION_US } from '../domain/instrument-draft.ts';
import type {
  AssetRow,
  InstrumentRow,
  InstrumentTerms,
  ReferenceTables,
} from '../domain/reference-tables.ts';
import { type Read, readAtOnce, writeVersioned } from './versioned-write.ts';

/** Reads assets and instruments as they are now. */
export function loadReferenceTables(pool: pg.Pool): Promise<ReferenceTables> {
  return readAtOnce(pool, async (client) => {
    const version = await client.query('SELECT reference_version FROM coordinator');
    const assets = await client.query<StoredAsset>('SELECT * FROM asset ORDER BY asset_number');
    const instruments = await client.query<StoredInstrument>(
      'SELECT * FROM instrument ORDER BY instrument_number',
    );
    return {
      version: Number(version.rows[0].reference_version),
      assets: new Map(assets.rows.map((row) => [row.asset_number, assetOf(row)])),
      instruments: new Map(
        instruments.rows.map((row) => [row.instrument_number, instrumentOf(row)]),
      ),
    };
  });
}

/** Rows to write in one transaction. */
export type ReferenceWrite = {
  readonly assets?: readonly AssetRow[];
  readonly instruments?: readonly InstrumentRow[];
  readonly request?: StoredRequest;
};

/** @throws TablesChanged when the term or version is no longer the one that was read. */
export async function storeReference(
  pool: pg.Pool,
  read: Read,
  write: ReferenceWrite,
): Promise<void> {
  await writeVersioned(pool, read, async (client) => {
    for (const asset of write.assets ?? []) await storeAsset(client, asset);
    for (const instrument of write.instruments ?? []) await storeInstrument(client, instrument);
    if (write.request !== undefined) await storeRequest(client, write.request);
  });
}

/** Writes an asset as it is now; its first number decides which one. */
async function storeAsset(client: pg.PoolClient, asset: AssetRow): Promise<void> {
  await client.query(
    `INSERT INTO asset (asset_number, asset_id, display_name, scale, create_time_us, published_at)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (asset_number) DO UPDATE SET published_at = EXCLUDED.published_at`,
    [
      asset.assetNumber,
      asset.assetId,
      asset.displayName,
      asset.scale,
      asset.createTimeUs,
      asset.publishedAt ?? null,
    ],
  );
}

/** Writes an instrument as it is now; what it has for life is not touched again. */
async function storeInstrument(client: pg.PoolClient, instrument: InstrumentRow): Promise<void> {
  const { wish, published } = instrument;
  await client.query(
    `INSERT INTO instrument
       (instrument_number, instrument_id, base_asset_number, quote_asset_number, price_unit,
        quantity_unit, create_hash, create_time_us, wish, published, published_at,
        session_time_us)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
     ON CONFLICT (instrument_number) DO UPDATE
     SET wish = EXCLUDED.wish, published = EXCLUDED.published,
         published_at = EXCLUDED.published_at, session_time_us = EXCLUDED.session_time_us`,
    [
      instrument.instrumentNumber,
      instrument.instrumentId,
      wish.rules.baseAssetNumber,
      wish.rules.quoteAssetNumber,
      instrument.priceUnit,
      instrument.quantityUnit,
      Buffer.from(instrument.createHash, 'hex'),
      instrument.createTimeUs,
      formatTerms(wish),
      published === undefined ? null : formatTerms(published),
      instrument.publishedAt ?? null,
      instrument.sessionTimeUs,
    ],
  );
}

/** What a repeat of a request is answered with. */
export type StoredAnswer =
  /** Rules and sessions after a change of them. */
  | { readonly kind: 'terms'; readonly terms: InstrumentTerms }
  /** A command is on its way to its shards; a repeat proposes it again. */
  | { readonly kind: 'pending' }
  /** Its shards have done it; orders that it canceled, by instrument number. */
  | { readonly kind: 'done'; readonly canceled: readonly (readonly [number, number])[] }
  /** The instrument's shard has refused it. */
  | { readonly kind: 'refused'; readonly reason: ErrorReasonName; readonly state: string };

/** A change that was asked for under a client request id. */
export type StoredRequest = {
  readonly clientRequestId: string;
  /** Hexadecimal. */
  readonly bodyHash: string;
  /** Undefined when it concerns several. */
  readonly instrumentNumber: number | undefined;
  readonly answer: StoredAnswer;
};

/** Far longer than the 60 s that the contract promises. */
const REQUEST_MEMORY = '1 day';

export async function findRequest(
  pool: pg.Pool,
  clientRequestId: string,
): Promise<StoredRequest | undefined> {
  const found = await pool.query('SELECT * FROM reference_request WHERE client_request_id = $1', [
    clientRequestId,
  ]);
  const row = found.rows[0];
  if (row === undefined) return undefined;
  return {
    clientRequestId,
    bodyHash: row.body_hash.toString('hex'),
    instrumentNumber: row.instrument_number ?? undefined,
    answer: answerOf(row.answer),
  };
}

async function storeRequest(client: pg.PoolClient, request: StoredRequest): Promise<void> {
  await client.query(
    `DELETE FROM reference_request WHERE create_time < clock_timestamp() - $1::interval`,
    [REQUEST_MEMORY],
  );
  await client.query(
    `INSERT INTO reference_request
       (client_request_id, body_hash, instrument_number, answer)
     VALUES ($1, $2, $3, $4)
     ON CONFLICT (client_request_id) DO UPDATE SET answer = EXCLUDED.answer`,
    [
      request.clientRequestId,
      Buffer.from(request.bodyHash, 'hex'),
      request.instrumentNumber ?? null,
      formatAnswer(request.answer),
    ],
  );
}

type StoredAsset = {
  readonly asset_number: number;
  readonly asset_id: string;
  readonly display_name: string;
  readonly scale: number;
  readonly create_time_us: string;
  readonly published_at: string | null;
};

function assetOf(row: StoredAsset): AssetRow {
  return {
    assetNumber: row.asset_number,
    assetId: row.asset_id,
    displayName: row.display_name,
    scale: row.scale,
    createTimeUs: Number(row.create_time_us),
    publishedAt: row.published_at === null ? undefined : Number(row.published_at),
  };
}

type StoredInstrument = {
  readonly instrument_number: number;
  readonly instrument_id: string;
  readonly price_unit: string;
  readonly quantity_unit: string;
  readonly create_hash: Buffer;
  readonly create_time_us: string;
  readonly wish: StoredTerms;
  readonly published: StoredTerms | null;
  readonly published_at: string | null;
  readonly session_time_us: string;
};

function instrumentOf(row: StoredInstrument): InstrumentRow {
  return {
    instrumentNumber: row.instrument_number,
    instrumentId: row.instrument_id,
    priceUnit: row.price_unit,
    quantityUnit: row.quantity_unit,
    createHash: row.create_hash.toString('hex'),
    createTimeUs: Number(row.create_time_us),
    wish: termsOf(row.wish),
    published: row.published === null ? undefined : termsOf(row.published),
    publishedAt: row.published_at === null ? undefined : Number(row.published_at),
    sessionTimeUs: Number(row.session_time_us),
  };
}

/** JSON has no integers beyond 2^53, so amounts are text there. */
type StoredTerms = Omit<InstrumentTerms, 'rules'> & {
  readonly rules: Omit<InstrumentRules, 'minimumNotionalUnits'> & {
    readonly minimumNotionalUnits: string;
  };
};

/** Rules that instruments had before there were bands, auctions and sessions. */
const FIRST_RULES = {
  auctionRatePpm: 0,
  referencePriceUnits: 0,
  staticBandPpm: 0,
  farBandPpm: 0,
  dynamicBandPpm: 0,
  volatilityAuctionUs: DEFAULT_VOLATILITY_AUCTION_US,
  hasSessions: false,
};

function formatTerms(terms: InstrumentTerms): string {
  return JSON.stringify(storedTerms(terms));
}

function storedTerms(terms: InstrumentTerms): StoredTerms {
  const { rules } = terms;
  const minimumNotionalUnits = rules.minimumNotionalUnits.toString();
  return { ...terms, rules: { ...rules, minimumNotionalUnits } };
}

function termsOf({ rules, state, sessions, sessionsVersion, updateTimeUs }: StoredTerms) {
  const minimumNotionalUnits = BigInt(rules.minimumNotionalUnits);
  return {
    rules: { ...FIRST_RULES, ...rules, minimumNotionalUnits },
    state,
    sessions,
    sessionsVersion: sessionsVersion ?? 1,
    updateTimeUs,
  };
}

function formatAnswer(answer: StoredAnswer): string {
  const stored = answer.kind === 'terms' ? storedTerms(answer.terms) : answer;
  return JSON.stringify(stored);
}

/** Terms stand there as they are; every other answer says its kind. */
function answerOf(stored: StoredTerms | Exclude<StoredAnswer, { kind: 'terms' }>): StoredAnswer {
  return 'rules' in stored ? { kind: 'terms', terms: termsOf(stored) } : stored;
}
