// The wire form of the commands and events that every order makes, written by hand: the generated
// code takes many times as long, and each of them is written for the log. A test holds the bytes
// equal to the generated code's.

import { toBinary } from '@bufbuild/protobuf';
import { EventSchema as MatchingEventSchema } from '../../../../gen/bourse/matching/v1/event_pb.ts';
import { cancelReasonCodec, rejectReasonCodec } from '../../../lib/platform/codec/terms-codec.ts';
import {
  writeAmountField,
  writeSideField,
  writeTerms,
  zigzagAmount,
} from '../../../lib/platform/codec/terms-wire.ts';
import { WireWriter } from '../../../lib/shard/wire.ts';
import type { Command, PlaceHold, Settle } from '../../domain/command.ts';
import type { Event, Fill, OrderExecuted } from '../../domain/event.ts';
import type { MatchingEvent, TradeParty } from '../../domain/matching-event.ts';
import type { OrderRecord } from '../../domain/order.ts';
import {
  cancelReasonNumber,
  executionTypeCodec,
  groupTypeNumber,
  holdStateCodec,
  liquidityCodec,
  rejectReasonNumber,
  statusCodec,
} from './record-codec.ts';
import { settledEventMessage } from './settled-codec.ts';

/** One writer for each depth of nesting: a settled trade's party is the deepest. */
const [d0, d1, d2, d3, d4, d5, d6] = [
  new WireWriter(4096),
  new WireWriter(4096),
  new WireWriter(4096),
  new WireWriter(1024),
  new WireWriter(1024),
  new WireWriter(1024),
  new WireWriter(1024),
] as const;

/** The canonical bytes of a frequent command; undefined for every other one. */
export function encodeFrequentCommand(command: Command): Uint8Array | undefined {
  switch (command.kind) {
    case 'placeHold':
      writePlaceHold(command);
      d0.writerField(4, d1);
      return d0.take();
    case 'settle':
      writeSettle(command);
      d0.writerField(7, d1);
      return d0.take();
    default:
      return undefined;
  }
}

/** The canonical bytes of a frequent event; undefined for every other one. */
export function encodeFrequentEvent(event: Event): Uint8Array | undefined {
  return writeFrequentEvent(event)?.take();
}

/** As `encodeFrequentEvent`, in a writer that the caller empties. */
export function writeFrequentEvent(event: Event): WireWriter | undefined {
  switch (event.kind) {
    case 'holdPlaced':
      writeHead(event);
      writeRecord(event.record);
      d1.writerField(1, d2);
      d0.writerField(6, d1);
      return d0;
    case 'orderExecuted':
      writeHead(event);
      writeExecuted(event);
      d0.writerField(11, d1);
      return d0;
    case 'rangeSettled':
      writeHead(event);
      d1.textField(1, event.sourceShardId);
      d1.numberField(2, event.throughSequence);
      d0.writerField(13, d1);
      return d0;
    default:
      return undefined;
  }
}

function writeHead(event: Event): void {
  d0.numberField(1, event.accountNumber);
  d0.numberField(2, event.accountSequence);
  for (const { assetNumber, totalUnits, heldUnits } of event.balances) {
    d1.numberField(1, assetNumber);
    writeAmountField(d1, 2, totalUnits);
    writeAmountField(d1, 3, heldUnits);
    d0.writerField(3, d1);
  }
}

/** Into the first depth. */
function writeExecuted(event: OrderExecuted): void {
  d1.numberField(1, executionTypeCodec.toNumber(event.executionType));
  writeRecord(event.record);
  d1.writerField(2, d2);
  d1.numberField(3, event.instrumentSequence);
  d1.numberField(4, event.previousInstrumentSequence);
  if (event.fill !== undefined) {
    writeFill(event.fill);
    d1.writerField(5, d2);
  }
  d1.numberField(6, event.eventTimeUs);
  writeAmountField(d1, 7, event.releasedUnits);
  d1.textField(8, event.cause);
}

/** Into the second depth. */
function writeFill(fill: Fill): void {
  d2.numberField(1, fill.priceUnits);
  d2.numberField(2, fill.quantityUnits);
  d2.numberField(3, liquidityCodec.toNumber(fill.liquidity));
  writeAmountField(d2, 4, fill.notionalUnits);
  writeAmountField(d2, 5, zigzagAmount(fill.feeUnits));
  writeSideField(d2, 6, fill.aggressorSide);
}

