// What the order service remembers of its own amends.

import { expect, test } from '@jest/globals';
import { AmendedOrders } from '../../../services/order/adapter/flow/amended-orders.ts';

test('MOV-9 AMD-3 a record from before an own amend is known to be older, one from after is not', () => {
  const amended = new AmendedOrders();
  const order = { accountNumber: 7, placement: 3 };
  expect(amended.isOlder({ ...order, version: 1 })).toBe(false);
  amended.note(order, 3);
  amended.note(order, 2); // answers may come in any order
  expect(amended.isOlder({ ...order, version: 2 })).toBe(true);
  expect(amended.isOlder({ ...order, version: 3 })).toBe(false);
  expect(amended.isOlder({ accountNumber: 7, placement: 4, version: 1 })).toBe(false);
});
