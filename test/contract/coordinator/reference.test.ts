// ReferenceService and ReferenceAdminService, with real matching and account shards behind them.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { StreamInstrumentsResponse } from '../../../gen/bourse/reference/v1/service_pb.ts';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { waitUntil } from '../../support/wait.ts';

let mesh: Mesh;

const BTC_USD = {
  instrumentId: 'BTC-USD',
  baseAssetId: 'BTC',
  quoteAssetId: 'USD',
  priceUnit: '0.01',
  quantityUnit: '0.000001',
  tickSize: '0.05',
  maximumQuantity: '1000',
  maximumPrice: '1000000',
  makerFeeBps: '-0.5',
  takerFeeBps: '2',
};

beforeAll(async () => {
  mesh = await startMesh();
  await mesh.referenceAdmin.createAsset({ assetId: 'USD', displayName: 'US dollar', scale: 8 });
  await mesh.referenceAdmin.createAsset({ assetId: 'BTC', displayName: '', scale: 9 });
  await mesh.referenceAdmin.createInstrument(BTC_USD);
}, 90_000);

afterAll(() => mesh.stop());

async function reasonOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    const { reason, metadata } = error as {
      reason?: string;
      metadata?: Record<string, string>;
    };
    return `${reason} ${metadata?.['field'] ?? ''}`.trim();
  }
}

describe('assets', () => {
  test('are idempotent by their id for ever, and another body is refused', async () => {
    const again = { assetId: 'USD', displayName: 'US dollar', scale: 8 };
    const answer = await mesh.referenceAdmin.createAsset(again);
    expect(answer).toMatchObject({ duplicate: true, asset: { ...again, assetNumber: 1 } });
    const other = mesh.referenceAdmin.createAsset({ ...again, scale: 7 });
    expect(await reasonOf(other)).toBe('ASSET_ALREADY_EXISTS asset_id');
  });

  test.each([
    ['no id', { assetId: '' }, 'FIELD_REQUIRED asset_id'],
    ['a bad id', { assetId: 'a b' }, 'ID_INVALID asset_id'],
    ['an id too long', { assetId: 'a'.repeat(65) }, 'ID_INVALID asset_id'],
    ['a name too long', { displayName: 'x'.repeat(65) }, 'TEXT_INVALID display_name'],
    ['a control character', { displayName: 'a\u0007' }, 'TEXT_INVALID display_name'],
    ['a scale of ten', { scale: 10 }, 'NUMBER_OUT_OF_RANGE scale'],
  ])('%s is refused', async (_name, more, reason) => {
    const request = { assetId: 'NEW', displayName: '', scale: 2, ...more };
    expect(await reasonOf(mesh.referenceAdmin.createAsset(request))).toBe(reason);
  });

  test('are listed newest first, page by page', async () => {
    const first = await mesh.reference.listAssets({ pageSize: 1 });
    expect(first.assets.map(({ assetId }) => assetId)).toEqual(['BTC']);
    const next = { pageSize: 1, pageToken: first.nextPageToken };
    const second = await mesh.reference.listAssets(next);
    expect(second.assets.map(({ assetId }) => assetId)).toEqual(['USD']);
    expect(second.nextPageToken).toBe('');
    const wrong = mesh.reference.listInstruments(next);
    expect(await reasonOf(wrong)).toBe('PAGE_TOKEN_INVALID page_token');
    const tooMany = mesh.reference.listAssets({ pageSize: 1_001 });
    expect(await reasonOf(tooMany)).toBe('NUMBER_OUT_OF_RANGE page_size');
  });
});

