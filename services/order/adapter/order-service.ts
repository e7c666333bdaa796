// bourse.order.v1.OrderService: one line for each method.

import type { OrderService, PlaceOrderResponse } from '../../../gen/bourse/order/v1/service_pb.ts';
import { takingRaw } from '../../lib/platform/rpc/definition.ts';
import { fanout } from '../../lib/platform/rpc/fanout.ts';
import type { Handlers } from '../../lib/platform/rpc/server.ts';
import { decodeCancelAfter, decodeCancelAll, decodePlacement } from './codec/request-codec.ts';
import { cancelAllAfter } from './flow/cancel-after.ts';
import { cancelAllOrders } from './flow/cancel-all.ts';
import { previewOrder } from './flow/preview-order.ts';
import type { OpenFlows } from './flow-parts.ts';
import { ExecutionReports } from './handlers/execution-reports.ts';
import { amend, cancel, cancelGroup, place, placeGroup } from './handlers/orders.ts';
import { getOrder, listFills, listOrders } from './handlers/reads.ts';
import { RAW_ITEMS, submitOrders } from './handlers/submit-orders.ts';

export function orderHandlers(parts: OpenFlows): Handlers<typeof OrderService> {
  const reports = new ExecutionReports(parts);
  return {
    // The bytes of a message pass for it.
    placeOrder: (request) => place(parts, request) as unknown as Promise<PlaceOrderResponse>,
    cancelOrder: (request) => cancel(parts, request),
    amendOrder: (request) => amend(parts, request),
    cancelAllOrders: (request) => cancelAllOrders(parts, decodeCancelAll(request)),
    cancelAllAfter: (request) => cancelAllAfter(parts, decodeCancelAfter(request)),
    placeOrderGroup: (request) => placeGroup(parts, request),
    cancelOrderGroup: (request) => cancelGroup(parts, request),
    getOrder: (request) => getOrder(parts, request),
    listOrders: (request) => listOrders(parts, request),
    listFills: (request) => listFills(parts, request),
    previewOrder: ({ order }) =>
      previewOrder(parts, order === undefined ? undefined : decodePlacement(order)),
    submitOrders: takingRaw(RAW_ITEMS, (requests, call) => submitOrders(parts, requests, call)),
    streamExecutionReports: fanout((request, subscriber) => reports.serve(request, subscriber)),
  };
}
