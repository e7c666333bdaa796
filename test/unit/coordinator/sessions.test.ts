// Sessions: which change of the state counts at a moment, in UTC (STA-1, TIF-5).

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  checkSchedule,
  dueChanges,
  endsDays,
  formatDate,
  latestChange,
  nextChangeTimeUs,
  type SessionChange,
  type SessionSchedule,
} from '../../../services/coordinator/domain/sessions.ts';

const at = (text: string) => Date.parse(`${text}Z`) * 1_000;
const hours = (count: number) => count * 3_600;

const DAY: readonly SessionChange[] = [
  { secondOfDay: hours(7), state: 'PRE_OPEN' },
  { secondOfDay: hours(8), state: 'AUCTION' },
  { secondOfDay: hours(8) + 300, state: 'CONTINUOUS' },
  { secondOfDay: hours(16), state: 'AUCTION' },
  { secondOfDay: hours(16) + 600, state: 'CLOSED' },
];
const WEEK: SessionSchedule = {
  weekly: [{ weekdays: [1, 2, 3, 4, 5], changes: DAY }],
  exceptions: [
    { date: '2026-12-24', changes: [{ secondOfDay: hours(9), state: 'CONTINUOUS' }] },
    { date: '2026-12-25', changes: [] },
  ],
};

describe('the schedule of an instrument', () => {
  test('STA-1 the latest change counts, over nights and weekends too', () => {
    // 2026-11-23 is a Monday.
    expect(latestChange(WEEK, at('2026-11-23T06:59:59'))).toMatchObject({
      timeUs: at('2026-11-20T16:10:00'),
      state: 'CLOSED',
    });
    expect(latestChange(WEEK, at('2026-11-23T07:00:00'))?.state).toBe('PRE_OPEN');
    expect(latestChange(WEEK, at('2026-11-23T12:00:00'))).toEqual({
      timeUs: at('2026-11-23T08:05:00'),
      state: 'CONTINUOUS',
      auctionEndTimeUs: 0,
      stateAfterAuction: 'CONTINUOUS',
    });
  });

  test('STA-1 an auction ends at the next change, in its state', () => {
    expect(latestChange(WEEK, at('2026-11-23T08:00:01'))).toEqual({
      timeUs: at('2026-11-23T08:00:00'),
      state: 'AUCTION',
      auctionEndTimeUs: at('2026-11-23T08:05:00'),
      stateAfterAuction: 'CONTINUOUS',
    });
    expect(latestChange(WEEK, at('2026-11-23T16:00:00'))).toMatchObject({
      auctionEndTimeUs: at('2026-11-23T16:10:00'),
      stateAfterAuction: 'CLOSED',
    });
  });

  test('STA-1 a date with other times follows them, one without changes leaves the state', () => {
    expect(latestChange(WEEK, at('2026-12-24T08:30:00'))?.timeUs).toBe(at('2026-12-23T16:10:00'));
    expect(latestChange(WEEK, at('2026-12-24T23:00:00'))?.state).toBe('CONTINUOUS');
    expect(latestChange(WEEK, at('2026-12-25T12:00:00'))?.timeUs).toBe(at('2026-12-24T09:00:00'));
    expect(nextChangeTimeUs(WEEK, at('2026-12-24T09:00:00'))).toBe(at('2026-12-28T07:00:00'));
  });

  test('TIF-5 of what was missed only the latest counts, and the end of a day before it', () => {
    const due = (done: string, now: string) =>
      dueChanges(WEEK, at(done), at(now)).map(({ timeUs, state }) => [timeUs, state]);
    const closed = [at('2026-11-23T16:10:00'), 'CLOSED'];
    const opened = [at('2026-11-24T08:05:00'), 'CONTINUOUS'];
    expect(due('2026-11-23T08:05:00', '2026-11-24T10:00:00')).toEqual([closed, opened]);
    expect(due('2026-11-23T16:10:00', '2026-11-24T10:00:00')).toEqual([opened]);
    expect(due('2026-11-24T08:05:00', '2026-11-24T10:00:00')).toEqual([]);
    expect(due('2026-11-23T08:05:00', '2026-11-23T20:00:00')).toEqual([closed]);
    expect(due('2026-11-16T08:05:00', '2026-11-24T10:00:00')).toEqual([closed, opened]);
    expect(dueChanges(WEEK, 0, at('2026-11-24T10:00:00')).map(({ state }) => state)).toEqual([
      'CONTINUOUS',
    ]);
  });

  test('the next change lies behind the moment, the latest never does', () => {
    const moments = fc.integer({ min: at('2026-01-01T00:00:00'), max: at('2027-12-31T00:00:00') });
    fc.assert(
      fc.property(moments, (nowUs) => {
        const next = nextChangeTimeUs(WEEK, nowUs) ?? 0;
        expect(next).toBeGreaterThan(nowUs);
        const latest = latestChange(WEEK, nowUs)?.timeUs ?? Number.POSITIVE_INFINITY;
        expect(latest).toBeLessThanOrEqual(nowUs);
        // Nothing changes in between: just before the next one the same change counts.
        expect(latestChange(WEEK, next - 1)?.timeUs).toBe(latest);
        expect(latestChange(WEEK, next)?.timeUs).toBe(next);
      }),
    );
  });

  test('dates are those of the Gregorian calendar', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000_000 }), (day) => {
        expect(formatDate(day)).toBe(
          new Date(day * 86_400_000).toISOString().slice(0, -14).slice(-10),
        );
      }),
      { examples: [[0], [59], [60], [11_016], [47_541]] },
    );
  });

  test.each<[string, SessionSchedule, string]>([
    [
      'a weekday stands twice',
      { ...WEEK, weekly: [...WEEK.weekly, { weekdays: [5], changes: DAY }] },
      'FIELDS_CONFLICT',
    ],
    [
      'days without weekdays',
      { ...WEEK, weekly: [{ weekdays: [], changes: DAY }] },
      'FIELD_REQUIRED',
    ],
    [
      'days without changes',
      { ...WEEK, weekly: [{ weekdays: [1], changes: [] }] },
      'FIELD_REQUIRED',
    ],
    [
      'an auction without an end',
      weekOf([{ secondOfDay: 1, state: 'AUCTION' }]),
      'FIELDS_CONFLICT',
    ],
    [
      'an auction that another call follows',
      weekOf([
        { secondOfDay: 1, state: 'AUCTION' },
        { secondOfDay: 2, state: 'PRE_OPEN' },
      ]),
      'FIELDS_CONFLICT',
    ],
    [
      'changes out of order',
      weekOf([
        { secondOfDay: 2, state: 'CLOSED' },
        { secondOfDay: 2, state: 'CONTINUOUS' },
      ]),
      'FIELDS_CONFLICT',
    ],
    [
      'a second that no day has',
      weekOf([{ secondOfDay: 86_400, state: 'CLOSED' }]),
      'NUMBER_OUT_OF_RANGE',
    ],
    ['a date that does not exist', exceptionsOf('2026-02-29'), 'TIME_INVALID'],
    ['a date of another form', exceptionsOf('24.12.2026'), 'TIME_INVALID'],
    ['a date twice', exceptionsOf('2026-12-24', '2026-12-24'), 'FIELDS_CONFLICT'],
    [
      'too many changes',
      weekOf(new Array(25).fill(0).map((_, i) => ({ secondOfDay: i, state: 'CLOSED' }))),
      'TOO_MANY_ITEMS',
    ],
    ['too many dates', exceptionsOf(...new Array(1001).fill('2026-12-24')), 'TOO_MANY_ITEMS'],
  ])('%s is refused', (_, schedule, reason) => {
    expect(checkSchedule(schedule)?.reason).toBe(reason);
  });

  test('TIF-5 orders for the day have an end where ordinary days have one', () => {
    expect(endsDays(WEEK)).toBe(true);
    expect(endsDays(undefined)).toBe(false);
    expect(endsDays(weekOf([{ secondOfDay: 1, state: 'CONTINUOUS' }]))).toBe(false);
    expect(endsDays(exceptionsOf('2026-12-24'))).toBe(false);
  });

  test('what is good is accepted', () => {
    expect(checkSchedule(WEEK)).toBeUndefined();
    expect(checkSchedule({ weekly: [], exceptions: [] })).toBeUndefined();
    expect(checkSchedule(exceptionsOf('2028-02-29'))).toBeUndefined();
  });
});

function weekOf(changes: readonly SessionChange[]): SessionSchedule {
  return { weekly: [{ weekdays: [1], changes }], exceptions: [] };
}

function exceptionsOf(...dates: readonly string[]): SessionSchedule {
  return { weekly: [], exceptions: dates.map((date) => ({ date, changes: [] })) };
}
