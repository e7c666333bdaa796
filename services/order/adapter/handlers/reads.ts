// Orders and fills as the account shards know them, after everything that was acknowledged before
// the call is settled.

import { create } from '@bufbuild/protobuf';
import type { OrderRecord as RecordMessage } from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import type { FillRecord } from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import {
  type Fill,
  FillSchema,
  type Order,
  OrderSchema,
} from '../../../../gen/bourse/order/v1/order_pb.ts';
import type {
  GetOrderRequest,
  ListFillsRequest,
  ListOrdersRequest,
} from '../../../../gen/bourse/order/v1/service_pb.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import {
  formatPrice,
  formatQuantity,
  formatQuoteAmount,
  type TradedInstrument,
} from '../../domain/instrument.ts';
import { formatOrderId, formatTradeId, parseOrderId } from '../../domain/order-id.ts';
import { checkGetForm, checkListForm, nameOf, type OrderRefForm } from '../../domain/requests.ts';
import { encodeCanceledBeforeArrival, encodeOrder, encodeTime } from '../codec/order-codec.ts';
import { decodeRecord, isCanceledBeforeArrival } from '../codec/record-codec.ts';
import { decodeRef } from '../codec/request-codec.ts';
import { decodePageToken, encodePageToken } from '../codec/tokens.ts';
import { checkAccount } from '../flow/cancel-order.ts';
import type { FlowParts } from '../flow/parts.ts';
import { formError, instrumentUnknown, orderUnknown } from '../problems.ts';

const DEFAULT_PAGE_SIZE = 100;

export async function getOrder(
  parts: FlowParts,
  request: GetOrderRequest,
): Promise<{ order: Order }> {
  const { accountId } = request;
  const ref = decodeRef(request.order);
  const violations = checkGetForm({ accountId, order: ref });
  if (violations.length > 0 || ref === undefined) throw formError(violations);
  const { message, instrument } = await findOrder(parts, accountId, ref);
  if (isCanceledBeforeArrival(message)) {
    const order = encodeCanceledBeforeArrival(message, instrument.instrumentId);
    return { order: create(OrderSchema, order) };
  }
  return { order: create(OrderSchema, encodeOrder(instrument, decodeRecord(message))) };
}

type Found = { readonly message: RecordMessage; readonly instrument: TradedInstrument };

/** @throws OperatingError ACCOUNT_UNKNOWN, INSTRUMENT_UNKNOWN, ORDER_UNKNOWN, in this order. */
async function findOrder(parts: FlowParts, accountId: string, ref: OrderRefForm): Promise<Found> {
  const text = nameOf(ref);
  const key = ref.id.kind === 'orderId' ? parseOrderId(text) : undefined;
  const name =
    ref.id.kind === 'orderId' ? { placement: key?.placement ?? 1 } : { clientOrderId: text };
  const message = await parts.accounts.findOrder(accountId, name, { settled: true });
  const instrument = parts.instruments.find(ref.instrumentId);
  if (instrument === undefined) throw instrumentUnknown(ref.instrumentId);
  if (message === undefined) throw orderUnknown(text);
  const { terms, accountNumber } = message;
  const isOtherAccount = ref.id.kind === 'orderId' && accountNumber !== key?.accountNumber;
  const isElsewhere = terms !== undefined && terms.instrumentNumber !== instrument.instrumentNumber;
  if (isOtherAccount || isElsewhere) throw orderUnknown(text);
  return { message, instrument };
}

export async function listOrders(
  parts: FlowParts,
  request: ListOrdersRequest,
): Promise<{ orders: Order[]; nextPageToken: string }> {
  const { accountId, instrumentId, openOnly, pageSize, pageToken } = request;
  const violations = checkListForm({ accountId, instrumentId, pageSize });
  if (violations.length > 0) throw formError(violations);
  const filters = ['orders', accountId, instrumentId, String(openOnly)];
  const beforePlacement = decodePageToken(filters, pageToken);
  const { records, more } = await parts.accounts.listOrders({
    accountId,
    instrumentNumber: await instrumentNumberOf(parts, accountId, instrumentId),
    openOnly,
    beforePlacement,
    limit: pageSize === 0 ? DEFAULT_PAGE_SIZE : pageSize,
    settled: true,
  });
  const last = records.at(-1);
  const orders = records.flatMap((message) => {
    const instrument = parts.instruments.findByNumber(message.terms?.instrumentNumber ?? 0);
    // An id that was canceled before its order arrived is no order of any instrument.
    if (instrument === undefined || isCanceledBeforeArrival(message)) return [];
    return [create(OrderSchema, encodeOrder(instrument, decodeRecord(message)))];
  });
  const nextPageToken = more && last !== undefined ? encodePageToken(filters, last.placement) : '';
  return { orders, nextPageToken };
}

export async function listFills(
  parts: FlowParts,
  request: ListFillsRequest,
): Promise<{ fills: Fill[]; nextPageToken: string }> {
  const { accountId, instrumentId, pageSize, pageToken } = request;
  const ref = decodeRef(request.order);
  const violations = checkListForm({ accountId, instrumentId, pageSize }, ref);
  if (violations.length > 0) throw formError(violations);
  const orderName = ref === undefined ? '' : nameOf(ref);
  const filters = ['fills', accountId, instrumentId, ref?.instrumentId ?? '', orderName];
  const beforeSequence = decodePageToken(filters, pageToken);
  const found = ref === undefined ? undefined : await findOrder(parts, accountId, ref);
  const { fills: records, nextBeforeSequence } = await parts.accounts.listFills({
    accountId,
    instrumentNumber: await instrumentNumberOf(parts, accountId, instrumentId),
    placement: found?.message.placement ?? 0n,
    beforeSequence,
    limit: pageSize === 0 ? DEFAULT_PAGE_SIZE : pageSize,
  });
  const fills = records.flatMap((record) => {
    const instrument = parts.instruments.findByNumber(record.instrumentNumber);
    return instrument === undefined ? [] : [encodeFill(instrument, record, accountId)];
  });
  const more = nextBeforeSequence > 0n;
  return { fills, nextPageToken: more ? encodePageToken(filters, nextBeforeSequence) : '' };
}

/** Number for the filter; 0 for all instruments. The account takes precedence. */
async function instrumentNumberOf(
  parts: FlowParts,
  accountId: string,
  instrumentId: string,
): Promise<number> {
  if (instrumentId === '') return 0;
  const instrument = parts.instruments.find(instrumentId);
  if (instrument !== undefined) return instrument.instrumentNumber;
  await checkAccount(parts, accountId);
  throw instrumentUnknown(instrumentId);
}

function encodeFill(instrument: TradedInstrument, record: FillRecord, accountId: string): Fill {
  const { fill, terms, accountNumber } = record;
  if (fill === undefined || terms === undefined) throw malformed('a fill has its trade and terms');
  const sequence = Number(record.instrumentSequence);
  return create(FillSchema, {
    tradeId: formatTradeId(instrument.instrumentNumber, sequence),
    orderId: formatOrderId({ accountNumber, placement: Number(record.placement) }),
    clientOrderId: record.clientOrderId,
    accountId,
    instrumentId: instrument.instrumentId,
    side: terms.side,
    price: formatPrice(instrument, Number(fill.priceUnits)),
    quantity: formatQuantity(instrument, Number(fill.quantityUnits)),
    liquidity: fill.liquidity,
    fee: formatQuoteAmount(instrument, fill.feeUnits),
    feeAssetId: instrument.quoteAssetId,
    tradeTime: encodeTime(Number(record.eventTimeUs)),
    sequence: record.instrumentSequence,
    busted: record.busted,
  });
}
