// Requests of the public contract as the domain of this service takes them.

import type {
  AmendOrderRequest,
  CancelAllAfterRequest,
  CancelAllOrdersRequest,
  CancelOrderGroupRequest,
  CancelOrderRequest,
  ExitOrder,
  GroupOrder,
  PlaceOrderGroupRequest,
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
import type { CancelAfterForm, CancelGroupForm, GroupForm } from '../../domain/group-requests.ts';
import type { PlacementForm } from '../../domain/placement.ts';
import type { AmendForm, CancelAllForm, CancelForm, OrderRefForm } from '../../domain/requests.ts';

/** Beyond every version of an order: the command's numbers are below 2^53. */
const GREATEST_VERSION = 2n ** 53n - 1n;

type Names<Name extends string> = { readonly findName: (number: number) => Name | undefined };

/** An enum as it was sent. */
export function sent<Name extends string>(codec: Names<Name>, number: number): Sent<Name> {
  return codec.findName(number) ?? (number === 0 ? 'UNSPECIFIED' : 'UNKNOWN');
}

function textOrAbsent(text: string): string | undefined {
  return text === '' ? undefined : text;
}

/** Written out, because every order comes this way. */
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
    stopPrice: textOrAbsent(request.stopPrice),
    trailing: decodeTrailing(request.trailing),
    expireTime: request.expireTime,
    displayQuantity: textOrAbsent(request.displayQuantity),
    minimumQuantity: textOrAbsent(request.minimumQuantity),
  };
}

/** What an order of a group says of itself. */
function decodeOrder(order: GroupOrder) {
  const { orderQuantity } = order;
  return {
    ...decodeExit(order),
    side: sent(sideCodec, order.side),
    quantity: orderQuantity.case === 'quantity' ? orderQuantity.value : undefined,
    quoteQuantity: orderQuantity.case === 'quoteQuantity' ? orderQuantity.value : undefined,
    displayQuantity: textOrAbsent(order.displayQuantity),
    minimumQuantity: textOrAbsent(order.minimumQuantity),
  };
}

/** What a bracket's exit says of itself; it has neither side nor quantity. */
function decodeExit(order: GroupOrder | ExitOrder) {
  return {
    clientOrderId: order.clientOrderId,
    type: sent(orderTypeCodec, order.type),
    price: textOrAbsent(order.price),
    timeInForce: sent(timeInForceCodec, order.timeInForce),
    postOnly: order.postOnly,
    selfTradePrevention: sent(selfTradePreventionCodec, order.selfTradePrevention),
    stopPrice: textOrAbsent(order.stopPrice),
    trailing: decodeTrailing(order.trailing),
    expireTime: order.expireTime,
  };
}

function decodeTrailing(trailing: PlaceOrderRequest['trailing']): PlacementForm['trailing'] {
  switch (trailing.case) {
    case 'trailingOffset':
      return { kind: 'offset', value: trailing.value };
    case 'trailingOffsetBps':
      return { kind: 'bps', value: trailing.value };
    default:
      return undefined;
  }
}

/** The orders of a group in their order; absent ones are undefined. */
export function decodeGroup(request: PlaceOrderGroupRequest): GroupForm {
  const { accountId, instrumentId, acceptBeforeTime: acceptBefore, group } = request;
  const common = { accountId, instrumentId, acceptBefore };
  const leg = (name: string, order: GroupOrder | undefined) => {
    const form = order === undefined ? undefined : { ...common, ...decodeOrder(order) };
    return { name, form };
  };
  switch (group.case) {
    case 'oco': {
      const { first, second } = group.value;
      const legs = [leg('oco.first', first), leg('oco.second', second)];
      return { ...common, groupType: 'OCO', legs };
    }
    case 'bracket': {
      const { entry, takeProfit, stop } = group.value;
      const side = OPPOSITE[sent(sideCodec, entry?.side ?? 0)];
      const exit = (name: string, order: ExitOrder | undefined) => {
        const own =
          order === undefined ? undefined : { ...decodeExit(order), ...NO_QUANTITY, side };
        return { name, form: own === undefined ? undefined : { ...common, ...own } };
      };
      const exits = [exit('bracket.take_profit', takeProfit), exit('bracket.stop', stop)];
      return { ...common, groupType: 'BRACKET', legs: [leg('bracket.entry', entry), ...exits] };
    }
    default:
      return { ...common, groupType: undefined, legs: [] };
  }
}

/** The side that an exit has. */
const OPPOSITE = {
  BUY: 'SELL',
  SELL: 'BUY',
  UNSPECIFIED: 'UNSPECIFIED',
  UNKNOWN: 'UNKNOWN',
} as const;

const NO_QUANTITY = {
  quantity: undefined,
  quoteQuantity: undefined,
  displayQuantity: undefined,
  minimumQuantity: undefined,
};

export function decodeCancelGroup(request: CancelOrderGroupRequest): CancelGroupForm {
  const { accountId, instrumentId, groupId, clientRequestId } = request;
  return { accountId, instrumentId, groupId, clientRequestId };
}

export function decodeCancelAfter(request: CancelAllAfterRequest): CancelAfterForm {
  const { accountId, timeout, clientRequestId } = request;
  return { accountId, timeout, clientRequestId };
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
  const { stopPrice, displayQuantity, expireTime } = request;
  const changes = { quantity, price, stopPrice, displayQuantity, expireTime };
  return { accountId, order, clientRequestId, ...changes, expectedVersion };
}

/** What no order's version reaches is as wrong as the last number that the command carries. */
function decodeVersion(version: bigint | undefined): bigint | undefined {
  return version !== undefined && version > GREATEST_VERSION ? GREATEST_VERSION : version;
}

export function decodeCancelAll(request: CancelAllOrdersRequest): CancelAllForm {
  const { accountId, instrumentId, clientRequestId } = request;
  return { accountId, instrumentId, side: sent(sideCodec, request.side), clientRequestId };
}
