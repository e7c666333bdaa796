// The requests that change orders, alone or in a batch: decodes them, notes what is under way for
// which order, counts the answers.

import type {
  AmendOrderRequest,
  CancelOrderGroupRequest,
  CancelOrderRequest,
  PlaceOrderGroupRequest,
  PlaceOrderRequest,
} from '../../../../gen/bourse/order/v1/service_pb.ts';
import { OrderStatus, RejectReason } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { addToMetric } from '../../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../../lib/platform/telemetry/names.ts';
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
import { type PlacementAnswer, placeOrder } from '../flow/place-order.ts';

export function place(parts: FlowParts, request: PlaceOrderRequest): Promise<PlacementAnswer> {
  const form = decodePlacement(request);
  const { accountId, clientOrderId } = form;
  const answer = placeOrder(parts, form, countOrder);
  if (clientOrderId === '') return answer;
  return parts.inFlight.track(accountId, clientOrderId, answer);
}

/** Each of its client order ids is under way until the group is answered. */
export function placeGroup(
  parts: FlowParts,
  request: PlaceOrderGroupRequest,
): Promise<GroupAnswer> {
  const form = decodeGroup(request);
  const { accountId } = form;
  let answer = placeOrderGroup(parts, form).then(countGroup);
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

/** One object for each status and reason: attributes are looked up, never made per order. */
const STATUS_ATTRIBUTES = attributesOf(OrderStatus, ATTRIBUTES.orderStatus);
const REASON_ATTRIBUTES = attributesOf(RejectReason, ATTRIBUTES.reason);

function attributesOf(names: Readonly<Record<string, number>>, attribute: string) {
  const made: Readonly<Record<string, string>>[] = [];
  for (const [name, number] of Object.entries(names)) made[number] = { [attribute]: name };
  return made;
}

function countOrder(answer: PlacementAnswer): void {
  if (!answer.duplicate) countOne(answer.order);
}

function countGroup(answer: GroupAnswer): GroupAnswer {
  if (!answer.duplicate) for (const order of answer.group.orders ?? []) countOne(order);
  return answer;
}

type Counted = { readonly status?: OrderStatus; readonly rejectReason?: RejectReason };

function countOne({ status = 0, rejectReason = 0 }: Counted): void {
  addToMetric(METRICS.orders, 1, STATUS_ATTRIBUTES[status] ?? {});
  if (rejectReason !== RejectReason.UNSPECIFIED) {
    addToMetric(METRICS.rejections, 1, REASON_ATTRIBUTES[rejectReason] ?? {});
  }
}
