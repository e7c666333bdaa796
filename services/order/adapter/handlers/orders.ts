// The requests that change orders, alone or in a batch: decodes them and notes what is under way
// for which order.

import type {
  AmendOrderRequest,
  CancelOrderGroupRequest,
  CancelOrderRequest,
  PlaceOrderGroupRequest,
  PlaceOrderRequest,
} from '../../../../gen/bourse/order/v1/service_pb.ts';
import { nameOf } from '../../domain/requests.ts';
import {
  decodeAmend,
  decodeCancel,
  decodeCancelGroup,
  decodeGroup,
  decodePlacement,
} from '../codec/request-codec.ts';
import { type AmendAnswer, amendOrder } from '../flow/amend-order.ts';
import { type CancelGroupAnswer, cancelOrderGroup } from '../flow/cancel-group.ts';
import { type CancelAnswer, cancelOrder } from '../flow/cancel-order.ts';
import type { FlowParts } from '../flow/parts.ts';
import { type GroupAnswer, placeOrderGroup } from '../flow/place-group.ts';
import { placeOrder } from '../flow/place-order.ts';

/** @returns the bytes of PlaceOrderResponse */
export function place(parts: FlowParts, request: PlaceOrderRequest): Promise<Uint8Array> {
  return new Promise((onAnswer, onError) => {
    placeOrder(parts, decodePlacement(request), { onAnswer, onError });
  });
}

/** Each of its client order ids is under way until the group is answered. */
export function placeGroup(
  parts: FlowParts,
  request: PlaceOrderGroupRequest,
): Promise<GroupAnswer> {
  const form = decodeGroup(request);
  const { accountId } = form;
  let answer = placeOrderGroup(parts, form);
  for (const { form: leg } of form.legs) {
    if (leg === undefined || leg.clientOrderId === '') continue;
    answer = parts.inFlight.track(accountId, leg.clientOrderId, answer);
  }
  return answer;
}

export function cancelGroup(
  parts: FlowParts,
  request: CancelOrderGroupRequest,
): Promise<CancelGroupAnswer> {
  return cancelOrderGroup(parts, decodeCancelGroup(request));
}

export function cancel(parts: FlowParts, request: CancelOrderRequest): Promise<CancelAnswer> {
  return cancelOrder(parts, decodeCancel(request));
}

export function amend(parts: FlowParts, request: AmendOrderRequest): Promise<AmendAnswer> {
  const form = decodeAmend(request);
  const answer = amendOrder(parts, form);
  if (form.order === undefined) return answer;
  return parts.inFlight.track(form.accountId, nameOf(form.order), answer);
}
