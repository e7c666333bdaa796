// The options of `npm run replay` and what they start.

import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Exchange, openExchange } from '../adapter/exchange.ts';
import { watchForInterrupt } from '../adapter/interrupt.ts';
import { Progress } from '../adapter/progress.ts';
import { isClean, type ReplayResult, toJson, toTable } from './comparison.ts';
import { countLines } from './lines.ts';
import { replayLobster } from './lobster-run.ts';
import { replayTrades } from './trades-run.ts';

const EXIT_DIFFERENT = 1;
/** Exit code when it could not be measured. */
export const EXIT_FAILED = 2;

type Common = {
  readonly instrument: string;
  readonly speed: number;
  readonly batch: number;
  readonly malformed: 'skip' | 'fail';
  readonly json?: string | true;
  readonly portOffset?: string;
};

type Replay = (exchange: Exchange, progress: Progress) => Promise<ReplayResult>;

function parseSpeed(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const match = /^(\d+(?:\.\d+)?)x$/.exec(text);
  const speed = Number(match?.[1]);
  if (!(speed > 0)) throw new InvalidArgumentError('It must be max or a multiple such as 10x.');
  return speed;
}

function parseBatch(text: string): number {
  const items = Number(text);
  const isRight = Number.isInteger(items) && items >= 1 && items <= 1_000;
  if (!isRight) throw new InvalidArgumentError('It must be 1 to 1000.');
  return items;
}

function withCommonOptions(command: Command, instrument: string): Command {
  return command
    .option('--instrument <id>', 'instrument to replay into; created when absent', instrument)
    .addOption(
      new Option('--speed <speed>', 'max, or a multiple of the recorded speed such as 10x')
        .argParser(parseSpeed)
        .default(Number.POSITIVE_INFINITY, 'max'),
    )
    .option('--batch <items>', 'orders in one batch, 1 to 1000', parseBatch, 250)
    .addOption(
      new Option('--malformed <what>', 'what to do with a malformed line')
        .choices(['skip', 'fail'])
        .default('fail'),
    )
    .option(
      '--json [file]',
      'write the closing line of JSON to this file instead of standard output',
    )
    .option('--port-offset <n>', 'added to every port of the exchange');
}

async function run(options: Common, lines: string, replay: Replay): Promise<void> {
  const args = options.portOffset === undefined ? [] : ['--port-offset', options.portOffset];
  const total = await countLines(lines);
  const interrupt = watchForInterrupt();
  const exchange = await openExchange(args, (text) => console.error(text), interrupt.signal);
  const stop = (): void => {
    console.error('interrupted');
    void exchange.close().finally(() => process.exit(EXIT_FAILED));
  };
  interrupt.signal.addEventListener('abort', stop, { once: true });
  try {
    const progress = new Progress(total, 'lines');
    const result = await replay(exchange, progress);
    progress.finish();
    console.log(toTable(result));
    const json = JSON.stringify(toJson(result));
    if (typeof options.json === 'string') await writeFile(options.json, `${json}\n`);
    else console.log(json);
    process.exitCode = isClean(result) ? 0 : EXIT_DIFFERENT;
  } finally {
    await exchange.close();
    interrupt.signal.removeEventListener('abort', stop);
    interrupt.release();
  }
}

/** The command line of the replay. */
export function createReplayCommand(): Command {
  const program = new Command('replay').description(
    'Replays a recorded day through the public API and compares what the exchange made of it. ' +
      'Exit code 0: all agreed, 1: something differs, 2: it could not be measured.',
  );

  withCommonOptions(program.command('lobster'), 'GOOG-USD')
    .description('a LOBSTER day: its takes and books are compared')
    .requiredOption('--commands <file>', 'commands, a line of JSON each (.jsonl or .jsonl.gz)')
    .requiredOption('--book <file>', 'order-book rows (.csv or .csv.gz)')
    .option('--audit', 'compare what was settled with sums of the recording; audit the exchange')
    .action((options: Common & { commands: string; book: string; audit?: boolean }) =>
      run(options, options.commands, (exchange, progress) =>
        replayLobster(
          exchange,
          {
            commandsFile: options.commands,
            bookFile: options.book,
            instrumentId: options.instrument,
            speed: options.speed,
            batchItems: options.batch,
            isMalformedFatal: options.malformed === 'fail',
            isAudited: options.audit === true,
          },
          progress,
        ),
      ),
    );

  withCommonOptions(program.command('binance-trades'), 'REPLAY-USD')
    .description(
      'trades as crossing orders; CSV: id,price,qty,time in ms,side of the taker (buy or sell)',
    )
    .requiredOption('--trades <file>', 'the trades (.csv or .csv.gz)')
    .action((options: Common & { trades: string }) =>
      run(options, options.trades, (exchange, progress) =>
        replayTrades(
          exchange,
          {
            tradesFile: options.trades,
            instrumentId: options.instrument,
            speed: options.speed,
            batchItems: options.batch,
            isMalformedFatal: options.malformed === 'fail',
          },
          progress,
        ),
      ),
    );

  return program;
}
