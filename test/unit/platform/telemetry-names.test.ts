// The one list of telemetry names.

import { glob, readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { ATTRIBUTES, METRICS, SPANS } from '../../../services/lib/platform/telemetry/names.ts';

test('every metric has a name of its own under bourse, a unit and a description', () => {
  const names = Object.values(METRICS).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, unit, description } of Object.values(METRICS)) {
    expect(name).toMatch(/^bourse\.[a-z_.]+$/);
    expect(unit).not.toBe('');
    expect(description).not.toBe('');
  }
});

test("a histogram's buckets rise", () => {
  for (const metric of Object.values(METRICS)) {
    if (metric.kind !== 'histogram') continue;
    const buckets = metric.buckets ?? [];
    expect(buckets.length).toBeGreaterThan(0);
    expect([...buckets].sort((a, b) => a - b)).toEqual(buckets);
  }
});

test('no attribute or span name is spelt twice, and none could hold a secret', () => {
  for (const names of [Object.values(ATTRIBUTES), Object.values(SPANS)]) {
    expect(new Set<string>(names).size).toBe(names.length);
    for (const name of names) expect(name).not.toMatch(/token|secret|password|balance/);
  }
});

test('every declared name is in use', async () => {
  const sources = await readSources('services');
  const declared = { METRICS, ATTRIBUTES, SPANS };
  const unused = Object.entries(declared).flatMap(([table, names]) =>
    Object.keys(names)
      .map((name) => `${table}.${name}`)
      .filter((name) => !new RegExp(`\\b${name}\\b`).test(sources)),
  );
  expect(unused).toEqual([]);
});

/** The text of all programs under a folder. */
async function readSources(folder: string): Promise<string> {
  const texts: string[] = [];
  for await (const path of glob(`${folder}/**/*.ts`)) texts.push(await readFile(path, 'utf8'));
  return texts.join('\n');
}
