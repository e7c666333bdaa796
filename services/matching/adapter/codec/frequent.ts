// The wire form of the commands and events that every order makes, written by hand: the generated
// code takes ten times as long, and each of them is written for the log and for an answer. A test
// holds the bytes equal to the generated code's.

import {
  cancelReasonCodec,
  orderTypeCodec,
  rejectReasonCodec,
  selfTradePreventionCodec,
  sideCodec,
  timeInForceCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import type { OrderTerms } from '../../../lib/rules/terms.ts';
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
  switch (event.kind) {
    case 'orderAccepted':
      writeOrder(event);
      writeTerms(inner, event.terms);
      middle.writerField(3, inner);
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
      middle.numberField(3, sideCodec.toNumber(event.aggressorSide));
      writeParty(4, event.maker);
      writeParty(5, event.taker);
      break;
    default:
      return undefined;
  }
  outer.numberField(EVENT.instrumentNumber, event.instrumentNumber);
  outer.numberField(EVENT.instrumentSequence, event.instrumentSequence);
  outer.writerField(EVENT[event.kind], middle);
  return outer.take();
}

function writeOrder(order: { readonly accountNumber: number; readonly placement: number }): void {
  middle.numberField(1, order.accountNumber);
  middle.numberField(2, order.placement);
}

function writeTerms(writer: WireWriter, terms: OrderTerms): void {
  writer.numberField(1, terms.instrumentNumber);
  writer.numberField(2, sideCodec.toNumber(terms.side));
  writer.numberField(3, orderTypeCodec.toNumber(terms.type));
  writer.numberField(4, timeInForceCodec.toNumber(terms.timeInForce));
  writer.numberField(5, terms.postOnly ? 1 : 0);
  writer.numberField(6, terms.quantityUnits);
  amountField(writer, 7, terms.quoteBudgetUnits);
  writer.numberField(8, terms.priceUnits);
  writer.numberField(9, selfTradePreventionCodec.toNumber(terms.selfTradePrevention));
  writer.numberField(10, zigzag(terms.makerRatePpm));
  writer.numberField(11, zigzag(terms.takerRatePpm));
  writer.numberField(12, terms.instrumentVersion);
}

function writeParty(field: number, party: TradeParty): void {
  inner.numberField(1, party.accountNumber);
  inner.numberField(2, party.placement);
  inner.numberField(3, party.remainingUnits);
  const fee = party.feeUnits;
  amountField(inner, 4, fee < 0n ? -2n * fee - 1n : 2n * fee);
  amountField(inner, 5, party.unspentUnits);
  middle.writerField(field, inner);
}

/** A field with an unsigned amount; left out when 0. */
function amountField(writer: WireWriter, field: number, value: bigint): void {
  if (value === 0n) return;
  writer.varint(field * 8);
  writer.bigVarint(value);
}

/** How `sint32` is written: small either side of zero. */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
