// What the two sides of a trade pay (SET-2), at the rates that their holds were made for (HLD-5).
import { safeProductOfThree } from '../../lib/base/product.ts';
import { notionalOf } from '../../lib/rules/cost.ts';
import { chargeFill, chargeWideFill } from './order-fees.ts';
import type { OrderStore } from './order-store.ts';
import type { InstrumentRules } from './rules.ts';
import type { Fill } from './sink.ts';

/** Charges both sides of a trade and sets the fees of the fill. */
export function chargeBoth(
  orders: OrderStore,
  rules: InstrumentRules,
  fill: Fill,
  maker: number,
  makerRatePpm: number,
  taker: number,
  takerRatePpm: number,
): void {
  fill.makerFeeUnits = 0;
  fill.takerFeeUnits = 0;
  if (makerRatePpm === 0 && takerRatePpm === 0) return;
  const { priceUnits, quantityUnits } = fill;
  const notional = safeProductOfThree(priceUnits, quantityUnits, rules.notionalFactor);
  if (notional >= 0) {
    fill.makerFeeUnits = chargeFill(orders, maker, notional, makerRatePpm);
    fill.takerFeeUnits = chargeFill(orders, taker, notional, takerRatePpm);
    return;
  }
  const wide = notionalOf(rules, priceUnits, quantityUnits);
  if (makerRatePpm !== 0) fill.makerFeeUnits = chargeWideFill(orders, maker, wide, makerRatePpm);
  if (takerRatePpm !== 0) fill.takerFeeUnits = chargeWideFill(orders, taker, wide, takerRatePpm);
}
