// Requests about groups of orders and about the dead man's switch, as they were asked for, and the
// checks of their form.

import { FormCheck, type Violation } from '../../lib/rules/form.ts';
import type { GroupType } from '../../lib/rules/terms.ts';
import { checkPlacementForm, type PlacementForm, type SentTime } from './placement.ts';

/** A group as it was asked for. */
export type GroupForm = {
  readonly accountId: string;
  readonly instrumentId: string;
  readonly acceptBefore: SentTime | undefined;
  /** Undefined when the request holds no group. */
  readonly groupType: GroupType | undefined;
  /** The orders by the names of their fields; the form is undefined when one is absent. */
  readonly legs: readonly { readonly name: string; readonly form: PlacementForm | undefined }[];
};

export type CancelGroupForm = {
  readonly accountId: string;
  readonly instrumentId: string;
  readonly groupId: string;
  /** Empty: the server makes one. */
  readonly clientRequestId: string;
};

export type CancelAfterForm = {
  readonly accountId: string;
  readonly timeout: { readonly seconds: bigint; readonly nanos: number } | undefined;
  /** Empty: the server makes one. */
  readonly clientRequestId: string;
};

/** A group of good form: its orders have the account and instrument of the group. */
export type CheckedGroup = {
  readonly groupType: GroupType;
  readonly names: readonly string[];
  readonly legs: readonly PlacementForm[];
};

/** What is wrong with each field by itself; with nothing wrong, the group. */
export function checkGroupRequest(
  form: GroupForm,
): { readonly violations: readonly Violation[] } | CheckedGroup {
  const check = new FormCheck();
  check.requiredId('account_id', form.accountId);
  check.requiredId('instrument_id', form.instrumentId);
  if (form.acceptBefore !== undefined) {
    check.timestamp('accept_before_time', form.acceptBefore.seconds, form.acceptBefore.nanos);
  }
  if (form.groupType === undefined)
    check.add('oco', 'FIELD_REQUIRED', 'oco or bracket is required');
  const legs: PlacementForm[] = [];
  for (const [leg, { name, form: sent }] of form.legs.entries()) {
    if (sent === undefined) {
      check.add(name, 'FIELD_REQUIRED', 'is required');
      continue;
    }
    const isExit = form.groupType === 'BRACKET' && leg > 0;
    for (const { field, reason, description } of checkPlacementForm(sent)) {
      // What the group says is checked there; an exit takes side and quantity from its entry.
      if (OF_THE_GROUP.includes(field) || (isExit && OF_THE_ENTRY.includes(field))) continue;
      check.add(`${name}.${field}`, reason, description);
    }
    legs.push(sent);
  }
  checkClientOrderIds(check, form, legs);
  const { groupType } = form;
  if (check.violations.length > 0 || groupType === undefined) {
    return { violations: check.violations };
  }
  return { groupType, names: form.legs.map(({ name }) => name), legs };
}

const OF_THE_GROUP: readonly string[] = ['account_id', 'instrument_id', 'accept_before_time'];
const OF_THE_ENTRY: readonly string[] = ['side', 'quantity'];

function checkClientOrderIds(
  check: FormCheck,
  form: GroupForm,
  legs: readonly PlacementForm[],
): void {
  const given = legs.map(({ clientOrderId }) => clientOrderId).filter((id) => id !== '');
  if (new Set(given).size === given.length) return;
  const field = `${form.legs[0]?.name}.client_order_id`;
  check.add(field, 'FIELDS_CONFLICT', 'must differ from those of the other orders');
}

export function checkCancelGroupForm(form: CancelGroupForm): readonly Violation[] {
  const check = new FormCheck();
  check.requiredId('account_id', form.accountId);
  check.requiredId('instrument_id', form.instrumentId);
  check.requiredId('group_id', form.groupId);
  check.optionalId('client_request_id', form.clientRequestId);
  return check.violations;
}

const SHORTEST_TIMEOUT_US = 1_000_000;
const LONGEST_TIMEOUT_US = 86_400_000_000;
const LAST_NANOSECOND = 999_999_999;

/** In microseconds, rounded up, so that a switch is never earlier than was asked for. */
export function timeoutUsOf({ timeout }: CancelAfterForm): number {
  if (timeout === undefined) return 0;
  return Number(timeout.seconds) * 1_000_000 + Math.ceil(timeout.nanos / 1000);
}

export function checkCancelAfterForm(form: CancelAfterForm): readonly Violation[] {
  const check = new FormCheck();
  check.requiredId('account_id', form.accountId);
  const { timeout } = form;
  if (timeout === undefined) {
    check.add('timeout', 'FIELD_REQUIRED', 'is required; 0 switches it off');
  } else {
    const timeoutUs = timeoutUsOf(form);
    const isInRange = timeoutUs >= SHORTEST_TIMEOUT_US && timeoutUs <= LONGEST_TIMEOUT_US;
    const isForm = timeout.nanos >= 0 && timeout.nanos <= LAST_NANOSECOND;
    if (!isForm || (timeoutUs !== 0 && !isInRange)) {
      check.add('timeout', 'NUMBER_OUT_OF_RANGE', 'must be 1 s to 24 h, or 0');
    }
  }
  check.optionalId('client_request_id', form.clientRequestId);
  return check.violations;
}
