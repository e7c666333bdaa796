// Sessions between the public contract and the domain.

import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type SessionChange as ChangeMessage,
  type SessionSchedule as ScheduleMessage,
  type SessionScheduleSchema,
  Weekday,
} from '../../../gen/bourse/reference/v1/reference_pb.ts';
import { enumCodec } from '../../lib/platform/codec/enum-codec.ts';
import { instrumentStateCodec } from '../../lib/platform/codec/terms-codec.ts';
import {
  checkSchedule,
  isEmptySchedule,
  type SessionChange,
  type SessionSchedule,
  type SessionState,
} from '../domain/sessions.ts';
import { fieldError, type RequestCheck } from './form.ts';

const weekdayCodec = enumCodec('Weekday', Weekday);

const STATES: ReadonlySet<string> = new Set<SessionState>([
  ...(['PRE_OPEN', 'AUCTION', 'CONTINUOUS', 'POST_ONLY', 'CLOSED'] as const),
]);

/**
 * The sessions of a request; undefined when they are absent or never change anything. Enums are
 * noted in the check; the rest is refused at once when they are good.
 *
 * @throws OperatingError with the reason of what is wrong with the schedule as a whole.
 */
export function readSessions(
  check: RequestCheck,
  message: ScheduleMessage | undefined,
): SessionSchedule | undefined {
  if (message === undefined) return undefined;
  const violationCount = check.violations.length;
  const schedule: SessionSchedule = {
    weekly: message.weekly.map(({ weekdays, changes }, index) => {
      const field = `sessions.weekly[${index}]`;
      for (const weekday of weekdays) checkWeekday(check, `${field}.weekdays`, weekday);
      return { weekdays: [...weekdays], changes: readChanges(check, `${field}.changes`, changes) };
    }),
    exceptions: message.exceptions.map(({ date, changes }, index) => {
      const field = `sessions.exceptions[${index}].changes`;
      return { date, changes: readChanges(check, field, changes) };
    }),
  };
  if (check.violations.length > violationCount) return undefined;
  const problem = checkSchedule(schedule);
  if (problem !== undefined) throw fieldError(problem.reason, problem.field, problem.message);
  return isEmptySchedule(schedule) ? undefined : schedule;
}

/** Recognizes the sessions of a request, whatever they hold. */
export function hashableSessions(message: ScheduleMessage | undefined): string | undefined {
  if (message === undefined) return undefined;
  const changesOf = (changes: readonly ChangeMessage[]) =>
    changes.map(({ secondOfDay, state }) => [secondOfDay, state]);
  return JSON.stringify([
    message.weekly.map(({ weekdays, changes }) => [weekdays, changesOf(changes)]),
    message.exceptions.map(({ date, changes }) => [date, changesOf(changes)]),
  ]);
}

export function sessionsMessage({
  weekly,
  exceptions,
}: SessionSchedule): MessageInitShape<typeof SessionScheduleSchema> {
  const encode = (changes: readonly SessionChange[]) =>
    changes.map(({ secondOfDay, state }) => {
      return { secondOfDay, state: instrumentStateCodec.toNumber(state) };
    });
  return {
    weekly: weekly.map(({ weekdays, changes }) => {
      return { weekdays: [...weekdays] as Weekday[], changes: encode(changes) };
    }),
    exceptions: exceptions.map(({ date, changes }) => ({ date, changes: encode(changes) })),
  };
}

function checkWeekday(check: RequestCheck, field: string, weekday: number): void {
  if (weekday === Weekday.UNSPECIFIED) check.requiredEnum(field, 'UNSPECIFIED');
  else if (weekdayCodec.findName(weekday) === undefined) check.requiredEnum(field, 'UNKNOWN');
}

function readChanges(
  check: RequestCheck,
  field: string,
  messages: readonly ChangeMessage[],
): readonly SessionChange[] {
  return messages.map((message, index) => {
    const at = `${field}[${index}].state`;
    const state = instrumentStateCodec.findName(message.state);
    if (state === undefined)
      check.requiredEnum(at, message.state === 0 ? 'UNSPECIFIED' : 'UNKNOWN');
    else if (!STATES.has(state)) {
      check.add(at, 'FIELDS_CONFLICT', 'is none that a schedule sets');
    }
    return { secondOfDay: message.secondOfDay, state: (state ?? 'CLOSED') as SessionState };
  });
}
