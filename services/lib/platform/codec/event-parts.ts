// Parts of a matching shard's events that its writer and its readers share: how an order is named
// and how one side of a trade is told.

import type { TradeParty as PartyMessage } from '../../../../gen/bourse/matching/v1/event_pb.ts';
import { malformed } from './malformed.ts';
import { amountUnitsOf, safeNumber } from './numbers.ts';

/** Id of an order: the account's number and its count of placements. */
type OrderName = { readonly accountNumber: number; readonly placement: number };

type OrderNameMessage = { readonly accountNumber: number; readonly placement: bigint };

/** One side of a trade as domains have it; bourse.matching.v1.TradeParty says what it means. */
type Party = OrderName & {
  readonly remainingUnits: number;
  readonly unspentUnits: bigint;
  readonly feeUnits: bigint;
};

/** Name of an order for a message. */
export function encodeOrderName(order: OrderName): { accountNumber: number; placement: bigint } {
  return { accountNumber: order.accountNumber, placement: BigInt(order.placement) };
}

/** @throws OperatingError MESSAGE_MALFORMED when the placement is beyond 2^53. */
export function decodeOrderName(message: OrderNameMessage): OrderName {
  return { accountNumber: message.accountNumber, placement: safeNumber(message.placement) };
}

/** @throws OperatingError MESSAGE_MALFORMED when a side is absent or holds what no domain can. */
export function decodeParty(message: PartyMessage | undefined): Party {
  if (message === undefined) throw malformed('a trade has two orders');
  return {
    ...decodeOrderName(message),
    remainingUnits: safeNumber(message.remainingUnits),
    unspentUnits: amountUnitsOf(message.unspentUnits),
    feeUnits: amountUnitsOf(message.feeUnits),
  };
}
