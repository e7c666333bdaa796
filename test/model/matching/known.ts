// What a random run knows when it chooses its next step.

import type { NaiveBook } from './naive-book.ts';
import type { OrderName } from './naive-order.ts';
import type { Settings } from './settings.ts';

export type Known = {
  readonly settings: Settings;
  /** The book as it must be now. */
  readonly book: NaiveBook;
  /** Placement of the first order. */
  readonly firstPlacement: number;
  /** Every order that was ever named, by placement. */
  readonly placed: OrderName[];
  /** Forbidden before it is placed. */
  coming: OrderName | undefined;
};
