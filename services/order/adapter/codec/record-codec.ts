// The account shard's records and the matching shard's events, from the internal contracts to what
// the domain of this service knows.

import {
  HoldState as HoldStateEnum,
  type OrderRecord as RecordMessage,
} from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import type { OrderTerms as TermsMessage } from '../../../../gen/bourse/matching/v1/command_pb.ts';
import type {
  Event as EventMessage,
  TradeParty as PartyMessage,
  MatchPrevented as PreventedMessage,
  Traded as TradedMessage,
} from '../../../../gen/bourse/matching/v1/event_pb.ts';
import { OrderStatus as StatusEnum } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { enumCodec } from '../../../lib/platform/codec/enum-codec.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import type { RawFields } from '../../../lib/platform/codec/message-reader.ts';
import {
  cancelReasonCodec,
  groupTypeCodec,
  orderTypeCodec,
  rejectReasonCodec,
  sideCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import { termsOf, waitingTermsOf } from '../../../lib/platform/codec/terms-reader.ts';
import { isWaitingType } from '../../../lib/rules/order-types.ts';
import type { BookEvent, TradeParty } from '../../domain/book-event.ts';
import type { OrderRecord } from '../../domain/order-record.ts';

/** What is left as bytes of the answers of account and of matching shards. */
export const RAW_HOLDS: RawFields = new Set(['bourse.ledger.v1.ProposalResult.committed']);
export const RAW_EVENTS: RawFields = new Set(['bourse.matching.v1.ProposalResult.committed']);

export const orderStatusCodec = enumCodec('OrderStatus', StatusEnum);
export const holdStateCodec = enumCodec('HoldState', HoldStateEnum);

/** Whether the record only remembers that its client order id was canceled first (HLD-3). */
export function isCanceledBeforeArrival(record: RecordMessage): boolean {
  return record.terms === undefined;
}

/** @throws OperatingError MESSAGE_MALFORMED when the record has no terms or unknown values. */
export function decodeRecord(record: RecordMessage | undefined): OrderRecord {
  if (record === undefined) throw malformed('an answer has the record');
  return {
    accountNumber: record.accountNumber,
    accountId: record.accountId,
    placement: Number(record.placement),
    clientOrderId: record.clientOrderId,
    terms: termsOf(record.terms),
    holdState: holdStateCodec.toName(record.holdState),
    status: orderStatusCodec.toName(record.status),
    version: Number(record.version),
    filledUnits: Number(record.filledUnits),
    remainingUnits: Number(record.remainingUnits),
    filledNotionalUnits: record.filledNotionalUnits,
    feeUnits: record.feeUnits,
    rejectReason: rejectReasonCodec.findName(record.rejectReason),
    cancelReason: cancelReasonCodec.findName(record.cancelReason),
    validUntilUs: Number(record.validUntilUs),
    placedTimeUs: Number(record.placedTimeUs),
    updatedTimeUs: Number(record.updatedTimeUs),
    instrumentSequence: Number(record.instrumentSequence),
    groupPlacement: Number(record.groupPlacement),
    groupType: groupTypeCodec.findName(record.groupType),
  };
}

/** The same terms under another version of the instrument's rules. */
export function ofVersion(terms: TermsMessage, version: number): TermsMessage {
  return { ...terms, instrumentVersion: BigInt(version) };
}

/** The events of a command that concern orders, in their order. */
export function decodeEvents(events: readonly EventMessage[]): BookEvent[] {
  const decoded: BookEvent[] = [];
  for (const event of events) decodeEvent(event, decoded);
  return decoded;
}

function decodeEvent(message: EventMessage, into: BookEvent[]): void {
  const { kind: body } = message;
  const sequence = Number(message.instrumentSequence);
  switch (body.case) {
    case 'orderAccepted':
      into.push({
        kind: 'accepted',
        sequence,
        ...keyOf(body.value),
        waiting: waitingOf(body.value.terms),
      });
      return;
    case 'orderTriggered': {
      const stopPriceUnits = Number(body.value.stopPriceUnits);
      const priceUnits = Number(body.value.priceUnits);
      into.push({ kind: 'triggered', sequence, ...keyOf(body.value), stopPriceUnits, priceUnits });
      return;
    }
    case 'orderExpired': {
      const expiredUnits = Number(body.value.expiredUnits);
      into.push({ kind: 'expired', sequence, ...keyOf(body.value), expiredUnits });
      return;
    }
    case 'orderRejected': {
      const reason = rejectReasonCodec.toName(body.value.reason);
      into.push({ kind: 'rejected', sequence, ...keyOf(body.value), reason });
      return;
    }
    case 'traded':
      into.push(decodeTrade(sequence, body.value));
      return;
    case 'matchPrevented':
      decodePrevented(sequence, body.value, into);
      return;
    case 'orderCanceled': {
      const reason = cancelReasonCodec.toName(body.value.reason);
      const canceledUnits = Number(body.value.canceledUnits);
      const version = Number(body.value.version);
      const key = keyOf(body.value);
      into.push({ kind: 'canceled', sequence, ...key, reason, canceledUnits, version });
      return;
    }
    case 'orderFilled':
      into.push({ kind: 'filled', sequence, ...keyOf(body.value) });
      return;
    case 'orderAmended': {
      const { version, quantityUnits, remainingUnits, priceUnits } = body.value;
      const { stopPriceUnits, displayUnits, expireTimeUs } = body.value;
      into.push({
        kind: 'amended',
        sequence,
        ...keyOf(body.value),
        version: Number(version),
        quantityUnits: Number(quantityUnits),
        remainingUnits: Number(remainingUnits),
        priceUnits: Number(priceUnits),
        stopPriceUnits: Number(stopPriceUnits),
        displayUnits: Number(displayUnits),
        expireTimeUs: Number(expireTimeUs),
      });
      return;
    }
    case 'orderForbidden':
      into.push({ kind: 'forbidden', sequence, ...keyOf(body.value) });
      return;
    default:
      return; // tells nothing about what an order is
  }
}

function decodeTrade(sequence: number, trade: TradedMessage): BookEvent {
  return {
    kind: 'traded',
    sequence,
    priceUnits: Number(trade.priceUnits),
    quantityUnits: Number(trade.quantityUnits),
    aggressorSide: sideCodec.findName(trade.aggressorSide),
    maker: decodeParty(trade.maker),
    taker: decodeParty(trade.taker),
  };
}

/** Only what took quantity off both; cancels follow as events of their own (STP-2). */
function decodePrevented(sequence: number, value: PreventedMessage, into: BookEvent[]): void {
  const byUnits = Number(value.decrementedUnits);
  if (byUnits === 0) return;
  const { makerAccountNumber, makerPlacement, takerAccountNumber, takerPlacement } = value;
  const maker = { accountNumber: makerAccountNumber, placement: Number(makerPlacement) };
  const taker = { accountNumber: takerAccountNumber, placement: Number(takerPlacement) };
  into.push({ kind: 'reduced', sequence, ...maker, byUnits });
  into.push({ kind: 'reduced', sequence, ...taker, byUnits });
}

/** What the book computed of an order that waits; undefined for every other. */
function waitingOf(sent: TermsMessage | Uint8Array | undefined) {
  if (sent === undefined) return undefined;
  const { type, ...computed } = waitingTermsOf(sent);
  return isWaitingType(orderTypeCodec.toName(type)) ? computed : undefined;
}

type KeyMessage = { readonly accountNumber: number; readonly placement: bigint };

function keyOf({ accountNumber, placement }: KeyMessage) {
  return { accountNumber, placement: Number(placement) };
}

function decodeParty(party: PartyMessage | undefined): TradeParty {
  if (party === undefined) throw malformed('a trade has two parties');
  const { accountNumber, placement, remainingUnits, feeUnits } = party;
  return { accountNumber, placement: Number(placement), remainingUnits, feeUnits };
}
