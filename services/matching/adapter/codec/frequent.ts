// The wire form of the commands and events that every order makes, written by hand: the generated
// code takes ten times as long, and each of them is written for the log and for an answer. A test
// holds the bytes equal to the generated code's.

import { cancelReasonCodec, rejectReasonCodec } from '../../../lib/platform/codec/terms-codec.ts';
import {
  writeAmountField,
  writeSideField,
  writeTerms,
  zigzagAmount,
} from '../../../lib/platform/codec/terms-wire.ts';
import { WireWriter } from '../../../lib/shard/wire.ts';
import type { AmendOrder, MatchingCommand } from '../../domain/command.ts';
import type { MatchingEvent, OrderAmended, TradeParty } from '../../domain/event.ts';

const WRITER_BYTES = 1024;
/** Message, kind and what is inside: three depths, three writers. */
const outer = new WireWriter(WRITER_BYTES);
const middle = new WireWriter(WRITER_BYTES);
const inner = new WireWriter(WRITER_BYTES);

// Field numbers of Command and Event, in bourse/matching/v1.
const COMMAND = { placeOrder: 1, cancelOrder: 2, amendOrder: 3 } as const;
const EVENT = {
  instrumentNumber: 1,
  instrumentSequence: 2,
  orderAccepted: 3,
  orderRejected: 4,
  traded: 5,
  orderCanceled: 7,
  orderAmended: 8,
  cancelRejected: 10,
} as const;

/** The canonical bytes of a frequent command; undefined for every other one. */
export function encodeFrequentCommand(command: MatchingCommand): Uint8Array | undefined {
  switch (command.kind) {
    case 'placeOrder':
      writeOrder(command);
      writeTerms(inner, command.terms);
      middle.writerField(3, inner);
      break;
    case 'cancelOrder':
      middle.numberField(1, command.instrumentNumber);
      middle.numberField(2, command.accountNumber);
      middle.numberField(3, command.placement);
      break;
    case 'amendOrder':
      if ((command.expireTimeUs ?? 0) < 0) return undefined;
      writeAmend(command);
      break;
    default:
      return undefined;
  }
  outer.writerField(COMMAND[command.kind], middle);
  return outer.take();
}

function writeAmend(command: AmendOrder): void {
  middle.numberField(1, command.instrumentNumber);
  middle.numberField(2, command.accountNumber);
  middle.numberField(3, command.placement);
  writePresent(4, command.quantityUnits);
  writePresent(5, command.priceUnits);
  writePresent(6, command.expectedVersion);
  middle.numberField(7, command.instrumentVersion);
  writeAmountField(middle, 8, command.amendHoldUnits);
  middle.textField(9, command.amendHoldId);
  writePresent(10, command.stopPriceUnits);
  writePresent(11, command.displayUnits);
  writePresent(12, command.expireTimeUs);
}

/** A field that says that it is there: written when it is 0, too. */
function writePresent(field: number, value: number | undefined): void {
  if (value === undefined) return;
  middle.varint(field * 8);
  middle.varint(value);
}

/** The canonical bytes of a frequent event; undefined for every other one. */
export function encodeFrequentEvent(event: MatchingEvent): Uint8Array | undefined {
  return writeFrequentEvent(event)?.take();
}

/** As `encodeFrequentEvent`, in a writer that the caller empties. */
export function writeFrequentEvent(event: MatchingEvent): WireWriter | undefined {
  switch (event.kind) {
    case 'orderAccepted':
      writeOrder(event);
      writeTerms(inner, event.terms);
      middle.writerField(3, inner);
      middle.numberField(4, event.groupPlacement);
      break;
    case 'orderRejected':
    case 'cancelRejected':
      writeOrder(event);
      middle.numberField(3, rejectReasonCodec.toNumber(event.reason));
      break;
    case 'orderCanceled':
      writeOrder(event);
      middle.numberField(3, cancelReasonCodec.toNumber(event.reason));
      middle.numberField(4, event.canceledUnits);
      middle.numberField(5, event.version);
      break;
    case 'orderAmended':
      if (event.expireTimeUs < 0) return undefined;
      writeAmended(event);
      break;
    case 'traded':
      middle.numberField(1, event.priceUnits);
      middle.numberField(2, event.quantityUnits);
      writeSideField(middle, 3, event.aggressorSide);
      writeParty(4, event.maker);
      writeParty(5, event.taker);
      middle.numberField(6, event.sameOwner ? 1 : 0);
      break;
    default:
      return undefined;
  }
  outer.numberField(EVENT.instrumentNumber, event.instrumentNumber);
  outer.numberField(EVENT.instrumentSequence, event.instrumentSequence);
  outer.writerField(EVENT[event.kind], middle);
  return outer;
}

function writeOrder(order: { readonly accountNumber: number; readonly placement: number }): void {
  middle.numberField(1, order.accountNumber);
  middle.numberField(2, order.placement);
}

function writeAmended(event: OrderAmended): void {
  writeOrder(event);
  middle.numberField(3, event.version);
  middle.numberField(4, event.quantityUnits);
  middle.numberField(5, event.remainingUnits);
  middle.numberField(6, event.priceUnits);
  middle.numberField(7, event.placeKept ? 1 : 0);
  middle.textField(8, event.amendHoldId);
  middle.numberField(9, event.stopPriceUnits);
  middle.numberField(10, event.displayUnits);
  middle.numberField(11, event.expireTimeUs);
}

function writeParty(field: number, party: TradeParty): void {
  inner.numberField(1, party.accountNumber);
  inner.numberField(2, party.placement);
  inner.numberField(3, party.remainingUnits);
  writeAmountField(inner, 4, zigzagAmount(party.feeUnits));
  writeAmountField(inner, 5, party.unspentUnits);
  middle.writerField(field, inner);
}
