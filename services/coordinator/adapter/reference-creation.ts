// Creates assets and instruments, idempotent by their ids for ever.

import type {
  CreateAssetRequest,
  CreateInstrumentRequest,
} from '../../../gen/bourse/reference/v1/admin_service_pb.ts';
import { InstrumentState as StateNumber } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { formatDecimal } from '../../lib/base/decimal.ts';
import { instrumentStateCodec } from '../../lib/platform/codec/terms-codec.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { RpcContext } from '../../lib/platform/rpc/call-context.ts';
import { assertForm } from '../../lib/platform/rpc/form-error.ts';
import type { InstrumentState } from '../../lib/rules/terms.ts';
import {
  DEFAULT_COLLAR_BPS,
  DEFAULT_MAXIMUM_OPEN_ORDERS,
  DEFAULT_VOLATILITY_AUCTION_US,
  draftFrame,
  draftRules,
} from '../domain/instrument-draft.ts';
import {
  type AssetRow,
  findAssetById,
  findInstrumentById,
  type InstrumentRow,
  type ReferenceTables,
} from '../domain/reference-tables.ts';
import { endsDays, type SessionSchedule } from '../domain/sessions.ts';
import type { ActiveCoordinator } from './active-coordinator.ts';
import { accepted, checkShardsServe, hashOfBody, waitUntilSeen } from './change-support.ts';
import { RequestCheck } from './form.ts';
import { assetUnknown } from './reference-handlers.ts';
import {
  type AssetInit,
  assetMessage,
  type InstrumentInit,
  instrumentMessage,
  microsecondsOf,
} from './reference-messages.ts';
import { hashableSessions, readSessions } from './session-codec.ts';

const DISPLAY_NAME_LIMIT = 64;
const SCALE_LIMIT = 9;

export async function createAsset(
  active: ActiveCoordinator,
  request: CreateAssetRequest,
  call: RpcContext,
): Promise<{ asset: AssetInit; duplicate: boolean }> {
  const { assetId, displayName, scale } = request;
  const check = new RequestCheck();
  check.requiredId('asset_id', assetId);
  check.text('display_name', displayName, DISPLAY_NAME_LIMIT);
  if (scale > SCALE_LIMIT) {
    check.add('scale', 'NUMBER_OUT_OF_RANGE', `must be from 0 to ${SCALE_LIMIT}`);
  }
  assertForm(check);

  const { asset, duplicate } = await active.reference.change(async (tables) => {
    const existing = findAssetById(tables, assetId);
    if (existing !== undefined) {
      if (existing.displayName !== displayName || existing.scale !== scale) {
        throw alreadyExists('ASSET_ALREADY_EXISTS', 'asset_id', assetId);
      }
      return { result: { asset: existing, duplicate: true } };
    }
    checkShardsServe(active.registry.tables);

    const made: AssetRow = {
      assetNumber: nextNumber(tables.assets),
      assetId,
      displayName,
      scale,
      createTimeUs: active.world.wallClockUs(),
      publishedAt: undefined,
    };
    return { write: { assets: [made] }, result: { asset: made, duplicate: false } };
  });
  await waitUntilSeen(active, call, (tables) => {
    return tables.assets.get(asset.assetNumber)?.publishedAt !== undefined;
  });
  return { asset: assetMessage(asset), duplicate };
}

export async function createInstrument(
  active: ActiveCoordinator,
  request: CreateInstrumentRequest,
  call: RpcContext,
): Promise<{ instrument: InstrumentInit; duplicate: boolean }> {
  const { state, sessions } = checkForm(request);

  const { instrument, duplicate } = await active.reference.change(async (tables) => {
    const createHash = hashOfRequest(request, state);
    const existing = findInstrumentById(tables, request.instrumentId);
    if (existing !== undefined) {
      if (existing.createHash !== createHash) {
        throw alreadyExists('INSTRUMENT_ALREADY_EXISTS', 'instrument_id', request.instrumentId);
      }
      return { result: { instrument: existing, duplicate: true } };
    }
    const timeUs = active.world.wallClockUs();
    const made = draftInstrument(tables, request, { state, sessions, createHash, timeUs });
    checkShardsServe(active.registry.tables, request.instrumentId);

    return { write: { instruments: [made] }, result: { instrument: made, duplicate: false } };
  });
  const { instrumentNumber } = instrument;
  await waitUntilSeen(active, call, (tables) => {
    return tables.instruments.get(instrumentNumber)?.published !== undefined;
  });
  const { tables } = active.reference;
  const now = tables.instruments.get(instrumentNumber) ?? instrument;
  const terms = duplicate ? (now.published ?? now.wish) : instrument.wish;
  return { instrument: instrumentMessage(tables, now, terms), duplicate };
}

/** States in which an instrument may begin. */
const FIRST_STATES: ReadonlySet<InstrumentState> = new Set([
  ...(['PRE_OPEN', 'CONTINUOUS', 'POST_ONLY', 'CANCEL_ONLY', 'HALTED', 'CLOSED'] as const),
]);

