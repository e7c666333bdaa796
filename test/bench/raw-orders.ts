// Places orders over bare HTTP/2, with as little work of the client as possible: whoever offers
// three times what an exchange can do on the same machine must not be what slows it down.

import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { PlaceOrderRequestSchema } from '../../gen/bourse/order/v1/service_pb.ts';
import type { BenchOrder } from './order-market.ts';

const SESSIONS = 4;
const PATH = '/bourse.order.v1.OrderService/PlaceOrder';
const PREFIX_BYTES = 5;
const RESOURCE_EXHAUSTED = '8';

/** How a call ended. */
export type Outcome = 'accepted' | 'refused' | 'failed';

export type RawOrders = {
  /** Sends an order; `ended` is called once. */
  place(order: BenchOrder, ended: (outcome: Outcome) => void): void;
  close(): void;
};

/** @param address `host:port` of an order process */
export function openRawOrders(address: string): RawOrders {
  const sessions = Array.from({ length: SESSIONS }, () => connect(`http://${address}`));
  for (const session of sessions) session.on('error', () => {});
  let next = 0;
  return {
    place(order, ended) {
      next = (next + 1) % SESSIONS;
      send(sessions[next] as ClientHttp2Session, frameOf(order), ended);
    },
    close() {
      for (const session of sessions) session.destroy();
    },
  };
}

function frameOf(order: BenchOrder): Buffer {
  const message = toBinary(PlaceOrderRequestSchema, create(PlaceOrderRequestSchema, order));
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

function send(session: ClientHttp2Session, frame: Buffer, ended: (outcome: Outcome) => void): void {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: PATH,
    [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
    [constants.HTTP2_HEADER_TE]: 'trailers',
  });
  let status: unknown;
  const note = (headers: Readonly<Record<string, unknown>>): void => {
    status ??= headers['grpc-status'];
  };
  stream.on('response', note);
  stream.on('trailers', note);
  stream.on('error', () => {});
  stream.on('close', () => ended(outcomeOf(status)));
  stream.resume();
  stream.end(frame);
}

function outcomeOf(status: unknown): Outcome {
  if (status === '0') return 'accepted';
  return status === RESOURCE_EXHAUSTED ? 'refused' : 'failed';
}
