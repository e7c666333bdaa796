// Public ids that are made of numbers: of orders (account number and placement) and of trades
// (instrument number and the instrument's sequence).

import type { OrderKey } from './book-event.ts';

const ORDER_ID_FORM = /^([1-9][0-9]{0,9})-([1-9][0-9]{0,15})$/;
const HIGHEST_ACCOUNT_NUMBER = 2 ** 32 - 1;

/** Order id of the public contract: `<account number>-<placement>` (HLD-2). */
export function formatOrderId(key: OrderKey): string {
  return `${key.accountNumber}-${key.placement}`;
}

/** Group id of the public contract: of the group with this first leg. */
export function formatGroupId(key: OrderKey): string {
  return `${key.accountNumber}-g${key.placement}`;
}

/** The first leg of the group that an id names; undefined when no group can have that id. */
export function parseGroupId(groupId: string): OrderKey | undefined {
  return groupId.includes('-g') ? parseOrderId(groupId.replace('-g', '-')) : undefined;
}

/** The order that an id names; undefined when no order can have that id. */
export function parseOrderId(orderId: string): OrderKey | undefined {
  const match = ORDER_ID_FORM.exec(orderId);
  if (match === null) return undefined;
  const accountNumber = Number(match[1]);
  const placement = Number(match[2]);
  if (accountNumber > HIGHEST_ACCOUNT_NUMBER) return undefined;
  return Number.isSafeInteger(placement) ? { accountNumber, placement } : undefined;
}

/** Trade id of the public contract. */
export function formatTradeId(instrumentNumber: number, sequence: number): string {
  return `${instrumentNumber}-${sequence}`;
}