/** The state in which it shall begin, and its sessions. */
function checkForm(request: CreateInstrumentRequest): {
  readonly state: InstrumentState;
  readonly sessions: SessionSchedule | undefined;
} {
  const check = new RequestCheck();
  check.requiredId('instrument_id', request.instrumentId);
  check.requiredId('base_asset_id', request.baseAssetId);
  check.requiredId('quote_asset_id', request.quoteAssetId);
  if (request.baseAssetId !== '' && request.baseAssetId === request.quoteAssetId) {
    check.add('quote_asset_id', 'FIELDS_CONFLICT', 'must be another asset than base_asset_id');
  }
  check.decimals({
    price_unit: request.priceUnit,
    quantity_unit: request.quantityUnit,
    tick_size: request.tickSize,
    lot_size: request.lotSize,
    minimum_quantity: request.minimumQuantity,
    maximum_quantity: request.maximumQuantity,
    maximum_price: request.maximumPrice,
    minimum_notional: request.minimumNotional,
    maker_fee_bps: request.makerFeeBps,
    taker_fee_bps: request.takerFeeBps,
    auction_fee_bps: request.auctionFeeBps,
    reference_price: request.referencePrice,
  });
  const isDefault = request.state === StateNumber.UNSPECIFIED;
  const state = isDefault ? 'CONTINUOUS' : instrumentStateCodec.findName(request.state);
  if (state === undefined) check.optionalEnum('state', 'UNKNOWN');
  else if (!FIRST_STATES.has(state)) {
    check.add('state', 'FIELDS_CONFLICT', 'is none in which an instrument can begin');
  }
  const sessions = readSessions(check, request.sessions);
  assertForm(check);
  return { state: state ?? 'CONTINUOUS', sessions };
}

function draftInstrument(
  tables: ReferenceTables,
  request: CreateInstrumentRequest,
  made: {
    readonly state: InstrumentState;
    readonly sessions: SessionSchedule | undefined;
    readonly createHash: string;
    readonly timeUs: number;
  },
): InstrumentRow {
  const { instrumentId, priceUnit, quantityUnit } = request;
  const baseAsset = knownAsset(tables, request.baseAssetId);
  const quoteAsset = knownAsset(tables, request.quoteAssetId);
  const instrumentNumber = nextNumber(tables.instruments);
  const frame = accepted(
    draftFrame({ instrumentId, instrumentNumber, baseAsset, quoteAsset, priceUnit, quantityUnit }),
  );
  const rules = accepted(
    draftRules(frame, 1, {
      ...request,
      collarBps: request.collarBps === 0 ? DEFAULT_COLLAR_BPS : request.collarBps,
      maximumOpenOrders: request.maximumOpenOrders || DEFAULT_MAXIMUM_OPEN_ORDERS,
      volatilityAuctionUs:
        microsecondsOf(request.volatilityAuctionDuration) ?? DEFAULT_VOLATILITY_AUCTION_US,
      hasSessions: endsDays(made.sessions),
    }),
  );
  const { state, sessions, createHash, timeUs } = made;
  return {
    instrumentNumber,
    instrumentId,
    priceUnit: formatDecimal(frame.priceUnit.coefficient, frame.priceUnit.scale),
    quantityUnit: formatDecimal(frame.quantityUnit.coefficient, frame.quantityUnit.scale),
    createHash,
    createTimeUs: timeUs,
    wish: { rules, state, sessions, sessionsVersion: rules.version, updateTimeUs: timeUs },
    published: undefined,
    publishedAt: undefined,
    sessionTimeUs: 0,
  };
}

/** An asset that callers see. */
function knownAsset(tables: ReferenceTables, assetId: string): AssetRow {
  const asset = findAssetById(tables, assetId);
  if (asset?.publishedAt === undefined) throw assetUnknown(assetId);
  return asset;
}

/** What came later stands behind the rest, and only when it is set: older hashes stay as they are. */
function hashOfRequest(request: CreateInstrumentRequest, state: InstrumentState): string {
  const later = [
    request.auctionFeeBps,
    request.referencePrice,
    request.staticBandBps,
    request.farBandBps,
    request.dynamicBandBps,
    microsecondsOf(request.volatilityAuctionDuration),
    hashableSessions(request.sessions),
  ];
  return hashOfBody([
    request.baseAssetId,
    request.quoteAssetId,
    request.priceUnit,
    request.quantityUnit,
    request.tickSize,
    request.lotSize,
    request.minimumQuantity,
    request.maximumQuantity,
    request.maximumPrice,
    request.minimumNotional,
    request.collarBps,
    request.maximumOpenOrders,
    request.makerFeeBps,
    request.takerFeeBps,
    state,
    ...(later.every((value) => value === undefined || value === '' || value === 0) ? [] : later),
  ]);
}

function nextNumber(rows: ReadonlyMap<number, unknown>): number {
  return rows.size + 1; // dense from 1, nothing is ever removed
}

function alreadyExists(
  reason: 'ASSET_ALREADY_EXISTS' | 'INSTRUMENT_ALREADY_EXISTS',
  field: string,
  id: string,
): OperatingError {
  return new OperatingError(reason, `${id} exists already, and with another body.`, {
    metadata: { field },
  });
}
