// Assets and instruments in PostgreSQL (CRD-1).

import type pg from 'pg';
import type { InstrumentRules } from '../../lib/rules/terms.ts';
import type {
  AssetRow,
  InstrumentRow,
  InstrumentTerms,
  ReferenceTables,
} from '../domain/reference-tables.ts';
import { readAtOnce } from './versioned-write.ts';

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

/** Writes an asset as it is now; its first number decides which one. */
export async function storeAsset(client: pg.PoolClient, asset: AssetRow): Promise<void> {
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
export async function storeInstrument(
  client: pg.PoolClient,
  instrument: InstrumentRow,
): Promise<void> {
  const { wish, published } = instrument;
  await client.query(
    `INSERT INTO instrument
       (instrument_number, instrument_id, base_asset_number, quote_asset_number, price_unit,
        quantity_unit, create_hash, create_time_us, wish, published, published_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     ON CONFLICT (instrument_number) DO UPDATE
     SET wish = EXCLUDED.wish, published = EXCLUDED.published,
         published_at = EXCLUDED.published_at`,
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
    ],
  );
}

/** A change of an instrument that was asked for under a client request id. */
export type StoredRequest = {
  readonly clientRequestId: string;
  /** Hexadecimal. */
  readonly bodyHash: string;
  readonly instrumentNumber: number;
  /** Rules and state after it. */
  readonly answer: InstrumentTerms;
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
    instrumentNumber: row.instrument_number,
    answer: termsOf(row.answer),
  };
}

export async function storeRequest(client: pg.PoolClient, request: StoredRequest): Promise<void> {
  await client.query(
    `DELETE FROM reference_request WHERE create_time < clock_timestamp() - $1::interval`,
    [REQUEST_MEMORY],
  );
  await client.query(
    `INSERT INTO reference_request
       (client_request_id, body_hash, instrument_number, answer)
     VALUES ($1, $2, $3, $4)`,
    [
      request.clientRequestId,
      Buffer.from(request.bodyHash, 'hex'),
      request.instrumentNumber,
      formatTerms(request.answer),
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
  };
}

/** JSON has no integers beyond 2^53, so amounts are text there. */
type StoredTerms = Omit<InstrumentTerms, 'rules'> & {
  readonly rules: Omit<InstrumentRules, 'minimumNotionalUnits'> & {
    readonly minimumNotionalUnits: string;
  };
};

function formatTerms(terms: InstrumentTerms): string {
  const { rules } = terms;
  const stored: StoredTerms = {
    ...terms,
    rules: { ...rules, minimumNotionalUnits: rules.minimumNotionalUnits.toString() },
  };
  return JSON.stringify(stored);
}

function termsOf(stored: StoredTerms): InstrumentTerms {
  const { rules } = stored;
  const minimumNotionalUnits = BigInt(rules.minimumNotionalUnits);
  return { ...stored, rules: { ...rules, minimumNotionalUnits } };
}
