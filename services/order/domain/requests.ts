// Requests about orders that exist, as they were asked for, and the checks of their form.

import { FormCheck, type Sent, type Violation } from '../../lib/rules/form.ts';
import type { Side } from '../../lib/rules/terms.ts';
import type { SentTime } from './placement.ts';

/** Names one order of an account. */
export type OrderRefForm = {
  readonly instrumentId: string;
  readonly id:
    | { readonly kind: 'orderId'; readonly value: string }
    | { readonly kind: 'clientOrderId'; readonly value: string }
    | { readonly kind: 'absent' };
};

export type CancelForm = {
  readonly accountId: string;
  readonly order: OrderRefForm | undefined;
  /** Empty: the server makes one. */
  readonly clientRequestId: string;
};

export type AmendForm = CancelForm & {
  readonly quantity: string | undefined;
  readonly price: string | undefined;
  readonly stopPrice: string | undefined;
  readonly displayQuantity: string | undefined;
  readonly expireTime: SentTime | undefined;
  readonly expectedVersion: bigint | undefined;
};

export type CancelAllForm = {
  readonly accountId: string;
  /** Empty: all instruments. */
  readonly instrumentId: string;
  readonly side: Sent<Side>;
  readonly clientRequestId: string;
};

export type ListForm = {
  readonly accountId: string;
  readonly instrumentId: string;
  readonly pageSize: number;
};

/** The text by which a request names its order; for messages and for what is under way. */
export function nameOf(ref: OrderRefForm): string {
  return ref.id.kind === 'absent' ? '' : ref.id.value;
}

function checkRef(check: FormCheck, ref: OrderRefForm | undefined): void {
  if (ref === undefined) {
    check.add('order', 'FIELD_REQUIRED', 'is required');
    return;
  }
  check.requiredId('order.instrument_id', ref.instrumentId);
  switch (ref.id.kind) {
    case 'absent':
      check.add('order.order_id', 'FIELD_REQUIRED', 'order_id or client_order_id is required');
      return;
    case 'orderId':
      check.requiredId('order.order_id', ref.id.value);
      return;
    case 'clientOrderId':
      check.requiredId('order.client_order_id', ref.id.value);
  }
}

export function checkCancelForm(form: CancelForm): readonly Violation[] {
  const check = new FormCheck();
  check.requiredId('account_id', form.accountId);
  checkRef(check, form.order);
  check.optionalId('client_request_id', form.clientRequestId);
  return check.violations;
}

export function checkAmendForm(form: AmendForm): readonly Violation[] {
  const check = new FormCheck();
  check.requiredId('account_id', form.accountId);
  checkRef(check, form.order);
  const { stopPrice, displayQuantity, expireTime } = form;
  const changes = [form.quantity, form.price, stopPrice, displayQuantity, expireTime];
  if (changes.every((change) => change === undefined)) {
    check.add('quantity', 'FIELD_REQUIRED', 'something to change is required');
  }
  if (form.quantity !== undefined) check.positiveDecimal('quantity', form.quantity);
  if (form.price !== undefined) check.positiveDecimal('price', form.price);
  if (stopPrice !== undefined) check.positiveDecimal('stop_price', stopPrice);
  if (displayQuantity !== undefined) check.positiveDecimal('display_quantity', displayQuantity);
  if (expireTime !== undefined) {
    check.timestamp('expire_time', expireTime.seconds, expireTime.nanos);
  }
  if (form.expectedVersion === 0n) {
    check.add('expected_version', 'NUMBER_OUT_OF_RANGE', 'must be at least 1');
  }
  check.optionalId('client_request_id', form.clientRequestId);
  return check.violations;
}

export function checkCancelAllForm(form: CancelAllForm): readonly Violation[] {
  const check = new FormCheck();
  check.requiredId('account_id', form.accountId);
  check.optionalId('instrument_id', form.instrumentId);
  check.optionalEnum('side', form.side);
  check.optionalId('client_request_id', form.clientRequestId);
  return check.violations;
}

/** The name of an order in a read. */
export function checkGetForm(form: Pick<CancelForm, 'accountId' | 'order'>): readonly Violation[] {
  const check = new FormCheck();
  check.requiredId('account_id', form.accountId);
  checkRef(check, form.order);
  return check.violations;
}

export function checkListForm(
  form: ListForm,
  order?: OrderRefForm | undefined,
): readonly Violation[] {
  const check = new FormCheck();
  check.requiredId('account_id', form.accountId);
  check.optionalId('instrument_id', form.instrumentId);
  if (order !== undefined) {
    checkRef(check, order);
    if (form.instrumentId !== '' && form.instrumentId !== order.instrumentId) {
      check.add('order.instrument_id', 'FIELDS_CONFLICT', 'must be the instrument of the filter');
    }
  }
  check.pageSize(form.pageSize);
  return check.violations;
}
