// Places orders over bare HTTP/2, with as little work of the client as possible: whoever offers
// three times what an exchange can do on the same machine must not be what slows it down.

import { create, toBinary } from '@bufbuild/protobuf';
import { PlaceOrderRequestSchema } from '../../gen/bourse/order/v1/service_pb.ts';
import type { BenchOrder } from './order-market.ts';
import { type Ended, RawConnection } from './raw-http2.ts';

const CONNECTIONS = 4;
const PATH = '/bourse.order.v1.OrderService/PlaceOrder';

export type RawOrders = {
  /** Sends an order; `ended` is called once. */
  place(order: BenchOrder, ended: (end: Ended) => void): void;
  close(): void;
};

/** @param address `host:port` of an order process */
export function openRawOrders(address: string): RawOrders {
  const connections = Array.from({ length: CONNECTIONS }, () => new RawConnection(address, PATH));
  let next = 0;
  return {
    place(order, ended) {
      next = (next + 1) % CONNECTIONS;
      const message = toBinary(PlaceOrderRequestSchema, create(PlaceOrderRequestSchema, order));
      connections[next]?.call(message, ended);
    },
    close() {
      for (const connection of connections) connection.close();
    },
  };
}
