// Layout: import directions, what files begin with, names, and rules that some test proves.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { listPrograms, listSources, ROOT, withoutComments } from './sources.ts';

const RULE = /\b[A-Z]{2,4}-\d{1,2}\b/g;
/** Not rules of ours, although they look like them. */
const NOT_RULES = /^(UTF-8|SHA-1|ISO-\d+|AES-\d+|RFC-\d+|X-\d+)$/;
const BANNED_NAMES =
  /(^|[-/])(data|info|manager|helpers?|utils?|common|processor|impl|tmp|flag)([-./]|$)/;

const programs = listPrograms();

describe('layout', () => {
  test('imports go one way: gen, lib, domain, adapter, main', () => {
    const cruise = spawnSync(
      process.execPath,
      [
        join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
        ...['--config', '.dependency-cruiser.mjs', 'services', 'test', 'gen'],
      ],
      { cwd: ROOT, encoding: 'utf8' },
    );
    expect(cruise.status === 0 ? '' : cruise.stdout).toBe('');
  }, 30_000);

  test('a file begins by saying what it is for', () => {
    const silent = programs.filter(({ text }) => !/^(#!.*\n)?(\/\/ |\/\*\*?)/.test(text));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  test('names of files and folders say something', () => {
    const empty = programs.filter(({ path }) => BANNED_NAMES.test(path));
    expect(empty.map(({ path }) => path)).toEqual([]);
  });

  test('work left for later names its issue', () => {
    const unnamed = programs.filter(({ text }) =>
      /(\/\/|\*) .*\b(TODO|FIXME|XXX)\b(?! *\(?#\d)/.test(text),
    );
    expect(unnamed.map(({ path }) => path)).toEqual([]);
  });

  test('nobody switches off the compiler or the linter without a reason', () => {
    const silenced = programs
      .filter(({ path }) => !path.startsWith('test/architecture/'))
      .filter(({ text }) => /@ts-(ignore|nocheck)|biome-ignore [^:]*:\s*$/m.test(text));
    expect(silenced.map(({ path }) => path)).toEqual([]);
  });

  test('services do not ask each other for code', () => {
    const crossing = programs.filter(({ path, text }) => {
      const service = path.match(/^services\/(?!lib\/)([^/]+)\//)?.[1];
      if (service === undefined) return false;
      const imports = withoutComments(text).matchAll(/from\s+'(?:\.\.\/)+([^./][^/']*)\//g);
      const others = listServices().filter((name) => name !== service);
      return [...imports].some(([, folder = '']) => others.includes(folder));
    });
    expect(crossing.map(({ path }) => path)).toEqual([]);
  });
});

function listServices(): string[] {
  const mains = listSources('services', /^main\.ts$/);
  return [...new Set(mains.map(({ path }) => path.split('/')[1] ?? ''))];
}

describe('rules', () => {
  test('every rule that a README names is named by a test', () => {
    const readmes = listSources('services', /^README\.md$/);
    const tests = listSources('test', /\.(ts|txt)$/).map(({ text }) => text);
    const proven = new Set(tests.flatMap((text) => text.match(RULE) ?? []));
    const unproven = readmes.flatMap(({ path, text }) => {
      const named = new Set(rulesIn(text));
      return [...named].filter((rule) => !proven.has(rule)).map((rule) => `${path}: ${rule}`);
    });
    expect(unproven).toEqual([]);
  });
});

/** The rules a text names; `LOG-1 to LOG-3` names three. */
function rulesIn(text: string): string[] {
  const ranges = [...text.matchAll(/\b([A-Z]{2,4})-(\d{1,2}) to \1-(\d{1,2})\b/g)];
  const between = ranges.flatMap(([, family, first, last]) =>
    Array.from(
      { length: Number(last) - Number(first) + 1 },
      (_, index) => `${family}-${Number(first) + index}`,
    ),
  );
  return [...(text.match(RULE) ?? []), ...between].filter((rule) => !NOT_RULES.test(rule));
}
