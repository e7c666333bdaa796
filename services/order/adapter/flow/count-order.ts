// Counts what became of placed orders.

import { OrderStatus, RejectReason } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { addToMetric } from '../../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../../lib/platform/telemetry/names.ts';
import type { OrderRecord } from '../../domain/order-record.ts';

export type CountedOrder = Pick<OrderRecord, 'status' | 'rejectReason'>;

/** One object for each status and reason: attributes are looked up, never made per order. */
const STATUS_ATTRIBUTES = attributesOf(OrderStatus, ATTRIBUTES.orderStatus);
const REASON_ATTRIBUTES = attributesOf(RejectReason, ATTRIBUTES.reason);

function attributesOf<Name extends string>(
  names: Readonly<Record<Name, number>>,
  attribute: string,
): Readonly<Record<Name, Readonly<Record<string, string>>>> {
  const made = Object.keys(names).map((name) => [name, { [attribute]: name }]);
  return Object.fromEntries(made);
}

/** Counts a placed order, and why it was rejected. */
export function countOrder({ status, rejectReason }: CountedOrder): void {
  addToMetric(METRICS.orders, 1, STATUS_ATTRIBUTES[status]);
  if (rejectReason !== undefined) {
    addToMetric(METRICS.rejections, 1, REASON_ATTRIBUTES[rejectReason]);
  }
}
