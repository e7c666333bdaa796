// The rules with which tests create an instrument, as a caller of the public API says them.

/** Price unit 0.01, quantity unit 0.001, one and two basis points. */
export const MARKET_RULES = {
  priceUnit: '0.01',
  quantityUnit: '0.001',
  tickSize: '0.01',
  lotSize: '0.001',
  maximumQuantity: '100000',
  maximumPrice: '100000',
  maximumOpenOrders: 10_000,
  collarBps: 1_000,
  makerFeeBps: '1',
  takerFeeBps: '2',
} as const;
