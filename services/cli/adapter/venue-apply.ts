// Carries out the steps of a difference, one call each. Every call is idempotent, so it is repeated
// while the exchange says that this is safe.

import { setTimeout as delay } from 'node:timers/promises';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { assertNever } from '../../lib/base/assert.ts';
import type { PublicServices } from '../../lib/client/public-services.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { RuleField, VenueInstrument } from '../domain/venue.ts';
import type { Step } from '../domain/venue-difference.ts';

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
    state: stateOf(instrument.state ?? 'CONTINUOUS'),
  };
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
  };
}

function stateOf(name: string): InstrumentState {
  return name === 'CANCEL_ONLY' ? InstrumentState.CANCEL_ONLY : InstrumentState.CONTINUOUS;
}