/** Into the second depth. */
function writeRecord(record: OrderRecord): void {
  d2.numberField(1, record.accountNumber);
  d2.textField(2, record.accountId);
  d2.numberField(3, record.placement);
  d2.textField(4, record.clientOrderId);
  if (record.terms !== undefined) {
    writeTerms(d3, record.terms);
    d2.writerField(5, d3);
  }
  d2.hexField(6, record.bodyHash);
  d2.numberField(7, holdStateCodec.toNumber(record.holdState));
  d2.numberField(8, statusCodec.toNumber(record.status));
  d2.numberField(9, record.version);
  d2.numberField(10, record.filledUnits);
  d2.numberField(11, record.remainingUnits);
  writeAmountField(d2, 12, record.filledNotionalUnits);
  if (record.feeUnits !== 0n) writeAmountField(d2, 13, zigzagAmount(record.feeUnits));
  d2.numberField(14, rejectReasonNumber(record.rejectReason));
  d2.numberField(15, cancelReasonNumber(record.cancelReason));
  d2.numberField(16, record.holdAssetNumber);
  writeAmountField(d2, 17, record.heldUnits);
  d2.numberField(18, record.validUntilUs);
  d2.numberField(19, record.placedTimeUs);
  d2.numberField(20, record.updatedTimeUs);
  d2.numberField(21, record.instrumentSequence);
  d2.numberField(22, record.accountSequence);
  if (record.groupType === undefined) return;
  d2.numberField(23, record.groupPlacement);
  d2.numberField(24, groupTypeNumber(record.groupType));
  writeAmountField(d2, 25, record.groupHeldUnits);
}

/** Into the first depth. */
function writePlaceHold(command: PlaceHold): void {
  d1.textField(1, command.accountId);
  d1.textField(2, command.clientOrderId);
  writeTerms(d2, command.terms);
  d1.writerField(3, d2);
  d1.hexField(4, command.bodyHash);
  d1.numberField(5, command.assetNumber);
  writeAmountField(d1, 6, command.amountUnits);
  d1.numberField(7, command.validUntilUs);
  d1.numberField(8, rejectReasonNumber(command.declineReason));
  d1.numberField(9, command.refuseWhenShort ? 1 : 0);
}

/** Into the first depth: range, entries, commands, events, each one depth below. */
function writeSettle(command: Settle): void {
  d1.textField(1, command.sourceShardId);
  d1.numberField(2, command.fromSequence);
  d1.numberField(3, command.throughSequence);
  d1.numberField(4, command.sourceEntryIndex);
  d1.hexField(5, command.sourceChainChecksum);
  for (const entry of command.entries) {
    d2.numberField(2, entry.logTimeUs);
    for (const { identity, events } of entry.commands) {
      d3.textField(1, identity);
      for (const event of events) writeSettledEvent(event);
      d2.writerField(3, d3);
    }
    d1.writerField(6, d2);
  }
  d1.numberField(7, command.slotsVersion ?? 0);
}

// Field numbers of bourse.matching.v1.Event.
const SETTLED = { orderAccepted: 3, orderRejected: 4, traded: 5, orderCanceled: 7 } as const;

/** Into the third depth. */
function writeSettledEvent(event: MatchingEvent): void {
  switch (event.kind) {
    case 'orderAccepted':
      writeOrder(event);
      if (event.waiting !== undefined) {
        d6.numberField(6, event.waiting.quantityUnits);
        d6.numberField(13, event.waiting.stopPriceUnits);
        d5.writerField(3, d6);
      }
      break;
    case 'orderRejected':
      writeOrder(event);
      d5.numberField(3, rejectReasonCodec.toNumber(event.reason));
      break;
    case 'orderCanceled':
      writeOrder(event);
      d5.numberField(3, cancelReasonCodec.toNumber(event.reason));
      break;
    case 'traded':
      d5.numberField(1, event.priceUnits);
      d5.numberField(2, event.quantityUnits);
      writeSideField(d5, 3, event.aggressorSide);
      writeParty(4, event.maker);
      writeParty(5, event.taker);
      break;
    default:
      d3.bytesField(4, toBinary(MatchingEventSchema, settledEventMessage(event)));
      return;
  }
  d4.numberField(1, event.instrumentNumber);
  d4.numberField(2, event.instrumentSequence);
  d4.writerField(SETTLED[event.kind], d5);
  d3.writerField(4, d4);
}

function writeOrder(order: { readonly accountNumber: number; readonly placement: number }): void {
  d5.numberField(1, order.accountNumber);
  d5.numberField(2, order.placement);
}

function writeParty(field: number, party: TradeParty): void {
  d6.numberField(1, party.accountNumber);
  d6.numberField(2, party.placement);
  d6.numberField(3, party.remainingUnits);
  writeAmountField(d6, 4, zigzagAmount(party.feeUnits));
  d5.writerField(field, d6);
}
