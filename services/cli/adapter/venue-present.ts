// Asks the exchange what it has of what a venue names.

import type { Instrument } from '../../../gen/bourse/reference/v1/reference_pb.ts';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import type { PublicServices } from '../../lib/client/public-services.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { ErrorReasonName } from '../../lib/platform/errors/reasons.ts';
import { formatSessions } from '../domain/sessions-text.ts';
import type { PresentVenue, Venue, VenueAsset, VenueInstrument } from '../domain/venue.ts';
import { nameOf } from './output.ts';
import { sessionsOf } from './sessions-message.ts';
import { formatDuration } from './words.ts';

const PAGE_SIZE = 1_000;
/** Pages of postings that are looked through for a deposit; repeating a deposit is harmless. */
const POSTING_PAGES_LIMIT = 10;

export async function fetchPresentVenue(
  clients: PublicServices,
  wish: Venue,
): Promise<PresentVenue> {
  const assets = new Map<string, VenueAsset>();
  for (const { asset_id } of wish.assets) {
    const found = await unless('ASSET_UNKNOWN', clients.reference.getAsset({ assetId: asset_id }));
    if (found?.asset === undefined) continue;
    const { assetId, displayName, scale } = found.asset;
    assets.set(assetId, { asset_id: assetId, display_name: displayName, scale });
  }
  const instruments = new Map<string, VenueInstrument & { version: bigint }>();
  for (const { instrument_id: instrumentId } of wish.instruments) {
    const read = clients.reference.getInstrument({ instrumentId });
    const found = await unless('INSTRUMENT_UNKNOWN', read);
    if (found?.instrument !== undefined) instruments.set(instrumentId, present(found.instrument));
  }
  const accountIds = new Set<string>();
  const transferIds = new Set<string>();
  for (const accountId of wish.accountIds) {
    const found = await unless('ACCOUNT_UNKNOWN', clients.accounts.getAccount({ accountId }));
    if (found === undefined) continue;
    accountIds.add(accountId);
    const isWanted = wish.deposits.some(({ account_id }) => account_id === accountId);
    if (isWanted) await collectTransfers(clients, accountId, transferIds);
  }
  return { assets, instruments, accountIds, transferIds };
}

function present(instrument: Instrument): VenueInstrument & { version: bigint } {
  return {
    instrument_id: instrument.instrumentId,
    base_asset_id: instrument.baseAssetId,
    quote_asset_id: instrument.quoteAssetId,
    price_unit: instrument.priceUnit,
    quantity_unit: instrument.quantityUnit,
    tick_size: instrument.tickSize,
    lot_size: instrument.lotSize,
    minimum_quantity: instrument.minimumQuantity,
    maximum_quantity: instrument.maximumQuantity,
    maximum_price: instrument.maximumPrice,
    minimum_notional: instrument.minimumNotional,
    collar_bps: String(instrument.collarBps),
    maximum_open_orders: String(instrument.maximumOpenOrders),
    maker_fee_bps: instrument.makerFeeBps,
    taker_fee_bps: instrument.takerFeeBps,
    auction_fee_bps: instrument.auctionFeeBps,
    reference_price: instrument.referencePrice,
    static_band_bps: String(instrument.staticBandBps),
    far_band_bps: String(instrument.farBandBps),
    dynamic_band_bps: String(instrument.dynamicBandBps),
    volatility_auction_duration: formatDuration(instrument.volatilityAuctionDuration),
    sessions: formatSessions(sessionsOf(instrument.sessions)),
    state: nameOf(InstrumentState, instrument.state),
    version: instrument.version,
  };
}

async function collectTransfers(
  clients: PublicServices,
  accountId: string,
  transferIds: Set<string>,
): Promise<void> {
  let pageToken = '';
  for (let page = 0; page < POSTING_PAGES_LIMIT; page += 1) {
    const answer = await clients.accounts.listPostings({
      ...{ accountId, pageToken },
      pageSize: PAGE_SIZE,
    });
    for (const { clientTransferId } of answer.postings) {
      if (clientTransferId !== '') transferIds.add(clientTransferId);
    }
    pageToken = answer.nextPageToken;
    if (pageToken === '') return;
  }
}

/** What was read; undefined when it failed with this reason. */
async function unless<T>(reason: ErrorReasonName, read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof OperatingError && error.reason === reason) return undefined;
    throw error;
  }
}