describe('instruments', () => {
  test('show decimals without trailing zeros, and the defaults used', async () => {
    const { instrument } = await mesh.reference.getInstrument({ instrumentId: 'BTC-USD' });
    expect(instrument).toMatchObject({
      ...BTC_USD,
      instrumentNumber: 1,
      lotSize: '0.000001',
      minimumQuantity: '0.000001',
      minimumNotional: '0',
      collarBps: 500,
      maximumOpenOrders: 10_000,
      state: InstrumentState.CONTINUOUS,
      version: 1n,
    });
    expect(instrument?.createTime).toBeDefined();
  });

  test('are idempotent by their id for ever, and another body is refused', async () => {
    const again = await mesh.referenceAdmin.createInstrument(BTC_USD);
    expect(again).toMatchObject({ duplicate: true, instrument: { version: 1n } });
    const other = mesh.referenceAdmin.createInstrument({ ...BTC_USD, takerFeeBps: '3' });
    expect(await reasonOf(other)).toBe('INSTRUMENT_ALREADY_EXISTS instrument_id');
  });

  test.each([
    ['no id', { instrumentId: '' }, 'FIELD_REQUIRED instrument_id'],
    ['a bad id', { instrumentId: 'A/B' }, 'ID_INVALID instrument_id'],
    ['no base', { baseAssetId: '' }, 'FIELD_REQUIRED base_asset_id'],
    ['base equal to quote', { baseAssetId: 'USD' }, 'FIELDS_CONFLICT quote_asset_id'],
    ['an unknown asset', { baseAssetId: 'XXX' }, 'ASSET_UNKNOWN'],
    ['an unknown state', { state: 99 as InstrumentState }, 'ENUM_VALUE_UNKNOWN state'],
    ['no price unit', { priceUnit: '' }, 'FIELD_REQUIRED price_unit'],
    ['an exponent', { priceUnit: '1e-2' }, 'DECIMAL_INVALID price_unit'],
    ['a minus zero', { tickSize: '-0' }, 'DECIMAL_INVALID tick_size'],
    ['a superfluous zero', { lotSize: '00.1' }, 'DECIMAL_INVALID lot_size'],
    ['form before assets', { baseAssetId: 'XXX', lotSize: 'NaN' }, 'DECIMAL_INVALID lot_size'],
    ['an inexact notional', { priceUnit: '0.001' }, 'INEXACT_NOTIONAL price_unit'],
    ['a tick between units', { tickSize: '0.005' }, 'NOT_MULTIPLE_OF_UNIT tick_size'],
    ['a fee too fine', { takerFeeBps: '0.001' }, 'SCALE_EXCEEDED taker_fee_bps'],
    ['a rebate too high', { makerFeeBps: '-3' }, 'FIELDS_CONFLICT maker_fee_bps'],
    ['a collar too wide', { collarBps: 100_001 }, 'NUMBER_OUT_OF_RANGE collar_bps'],
    [
      'too large',
      { maximumQuantity: '9000000', maximumPrice: '9000000' },
      'AMOUNT_TOO_LARGE maximum_quantity',
    ],
  ])('%s is refused', async (_name, more, reason) => {
    const request = { ...BTC_USD, instrumentId: 'NEW', ...more };
    expect(await reasonOf(mesh.referenceAdmin.createInstrument(request))).toBe(reason);
  });

  test('all faults of form are named, the first gives the reason', async () => {
    const request = { ...BTC_USD, instrumentId: '', lotSize: '1e5', state: 9 as InstrumentState };
    await expect(mesh.referenceAdmin.createInstrument(request)).rejects.toMatchObject({
      reason: 'FIELD_REQUIRED',
      violations: [{ field: 'instrument_id' }, { field: 'lot_size' }, { field: 'state' }],
    });
  });

  test('unknown ones are unknown', async () => {
    expect(await reasonOf(mesh.reference.getAsset({ assetId: 'XXX' }))).toBe('ASSET_UNKNOWN');
    const instrument = mesh.reference.getInstrument({ instrumentId: 'XXX' });
    expect(await reasonOf(instrument)).toBe('INSTRUMENT_UNKNOWN');
    const update = mesh.referenceAdmin.updateInstrument({ instrumentId: 'XXX', tickSize: '1' });
    expect(await reasonOf(update)).toBe('INSTRUMENT_UNKNOWN');
  });
});

describe('changes of an instrument', () => {
  const instrumentId = 'ETH-USD';

  beforeAll(async () => {
    await mesh.referenceAdmin.createAsset({ assetId: 'ETH', displayName: '', scale: 9 });
    await mesh.referenceAdmin.createInstrument({ ...BTC_USD, instrumentId, baseAssetId: 'ETH' });
  });

  test('set the rules that are present, raise the version, and are idempotent', async () => {
    const request = { instrumentId, tickSize: '0.1', clientRequestId: 'up-1', expectedVersion: 1n };
    const first = await mesh.referenceAdmin.updateInstrument(request);
    expect(first).toMatchObject({
      clientRequestId: 'up-1',
      duplicate: false,
      instrument: { tickSize: '0.1', takerFeeBps: '2', version: 2n },
    });
    await mesh.referenceAdmin.updateInstrument({ instrumentId, collarBps: 7 });
    const again = await mesh.referenceAdmin.updateInstrument(request);
    expect(again).toMatchObject({ duplicate: true, instrument: { version: 2n, collarBps: 500 } });
    const other = mesh.referenceAdmin.updateInstrument({ ...request, tickSize: '0.2' });
    expect(await reasonOf(other)).toBe('CLIENT_REQUEST_ID_ALREADY_EXISTS client_request_id');
    const now = await mesh.reference.getInstrument({ instrumentId });
    expect(now.instrument).toMatchObject({ version: 3n, tickSize: '0.1', collarBps: 7 });
  });

  test.each([
    ['nothing to change', {}, 'FIELD_REQUIRED tick_size'],
    ['an empty decimal', { lotSize: '' }, 'FIELD_REQUIRED lot_size'],
    ['no decimal', { maximumPrice: '1,5' }, 'DECIMAL_INVALID maximum_price'],
    [
      'rules that do not fit together',
      { maximumQuantity: '0.0000001' },
      'NOT_MULTIPLE_OF_UNIT maximum_quantity',
    ],
    ['an old version', { tickSize: '1', expectedVersion: 1n }, 'VERSION_MISMATCH'],
    [
      'a version of zero',
      { tickSize: '1', expectedVersion: 0n },
      'NUMBER_OUT_OF_RANGE expected_version',
    ],
    ['a collar of zero', { collarBps: 0 }, 'NUMBER_OUT_OF_RANGE collar_bps'],
    ['a bad request id', { tickSize: '1', clientRequestId: '?' }, 'ID_INVALID client_request_id'],
  ])('%s is refused and changes nothing', async (_name, more, reason) => {
    const before = await mesh.reference.getInstrument({ instrumentId });
    const update = mesh.referenceAdmin.updateInstrument({ instrumentId, ...more });
    expect(await reasonOf(update)).toBe(reason);
    expect(await mesh.reference.getInstrument({ instrumentId })).toEqual(before);
  });

  test('of its state stop and resume it, and do not change its version', async () => {
    const set = (state: InstrumentState, clientRequestId = '') =>
      mesh.referenceAdmin.setInstrumentState({ instrumentId, state, clientRequestId });
    const before = await mesh.reference.getInstrument({ instrumentId });
    const stopped = await set(InstrumentState.CANCEL_ONLY, 'stop-1');
    expect(stopped.instrument).toMatchObject({
      state: InstrumentState.CANCEL_ONLY,
      version: before.instrument?.version,
    });
    expect((await set(InstrumentState.CONTINUOUS)).instrument?.state).toBe(
      InstrumentState.CONTINUOUS,
    );
    const repeated = await set(InstrumentState.CANCEL_ONLY, 'stop-1');
    expect(repeated).toMatchObject({
      duplicate: true,
      instrument: { state: InstrumentState.CANCEL_ONLY },
    });
    const { instrument } = await mesh.reference.getInstrument({ instrumentId });
    expect(instrument?.state).toBe(InstrumentState.CONTINUOUS);
    expect(await reasonOf(set(InstrumentState.UNSPECIFIED))).toBe('FIELD_REQUIRED state');
    expect(await reasonOf(set(77 as InstrumentState))).toBe('ENUM_VALUE_UNKNOWN state');
  });
});

