// What an amend makes of an open order (AMD-1, AMD-2), worked out before anything is decided.
import type { AmendedOrder } from '../../lib/rules/check-amend.ts';
import type { AmendOrder } from './command.ts';
import { preventionOf } from './incoming.ts';
import type { OrderExtras } from './order-extras.ts';
import type { OrderLife } from './order-life.ts';
import * as orderFields from './order-store.ts';

// Constants of this file: the compiler folds them, and loads imported ones each time.
const { FLAGS, POST_ONLY, QUANTITY, SELLS } = orderFields;

/** An open order before an amend, and what the amend makes of it. One object serves all. */
export type Amendment = {
  order: number;
  /** Undefined for a plain order. */
  extras: OrderExtras | undefined;
  isWaiting: boolean;
  filledUnits: number;
  openBefore: number;
  quantityBefore: number;
  priceBefore: number;
  stopBefore: number;
  displayBefore: number;
  expireBeforeUs: number;
  quantityUnits: number;
  priceUnits: number;
  stopPriceUnits: number;
  displayUnits: number;
  expireTimeUs: number;
};

export function makeAmendment(): Amendment {
  return {
    order: 0,
    extras: undefined,
    isWaiting: false,
    filledUnits: 0,
    openBefore: 0,
    quantityBefore: 0,
    priceBefore: 0,
    stopBefore: 0,
    displayBefore: 0,
    expireBeforeUs: 0,
    quantityUnits: 0,
    priceUnits: 0,
    stopPriceUnits: 0,
    displayUnits: 0,
    expireTimeUs: 0,
  };
}

/** Works out what an amend makes of an open order. */
export function setAmendment(
  amendment: Amendment,
  life: OrderLife,
  command: AmendOrder,
  order: number,
): void {
  const extras = life.extras.find(order);
  const isWaiting = extras?.place === 'WAITING';
  const quantityBefore = life.resting.orders.floats[(order >>> 1) + QUANTITY] as number;
  const openBefore = life.openUnits(order);
  const priceBefore = extras === undefined ? life.resting.priceOf(order) : extras.priceUnits;
  amendment.order = order;
  amendment.extras = extras;
  amendment.isWaiting = isWaiting;
  amendment.filledUnits = quantityBefore - openBefore;
  amendment.openBefore = openBefore;
  amendment.quantityBefore = quantityBefore;
  amendment.priceBefore = priceBefore;
  amendment.stopBefore = extras === undefined ? 0 : extras.stopPriceUnits;
  amendment.displayBefore = extras === undefined ? 0 : extras.displayUnits;
  amendment.expireBeforeUs = extras === undefined ? 0 : extras.expireTimeUs;
  amendment.quantityUnits = command.quantityUnits ?? quantityBefore;
  amendment.priceUnits = command.priceUnits ?? priceBefore;
  amendment.stopPriceUnits = command.stopPriceUnits ?? amendment.stopBefore;
  amendment.displayUnits = command.displayUnits ?? amendment.displayBefore;
  amendment.expireTimeUs = command.expireTimeUs ?? amendment.expireBeforeUs;
}

/** Whether the amend ends the order, all that it asks for being filled already (AMD-2). */
export function isEnding(amendment: Amendment): boolean {
  return amendment.quantityUnits <= amendment.filledUnits;
}

/**
 * Whether the order keeps its place (AMD-1): the same price, not more quantity, not more shown; a
 * waiting one: the same stop price.
 */
export function keepsPlace(amendment: Amendment): boolean {
  if (amendment.isWaiting) return amendment.stopPriceUnits === amendment.stopBefore;
  return (
    amendment.priceUnits === amendment.priceBefore &&
    amendment.quantityUnits <= amendment.quantityBefore &&
    !showsMore(amendment)
  );
}

/** Nothing to show at a time shows all. */
function showsMore({ displayUnits, displayBefore }: Amendment): boolean {
  if (displayUnits === displayBefore || displayBefore === 0) return false;
  return displayUnits === 0 || displayUnits > displayBefore;
}

/** Whether nothing but the quantity changes, and not upward (STA-1). */
export function isOnlyLessQuantity(amendment: Amendment): boolean {
  return (
    amendment.quantityUnits <= amendment.quantityBefore &&
    amendment.priceUnits === amendment.priceBefore &&
    amendment.stopPriceUnits === amendment.stopBefore &&
    amendment.displayUnits === amendment.displayBefore &&
    amendment.expireTimeUs === amendment.expireBeforeUs
  );
}

/** The order before the amend as the shared rules see it. */
export function amendedOrder(
  life: OrderLife,
  instrumentNumber: number,
  amendment: Amendment,
): AmendedOrder {
  const { orders } = life.resting;
  const { order, extras } = amendment;
  const flags = orders.words[order + FLAGS] as number;
  return {
    instrumentNumber,
    side: (flags & SELLS) !== 0 ? 'SELL' : 'BUY',
    type: extras?.type ?? 'LIMIT',
    timeInForce: extras?.timeInForce ?? 'GTC',
    postOnly: (flags & POST_ONLY) !== 0,
    quantityUnits: amendment.quantityBefore,
    quoteBudgetUnits: 0n,
    priceUnits: amendment.priceBefore,
    stopPriceUnits: amendment.stopBefore,
    trailingOffsetUnits: extras?.trailingOffsetUnits ?? 0,
    trailingOffsetBps: extras?.trailingOffsetBps ?? 0,
    expireTimeUs: amendment.expireBeforeUs,
    displayUnits: amendment.displayBefore,
    minimumUnits: extras?.minimumUnits ?? 0,
    selfTradePrevention: preventionOf(flags),
    selfTradeGroup: orders.groupOf(order),
    makerRatePpm: orders.makerRatePpm(order),
    takerRatePpm: orders.takerRatePpm(order),
    auctionRatePpm: orders.auctionRatePpm(order),
    instrumentVersion: 0,
    filledUnits: amendment.filledUnits,
    isWaiting: amendment.isWaiting,
  };
}
