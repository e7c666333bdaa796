// Lines of a file, with their numbers; a file that ends in .gz is unpacked on the way.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { StartError } from '../../lib/platform/config/start-error.ts';

export type NumberedLine = { readonly number: number; readonly text: string };

/** @throws StartError when the file cannot be read or unpacked. */
export async function* readLines(path: string): AsyncGenerator<NumberedLine> {
  const file = createReadStream(path);
  const source = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  const failed = new Promise<never>((_, reject) => {
    const fail = (error: Error): void =>
      reject(new StartError(`The file ${path} cannot be read: ${error.message}.`));
    file.on('error', fail);
    source.on('error', fail);
  });
  failed.catch(() => {});
  const lines = createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY });
  const iterator = lines[Symbol.asyncIterator]();
  let number = 0;
  for (;;) {
    const next = await Promise.race([iterator.next(), failed]);
    if (next.done === true) return;
    number += 1;
    if (next.value.trim() !== '') yield { number, text: next.value };
  }
}

/** @returns how many lines there are: what progress is measured against. */
export async function countLines(path: string): Promise<number> {
  let count = 0;
  for await (const { number } of readLines(path)) count = number;
  return count;
}
