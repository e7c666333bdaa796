// Small: files under 400 lines, functions under 70, lines of at most 100 columns (style.md 9).

import { describe, expect, test } from '@jest/globals';
import { parseSync } from '@swc/core';
import { type Exception, LONG_FILES, LONG_FUNCTIONS } from './exceptions.ts';
import { listPrograms, listSources, placeOf, type Source } from './sources.ts';

const FILE_LINES = 400;
const FUNCTION_LINES = 70;
const MAIN_LINES = 60;
const COLUMNS = 100;

const programs = listPrograms();
const isExcepted = (list: readonly Exception[], path: string) =>
  list.some((exception) => exception.path === path);

type Span = { readonly start: number; readonly end: number };
type SyntaxNode = { readonly type: string; readonly span?: Span } & Record<string, unknown>;
type FoundFunction = { readonly name: string; readonly lines: number; readonly place: string };

const FUNCTIONS = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'PrivateMethod',
  'Constructor',
  'MethodProperty',
]);

/** Every function of a file with its length. Spans count bytes from where the first token stands. */
function findFunctions(source: Source): FoundFunction[] {
  const marker = ';';
  const bytes = Buffer.from(marker + source.text);
  const tree = parseSync(marker + source.text, { syntax: 'typescript', target: 'es2024' });
  const origin = tree.span.start;
  const found: FoundFunction[] = [];
  const visit = (node: unknown, name: string): void => {
    if (Array.isArray(node)) {
      for (const item of node) visit(item, name);
      return;
    }
    if (node === null || typeof node !== 'object') return;
    const { type, span, ...rest } = node as SyntaxNode;
    const ownName = nameOf(node as SyntaxNode) ?? name;
    if (FUNCTIONS.has(type) && span !== undefined) {
      const before = bytes.subarray(0, span.start - origin).toString();
      const text = bytes.subarray(span.start - origin, span.end - origin).toString();
      const place = placeOf(source, before.length - marker.length);
      found.push({ name: ownName, lines: text.split('\n').length, place });
    }
    for (const child of Object.values(rest)) visit(child, ownName);
  };
  visit(tree.body, '');
  return found;
}

function nameOf(node: SyntaxNode): string | undefined {
  for (const holder of [node['identifier'], node['id'], node['key']]) {
    const value = (holder as { value?: unknown } | undefined)?.value;
    if (typeof value === 'string') return value;
  }
  return undefined;
}

describe('sizes', () => {
  test(`files have fewer than ${FILE_LINES} lines`, () => {
    const long = programs
      .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
      .filter(({ path, lines }) => lines >= FILE_LINES && !isExcepted(LONG_FILES, path));
    expect(long).toEqual([]);
  });

  test(`lines have at most ${COLUMNS} columns`, () => {
    const long = programs.flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, index) => {
        // The formatter leaves them whole: an import of one name, a text with values in it; nor can
        // an address, a regular expression and what a test says be broken.
        const isWhole = /^import |^\s*(return |const \w+ = )?`|https?:\/\/|\/[gimsuy]*[,;)]?$/.test(
          line,
        );
        const isSaid = path.startsWith('test/') && /(['"`]).{50,}\1/.test(line);
        const isWide = line.length > COLUMNS && !isWhole && !isSaid;
        return isWide ? [`${path}:${index + 1} has ${line.length}`] : [];
      }),
    );
    expect(long).toEqual([]);
  });

  test(`functions have fewer than ${FUNCTION_LINES} lines`, () => {
    // A test file's outermost functions are lists of tests, not programs.
    const sources = programs.filter(({ path }) => !/\.(test|suite)\.ts$/.test(path));
    const long = sources.flatMap((source) =>
      findFunctions(source)
        .filter(({ lines }) => lines >= FUNCTION_LINES)
        .filter(({ name }) => !isExcepted(LONG_FUNCTIONS, `${source.path}#${name}`))
        .map(({ name, lines, place }) => `${place} ${name} has ${lines} lines`),
    );
    expect(long).toEqual([]);
  });

  test(`a service's main.ts has fewer than ${MAIN_LINES} lines`, () => {
    const mains = listSources('services', /^main\.ts$/);
    const long = mains
      .filter(({ text }) => text.split('\n').length - 1 >= MAIN_LINES)
      .map(({ path }) => path);
    expect(long).toEqual([]);
  });

  test('an exception is still needed, and says why', () => {
    const paths = new Set(programs.map(({ path }) => path));
    for (const { path, reason } of [...LONG_FILES, ...LONG_FUNCTIONS]) {
      expect(paths).toContain(path.replace(/#.*/, ''));
      expect(reason.length).toBeGreaterThan(20);
    }
  });

  test('the search finds a function by its name and length', () => {
    const text = '// first\n\nconst twice = (é: number) => {\n  return é * 2;\n};\n';
    expect(findFunctions({ path: 'example.ts', text })).toEqual([
      { name: 'twice', lines: 3, place: 'example.ts:3' },
    ]);
  });
});
