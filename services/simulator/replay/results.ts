// Reads results of SubmitOrders: how far the book was behind them, and whether they were refused.

import { toBinary } from '@bufbuild/protobuf';
import type { BatchResult } from '../../../gen/bourse/order/v1/service_pb.ts';
import { OrderStatus, RejectReason } from '../../../gen/bourse/type/v1/order_pb.ts';
import { StatusSchema } from '../../../gen/google/rpc/status_pb.ts';
import { parseStatusDetails } from '../../lib/platform/errors/status-details.ts';

/** @returns the instrument's sequence behind the command; 0 when the result names none. */
export function sequenceOf({ result }: BatchResult): bigint {
  return result.case === undefined || result.case === 'error' ? 0n : result.value.sequence;
}

/** @returns true when the command was not done, or may not have been, and should be sent again. */
export function isTransient({ result }: BatchResult): boolean {
  if (result.case !== 'error') return false;
  const { code, message } = result.value;
  const { retryAdvice } = parseStatusDetails(code, message, toBinary(StatusSchema, result.value));
  return retryAdvice === 'safe' || retryAdvice === 'repeat';
}

/** @returns why the command was not done, in words; undefined when it was. */
export function findRefusal({ result }: BatchResult): string | undefined {
  if (result.case === 'error') return result.value.message;
  if (result.case !== 'placeOrder') return undefined;
  const { order } = result.value;
  if (order?.status !== OrderStatus.REJECTED) return undefined;
  const name = Object.entries(RejectReason).find(([, value]) => value === order.rejectReason);
  return name?.[0] ?? 'rejected';
}
