// Every script in this folder gives exactly the outcome that stands below its line. Scripts are
// rewritten with GOLDEN_UPDATE=1; read the difference before committing it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { ScriptWorld } from './run-script.ts';

const folder = new URL('./', import.meta.url);
const LINE = '-----';

function outcomeOf(script: string): string {
  const world = new ScriptWorld();
  const lines: string[] = [];
  for (const line of script.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    lines.push(`> ${line}`);
    for (const outcome of world.run(line)) lines.push(`  ${outcome}`);
  }
  return [...lines, 'books', ...world.books().map((line) => `  ${line}`), ''].join('\n');
}

describe('rules of money, as scripts', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  test.each(files)('%s', (file) => {
    const url = new URL(file, folder);
    const [script = '', expected = ''] = readFileSync(url, 'utf8').split(`${LINE}\n`);
    const outcome = outcomeOf(script);
    if (process.env['GOLDEN_UPDATE'] === '1') writeFileSync(url, `${script}${LINE}\n${outcome}`);
    else expect(outcome).toBe(expected);
  });
});
