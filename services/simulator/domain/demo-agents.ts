// How the demo's agents decide: makers quote a ladder on both sides of a fair price and renew what
// lies wrong; takers now and then cross the spread. Prices in ticks, quantities in lots.

import type { Chance } from './chance.ts';

export type AgentSide = 'buy' | 'sell';

/** One quote of a maker; its slot is the place in the ladder that it takes. */
export type Quote = {
  readonly slot: number;
  readonly side: AgentSide;
  readonly priceTicks: number;
  readonly quantityLots: number;
};

/** The sizes of an instrument that agents go by. */
export type Ladder = {
  /** Distance of two levels of one maker. */
  readonly spacingTicks: number;
  /** What an agent counts quantities in. */
  readonly stepLots: number;
};

const LEVELS = 6;
/** A quote lies right within so many spacings of where it would be put now. */
const TOLERATED_SPACINGS = 2;
/** The best quotes keep further away than that, so that makers do not meet each other. */
const FIRST_SPACINGS = 3;
const SIDES: readonly AgentSide[] = ['buy', 'sell'];
/** Quotes that are renewed without a reason, so that filled ones come back: of a hundred. */
const RENEWED_PERCENT = 8;
const LARGEST_QUOTE_STEPS = 900;
const LARGEST_TAKE_STEPS = 400;

export class Maker {
  readonly #chance: Chance;
  readonly #ladder: Ladder;
  readonly #pricesTicks = new Map<number, number>();

  constructor(chance: Chance, ladder: Ladder) {
    this.#chance = chance;
    this.#ladder = ladder;
  }

  /** @returns the quotes that take the place of those in their slots; often none. */
  step(fairTicks: number): Quote[] {
    const quotes: Quote[] = [];
    for (let level = 0; level < LEVELS; level += 1) {
      SIDES.forEach((side, i) => {
        const slot = level * SIDES.length + i;
        const quote = this.#requote(slot, { side, level, fairTicks });
        if (quote !== undefined) quotes.push(quote);
      });
    }
    return quotes;
  }

  #requote(
    slot: number,
    want: { readonly side: AgentSide; readonly level: number; readonly fairTicks: number },
  ): Quote | undefined {
    const { spacingTicks, stepLots } = this.#ladder;
    const away = spacingTicks * (want.level + FIRST_SPACINGS);
    const ideal = Math.max(1, want.fairTicks + (want.side === 'buy' ? -away : away));
    const present = this.#pricesTicks.get(slot);
    const isRight =
      present !== undefined && Math.abs(present - ideal) <= TOLERATED_SPACINGS * spacingTicks;
    if (isRight && !this.#chance.happens(RENEWED_PERCENT)) return undefined;
    const jitter = this.#chance.between(
      -Math.floor(spacingTicks / 2),
      Math.floor(spacingTicks / 2),
    );
    const priceTicks = Math.max(1, ideal + jitter);
    this.#pricesTicks.set(slot, priceTicks);
    const quantityLots = stepLots * this.#chance.between(50, LARGEST_QUOTE_STEPS);
    return { slot, side: want.side, priceTicks, quantityLots };
  }
}

/** What a taker sends: at a limit or at the market, for at once or not at all. */
export type Take = {
  readonly side: AgentSide;
  readonly quantityLots: number;
  /** Undefined: a market order. */
  readonly limitTicks: number | undefined;
};

const IDLE_PERCENT = 55;
const MARKET_PERCENT = 30;
/** A taker stays on one side for a while, as if it worked on something larger. */
const TURN_PERCENT = 12;

export class Taker {
  readonly #chance: Chance;
  readonly #ladder: Ladder;
  #side: AgentSide;

  constructor(chance: Chance, ladder: Ladder) {
    this.#chance = chance;
    this.#ladder = ladder;
    this.#side = chance.happens(50) ? 'buy' : 'sell';
  }

  /** @param best the best opposite prices as the taker sees them; undefined where there is none */
  step(best: { readonly bidTicks?: number; readonly askTicks?: number }): Take | undefined {
    if (this.#chance.happens(TURN_PERCENT)) this.#side = this.#side === 'buy' ? 'sell' : 'buy';
    if (this.#chance.happens(IDLE_PERCENT)) return undefined;
    const side = this.#side;
    const quantityLots = this.#ladder.stepLots * this.#chance.between(5, LARGEST_TAKE_STEPS);
    const isMarket = this.#chance.happens(MARKET_PERCENT);
    const further = this.#ladder.spacingTicks * this.#chance.between(0, 2);
    const opposite = side === 'buy' ? best.askTicks : best.bidTicks;
    if (opposite === undefined) return undefined;
    if (isMarket) return { side, quantityLots, limitTicks: undefined };
    const limitTicks = Math.max(1, side === 'buy' ? opposite + further : opposite - further);
    return { side, quantityLots, limitTicks };
  }
}
