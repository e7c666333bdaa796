// One instrument and the parts of requests that the tests of the domain start from.

import type { InstrumentRules, OrderTerms } from '../../../services/lib/rules/terms.ts';
import type { TradedInstrument } from '../../../services/order/domain/instrument.ts';
import type { OrderRecord } from '../../../services/order/domain/order-record.ts';
import type { PlacementForm } from '../../../services/order/domain/placement.ts';
import { PLAIN_RULES, PLAIN_TERMS } from '../../support/plain.ts';

/** Price unit 0.01, quantity unit 0.0001, quote in 0.000001: one unit times one is one amount. */
export const RULES: InstrumentRules = {
  instrumentNumber: 3,
  instrumentId: 'BTC-USD',
  version: 2,
  baseAssetNumber: 1,
  quoteAssetNumber: 2,
  notionalFactor: 1,
  baseFactor: 10_000,
  tickUnits: 10,
  lotUnits: 5,
  minimumQuantityUnits: 10,
  maximumQuantityUnits: 1_000_000,
  maximumPriceUnits: 100_000_000,
  minimumNotionalUnits: 1_000n,
  collarPpm: 50_000,
  maximumOpenOrders: 1000,
  makerRatePpm: 100,
  takerRatePpm: 200,
  ...PLAIN_RULES,
};

export const INSTRUMENT: TradedInstrument = {
  instrumentId: 'BTC-USD',
  instrumentNumber: 3,
  rules: RULES,
  state: 'CONTINUOUS',
  priceUnit: { coefficient: 1n, scale: 2 },
  quantityUnit: { coefficient: 1n, scale: 4 },
  baseAssetId: 'BTC',
  baseScale: 8,
  quoteAssetId: 'USD',
  quoteScale: 6,
};

export const FORM: PlacementForm = {
  accountId: 'alice',
  clientOrderId: 'one',
  instrumentId: 'BTC-USD',
  side: 'BUY',
  type: 'LIMIT',
  quantity: '0.01',
  quoteQuantity: undefined,
  price: '100.1',
  timeInForce: 'UNSPECIFIED',
  postOnly: false,
  selfTradePrevention: 'UNSPECIFIED',
  acceptBefore: undefined,
  stopPrice: undefined,
  trailing: undefined,
  expireTime: undefined,
  displayQuantity: undefined,
  minimumQuantity: undefined,
};

export const TERMS: OrderTerms = {
  instrumentNumber: 3,
  side: 'BUY',
  type: 'LIMIT',
  timeInForce: 'GTC',
  postOnly: false,
  quantityUnits: 100,
  quoteBudgetUnits: 0n,
  priceUnits: 10_010,
  selfTradePrevention: 'CANCEL_TAKER',
  makerRatePpm: 100,
  takerRatePpm: 200,
  instrumentVersion: 2,
  ...PLAIN_TERMS,
};

export const RECORD: OrderRecord = {
  accountNumber: 4097,
  placement: 7,
  accountId: 'alice',
  clientOrderId: 'one',
  terms: TERMS,
  holdState: 'PLACED',
  status: 'PENDING',
  version: 1,
  filledUnits: 0,
  remainingUnits: 100,
  filledNotionalUnits: 0n,
  feeUnits: 0n,
  rejectReason: undefined,
  cancelReason: undefined,
  validUntilUs: 20_000_000,
  placedTimeUs: 10_000_000,
  updatedTimeUs: 10_000_000,
  instrumentSequence: 0,
  groupPlacement: 0,
  groupType: undefined,
};
