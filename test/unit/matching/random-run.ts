// Random runs for the tests of this folder: the steps that the model's runs choose, chosen by the
// book as it must be.

import type { MatchingLimits } from '../../../services/matching/domain/limits.ts';
import type { Known } from '../../model/matching/known.ts';
import { NaiveVenue } from '../../model/matching/naive-venue.ts';
import { Random } from '../../model/matching/random.ts';
import { type Settings, settingsOf } from '../../model/matching/settings.ts';
import { type Step, stepOf } from '../../model/matching/steps.ts';
import type { Told, Venue } from '../../support/matching/venue.ts';

/** A run: its settings, and one step after the other. */
export class RandomRun {
  readonly settings: Settings;
  readonly limits: Partial<MatchingLimits>;
  readonly #random: Random;
  readonly #naive: NaiveVenue;
  readonly #known: Known;

  constructor(seed: number, limits: Partial<MatchingLimits> = {}) {
    this.#random = new Random(seed);
    this.settings = settingsOf(this.#random.below(2 ** 31));
    this.limits = { ...this.settings.limits, ...limits };
    this.#naive = new NaiveVenue(this.limits);
    this.#naive.open(this.settings.rules, this.settings.state);
    const { book } = this.#naive;
    const { settings } = this;
    this.#known = { settings, book, firstPlacement: 1, placed: [], coming: undefined };
  }

  /** Log time of the book as it must be. */
  get nowUs(): number {
    return this.#naive.book.nowUs;
  }

  /** The next step; the book as it must be has done it when this returns. */
  next(): { readonly step: Step; readonly nowUs: number } {
    const step = stepOf(this.#random.below(2 ** 32) | 0, this.#known);
    const { nowUs } = this;
    doStep(this.#naive, step, nowUs);
    return { step, nowUs };
  }
}

/** Does a step in a venue; tells what happened. */
export function doStep(venue: Venue, step: Step, nowUs: number): Told {
  return step.kind === 'time' ? venue.advance(step.nowUs) : venue.apply(step, nowUs);
}
