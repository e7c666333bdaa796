// Sessions of an instrument: when its state changes by itself, and which change counts at a moment
// (STA-1, TIF-5). All times are UTC. Pure: days are counted, no calendar of the platform is asked.

import type { InstrumentState } from '../../lib/rules/terms.ts';

/** States that a schedule may set. */
export type SessionState = Extract<
  InstrumentState,
  'PRE_OPEN' | 'AUCTION' | 'CONTINUOUS' | 'POST_ONLY' | 'CLOSED'
>;

export type SessionChange = {
  /** Seconds after midnight, 0 to 86,399. */
  readonly secondOfDay: number;
  readonly state: SessionState;
};

export type SessionSchedule = {
  /** What happens on weekdays; 1 is Monday, 7 Sunday. */
  readonly weekly: readonly {
    readonly weekdays: readonly number[];
    readonly changes: readonly SessionChange[];
  }[];
  /** Dates, as `YYYY-MM-DD`, that differ from their weekday. */
  readonly exceptions: readonly {
    readonly date: string;
    readonly changes: readonly SessionChange[];
  }[];
};

/** One change at one moment. */
export type DueChange = {
  /** Microseconds since the Unix epoch. */
  readonly timeUs: number;
  readonly state: SessionState;
  /** AUCTION: when the next change ends it; 0 otherwise. */
  readonly auctionEndTimeUs: number;
  /** AUCTION: the state of that change; CONTINUOUS otherwise. */
  readonly stateAfterAuction: 'CONTINUOUS' | 'POST_ONLY' | 'CLOSED';
};

/** What is wrong with a schedule, by the names of bourse.type.v1.ErrorReason. */
export type ScheduleProblem = {
  readonly reason:
    | 'FIELD_REQUIRED'
    | 'FIELDS_CONFLICT'
    | 'NUMBER_OUT_OF_RANGE'
    | 'TIME_INVALID'
    | 'TOO_MANY_ITEMS';
  readonly field: string;
  readonly message: string;
};

const SECONDS_A_DAY = 86_400;
const US_A_SECOND = 1_000_000;
const US_A_DAY = SECONDS_A_DAY * US_A_SECOND;
/** 1970-01-01 was a Thursday. */
const FIRST_WEEKDAY = 4;
const CHANGES_LIMIT = 24;
const WEEKLY_LIMIT = 7;
const EXCEPTIONS_LIMIT = 1_000;
/** Days that are looked through for a change: a schedule's longest silence. */
const SEARCHED_DAYS = 400;

/** True when the schedule never changes anything. */
export function isEmptySchedule(schedule: SessionSchedule): boolean {
  return schedule.weekly.length === 0 && schedule.exceptions.length === 0;
}

/** True when ordinary days end, so that orders for the day do, too (TIF-5). */
export function endsDays(schedule: SessionSchedule | undefined): boolean {
  const weekly = schedule?.weekly ?? [];
  return weekly.some(({ changes }) => changes.some(({ state }) => state === 'CLOSED'));
}

/** The last change at or before a moment: the one that counts; undefined when there is none. */
export function latestChange(schedule: SessionSchedule, nowUs: number): DueChange | undefined {
  const today = Math.floor(nowUs / US_A_DAY);
  for (let day = today; day > today - SEARCHED_DAYS; day -= 1) {
    const due = changesOf(schedule, day).filter(({ timeUs }) => timeUs <= nowUs);
    if (due.length > 0) return due.at(-1);
  }
  return undefined;
}

/**
 * What is to be carried out when everything up to one change was: the latest change, and before it
 * the last CLOSED that was missed, because orders for the day end there (TIF-5).
 *
 * @param doneUs time of the last change that was carried out; 0: none was
 */
export function dueChanges(
  schedule: SessionSchedule,
  doneUs: number,
  nowUs: number,
): readonly DueChange[] {
  const latest = latestChange(schedule, nowUs);
  if (latest === undefined || latest.timeUs <= doneUs) return [];
  if (doneUs === 0 || latest.state === 'CLOSED') return [latest];
  const lastDay = Math.floor(latest.timeUs / US_A_DAY);
  const firstDay = Math.max(Math.floor(doneUs / US_A_DAY), lastDay - SEARCHED_DAYS);
  for (let day = lastDay; day >= firstDay; day -= 1) {
    const closed = changesOf(schedule, day).findLast(({ timeUs, state }) => {
      return state === 'CLOSED' && timeUs > doneUs && timeUs < latest.timeUs;
    });
    if (closed !== undefined) return [closed, latest];
  }
  return [latest];
}

/** When the next change after a moment comes; undefined when there is none. */
export function nextChangeTimeUs(schedule: SessionSchedule, nowUs: number): number | undefined {
  const today = Math.floor(nowUs / US_A_DAY);
  for (let day = today; day < today + SEARCHED_DAYS; day += 1) {
    const next = changesOf(schedule, day).find(({ timeUs }) => timeUs > nowUs);
    if (next !== undefined) return next.timeUs;
  }
  return undefined;
}

