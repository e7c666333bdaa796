// The wire form of an order's terms and of what stands in frequent messages beside them, written by
// hand for the commands and events that every order makes; tests hold the bytes equal to those of
// the generated code.

import type { OrderTerms, SelfTradePrevention, Side } from '../../rules/terms.ts';
import type { WireWriter } from '../../shard/wire.ts';
import {
  orderTypeCodec,
  selfTradePreventionCodec,
  sideCodec,
  timeInForceCodec,
} from './terms-codec.ts';

/** Terms of a placement leave to the account's settings what concerns self-trade prevention. */
type WrittenTerms = Omit<OrderTerms, 'selfTradePrevention' | 'selfTradeGroup'> & {
  readonly selfTradePrevention: SelfTradePrevention | undefined;
  readonly selfTradeGroup?: number;
};

/**
 * The fields of bourse.matching.v1.OrderTerms.
 *
 * @param mode number of the self-trade prevention; that of the terms when absent
 */
export function writeTerms(
  writer: WireWriter,
  terms: WrittenTerms,
  mode = preventionNumberOf(terms.selfTradePrevention),
): void {
  writer.numberField(1, terms.instrumentNumber);
  writer.numberField(2, sideCodec.toNumber(terms.side));
  writer.numberField(3, orderTypeCodec.toNumber(terms.type));
  writer.numberField(4, timeInForceCodec.toNumber(terms.timeInForce));
  writer.numberField(5, terms.postOnly ? 1 : 0);
  writer.numberField(6, terms.quantityUnits);
  writeAmountField(writer, 7, terms.quoteBudgetUnits);
  writer.numberField(8, terms.priceUnits);
  writer.numberField(9, mode);
  writer.numberField(10, zigzag(terms.makerRatePpm));
  writer.numberField(11, zigzag(terms.takerRatePpm));
  writer.numberField(12, terms.instrumentVersion);
  writer.numberField(13, terms.stopPriceUnits);
  writer.numberField(14, terms.trailingOffsetUnits);
  writer.numberField(15, terms.trailingOffsetBps);
  writer.numberField(16, terms.expireTimeUs);
  writer.numberField(17, terms.displayUnits);
  writer.numberField(18, terms.minimumUnits);
  writer.numberField(19, terms.selfTradeGroup ?? 0);
  writer.numberField(20, zigzag(terms.auctionRatePpm));
}

/** Its number in messages; 0 leaves it to the account's setting. */
function preventionNumberOf(mode: SelfTradePrevention | undefined): number {
  return mode === undefined ? 0 : selfTradePreventionCodec.toNumber(mode);
}

/** A field with a side; left out when there is none. */
export function writeSideField(writer: WireWriter, field: number, side: Side | undefined): void {
  if (side !== undefined) writer.numberField(field, sideCodec.toNumber(side));
}

/** A field with an unsigned amount; left out when 0. */
export function writeAmountField(writer: WireWriter, field: number, value: bigint): void {
  if (value === 0n) return;
  writer.varint(field * 8);
  writer.bigVarint(value);
}

/** How `sint32` is written: small either side of zero. */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

/** How `sint64` is written. */
export function zigzagAmount(value: bigint): bigint {
  return value < 0n ? -2n * value - 1n : 2n * value;
}
