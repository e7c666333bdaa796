// Work that a full step has interrupted (LOG-17): part of the state until its last step.
import { hashOfIncoming, type Incoming } from './incoming.ts';
import { hashOfMassCancel, type MassCancel } from './mass-cancel.ts';
import type { OrderStore } from './order-store.ts';

/** Where the interrupted work goes on. */
export type Cursor =
  | { readonly kind: 'arrival'; readonly incoming: Incoming }
  | { readonly kind: 'massCancel'; readonly massCancel: MassCancel };

/** Hash of interrupted work; 0 when there is none. */
export function hashOfCursor(cursor: Cursor | undefined, orders: OrderStore): number {
  if (cursor === undefined) return 0;
  return cursor.kind === 'arrival'
    ? hashOfIncoming(cursor.incoming, orders)
    : hashOfMassCancel(cursor.massCancel, orders);
}
