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
    const whole = completeLeg(form, sent, isExit);
    checkLeg(check, name, { sent, whole, form, isExit });
    legs.push(whole);
  }
  checkClientOrderIds(check, form, legs);
  const { groupType } = form;
  if (check.violations.length > 0 || groupType === undefined) {
    return { violations: check.violations };
  }
  return { groupType, names: form.legs.map(({ name }) => name), legs };
}

/** A leg with what it takes from its group; an exit's side is the opposite of the entry's. */
function completeLeg(form: GroupForm, sent: PlacementForm, isExit: boolean): PlacementForm {
  const { accountId, instrumentId, acceptBefore } = form;
  const entry = form.legs[0]?.form;
  const opposite = entry?.side === 'BUY' ? 'SELL' : entry?.side === 'SELL' ? 'BUY' : undefined;
  const mayTake = isExit && sent.side === 'UNSPECIFIED' && opposite !== undefined;
  const side = mayTake ? opposite : sent.side;
  return { ...sent, accountId, instrumentId, acceptBefore, side };
}

type Leg = {
  readonly sent: PlacementForm;
  readonly whole: PlacementForm;
  readonly form: GroupForm;
  readonly isExit: boolean;
};

function checkLeg(check: FormCheck, name: string, { sent, whole, form, isExit }: Leg): void {
  const { accountId, instrumentId, acceptBefore } = sent;
  if (accountId !== '' && accountId !== form.accountId) {
    check.add(`${name}.account_id`, 'FIELDS_CONFLICT', 'must be that of the group, or empty');
  }
  if (instrumentId !== '' && instrumentId !== form.instrumentId) {
    check.add(`${name}.instrument_id`, 'FIELDS_CONFLICT', 'must be that of the group, or empty');
  }
  if (acceptBefore !== undefined) {
    check.add(`${name}.accept_before_time`, 'FIELDS_CONFLICT', 'stands in the group');
  }
  for (const violation of checkPlacementForm(whole)) {
    const { field, reason, description } = violation;
    // An exit has no quantity of its own, and what belongs to the group is checked there.
    if (isExit && field === 'quantity' && reason === 'FIELD_REQUIRED') continue;
    if (['account_id', 'instrument_id', 'accept_before_time'].includes(field)) continue;
    check.add(`${name}.${field}`, reason, description);
  }
}

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