describe('StreamInstruments', () => {
  test('begins with a snapshot, sends what changes, and goes on behind a token', async () => {
    const first = new Reader('');
    await waitUntil(() => first.messages.length >= 2, { what: 'the snapshot' });
    expect(first.messages[0]?.message).toMatchObject({
      case: 'started',
      value: { resumed: false },
    });
    expect(first.messages[1]?.message).toMatchObject({
      case: 'snapshot',
      value: { complete: true },
    });
    await mesh.referenceAdmin.updateInstrument({ instrumentId: 'BTC-USD', collarBps: 11 });
    const changed = await waitUntil(() => first.find('instrument'), { what: 'the change' });
    await first.end();

    await mesh.referenceAdmin.updateInstrument({ instrumentId: 'BTC-USD', collarBps: 12 });
    await mesh.referenceAdmin.updateInstrument({ instrumentId: 'BTC-USD', collarBps: 13 });
    await mesh.referenceAdmin.createAsset({ assetId: 'SOL', displayName: '', scale: 9 });
    const second = new Reader(changed.resumeToken);
    await waitUntil(() => second.find('asset'), { what: 'the new asset' });
    expect(second.messages[0]?.message).toMatchObject({
      case: 'started',
      value: { resumed: true },
    });
    expect(second.messages.map(({ message }) => message.case)).toEqual([
      ...['started', 'instrument', 'asset'],
    ]);
    expect(second.find('instrument')?.message.value).toMatchObject({ collarBps: 13 });
    await waitUntil(() => second.find('heartbeat'), { what: 'a heartbeat' });
    await second.end();
  });

  test('refuses a token of somebody else, and begins anew for one of a broken snapshot', async () => {
    const bad = new Reader('bm90aGluZw');
    expect(await reasonOf(bad.done)).toBe('RESUME_TOKEN_INVALID resume_token');
    const future = new Reader(Buffer.from('reference.999999').toString('base64url'));
    expect(await reasonOf(future.done)).toBe('RESUME_TOKEN_TOO_OLD');
    const whole = new Reader('');
    await waitUntil(() => whole.messages.length >= 2, { what: 'the snapshot' });
    await whole.end();
    const again = new Reader(whole.messages[0]?.resumeToken ?? '');
    await waitUntil(() => again.find('snapshot'), { what: 'the snapshot again' });
    await again.end();
  });
});

/** Reads a stream of instruments. */
class Reader {
  readonly messages: StreamInstrumentsResponse[] = [];
  readonly done: Promise<void>;
  readonly #abort = new AbortController();

  constructor(resumeToken: string) {
    this.done = this.#read(resumeToken);
    this.done.catch(() => {});
  }

  async #read(resumeToken: string): Promise<void> {
    const { signal } = this.#abort;
    const stream = mesh.reference.streamInstruments({ resumeToken }, { signal });
    for await (const message of stream) this.messages.push(message);
  }

  find(what: string): StreamInstrumentsResponse | undefined {
    return this.messages.find(({ message }) => message.case === what);
  }

  async end(): Promise<void> {
    this.#abort.abort();
    await this.done.catch(() => {});
  }
}
