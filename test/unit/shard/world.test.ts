// The shard host touches the world through `World` alone, or no simulation of it means anything.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

const FOLDER = new URL('../../../services/lib/shard/', import.meta.url);
/** The real world itself. */
const REAL = new Set(['real-world.ts', 'copy-rows.ts', 'postgres-log.ts', 'postgres-session.ts']);
/** Hashing is a function; everything else of Node touches the world. */
const WORLDLY = [
  /\bDate\b|\bperformance\b|\bprocess\b|Math\.random|set(Timeout|Interval|Immediate)/,
  /from 'pg'|from 'node:(?!crypto)|random.* from 'node:crypto'/,
];

describe('the world of a shard', () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.ts') && !REAL.has(name));

  test.each(files)('W-1: %s touches it through its interface only', (name) => {
    const lines = readFileSync(new URL(name, FOLDER), 'utf8').split('\n');
    const code = lines.filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line));
    const worldly = code.filter((line) => WORLDLY.some((pattern) => pattern.test(line)));
    expect(worldly).toEqual([]);
  });
});
