// The execution report of a trade that an operator took back, from the account shard's event.

import type { TradeBusted } from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import { ExecutionType, Side } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import {
  formatPrice,
  formatQuantity,
  formatQuoteAmount,
  type TradedInstrument,
} from '../../domain/instrument.ts';
import { formatOrderId, formatTradeId } from '../../domain/order-id.ts';
import { encodeOrder, encodeTime, type OrderInit, type ReportInit } from './order-codec.ts';
import { decodeRecord } from './record-codec.ts';

/** @throws OperatingError MESSAGE_MALFORMED when the event does not say which trade it was. */
export function encodeBustReport(
  instrument: TradedInstrument,
  event: TradeBusted,
  at: { readonly accountSequence: bigint; readonly timeUs: bigint },
): ReportInit {
  const { bust, side, previousAccountSequence } = event;
  const party = side === Side.BUY ? bust?.buyer : bust?.seller;
  if (bust === undefined || party === undefined) throw malformed('a bust names its trade');
  const { accountNumber, feeUnits } = party;
  const orderId = formatOrderId({ accountNumber, placement: Number(party.placement) });
  return {
    executionId: `b${accountNumber}-${at.accountSequence}-${orderId}`,
    executionType: ExecutionType.TRADE_BUST,
    order: orderOf(instrument, event, orderId),
    accountSequence: at.accountSequence,
    previousAccountSequence,
    tradeId: formatTradeId(instrument.instrumentNumber, Number(bust.instrumentSequence)),
    lastPrice: formatPrice(instrument, Number(bust.priceUnits)),
    lastQuantity: formatQuantity(instrument, Number(bust.quantityUnits)),
    fee: formatQuoteAmount(instrument, feeUnits),
    feeAssetId: instrument.quoteAssetId,
    eventTime: encodeTime(Number(at.timeUs)),
  };
}

/** Of an order that is remembered no longer what identifies it. */
function orderOf(
  instrument: TradedInstrument,
  { record, accountId, side }: TradeBusted,
  orderId: string,
): OrderInit {
  if (record !== undefined) return encodeOrder(instrument, decodeRecord(record));
  return { orderId, accountId, instrumentId: instrument.instrumentId, side };
}