/** The changes of one day, counted from the Unix epoch, in order of time. */
function changesOf(schedule: SessionSchedule, day: number): readonly DueChange[] {
  const date = formatDate(day);
  const weekday = ((day + FIRST_WEEKDAY - 1) % 7) + 1;
  const exception = schedule.exceptions.find((one) => one.date === date);
  const ordinary = schedule.weekly.find(({ weekdays }) => weekdays.includes(weekday));
  const changes = (exception ?? ordinary)?.changes ?? [];
  return changes.map(({ secondOfDay, state }, index) => {
    const next = changes[index + 1];
    const isAuction = state === 'AUCTION' && next !== undefined;
    return {
      timeUs: day * US_A_DAY + secondOfDay * US_A_SECOND,
      state,
      auctionEndTimeUs: isAuction ? day * US_A_DAY + next.secondOfDay * US_A_SECOND : 0,
      stateAfterAuction: isAuction && followsAuction(next.state) ? next.state : 'CONTINUOUS',
    };
  });
}

/** The first problem of a schedule; undefined when there is none. */
export function checkSchedule(schedule: SessionSchedule): ScheduleProblem | undefined {
  const { weekly, exceptions } = schedule;
  if (weekly.length > WEEKLY_LIMIT) return tooMany('sessions.weekly', WEEKLY_LIMIT);
  if (exceptions.length > EXCEPTIONS_LIMIT) return tooMany('sessions.exceptions', EXCEPTIONS_LIMIT);
  const weekdays = new Set<number>();
  for (const [index, days] of weekly.entries()) {
    const field = `sessions.weekly[${index}]`;
    if (days.weekdays.length === 0) return missing(`${field}.weekdays`);
    for (const weekday of days.weekdays) {
      if (weekdays.has(weekday)) return conflict(`${field}.weekdays`, 'A weekday stands twice.');
      weekdays.add(weekday);
    }
    if (days.changes.length === 0) return missing(`${field}.changes`);
    const problem = checkChanges(`${field}.changes`, days.changes);
    if (problem !== undefined) return problem;
  }
  const dates = new Set<string>();
  for (const [index, { date, changes }] of exceptions.entries()) {
    const field = `sessions.exceptions[${index}]`;
    if (!isDate(date)) {
      const message = 'A date is written as YYYY-MM-DD and exists.';
      return { reason: 'TIME_INVALID', field: `${field}.date`, message };
    }
    if (dates.has(date)) return conflict(`${field}.date`, `${date} stands twice.`);
    dates.add(date);
    const problem = checkChanges(`${field}.changes`, changes);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function checkChanges(
  field: string,
  changes: readonly SessionChange[],
): ScheduleProblem | undefined {
  if (changes.length > CHANGES_LIMIT) return tooMany(field, CHANGES_LIMIT);
  let before = -1;
  for (const [index, { secondOfDay, state }] of changes.entries()) {
    if (secondOfDay >= SECONDS_A_DAY) {
      const message = 'second_of_day is from 0 to 86,399.';
      return { reason: 'NUMBER_OUT_OF_RANGE', field: `${field}[${index}].second_of_day`, message };
    }
    if (secondOfDay <= before) {
      return conflict(`${field}[${index}].second_of_day`, 'Changes stand in order of time.');
    }
    before = secondOfDay;
    const next = changes[index + 1];
    if (state === 'AUCTION' && (next === undefined || !followsAuction(next.state))) {
      const message = 'An AUCTION is followed by CONTINUOUS, POST_ONLY or CLOSED on the same day.';
      return conflict(`${field}[${index}].state`, message);
    }
  }
  return undefined;
}

function followsAuction(state: SessionState): state is 'CONTINUOUS' | 'POST_ONLY' | 'CLOSED' {
  return state === 'CONTINUOUS' || state === 'POST_ONLY' || state === 'CLOSED';
}

function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (match === null) return false;
  const [year = 0, month = 0, day = 0] = match.slice(1).map(Number);
  return year >= 1970 && formatDate(dayOf(year, month, day)) === text;
}

/**
 * Days from 1970-01-01 to a date of the Gregorian calendar, counted in years that begin in March.
 * Source: Howard Hinnant, chrono-Compatible Low-Level Date Algorithms, days_from_civil.
 */
function dayOf(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const monthFromMarch = (month + 9) % 12;
  const dayOfYear = Math.floor((153 * monthFromMarch + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * 146_097 + yearOfEra * 365 + leapDays + dayOfYear - 719_468;
}

/** The date of a day since 1970-01-01, as `YYYY-MM-DD`. Source: as above, civil_from_days. */
export function formatDate(day: number): string {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - (365 * yearOfEra + leapDays);
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const dayOfMonth = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(dayOfMonth)}`;
}

function missing(field: string): ScheduleProblem {
  return { reason: 'FIELD_REQUIRED', field, message: `${field} is required.` };
}

function conflict(field: string, message: string): ScheduleProblem {
  return { reason: 'FIELDS_CONFLICT', field, message };
}

function tooMany(field: string, limit: number): ScheduleProblem {
  return { reason: 'TOO_MANY_ITEMS', field, message: `${field} has at most ${limit} items.` };
}
