// Which slot an instrument or account belongs to (architecture, routing): the unit that moves
// between shards.
import { crc32 } from '../base/crc32.ts';

/** Number of slots of each kind of shard. */
export const SLOT_COUNT = 4096;

/** Slot of an instrument id or account id, 0 to 4095. */
export function slotOf(id: string): number {
  return crc32(id) % SLOT_COUNT;
}

/** Slot of an account by its number: account numbers are slot + 4096 × count. */
export function slotOfAccountNumber(accountNumber: number): number {
  return accountNumber % SLOT_COUNT;
}
