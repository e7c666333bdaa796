// Sessions of a venue file to and from the contract's message.

import type { SessionSchedule, Weekday } from '../../../gen/bourse/reference/v1/reference_pb.ts';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { type Change, type Sessions, WEEKDAYS } from '../domain/sessions-text.ts';
import { nameOf } from './output.ts';

export function sessionsMessage({ weekly, exceptions }: Sessions) {
  return {
    weekly: weekly.map(({ days, changes }) => ({
      weekdays: days.map((day) => (WEEKDAYS.indexOf(day) + 1) as Weekday),
      changes: changes.map(changeMessage),
    })),
    exceptions: exceptions.map(({ date, changes }) => ({
      date,
      changes: changes.map(changeMessage),
    })),
  };
}

export function sessionsOf(message: SessionSchedule | undefined): Sessions {
  const changesOf = (changes: SessionSchedule['weekly'][number]['changes']): Change[] =>
    changes.map(({ secondOfDay, state }) => {
      return { at: timeOf(secondOfDay), state: nameOf(InstrumentState, state) };
    });
  return {
    weekly: (message?.weekly ?? []).map(({ weekdays, changes }) => ({
      days: weekdays.map((weekday) => WEEKDAYS[weekday - 1] ?? 'mon'),
      changes: changesOf(changes),
    })),
    exceptions: (message?.exceptions ?? []).map(({ date, changes }) => {
      return { date, changes: changesOf(changes) };
    }),
  };
}

function changeMessage({ at, state }: Change) {
  const [hours = 0, minutes = 0, seconds = 0] = at.split(':').map(Number);
  return {
    secondOfDay: hours * 3_600 + minutes * 60 + seconds,
    state: InstrumentState[state as keyof typeof InstrumentState],
  };
}

function timeOf(secondOfDay: number): string {
  const parts = [Math.floor(secondOfDay / 3_600), Math.floor(secondOfDay / 60) % 60];
  if (secondOfDay % 60 !== 0) parts.push(secondOfDay % 60);
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}
