// The answer to a placement as its bytes: by hand what nearly every order has, the rest by the
// generated schemas. A test holds both equal.

import { PlaceOrderResponseSchema } from '../../../../gen/bourse/order/v1/service_pb.ts';
import { Liquidity } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { writeMessage } from '../../../lib/platform/codec/message-writer.ts';
import {
  cancelReasonCodec,
  orderTypeCodec,
  rejectReasonCodec,
  selfTradePreventionCodec,
  sideCodec,
  timeInForceCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import { WireWriter } from '../../../lib/shard/wire.ts';
import {
  formatAveragePrice,
  formatPrice,
  formatQuantity,
  formatQuoteAmount,
  type TradedInstrument,
} from '../../domain/instrument.ts';
import { formatOrderId, formatTradeId } from '../../domain/order-id.ts';
import type { OrderFill, OrderRecord } from '../../domain/order-record.ts';
import { encodeOrder, encodeOwnFill, type OrderInit } from './order-codec.ts';
import { orderStatusCodec } from './record-codec.ts';

/** What a placement came to. */
export type PlacementOutcome = {
  readonly record: OrderRecord;
  /** Those of this request. */
  readonly fills: readonly OrderFill[];
  /** Log time of the fills, in microseconds since the Unix epoch. */
  readonly timeUs: number;
  readonly duplicate: boolean;
};

// One for each depth, because the length of what is inside stands before it.
const response = new WireWriter(1 << 12);
const order = new WireWriter(1 << 10);
const inner = new WireWriter(1 << 8);

/** The bytes of PlaceOrderResponse. */
export function encodePlacement(
  instrument: TradedInstrument,
  outcome: PlacementOutcome,
): Uint8Array {
  const { record, fills, timeUs, duplicate } = outcome;
  if (!isUsual(record)) return encodeUnusual(instrument, outcome);
  for (const writer of [response, order, inner]) writer.truncate(0);
  const orderId = formatOrderId(record);
  writeOrder(instrument, record, orderId);
  response.writerField(1, order);
  for (const fill of fills) {
    writeFill(instrument, record, { orderId, fill, timeUs });
    response.writerField(2, order);
  }
  response.numberField(3, record.instrumentSequence);
  response.numberField(4, duplicate ? 1 : 0);
  return response.take();
}

function encodeUnusual(instrument: TradedInstrument, outcome: PlacementOutcome): Uint8Array {
  const { record, fills, timeUs, duplicate } = outcome;
  return writeMessage(PlaceOrderResponseSchema, {
    order: encodeOrder(instrument, record),
    fills: fills.map((fill) => encodeOwnFill(instrument, record, { fill, timeUs })),
    sequence: BigInt(record.instrumentSequence),
    duplicate,
  });
}

/** The same of an order that has no record as orders have it. */
export function encodeOrderAlone(encoded: OrderInit, duplicate: boolean): Uint8Array {
  return writeMessage(PlaceOrderResponseSchema, { order: encoded, duplicate });
}

/** Whether an order has only what `writeOrder` knows. */
function isUsual({ terms, groupType }: OrderRecord): boolean {
  return (
    groupType === undefined &&
    terms.stopPriceUnits === 0 &&
    terms.trailingOffsetUnits === 0 &&
    terms.trailingOffsetBps === 0 &&
    terms.expireTimeUs === 0 &&
    terms.displayUnits === 0 &&
    terms.minimumUnits === 0
  );
}

/** The fields of bourse.order.v1.Order. */
function writeOrder(instrument: TradedInstrument, record: OrderRecord, orderId: string): void {
  const { terms, filledUnits, filledNotionalUnits, rejectReason, cancelReason } = record;
  order.textField(1, orderId);
  order.textField(2, record.clientOrderId);
  order.textField(3, record.accountId);
  order.textField(4, instrument.instrumentId);
  order.numberField(5, Math.max(record.version, 1));
  order.numberField(6, sideCodec.toNumber(terms.side));
  order.numberField(7, orderTypeCodec.toNumber(terms.type));
  if (terms.quoteBudgetUnits > 0n) {
    order.textField(9, formatQuoteAmount(instrument, terms.quoteBudgetUnits));
  } else {
    order.textField(8, formatQuantity(instrument, terms.quantityUnits));
  }
  if (terms.priceUnits !== 0) order.textField(10, formatPrice(instrument, terms.priceUnits));
  order.numberField(11, timeInForceCodec.toNumber(terms.timeInForce));
  order.numberField(12, terms.postOnly ? 1 : 0);
  order.numberField(13, selfTradePreventionCodec.toNumber(terms.selfTradePrevention));
  order.numberField(14, orderStatusCodec.toNumber(record.status));
  order.textField(15, formatQuantity(instrument, filledUnits));
  order.textField(16, formatQuantity(instrument, record.remainingUnits));
  order.textField(17, formatQuoteAmount(instrument, filledNotionalUnits));
  order.textField(18, formatAveragePrice(instrument, filledNotionalUnits, filledUnits));
  if (record.feeUnits !== 0n) {
    inner.textField(1, instrument.quoteAssetId);
    inner.textField(2, formatQuoteAmount(instrument, record.feeUnits));
    order.writerField(19, inner);
  }
  if (rejectReason !== undefined) order.numberField(20, rejectReasonCodec.toNumber(rejectReason));
  if (cancelReason !== undefined) order.numberField(21, cancelReasonCodec.toNumber(cancelReason));
  writeTime(22, record.placedTimeUs);
  writeTime(23, record.updatedTimeUs);
  order.numberField(24, record.instrumentSequence);
}

/** The fields of bourse.order.v1.Fill. */
function writeFill(
  instrument: TradedInstrument,
  record: OrderRecord,
  of: { readonly orderId: string; readonly fill: OrderFill; readonly timeUs: number },
): void {
  const { fill } = of;
  order.textField(1, formatTradeId(instrument.instrumentNumber, fill.sequence));
  order.textField(2, of.orderId);
  order.textField(3, record.clientOrderId);
  order.textField(4, record.accountId);
  order.textField(5, instrument.instrumentId);
  order.numberField(6, sideCodec.toNumber(record.terms.side));
  order.textField(7, formatPrice(instrument, fill.priceUnits));
  order.textField(8, formatQuantity(instrument, fill.quantityUnits));
  order.numberField(9, Liquidity[fill.liquidity]);
  order.textField(10, formatQuoteAmount(instrument, fill.feeUnits));
  order.textField(11, instrument.quoteAssetId);
  writeTime(12, of.timeUs);
  order.numberField(13, fill.sequence);
}

/** A field with a timestamp, given in microseconds since the Unix epoch. */
function writeTime(field: number, timeUs: number): void {
  const seconds = Math.floor(timeUs / 1_000_000);
  inner.numberField(1, seconds);
  inner.numberField(2, (timeUs - seconds * 1_000_000) * 1000);
  order.writerField(field, inner);
}
