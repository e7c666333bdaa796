// The project's own source files, as the architecture tests read them.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export type Source = {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
};

/** Every file below a folder whose name matches. */
export function listSources(folder: string, name = /\.(ts|mjs)$/): Source[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') }));
}

/** Our own programs: `services/` and `test/`, without what is generated. */
export function listPrograms(): Source[] {
  return [...listSources('services'), ...listSources('test')];
}

/** The text with comments blanked out, line by line as it was; what stands in strings stays. */
export function withoutComments(text: string): string {
  const token =
    /\/\*[\s\S]*?\*\/|\/\/.*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
  return text.replace(token, (found) =>
    found.startsWith('/') ? found.replace(/[^\n]/g, ' ') : found,
  );
}

/** The text with comments and the contents of strings blanked out. */
export function codeOnly(text: string): string {
  const plain = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g;
  return withoutComments(text).replace(
    plain,
    (found) => found[0] + ' '.repeat(found.length - 2) + found[0],
  );
}

/** `path:line` of an index into a text. */
export function placeOf({ path, text }: Source, index: number): string {
  return `${path}:${text.slice(0, index).split('\n').length}`;
}
