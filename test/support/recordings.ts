// Real inputs with known answers lie outside the repository, in `../shared/data` or in the folder
// that BOURSE_DATA names. Tests that need them say that they are skipped where they are absent.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** Folder of the recordings; undefined where there is none. */
export function findRecordings(): string | undefined {
  const folder = process.env['BOURSE_DATA'] ?? join(ROOT, '../shared/data');
  return existsSync(folder) ? folder : undefined;
}

/** Path below it; undefined, with a line saying what is skipped, where it is absent. */
export function findRecording(path: string, needs: string): string | undefined {
  const folder = findRecordings();
  const file = folder === undefined ? undefined : join(folder, path);
  if (file !== undefined && existsSync(file)) return file;
  console.warn(`skipped: ${needs} needs ${path} in ../shared/data or $BOURSE_DATA`);
  return undefined;
}
