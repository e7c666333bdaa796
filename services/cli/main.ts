// The command line of operators: `npm run -s bourse -- --help`.

import { createInterface } from 'node:readline/promises';
import type { Terminal } from './adapter/commands/command.ts';
import { createProgram, readJsonFile } from './adapter/program.ts';

const interruption = new AbortController();
process.once('SIGINT', () => interruption.abort());
process.once('SIGTERM', () => interruption.abort());
// Whoever reads may stop reading, such as `| head`.
process.stdout.on('error', () => process.exit(0));

const terminal: Terminal = {
  write: (line) => process.stdout.write(`${line}\n`),
  writeError: (line) => process.stderr.write(`${line}\n`),
  confirm: process.stdin.isTTY ? confirm : undefined,
  interrupted: interruption.signal,
  setExitCode: (code) => {
    process.exitCode = code;
  },
};

async function confirm(question: string): Promise<boolean> {
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await reader.question(`${question} [y/N] `, { signal: interruption.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    return false;
  } finally {
    reader.close();
  }
}

await createProgram(terminal).parseAsync(readJsonFile(process.argv));
