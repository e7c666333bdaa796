// The exits of a bracket (TYP-7): they appear as an OCO when the entry is final with something
// filled, and wait in whichever state the instrument is.

import { acceptWaiting, newOrder } from './naive-accepting.ts';
import type { NaiveBook } from './naive-book.ts';
import type { NaiveOrder } from './naive-order.ts';

/** Accepts both exits with what the entry has filled. */
export function appear(book: NaiveBook, entry: NaiveOrder): NaiveOrder[] {
  if (book.state === 'RETIRED') return [];
  const { accountNumber, placement: groupPlacement, tradedUnits: quantityUnits } = entry;
  return entry.exits.map((terms, index) => {
    const placement = groupPlacement + 1 + index;
    const exit = newOrder({ accountNumber, placement }, { ...terms, quantityUnits });
    exit.groupPlacement = groupPlacement;
    exit.groupType = 'OCO';
    acceptWaiting(book, exit);
    return exit;
  });
}
