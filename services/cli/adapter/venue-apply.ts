// Carries out the steps of a difference, one call each. Every call is idempotent, so it is repeated
// while the exchange says that this is safe.

import { setTimeout as delay } from 'node:timers/promises';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { assertNever } from '../../lib/base/assert.ts';
import type { PublicServices } from '../../lib/client/public-services.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { parseSessions } from '../domain/sessions-text.ts';
import type { RuleField, VenueInstrument } from '../domain/venue.ts';
import type { Step } from '../domain/venue-difference.ts';
import { sessionsMessage } from './sessions-message.ts';

const PATIENCE_MS = 30_000;
const PAUSE_MS = 200;

/**
 * Makes one step.
 *
 * @throws OperatingError when the exchange refuses it, or cannot do it for 30 s.
 */
export async function applyStep(clients: PublicServices, step: Step): Promise<void> {
  await patiently(() => call(clients, step));
}

/** Repeats a call while its failure says that repeating is safe or gives certainty. */
export async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  const deadlineMs = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const isTransient =
        error instanceof OperatingError &&
        (error.retryAdvice === 'safe' || error.retryAdvice === 'repeat');
      if (!isTransient || Date.now() > deadlineMs) throw error;
      await delay(error.retryDelayMs ?? PAUSE_MS);
    }
  }
}

async function call(clients: PublicServices, step: Step): Promise<void> {
  const { accountAdmin, referenceAdmin } = clients;
  switch (step.kind) {
    case 'createAsset': {
      const { asset_id: assetId, display_name: displayName, scale } = step.asset;
      await referenceAdmin.createAsset({ assetId, displayName, scale });
      break;
    }
    case 'createInstrument':
      await referenceAdmin.createInstrument(creationOf(step.instrument));
      break;
    case 'updateInstrument': {
      const { instrumentId, expectedVersion } = step;
      const rules = rulesOf(step.changes.map(({ field, to }) => [field, to]));
      await referenceAdmin.updateInstrument({ instrumentId, expectedVersion, ...rules });
      break;
    }
    case 'setInstrumentState': {
      const state = stateOf(step.to);
      await referenceAdmin.setInstrumentState({ instrumentId: step.instrumentId, state });
      break;
    }
    case 'createAccount':
      await accountAdmin.createAccount({ accountId: step.accountId });
      break;
    case 'deposit': {
      const { account_id, asset_id, amount, client_transfer_id } = step.deposit;
      await accountAdmin.deposit({
        accountId: account_id,
        assetId: asset_id,
        amount,
        clientTransferId: client_transfer_id,
      });
      break;
    }
    default:
      assertNever(step);
  }
}

function creationOf(instrument: VenueInstrument) {
  return {
    instrumentId: instrument.instrument_id,
    baseAssetId: instrument.base_asset_id,
    quoteAssetId: instrument.quote_asset_id,
    priceUnit: instrument.price_unit,
    quantityUnit: instrument.quantity_unit,
    tickSize: instrument.tick_size ?? '',
    lotSize: instrument.lot_size ?? '',
    minimumQuantity: instrument.minimum_quantity ?? '',
    maximumQuantity: instrument.maximum_quantity ?? '',
    maximumPrice: instrument.maximum_price ?? '',
    minimumNotional: instrument.minimum_notional ?? '',
    collarBps: Number(instrument.collar_bps ?? 0),
    maximumOpenOrders: Number(instrument.maximum_open_orders ?? 0),
    makerFeeBps: instrument.maker_fee_bps ?? '',
    takerFeeBps: instrument.taker_fee_bps ?? '',
    auctionFeeBps: instrument.auction_fee_bps ?? '',
    referencePrice: instrument.reference_price ?? '',
    staticBandBps: Number(instrument.static_band_bps ?? 0),
    farBandBps: Number(instrument.far_band_bps ?? 0),
    dynamicBandBps: Number(instrument.dynamic_band_bps ?? 0),
    ...durationOf(instrument.volatility_auction_duration),
    ...sessionsOf(instrument.sessions),
    state: stateOf(instrument.state ?? 'CONTINUOUS'),
  };
}

/** A duration as the JSON form of protobuf writes it: `120s`. */
function durationOf(text: string | undefined) {
  if (text === undefined) return {};
  const microseconds = Math.round(Number(text.slice(0, -1)) * 1e6);
  const seconds = BigInt(Math.floor(microseconds / 1e6));
  return {
    volatilityAuctionDuration: { seconds, nanos: (microseconds % 1e6) * 1_000 },
  };
}

function sessionsOf(text: string | undefined) {
  return text === undefined ? {} : { sessions: sessionsMessage(parseSessions(text)) };
}

function rulesOf(changes: readonly (readonly [RuleField, string])[]) {
  const given = new Map(changes);
  const text = (field: RuleField, name: string) =>
    given.has(field) ? { [name]: given.get(field) } : {};
  const number = (field: RuleField, name: string) =>
    given.has(field) ? { [name]: Number(given.get(field)) } : {};
  return {
    ...text('tick_size', 'tickSize'),
    ...text('lot_size', 'lotSize'),
    ...text('minimum_quantity', 'minimumQuantity'),
    ...text('maximum_quantity', 'maximumQuantity'),
    ...text('maximum_price', 'maximumPrice'),
    ...text('minimum_notional', 'minimumNotional'),
    ...number('collar_bps', 'collarBps'),
    ...number('maximum_open_orders', 'maximumOpenOrders'),
    ...text('maker_fee_bps', 'makerFeeBps'),
    ...text('taker_fee_bps', 'takerFeeBps'),
    ...text('auction_fee_bps', 'auctionFeeBps'),
    ...text('reference_price', 'referencePrice'),
    ...number('static_band_bps', 'staticBandBps'),
    ...number('far_band_bps', 'farBandBps'),
    ...number('dynamic_band_bps', 'dynamicBandBps'),
    ...durationOf(given.get('volatility_auction_duration')),
    ...sessionsOf(given.get('sessions')),
  };
}

function stateOf(name: string): InstrumentState {
  const state = InstrumentState[name as keyof typeof InstrumentState];
  return state ?? InstrumentState.CONTINUOUS;
}
