// `npm run -s engine:replay -- FILE`: runs a day of commands through the engine in this process and
// writes the reports to standard output, nothing else.
import { once } from 'node:events';
import { widenInlining } from '../adapter/inlining.ts';
import { MatchingMachine } from '../domain/machine.ts';
import { openFlowInstrument, REPLAY_LIMITS } from './flow-book.ts';
import { readFlowFile } from './flow-file.ts';
import { FlowReports } from './flow-reports.ts';

/** Characters that are written at once. */
const PART = 1 << 18;

async function replay(path: string): Promise<void> {
  const machine = new MatchingMachine(REPLAY_LIMITS);
  openFlowInstrument(machine);
  const reports = new FlowReports(machine);
  // The last line ends without a newline, so each one waits for the next.
  let separator = '';
  const flush = async (): Promise<void> => {
    const text = reports.take();
    if (text === '') return;
    const isTaken = process.stdout.write(separator + text.slice(0, -1));
    separator = '\n';
    if (!isTaken) await once(process.stdout, 'drain');
  };
  for await (const records of readFlowFile(path)) {
    for (let index = 0; index < records.count; index += 1) {
      reports.run(records, index);
      if (reports.length >= PART) await flush();
    }
  }
  await flush();
}

// Whoever reads may have seen enough.
process.stdout.on('error', () => process.exit(1));

widenInlining();
const [path, ...more] = process.argv.slice(2);
try {
  if (path === undefined || more.length > 0) throw new Error('give one file of commands');
  await replay(path);
} catch (error) {
  process.stderr.write(`engine:replay: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
