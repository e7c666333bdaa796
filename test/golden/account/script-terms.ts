// The instrument of ledger scripts, and the orders and groups that their lines say.

import type { InstrumentRules, OrderTerms } from '../../../services/lib/rules/terms.ts';
import { PLAIN_INSTRUMENT, PLAIN_ORDER } from '../../support/plain.ts';

export const ASSET_NAMES = ['', 'USD', 'BTC'] as const;
export const RULES: InstrumentRules = {
  ...PLAIN_INSTRUMENT,
  collarPpm: 100_000,
  makerRatePpm: 1000,
  takerRatePpm: 2000,
  auctionRatePpm: 500,
};

/** A limit order, with what is different. */
export function termsOf(changes: Partial<OrderTerms>): OrderTerms {
  return {
    ...PLAIN_ORDER,
    quantityUnits: 0,
    priceUnits: 0,
    selfTradePrevention: 'NONE',
    makerRatePpm: RULES.makerRatePpm,
    takerRatePpm: RULES.takerRatePpm,
    auctionRatePpm: RULES.auctionRatePpm,
    ...changes,
  };
}

/** Equal words have equal hashes, and words that begin otherwise another one. */
export function hashOf(words: readonly string[]): string {
  return words.join(' ').split('').map(hexOf).join('').padEnd(32, '0').slice(0, 32);
}

function hexOf(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, '0');
}

type Leg = { readonly clientOrderId: string; readonly terms: OrderTerms };

function legOf(clientOrderId: string | undefined, changes: Partial<OrderTerms>): Leg {
  return { clientOrderId: clientOrderId ?? '', terms: termsOf(changes) };
}

const sideOf = (word: string | undefined) => (word === 'buy' ? 'BUY' : 'SELL');

function limitOf(words: readonly string[]): Leg {
  const [side, id, quantity, , price] = words;
  const numbers = { quantityUnits: Number(quantity), priceUnits: Number(price) };
  return legOf(id, { side: sideOf(side), ...numbers });
}

/** `buy|sell ID QUANTITY @ PRICE ID QUANTITY @ PRICE`: a limit order and a stop-limit. */
export function ocoOf(words: readonly string[]): readonly Leg[] {
  const other = limitOf([words[0] ?? '', ...words.slice(5)]);
  const stopPriceUnits = other.terms.priceUnits;
  const stop = { ...other.terms, type: 'STOP_LIMIT', stopPriceUnits } as const;
  return [limitOf(words), { ...other, terms: stop }];
}

/** `buy|sell ID QUANTITY @ PRICE PROFITID PRICE STOPID PRICE`: exits with a limit. */
export function bracketOf(words: readonly string[]): readonly Leg[] {
  const side = sideOf(words[0]) === 'BUY' ? 'SELL' : 'BUY';
  const exits = (['TAKE_PROFIT_LIMIT', 'STOP_LIMIT'] as const).map((type, exit) => {
    const priceUnits = Number(words[6 + 2 * exit]);
    return legOf(words[5 + 2 * exit], { type, side, priceUnits, stopPriceUnits: priceUnits });
  });
  return [limitOf(words), ...exits];
}
