// What happens to a book, chosen at random: few accounts, few prices and small quantities, so
// that orders meet, and now and then everything else.

import fc from 'fast-check';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { InstrumentRules, OrderTerms } from '../../../services/matching/domain/rules.ts';

/** Rules under which random orders meet. */
export const MODEL_RULES: InstrumentRules = {
  instrumentNumber: 1,
  instrumentId: 'X',
  version: 1,
  baseAssetNumber: 1,
  quoteAssetNumber: 2,
  notionalFactor: 3,
  baseFactor: 2,
  tickUnits: 1,
  lotUnits: 1,
  minimumQuantityUnits: 1,
  maximumQuantityUnits: 60,
  maximumPriceUnits: 120,
  minimumNotionalUnits: 300n,
  collarPpm: 30_000,
  maximumOpenOrders: 12,
  makerRatePpm: 0,
  takerRatePpm: 0,
};

/** Orders that a step may name: all that the run has placed, and which of them are open. */
export type Known = {
  readonly placed: readonly PlacedOrder[];
  readonly open: readonly PlacedOrder[];
};

/** A command about orders that the run knows. */
export type ModelStep = (known: Known) => MatchingCommand;

export type PlacedOrder = { readonly accountNumber: number; readonly placement: number };

const account = fc.integer({ min: 1, max: 4 });
/** How far a price lies on its own side of 100: mostly passive, now and then it crosses. */
const distance = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: -2, max: 6 }) },
  { weight: 1, arbitrary: fc.integer({ min: -25, max: 99 }) },
);
const quantity = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 1, max: 30 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 70 }) },
);
const side = fc.constantFrom('BUY', 'SELL');
const mode = fc.constantFrom('CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT', 'NONE');
const rate = fc.constantFrom(-30_000, -333, 0, 0, 777, 50_000);
const version = fc.constantFrom(1, 1, 1, 2);

const terms = fc
  .record({
    instrumentNumber: fc.constant(1),
    side,
    type: fc.constant('LIMIT'),
    timeInForce: fc.constantFrom('GTC', 'GTC', 'GTC', 'GTC', 'IOC', 'FOK'),
    postOnly: fc.constantFrom(false, false, false, true),
    quantityUnits: quantity,
    quoteBudgetUnits: fc.constant(0n),
    priceUnits: distance,
    selfTradePrevention: mode,
    makerRatePpm: rate,
    takerRatePpm: rate,
    instrumentVersion: version,
  })
  .map((chosen) => ({
    ...chosen,
    priceUnits: 100 + (chosen.side === 'BUY' ? -chosen.priceUnits : chosen.priceUnits),
  })) as fc.Arbitrary<OrderTerms>;

const market = fc
  .record({
    terms,
    worst: fc.oneof(fc.constant(0), fc.integer({ min: 90, max: 110 })),
    budget: fc.option(fc.bigInt({ min: 1n, max: 20_000n }), { nil: undefined }),
    force: fc.constantFrom('IOC', 'IOC', 'FOK'),
  })
  .map((chosen): OrderTerms => {
    const byBudget = chosen.budget !== undefined;
    return {
      ...chosen.terms,
      type: 'MARKET',
      timeInForce: byBudget ? 'IOC' : (chosen.force as 'IOC' | 'FOK'),
      postOnly: false,
      priceUnits: chosen.worst,
      quantityUnits: byBudget ? 0 : chosen.terms.quantityUnits,
      quoteBudgetUnits: chosen.budget ?? 0n,
    };
  });

const place = fc
  .record({
    accountNumber: account,
    terms: fc.oneof({ weight: 5, arbitrary: terms }, { weight: 1, arbitrary: market }),
    isRepeat: fc.constantFrom(false, false, false, false, false, false, false, true),
    pick: fc.nat(),
  })
  .map(
    ({ accountNumber, terms: asked, isRepeat, pick }): ModelStep =>
      ({ placed }) => {
        const repeated = isRepeat ? placed[pick % placed.length] : undefined;
        const order = repeated ?? { accountNumber, placement: placed.length + 1 };
        return { kind: 'placeOrder', ...order, terms: asked };
      },
  );

/** Mostly an open order, else one of the last; rarely one that never was. */
function pickOrder({ placed, open }: Known, pick: number): PlacedOrder {
  const candidates = [...open, ...placed.slice(-3)];
  const { accountNumber, placement } = candidates[pick % (candidates.length + 1)] ?? {
    accountNumber: 1,
    placement: 999_999,
  };
  return { accountNumber, placement };
}

const cancel = fc.nat().map(
  (pick): ModelStep =>
    (known) => ({ kind: 'cancelOrder', instrumentNumber: 1, ...pickOrder(known, pick) }),
);

const amend = fc
  .record({
    pick: fc.nat(),
    quantityUnits: fc.option(quantity, { nil: undefined }),
    priceUnits: fc.option(fc.integer({ min: 94, max: 106 }), { nil: undefined }),
    expectedVersion: fc.constantFrom(undefined, undefined, undefined, 1, 2),
    instrumentVersion: version,
    amendHoldUnits: fc.constantFrom(0n, 10n, 100_000n, 100_000n),
    amendHoldId: fc.constantFrom('', 'h1', 'h2'),
  })
  .map(
    ({ pick, ...asked }): ModelStep =>
      (placed) => {
        const order = pickOrder(placed, pick);
        return { kind: 'amendOrder', instrumentNumber: 1, ...order, ...asked };
      },
  );

const cancelAll = fc
  .record({ accountNumber: account, side: fc.constantFrom(undefined, 'BUY', 'SELL') })
  .map(
    (asked): ModelStep =>
      () =>
        ({ kind: 'cancelAllOrders', instrumentNumber: 1, ...asked }) as MatchingCommand,
  );

const forbid = fc
  .record({
    pick: fc.nat(),
    ahead: fc.integer({ min: 0, max: 3 }),
    amendHoldId: fc.constantFrom('', 'h1'),
  })
  .map(
    ({ pick, ahead, amendHoldId }): ModelStep =>
      (known) => {
        // Sometimes a placement that is still to come, by the account that has place 1.
        const coming = { accountNumber: 1, placement: known.placed.length + ahead };
        const order = ahead > 0 ? coming : pickOrder(known, pick);
        const forbiddenValidUntilUs = 1_000;
        return {
          kind: 'forbidOrder',
          instrumentNumber: 1,
          ...order,
          amendHoldId,
          forbiddenValidUntilUs,
        };
      },
  );

const changeState = fc
  .constantFrom('CONTINUOUS', 'CONTINUOUS', 'CONTINUOUS', 'CONTINUOUS', 'CANCEL_ONLY')
  .map(
    (state): ModelStep =>
      () => ({
        kind: 'setInstrumentState',
        instrumentNumber: 1,
        state: state as 'CONTINUOUS' | 'CANCEL_ONLY',
        comment: '',
      }),
  );

/** Anything that may happen to a book. */
export const modelStep: fc.Arbitrary<ModelStep> = fc.oneof(
  { weight: 60, arbitrary: place },
  { weight: 10, arbitrary: cancel },
  { weight: 25, arbitrary: amend },
  { weight: 1, arbitrary: cancelAll },
  { weight: 1, arbitrary: forbid },
  { weight: 3, arbitrary: changeState },
);
