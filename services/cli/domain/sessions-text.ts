// Sessions on one line, as `apply` shows and compares them: days with their changes, then dates
// that differ, in UTC: `mon tue 08:00 AUCTION 08:05 CONTINUOUS; 2026-12-25 none`. Pure.

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

export type Weekday = (typeof WEEKDAYS)[number];

/** A time of day, as `08:30` or `08:30:15`, and the state that begins then. */
export type Change = { readonly at: string; readonly state: string };

export type Sessions = {
  readonly weekly: readonly {
    readonly days: readonly Weekday[];
    readonly changes: readonly Change[];
  }[];
  readonly exceptions: readonly { readonly date: string; readonly changes: readonly Change[] }[];
};

const NO_CHANGE = 'none';

/** Empty when nothing ever changes. */
export function formatSessions({ weekly, exceptions }: Sessions): string {
  return [
    ...weekly.map(({ days, changes }) => [...days, formatChanges(changes)].join(' ')),
    ...exceptions.map(({ date, changes }) => `${date} ${formatChanges(changes) || NO_CHANGE}`),
  ].join('; ');
}

/** What `formatSessions` has written. */
export function parseSessions(text: string): Sessions {
  const weekly: { days: Weekday[]; changes: Change[] }[] = [];
  const exceptions: { date: string; changes: Change[] }[] = [];
  for (const part of text.split('; ').filter((one) => one !== '')) {
    const words = part.split(' ');
    const days = words.filter(isWeekday);
    const [first = ''] = words;
    if (days.length > 0) weekly.push({ days, changes: parseChanges(words.slice(days.length)) });
    else exceptions.push({ date: first, changes: parseChanges(words.slice(1)) });
  }
  return { weekly, exceptions };
}

function formatChanges(changes: readonly Change[]): string {
  return changes.map(({ at, state }) => `${at.replace(/^(.{5}):00$/, '$1')} ${state}`).join(' ');
}

function parseChanges(words: readonly string[]): Change[] {
  const changes: Change[] = [];
  for (let i = 0; i + 1 < words.length; i += 2) {
    changes.push({ at: words[i] as string, state: words[i + 1] as string });
  }
  return changes;
}

function isWeekday(word: string): word is Weekday {
  return (WEEKDAYS as readonly string[]).includes(word);
}
