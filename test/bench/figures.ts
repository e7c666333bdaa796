// The last line of a bench: its figures as JSON, on standard output or in a file.

import { writeFileSync } from 'node:fs';

/** Takes `--json [FILE]` out of the arguments. */
export function takeJsonOption(args: readonly string[]): {
  readonly rest: readonly string[];
  readonly file: string | undefined;
} {
  const at = args.indexOf('--json');
  if (at < 0) return { rest: args, file: undefined };
  const next = args[at + 1];
  const file = next === undefined || next.startsWith('--') ? undefined : next;
  return { rest: args.toSpliced(at, file === undefined ? 1 : 2), file };
}

/** Writes the line, each figure rounded to thousandths. */
export function sayFigures(
  bench: string,
  figures: Readonly<Record<string, number>>,
  file: string | undefined,
): void {
  const rounded = Object.entries(figures).map(([name, value]) => {
    return [name, Math.round(value * 1_000) / 1_000];
  });
  const line = JSON.stringify({ bench, ...Object.fromEntries(rounded) });
  if (file === undefined) process.stdout.write(`${line}\n`);
  else writeFileSync(file, `${line}\n`);
}
