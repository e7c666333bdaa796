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
import type { MatchingCommand } from '../../domain/command.ts';
import type { MatchingEvent, TradeParty } from '../../domain/event.ts';

const WRITER_BYTES = 1024;
/** Message, kind and what is inside: three depths, three writers. */
const outer = new WireWriter(WRITER_BYTES);
const middle = new WireWriter(WRITER_BYTES);
const inner = new WireWriter(WRITER_BYTES);

// Field numbers of Command and Event, in bourse/matching/v1.
const COMMAND = { placeOrder: 1, cancelOrder: 2 } as const;
const EVENT = {
  instrumentNumber: 1,
  instrumentSequence: 2,
  orderAccepted: 3,
  orderRejected: 4,
  traded: 5,
  orderCanceled: 7,
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
    default:
      return undefined;
  }
  outer.writerField(COMMAND[command.kind], middle);
  return outer.take();
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

function writeParty(field: number, party: TradeParty): void {
  inner.numberField(1, party.accountNumber);
  inner.numberField(2, party.placement);
  inner.numberField(3, party.remainingUnits);
  writeAmountField(inner, 4, zigzagAmount(party.feeUnits));
  writeAmountField(inner, 5, party.unspentUnits);
  middle.writerField(field, inner);
}
