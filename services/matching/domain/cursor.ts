// Work that a full step has interrupted (LOG-17): part of the state until its last step. What is
// left in the book itself stands in unsettled.ts.
import type { Book } from './book.ts';
import { mixNumber, mixText, mixWord } from './checksum.ts';
import { hashOfExtras, hashOfRecord, hashOfTerms } from './extras-checksum.ts';
import { hashOfIncoming, type Incoming } from './incoming.ts';
import { hashOfMassCancel, type MassCancel } from './mass-cancel.ts';
import type { OrderExtras } from './order-extras.ts';
import type { OrderStore } from './order-store.ts';
import { hashOfStateChange, type StateChange } from './state-change.ts';

/** Work that takes a step or more before the book is brought to quiet. */
export type Job = MassCancel | StateChange;

/** Where the interrupted work goes on. */
export type Cursor = {
  readonly book: Book;
  /** Undefined once it is done and only the rest of the book is left. */
  job: Job | undefined;
  /** Log time at which it was due by itself; undefined for a command's. */
  readonly dueTimeUs: number | undefined;
};

/** Hash of interrupted work; 0 when there is none. */
export function hashOfCursor(
  cursor: Cursor | undefined,
  incoming: Incoming | undefined,
  orders: OrderStore,
): number {
  if (cursor === undefined) return 0;
  let hash = mixText(0x45d9f3b3, cursor.dueTimeUs === undefined ? 'command' : 'due');
  hash = mixNumber(hash, cursor.book.rules.instrumentNumber);
  if (incoming?.isActive === true) hash = mixWord(hash, hashOfIncoming(incoming, orders));
  if (cursor.job === undefined) return hash;
  const ofJob =
    cursor.job.kind === 'massCancel'
      ? hashOfMassCancel(cursor.job, orders)
      : hashOfStateChange(cursor.job);
  return mixWord(hash, ofJob);
}

/** Hash of what a book still has to do; 0 when it is quiet. */
export function hashOfUnsettled({ unsettled }: Book, orders: OrderStore): number {
  if (unsettled.isEmpty) return 0;
  let hash = mixNumber(0x119de1f3, unsettled.triggeringPriceUnits);
  const mixOrders = (kind: string, list: readonly OrderExtras[], from: number): void => {
    hash = mixText(hash, kind);
    for (const extras of list.slice(from)) {
      // A record that has been freed says nothing any more.
      if (extras.place === 'ENDED') continue;
      hash = mixWord(hash, mixWord(hashOfExtras(extras), hashOfRecord(orders, extras.order)));
    }
  };
  mixOrders('legs', unsettled.legs, unsettled.legsDone);
  for (const print of unsettled.prints.slice(unsettled.printsDone)) hash = mixNumber(hash, print);
  mixOrders('triggering', unsettled.triggering, unsettled.triggeringDone);
  mixOrders('queue', unsettled.queue, unsettled.queueDone);
  for (const { group, filledUnits } of unsettled.endedEntries.slice(unsettled.entriesDone)) {
    hash = mixNumber(mixNumber(hash, group.placement), filledUnits);
    hash = mixNumber(hash, group.accountNumber);
    for (const exit of group.exits) hash = mixWord(hash, hashOfTerms(exit));
  }
  return hash;
}
