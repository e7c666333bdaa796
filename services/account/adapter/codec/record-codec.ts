// Order records and what belongs to them, between the contract and the domain.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import * as ledger from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import {
  type BalanceAfter as BalanceMessage,
  type Fill as FillMessage,
  OrderRecordSchema,
  type OrderRecord as RecordMessage,
} from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import * as order from '../../../../gen/bourse/type/v1/order_pb.ts';
import { enumCodec } from '../../../lib/platform/codec/enum-codec.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { amountUnitsOf, safeNumber } from '../../../lib/platform/codec/numbers.ts';
import {
  cancelReasonCodec,
  decodeTerms,
  encodeTerms,
  groupTypeCodec,
  rejectReasonCodec,
  sideCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import type { BalanceAfter, Fill } from '../../domain/event.ts';
import type { OrderRecord } from '../../domain/order.ts';

export const holdStateCodec = enumCodec('HoldState', ledger.HoldState);
export const statusCodec = enumCodec('OrderStatus', order.OrderStatus);
export const executionTypeCodec = enumCodec('ExecutionType', order.ExecutionType);
export const liquidityCodec = enumCodec('Liquidity', order.Liquidity);

export function rejectReasonNumber(reason: OrderRecord['rejectReason']): order.RejectReason {
  return reason === 'NONE' ? order.RejectReason.UNSPECIFIED : rejectReasonCodec.toNumber(reason);
}

/** `NONE` for UNSPECIFIED; unknown numbers are malformed. */
export function rejectReasonName(number: number): OrderRecord['rejectReason'] {
  return number === 0 ? 'NONE' : rejectReasonCodec.toName(number);
}

export function cancelReasonNumber(reason: OrderRecord['cancelReason']): order.CancelReason {
  return reason === 'NONE' ? order.CancelReason.UNSPECIFIED : cancelReasonCodec.toNumber(reason);
}

export function groupTypeNumber(groupType: OrderRecord['groupType']): order.GroupType {
  return groupType === undefined ? order.GroupType.UNSPECIFIED : groupTypeCodec.toNumber(groupType);
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

export function bytesOf(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex');
}

export function recordMessage(record: OrderRecord): RecordMessage {
  return create(OrderRecordSchema, {
    accountNumber: record.accountNumber,
    accountId: record.accountId,
    placement: BigInt(record.placement),
    clientOrderId: record.clientOrderId,
    ...(record.terms === undefined ? {} : { terms: encodeTerms(record.terms) }),
    bodyHash: bytesOf(record.bodyHash),
    holdState: holdStateCodec.toNumber(record.holdState),
    status: statusCodec.toNumber(record.status),
    version: BigInt(record.version),
    filledUnits: BigInt(record.filledUnits),
    remainingUnits: BigInt(record.remainingUnits),
    filledNotionalUnits: record.filledNotionalUnits,
    feeUnits: record.feeUnits,
    rejectReason: rejectReasonNumber(record.rejectReason),
    cancelReason: cancelReasonNumber(record.cancelReason),
    holdAssetNumber: record.holdAssetNumber,
    heldUnits: record.heldUnits,
    validUntilUs: BigInt(record.validUntilUs),
    placedTimeUs: BigInt(record.placedTimeUs),
    updatedTimeUs: BigInt(record.updatedTimeUs),
    instrumentSequence: BigInt(record.instrumentSequence),
    accountSequence: BigInt(record.accountSequence),
    groupPlacement: BigInt(record.groupPlacement),
    groupType: groupTypeNumber(record.groupType),
    groupHeldUnits: record.groupHeldUnits,
  });
}

/** @throws OperatingError MESSAGE_MALFORMED when it is absent or holds what no domain can. */
export function recordOf(message: RecordMessage | undefined): OrderRecord {
  if (message === undefined) throw malformed('the record of the order is absent');
  const { cancelReason } = message;
  return {
    accountNumber: message.accountNumber,
    accountId: message.accountId,
    placement: safeNumber(message.placement),
    clientOrderId: message.clientOrderId,
    terms: message.terms === undefined ? undefined : decodeTerms(message.terms),
    bodyHash: hexOf(message.bodyHash),
    holdState: holdStateCodec.toName(message.holdState),
    status: statusCodec.toName(message.status),
    version: safeNumber(message.version),
    filledUnits: safeNumber(message.filledUnits),
    remainingUnits: safeNumber(message.remainingUnits),
    filledNotionalUnits: message.filledNotionalUnits,
    feeUnits: amountUnitsOf(message.feeUnits),
    rejectReason: rejectReasonName(message.rejectReason),
    cancelReason: cancelReason === 0 ? 'NONE' : cancelReasonCodec.toName(cancelReason),
    holdAssetNumber: message.holdAssetNumber,
    heldUnits: amountUnitsOf(message.heldUnits),
    validUntilUs: safeNumber(message.validUntilUs),
    placedTimeUs: safeNumber(message.placedTimeUs),
    updatedTimeUs: safeNumber(message.updatedTimeUs),
    instrumentSequence: safeNumber(message.instrumentSequence),
    accountSequence: safeNumber(message.accountSequence),
    groupPlacement: safeNumber(message.groupPlacement),
    groupType: groupTypeCodec.findName(message.groupType),
    groupHeldUnits: amountUnitsOf(message.groupHeldUnits),
  };
}

type BalanceInit = Exclude<MessageInitShape<typeof ledger.BalanceAfterSchema>, BalanceMessage>;
type FillInit = Exclude<MessageInitShape<typeof ledger.FillSchema>, FillMessage>;

export function balanceInit(balance: BalanceAfter): BalanceInit {
  const { assetNumber, totalUnits, heldUnits } = balance;
  return { assetNumber, totalUnits, heldUnits };
}

export function balanceOf(message: BalanceMessage): BalanceAfter {
  return {
    assetNumber: message.assetNumber,
    totalUnits: message.totalUnits,
    heldUnits: message.heldUnits,
  };
}

export function fillInit(fill: Fill): FillInit {
  return {
    priceUnits: BigInt(fill.priceUnits),
    quantityUnits: BigInt(fill.quantityUnits),
    liquidity: liquidityCodec.toNumber(fill.liquidity),
    notionalUnits: fill.notionalUnits,
    feeUnits: fill.feeUnits,
    ...(fill.aggressorSide && { aggressorSide: sideCodec.toNumber(fill.aggressorSide) }),
  };
}

export function fillOf(message: FillMessage): Fill {
  return {
    priceUnits: safeNumber(message.priceUnits),
    quantityUnits: safeNumber(message.quantityUnits),
    liquidity: liquidityCodec.toName(message.liquidity),
    notionalUnits: amountUnitsOf(message.notionalUnits),
    feeUnits: amountUnitsOf(message.feeUnits),
    aggressorSide: sideCodec.findName(message.aggressorSide),
  };
}
