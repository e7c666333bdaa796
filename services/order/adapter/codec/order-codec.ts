// Orders, fills and execution reports in the public contract, from records and fills in units.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TimestampSchema } from '@bufbuild/protobuf/wkt';
import type {
  Fill as LedgerFill,
  OrderExecuted,
  OrderRecord as RecordMessage,
} from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import type {
  ExecutionReportSchema,
  FillSchema,
  OrderGroupSchema,
  OrderSchema,
} from '../../../../gen/bourse/order/v1/order_pb.ts';
import {
  CancelReason,
  ExecutionType,
  Liquidity,
  OrderStatus,
  OrderType,
  RejectReason,
} from '../../../../gen/bourse/type/v1/order_pb.ts';
import {
  cancelReasonCodec,
  groupTypeCodec,
  orderTypeCodec,
  rejectReasonCodec,
  selfTradePreventionCodec,
  sideCodec,
  timeInForceCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import { parseCause } from '../../domain/identity.ts';
import {
  formatAveragePrice,
  formatPrice,
  formatQuantity,
  formatQuoteAmount,
  type TradedInstrument,
} from '../../domain/instrument.ts';
import { formatGroupId, formatOrderId, formatTradeId } from '../../domain/order-id.ts';
import type { OrderFill, OrderRecord } from '../../domain/order-record.ts';
import { decodeRecord, orderStatusCodec } from './record-codec.ts';

export type OrderInit = Exclude<MessageInitShape<typeof OrderSchema>, { $typeName: string }>;
export type GroupInit = Exclude<MessageInitShape<typeof OrderGroupSchema>, { $typeName: string }>;
export type FillInit = Exclude<MessageInitShape<typeof FillSchema>, { $typeName: string }>;
export type ReportInit = Exclude<
  MessageInitShape<typeof ExecutionReportSchema>,
  { $typeName: string }
>;
type TimestampInit = MessageInitShape<typeof TimestampSchema>;

/** Microseconds since the Unix epoch as the public contract has times. */
export function encodeTime(timeUs: number): TimestampInit {
  const seconds = Math.floor(timeUs / 1_000_000);
  return { seconds: BigInt(seconds), nanos: (timeUs - seconds * 1_000_000) * 1000 };
}

export function encodeOrder(instrument: TradedInstrument, record: OrderRecord): OrderInit {
  const { terms } = record;
  return {
    orderId: formatOrderId(record),
    clientOrderId: record.clientOrderId,
    accountId: record.accountId,
    instrumentId: instrument.instrumentId,
    version: BigInt(Math.max(record.version, 1)),
    side: sideCodec.toNumber(terms.side),
    type: orderTypeCodec.toNumber(terms.type),
    orderQuantity:
      terms.quoteBudgetUnits > 0n
        ? { case: 'quoteQuantity', value: formatQuoteAmount(instrument, terms.quoteBudgetUnits) }
        : { case: 'quantity', value: formatQuantity(instrument, terms.quantityUnits) },
    price: terms.priceUnits === 0 ? '' : formatPrice(instrument, terms.priceUnits),
    timeInForce: timeInForceCodec.toNumber(terms.timeInForce),
    postOnly: terms.postOnly,
    selfTradePrevention: selfTradePreventionCodec.toNumber(terms.selfTradePrevention),
    status: orderStatusCodec.toNumber(record.status),
    filledQuantity: formatQuantity(instrument, record.filledUnits),
    remainingQuantity: formatQuantity(instrument, record.remainingUnits),
    filledNotional: formatQuoteAmount(instrument, record.filledNotionalUnits),
    averagePrice: formatAveragePrice(instrument, record.filledNotionalUnits, record.filledUnits),
    fees:
      record.feeUnits === 0n
        ? []
        : [
            {
              assetId: instrument.quoteAssetId,
              amount: formatQuoteAmount(instrument, record.feeUnits),
            },
          ],
    rejectReason:
      record.rejectReason === undefined
        ? RejectReason.UNSPECIFIED
        : rejectReasonCodec.toNumber(record.rejectReason),
    cancelReason:
      record.cancelReason === undefined
        ? CancelReason.UNSPECIFIED
        : cancelReasonCodec.toNumber(record.cancelReason),
    createTime: encodeTime(record.placedTimeUs),
    updateTime: encodeTime(record.updatedTimeUs),
    sequence: BigInt(record.instrumentSequence),
    ...rareFields(instrument, record),
  };
}

/** What most orders do not have. */
function rareFields(instrument: TradedInstrument, record: OrderRecord): OrderInit {
  const { terms, groupType } = record;
  const rare: OrderInit = {};
  if (groupType !== undefined) {
    const { accountNumber, groupPlacement: placement } = record;
    rare.groupId = formatGroupId({ accountNumber, placement });
    rare.groupType = groupTypeCodec.toNumber(groupType);
  }
  if (terms.stopPriceUnits > 0) rare.stopPrice = formatPrice(instrument, terms.stopPriceUnits);
  if (terms.trailingOffsetUnits > 0) {
    const value = formatPrice(instrument, terms.trailingOffsetUnits);
    rare.trailing = { case: 'trailingOffset', value };
  } else if (terms.trailingOffsetBps > 0) {
    rare.trailing = { case: 'trailingOffsetBps', value: terms.trailingOffsetBps };
  }
  if (terms.expireTimeUs > 0) rare.expireTime = encodeTime(terms.expireTimeUs);
  if (terms.displayUnits > 0) {
    rare.displayQuantity = formatQuantity(instrument, terms.displayUnits);
  }
  if (terms.minimumUnits > 0) {
    rare.minimumQuantity = formatQuantity(instrument, terms.minimumUnits);
  }
  return rare;
}

/** A group with its orders. */
export function encodeGroup(
  instrument: TradedInstrument,
  records: readonly OrderRecord[],
): GroupInit {
  const [first] = records;
  const type = first?.groupType;
  return {
    groupId: first === undefined ? '' : formatGroupId(first),
    ...(type === undefined ? {} : { type: groupTypeCodec.toNumber(type) }),
    orders: records.map((record) => encodeOrder(instrument, record)),
  };
}

/** An order that never was one: its client order id had been canceled first (HLD-3). */
export function encodeCanceledBeforeArrival(
  record: RecordMessage,
  instrumentId: string,
): OrderInit {
  return {
    clientOrderId: record.clientOrderId,
    accountId: record.accountId,
    instrumentId,
    version: 1n,
    type: OrderType.UNSPECIFIED,
    status: OrderStatus.REJECTED,
    filledQuantity: '0',
    remainingQuantity: '0',
    filledNotional: '0',
    rejectReason: RejectReason.CANCELED_BEFORE_ARRIVAL,
    createTime: encodeTime(Number(record.placedTimeUs)),
    updateTime: encodeTime(Number(record.updatedTimeUs)),
  };
}

/** A fill that a command's own events told. */
export function encodeOwnFill(
  instrument: TradedInstrument,
  record: OrderRecord,
  { fill, timeUs }: { readonly fill: OrderFill; readonly timeUs: number },
): FillInit {
  return {
    tradeId: formatTradeId(instrument.instrumentNumber, fill.sequence),
    orderId: formatOrderId(record),
    clientOrderId: record.clientOrderId,
    accountId: record.accountId,
    instrumentId: instrument.instrumentId,
    side: sideCodec.toNumber(record.terms.side),
    price: formatPrice(instrument, fill.priceUnits),
    quantity: formatQuantity(instrument, fill.quantityUnits),
    liquidity: Liquidity[fill.liquidity],
    fee: formatQuoteAmount(instrument, fill.feeUnits),
    feeAssetId: instrument.quoteAssetId,
    tradeTime: encodeTime(timeUs),
    sequence: BigInt(fill.sequence),
  };
}

/** An execution report from the account shard's event (CON-3). */
export function encodeReport(instrument: TradedInstrument, event: OrderExecuted): ReportInit {
  const record = decodeRecord(event.record);
  const orderId = formatOrderId(record);
  const sequence = Number(event.instrumentSequence);
  return {
    executionId: `${instrument.instrumentNumber}-${sequence}-${orderId}`,
    executionType: event.executionType,
    order: encodeOrder(instrument, record),
    sequence: event.instrumentSequence,
    previousSequence: event.previousInstrumentSequence,
    ...(event.fill === undefined ? {} : tradeFields(instrument, sequence, event.fill)),
    causeClientId: causeClientId(record, event.cause),
    eventTime: encodeTime(Number(event.eventTimeUs)),
  };
}

/** The report of an order that reached no book: the account's own numbering identifies it. */
export function encodeDeclinedReport(
  instrument: TradedInstrument,
  record: OrderRecord,
  numbers: { readonly accountSequence: bigint; readonly previousAccountSequence: bigint },
): ReportInit {
  return {
    executionId: `a${record.accountNumber}-${numbers.accountSequence}-${formatOrderId(record)}`,
    executionType: ExecutionType.REJECTED,
    order: encodeOrder(instrument, record),
    ...numbers,
    causeClientId: record.clientOrderId,
    eventTime: encodeTime(record.updatedTimeUs),
  };
}

function tradeFields(
  instrument: TradedInstrument,
  sequence: number,
  fill: LedgerFill,
): Partial<ReportInit> {
  return {
    tradeId: formatTradeId(instrument.instrumentNumber, sequence),
    lastPrice: formatPrice(instrument, Number(fill.priceUnits)),
    lastQuantity: formatQuantity(instrument, Number(fill.quantityUnits)),
    liquidity: fill.liquidity,
    fee: formatQuoteAmount(instrument, fill.feeUnits),
    feeAssetId: instrument.quoteAssetId,
  };
}

/** The id by which the order's account asked for what happened; empty when it did not. */
function causeClientId(record: OrderRecord, identity: string): string {
  const cause = parseCause(identity);
  switch (cause.kind) {
    case 'placement':
      return cause.orderId === formatOrderId(record) ? record.clientOrderId : '';
    case 'group': {
      const { accountNumber, placement } = cause.first;
      const isOwn = accountNumber === record.accountNumber && placement === record.groupPlacement;
      return isOwn ? record.clientOrderId : '';
    }
    case 'request':
      return cause.accountNumber === record.accountNumber ? cause.clientRequestId : '';
    case 'other':
      return '';
  }
}
