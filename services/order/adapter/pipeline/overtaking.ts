// Which commands may go before others of their pipeline (LOG-10): cancels do not wait for the
// placements of other owners. Those of one owner in one slot keep their order, and so do those of
// one ordering group (MOV-9).

import type { NumberedCommand } from './command.ts';

/** In one message; the rest follows with the next one. */
const URGENT_LIMIT = 100;

type Ordered = Pick<
  NumberedCommand<unknown, unknown>,
  'slot' | 'owner' | 'orderingGroup' | 'isUrgent'
>;

/**
 * The urgent commands that may be sent now, in their order.
 *
 * @param pending what waits, in its order
 * @param ahead what was sent and is not settled
 */
export function findUrgent<T extends Ordered>(
  pending: readonly T[],
  ahead: readonly T[],
): ReadonlySet<T> {
  const urgent = new Set<T>();
  for (const [index, command] of pending.entries()) {
    if (urgent.size === URGENT_LIMIT) break;
    if (!command.isUrgent) continue;
    const isBehind = (other: T): boolean => keepOrder(other, command);
    if (ahead.some(isBehind)) continue;
    const before = pending.slice(0, index).some((other) => !urgent.has(other) && isBehind(other));
    if (!before) urgent.add(command);
  }
  return urgent;
}

/** Without an owner a command keeps its order with all of its slot. */
function keepOrder(one: Ordered, other: Ordered): boolean {
  if (one.slot !== other.slot) return false;
  if (one.owner === undefined || other.owner === undefined) return true;
  if (one.owner === other.owner) return true;
  const { orderingGroup = 0n } = one;
  return orderingGroup !== 0n && orderingGroup === other.orderingGroup;
}
