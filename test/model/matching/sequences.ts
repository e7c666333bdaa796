// Every sequence of up to four commands over two accounts, two prices and two quantities.

import type { AmendOrder, MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { OrderTerms } from '../../../services/matching/domain/rules.ts';
import { PLAIN_TERMS } from '../../support/matching/one-book.ts';

/** A command of the alphabet at its place in the sequence, from 1. */
export type Letter = (place: number) => MatchingCommand;

/** Placement of the order that the command at this place enters; a group takes two. */
function placementAt(place: number): number {
  return 2 * Math.max(place, 1) - 1;
}

const ACCOUNTS = [1, 2] as const;
const PRICES = [100, 101] as const;
const QUANTITIES = [1, 2] as const;
const SIDES = ['BUY', 'SELL'] as const;

function place(accountNumber: number, asked: Partial<OrderTerms>): Letter {
  const terms = { ...PLAIN_TERMS, selfTradePrevention: 'CANCEL_TAKER', ...asked } as const;
  return (at) => ({ kind: 'placeOrder', accountNumber, placement: placementAt(at), terms });
}

/** Orders that rest: every account, side, price and quantity. */
const RESTING: readonly Letter[] = ACCOUNTS.flatMap((account) =>
  SIDES.flatMap((side) =>
    PRICES.flatMap((priceUnits) =>
      QUANTITIES.map((quantityUnits) => place(account, { side, priceUnits, quantityUnits })),
    ),
  ),
);

/** Orders that are decided on arrival, from either account. */
const AT_ONCE: readonly Letter[] = ACCOUNTS.flatMap((account) => [
  place(account, { side: 'BUY', priceUnits: 101, quantityUnits: 2, timeInForce: 'IOC' }),
  place(account, { side: 'SELL', priceUnits: 100, quantityUnits: 2, timeInForce: 'FOK' }),
]);

/** Orders of every other kind, one of each. */
const OTHERS: readonly Letter[] = [
  place(1, { side: 'SELL', priceUnits: 101, quantityUnits: 2, displayUnits: 1 }),
  place(2, { side: 'BUY', priceUnits: 100, quantityUnits: 1, postOnly: true }),
  place(2, { type: 'STOP', stopPriceUnits: 101, priceUnits: 101, quantityUnits: 1 }),
  place(1, {
    ...{ side: 'SELL', type: 'STOP_LIMIT', stopPriceUnits: 100 },
    ...{ priceUnits: 100, quantityUnits: 1 },
  }),
  place(1, { priceUnits: 101, quantityUnits: 2, selfTradePrevention: 'DECREMENT' }),
  place(2, {
    ...{ side: 'SELL', type: 'MARKET', timeInForce: 'IOC' },
    ...{ priceUnits: 100, quantityUnits: 2 },
  }),
  (at) => ({
    ...{ kind: 'placeOrderGroup', accountNumber: 2, placement: placementAt(at), groupType: 'OCO' },
    legs: [
      { ...PLAIN_TERMS, side: 'SELL', quantityUnits: 2, priceUnits: 101 },
      { ...PLAIN_TERMS, side: 'SELL', quantityUnits: 1, priceUnits: 100 },
    ],
  }),
];

const ORDER = { instrumentNumber: 1, accountNumber: 1 } as const;

function amend(placement: number, change: Partial<AmendOrder>): MatchingCommand {
  return {
    kind: 'amendOrder',
    ...ORDER,
    placement,
    quantityUnits: undefined,
    priceUnits: undefined,
    stopPriceUnits: undefined,
    displayUnits: undefined,
    expireTimeUs: undefined,
    expectedVersion: undefined,
    instrumentVersion: 1,
    amendHoldUnits: 1_000n,
    amendHoldId: 'h',
    ...change,
  };
}

function state(to: 'AUCTION' | 'CONTINUOUS'): MatchingCommand {
  return {
    kind: 'setInstrumentState',
    instrumentNumber: 1,
    state: to,
    comment: '',
    auctionEndTimeUs: to === 'AUCTION' ? 1_000_000 : 0,
    stateAfterAuction: 'CONTINUOUS',
  };
}

/** What happens to the order before, whoever has it, and to the book. */
const AFTERWARDS: readonly Letter[] = [
  (at) => ({ kind: 'cancelOrder', ...ORDER, placement: placementAt(at - 1) }),
  (at) => amend(placementAt(at - 1), { quantityUnits: 1 }),
  (at) => amend(placementAt(at - 1), { priceUnits: 101 }),
  () => amend(1, { priceUnits: 100, quantityUnits: 2 }),
  () => ({
    ...{ kind: 'cancelAllOrders', instrumentNumber: 1, accountNumber: 2 },
    ...{ side: undefined, reason: 'MASS', comment: '' },
  }),
  () => state('AUCTION'),
  () => state('CONTINUOUS'),
];

/** Every command that a sequence may have. */
export const ALPHABET: readonly Letter[] = [...RESTING, ...AT_ONCE, ...OTHERS, ...AFTERWARDS];
