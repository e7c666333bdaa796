// Reads the placements of a batch straight from their bytes, because nearly every order comes so.
// What is unusual is left to the generated schemas. A test holds both equal.

import {
  type PlaceOrderRequest,
  PlaceOrderRequestSchema,
} from '../../../../gen/bourse/order/v1/service_pb.ts';
import { readSent } from '../../../lib/platform/codec/message-reader.ts';
import {
  orderTypeCodec,
  selfTradePreventionCodec,
  sideCodec,
  timeInForceCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import {
  bytesTag,
  numberTag,
  readText,
  readUint32,
} from '../../../lib/platform/codec/terms-reader.ts';
import { MalformedBytes, WireReader } from '../../../lib/shard/wire.ts';
import type { PlacementForm } from '../../domain/placement.ts';
import { decodePlacement, sent } from './request-codec.ts';

/**
 * A placement as it was asked for, from a message or from its bytes.
 *
 * @throws OperatingError MESSAGE_MALFORMED when the bytes are no placement
 */
export function readPlacement(request: PlaceOrderRequest | Uint8Array): PlacementForm {
  if (!(request instanceof Uint8Array)) return decodePlacement(request);
  try {
    return readForm(new WireReader(request));
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    return decodePlacement(readSent(PlaceOrderRequestSchema, request));
  }
}

/** Of many orders in a row the instrument is the same: its id is kept once. */
let latestInstrumentId = '';

function readForm(reader: WireReader): PlacementForm {
  let accountId = '';
  let clientOrderId = '';
  let instrumentId = '';
  let [side, type, timeInForce, prevention] = [0, 0, 0, 0];
  let quantity: string | undefined;
  let price: string | undefined;
  let postOnly = false;
  let last = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag <= last) throw new MalformedBytes('fields come in their order');
    last = tag;
    if (tag === bytesTag(1)) accountId = readText(reader);
    else if (tag === bytesTag(2)) clientOrderId = readText(reader);
    else if (tag === bytesTag(3)) instrumentId = readText(reader);
    else if (tag === numberTag(4)) side = readUint32(reader);
    else if (tag === numberTag(5)) type = readUint32(reader);
    else if (tag === bytesTag(6)) quantity = readText(reader);
    else if (tag === bytesTag(8)) price = readText(reader);
    else if (tag === numberTag(9)) timeInForce = readUint32(reader);
    else if (tag === numberTag(11)) postOnly = reader.varint() !== 0;
    else if (tag === numberTag(12)) prevention = readUint32(reader);
    else throw new MalformedBytes(`tag ${tag} is not usual`);
  }
  if (instrumentId === latestInstrumentId) instrumentId = latestInstrumentId;
  else latestInstrumentId = instrumentId;
  return {
    accountId,
    clientOrderId,
    instrumentId,
    side: sent(sideCodec, side),
    type: sent(orderTypeCodec, type),
    quantity,
    quoteQuantity: undefined,
    price: price === '' ? undefined : price,
    timeInForce: sent(timeInForceCodec, timeInForce),
    postOnly,
    selfTradePrevention: sent(selfTradePreventionCodec, prevention),
    acceptBefore: undefined,
    stopPrice: undefined,
    trailing: undefined,
    expireTime: undefined,
    displayQuantity: undefined,
    minimumQuantity: undefined,
  };
}
