// The core is a function, the world is injected (W-1): what pure folders must not use.

import { describe, expect, test } from '@jest/globals';
import { codeOnly, listSources, placeOf, type Source, withoutComments } from './sources.ts';

const PURE =
  /^services\/(lib\/(base|routing|rules)|[^/]+\/domain)\/|^services\/lib\/shard\/state-machine\.ts$/;

type Ban = { readonly what: string; readonly pattern: RegExp; readonly instead: string };

const BANNED_CODE: readonly Ban[] = [
  { what: 'Date', pattern: /\bDate\b/g, instead: 'take logTimeUs as an argument' },
  { what: 'Math.random', pattern: /\bMath\.random\b/g, instead: 'take what chance decided' },
  { what: 'performance', pattern: /\bperformance\b/g, instead: 'measure in the adapter' },
  { what: 'process', pattern: /\bprocess\b(?=\s*\.)/g, instead: 'take settings as arguments' },
  {
    what: 'a timer',
    pattern: /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/g,
    instead: 'say when work is due (nextDueTimeUs)',
  },
  { what: 'await', pattern: /\bawait\b/g, instead: 'let the adapter wait' },
  { what: 'async', pattern: /\basync\b/g, instead: 'let the adapter wait' },
  { what: 'Promise', pattern: /\bPromise\b/g, instead: 'let the adapter wait' },
  {
    what: 'sort without a comparator',
    pattern: /\.(sort|toSorted)\(\s*\)/g,
    instead: 'compare explicitly: the default order is by text',
  },
  {
    what: 'text in the order of a locale',
    pattern: /\b(localeCompare|Intl|toLocale\w*)\b/g,
    instead: 'compare by code unit: locales differ between machines',
  },
];

const BANNED_IMPORTS: readonly Ban[] = [
  { what: 'node:', pattern: /from\s+'node:/g, instead: 'take what it gives as an argument' },
  { what: 'gen/', pattern: /from\s+'[^']*\/gen\//g, instead: 'convert in the adapter’s codec' },
  {
    what: 'an npm package',
    pattern: /from\s+'(?!\.|node:)[^']*'/g,
    instead: 'write the pure part',
  },
  { what: 'import()', pattern: /\bimport\s*\(/g, instead: 'import at the top' },
];

const pure = listSources('services').filter(({ path }) => PURE.test(path));

function findUses(sources: readonly Source[], ban: Ban, read: (text: string) => string): string[] {
  return sources.flatMap((source) =>
    [...read(source.text).matchAll(ban.pattern)].map(
      ({ index }) => `${placeOf(source, index)} uses ${ban.what}: ${ban.instead}`,
    ),
  );
}

describe('W-1 the pure folders', () => {
  test('are there', () => {
    expect(pure.length).toBeGreaterThan(10);
  });

  test.each(BANNED_CODE)('do not use $what', (ban) => {
    expect(findUses(pure, ban, codeOnly)).toEqual([]);
  });

  test.each(BANNED_IMPORTS)('do not import $what', (ban) => {
    expect(findUses(pure, ban, withoutComments)).toEqual([]);
  });
});

describe('the search', () => {
  const source = {
    path: 'example.ts',
    text: "// Date in a comment\nconst text = 'a Date';\nconst now = Date.now();\n",
  };
  const [date] = BANNED_CODE;

  test('sees code and neither comments nor strings', () => {
    expect(date && findUses([source], date, codeOnly)).toEqual([
      'example.ts:3 uses Date: take logTimeUs as an argument',
    ]);
  });
});
