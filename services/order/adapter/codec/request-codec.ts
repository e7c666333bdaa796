// Requests of the public contract as the domain of this service takes them.

import type {
  AmendOrderRequest,
  CancelAllOrdersRequest,
  CancelOrderRequest,
  PlaceOrderRequest,
} from '../../../../gen/bourse/order/v1/service_pb.ts';
import type { OrderRef } from '../../../../gen/bourse/type/v1/order_pb.ts';
import {
  orderTypeCodec,
  selfTradePreventionCodec,
  sideCodec,
  timeInForceCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import type { Sent } from '../../../lib/rules/form.ts';
import type { PlacementForm } from '../../domain/placement.ts';
import type { AmendForm, CancelAllForm, CancelForm, OrderRefForm } from '../../domain/requests.ts';

/** Beyond every version of an order: the command's numbers are below 2^53. */
const GREATEST_VERSION = 2n ** 53n - 1n;

type Names<Name extends string> = { readonly findName: (number: number) => Name | undefined };

function sent<Name extends string>(codec: Names<Name>, number: number): Sent<Name> {
  return codec.findName(number) ?? (number === 0 ? 'UNSPECIFIED' : 'UNKNOWN');
}

function textOrAbsent(text: string): string | undefined {
  return text === '' ? undefined : text;
}

export function decodePlacement(request: PlaceOrderRequest): PlacementForm {
  const { orderQuantity } = request;
  return {
    accountId: request.accountId,
    clientOrderId: request.clientOrderId,
    instrumentId: request.instrumentId,
    side: sent(sideCodec, request.side),
    type: sent(orderTypeCodec, request.type),
    quantity: orderQuantity.case === 'quantity' ? orderQuantity.value : undefined,
    quoteQuantity: orderQuantity.case === 'quoteQuantity' ? orderQuantity.value : undefined,
    price: textOrAbsent(request.price),
    timeInForce: sent(timeInForceCodec, request.timeInForce),
    postOnly: request.postOnly,
    selfTradePrevention: sent(selfTradePreventionCodec, request.selfTradePrevention),
    acceptBefore: request.acceptBeforeTime,
  };
}

export function decodeRef(ref: OrderRef | undefined): OrderRefForm | undefined {
  if (ref === undefined) return undefined;
  const { instrumentId, id } = ref;
  if (id.case === undefined) return { instrumentId, id: { kind: 'absent' } };
  return { instrumentId, id: { kind: id.case, value: id.value } };
}

export function decodeCancel(request: CancelOrderRequest): CancelForm {
  const { accountId, clientRequestId } = request;
  return { accountId, order: decodeRef(request.order), clientRequestId };
}

export function decodeAmend(request: AmendOrderRequest): AmendForm {
  const { accountId, clientRequestId, quantity, price } = request;
  const order = decodeRef(request.order);
  const expectedVersion = decodeVersion(request.expectedVersion);
  return { accountId, order, clientRequestId, quantity, price, expectedVersion };
}

/** What no order's version reaches is as wrong as the last number that the command carries. */
function decodeVersion(version: bigint | undefined): bigint | undefined {
  return version !== undefined && version > GREATEST_VERSION ? GREATEST_VERSION : version;
}

export function decodeCancelAll(request: CancelAllOrdersRequest): CancelAllForm {
  const { accountId, instrumentId, clientRequestId } = request;
  return { accountId, instrumentId, side: sent(sideCodec, request.side), clientRequestId };
}
