// What an operator does to instruments while they trade: `bourse halt`, `resume`, `auction`,
// `state`, `retire`, and the cancel of others' orders. Each asks for a reason, which ends with who
// gave it in the log of the instrument's shard.

import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import {
  CancelOrdersResponseSchema,
  RetireInstrumentResponseSchema,
  type SetInstrumentStateResponse,
  SetInstrumentStateResponseSchema,
} from '../../../../gen/bourse/reference/v1/admin_service_pb.ts';
import type { Instrument } from '../../../../gen/bourse/reference/v1/reference_pb.ts';
import { InstrumentState } from '../../../../gen/bourse/type/v1/instrument_pb.ts';
import type { Side } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { nameOf, type Output, printMessage } from '../output.ts';
import { patiently } from '../venue-apply.ts';
import { parseCount, parseState, secondsFromNow } from '../words.ts';
import { runCommand, type Session, type Terminal } from './command.ts';

const PAGE_SIZE = 1_000;
/** Changes of state that are on their way at a time. */
const AT_ONCE = 32;
const RESUME_SECONDS = 30;

export type Reason = { readonly reason: string; readonly by: string };
type Which = Reason & { readonly instrument: string; readonly all?: boolean };
type Auction = Which & { readonly seconds: number; readonly then: InstrumentState };

export function addOperator(program: Command, terminal: Terminal): void {
  addStates(program, terminal);
  withReason(program.command('retire'))
    .description('end an instrument for ever: every order is canceled, nothing is accepted')
    .requiredOption('--instrument <id>', 'instrument id')
    .action(async (options: Which, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const request = requestOf(options.instrument, options);
        const answer = await patiently(() => clients.referenceAdmin.retireInstrument(request));
        printMessage(output, RetireInstrumentResponseSchema, answer, () => {
          output.write(`${options.instrument} is RETIRED.`);
        });
      });
    });
}

function addStates(program: Command, terminal: Terminal): void {
  const which = (command: Command) =>
    withReason(command)
      .argument('[instrument]', 'instrument id')
      .option('--instrument <id>', 'instrument id', '')
      .option('--all', 'every instrument that is not retired');
  which(program.command('halt'))
    .description('stop trading: orders may only be canceled, and trading goes on by an auction')
    .action(async (id: string | undefined, options: Which, command: Command) => {
      await runCommand(command, terminal, (session) =>
        changeAll(session, terminal, { id, options }, () => ({ state: InstrumentState.HALTED })),
      );
    });
  which(program.command('resume'))
    .description('go on with continuous trading; what is halted has an auction first')
    .option('--seconds <n>', 'how long that auction lasts', parseCount, RESUME_SECONDS)
    .action(async (id: string | undefined, options: Auction, command: Command) => {
      await runCommand(command, terminal, (session) =>
        changeAll(session, terminal, { id, options }, ({ state }) =>
          state === InstrumentState.HALTED
            ? auctionOf(options.seconds, InstrumentState.CONTINUOUS)
            : { state: InstrumentState.CONTINUOUS },
        ),
      );
    });
  which(program.command('auction'))
    .description('collect orders for a while and trade what is crossed at one price')
    .requiredOption('--seconds <n>', 'how long it lasts', parseCount)
    .option('--then <state>', 'what follows', parseState, InstrumentState.CONTINUOUS)
    .action(async (id: string | undefined, options: Auction, command: Command) => {
      await runCommand(command, terminal, (session) =>
        changeAll(session, terminal, { id, options }, () =>
          auctionOf(options.seconds, options.then),
        ),
      );
    });
  which(program.command('state').argument('<state>', 'the new state', parseState))
    .description('set a state: pre_open, continuous, post_only, cancel_only, halted or closed')
    .action(async (...args: unknown[]) => {
      const [state, id, options, command] = args as [
        InstrumentState,
        string | undefined,
        Which,
        Command,
      ];
      await runCommand(command, terminal, (session) =>
        changeAll(session, terminal, { id, options }, () => ({ state })),
      );
    });
}

type Change = {
  readonly state: InstrumentState;
  readonly auctionEndTime?: { readonly seconds: bigint; readonly nanos: number };
  readonly stateAfterAuction?: InstrumentState;
};

function auctionOf(seconds: number, stateAfterAuction: InstrumentState): Change {
  const auctionEndTime = secondsFromNow(seconds);
  return { state: InstrumentState.AUCTION, auctionEndTime, stateAfterAuction };
}

/** Changes one instrument, or all of them, some at a time; a failure of one does not stop others. */
async function changeAll(
  session: Session,
  terminal: Terminal,
  { id, options }: { readonly id: string | undefined; readonly options: Which },
  changeOf: (instrument: Instrument) => Change,
): Promise<void> {
  const { clients, output } = session;
  const instruments = await findInstruments(session, id ?? options.instrument, options.all);
  const failures: unknown[] = [];
  const work = [...instruments];
  const next = async (): Promise<void> => {
    for (let one = work.shift(); one !== undefined; one = work.shift()) {
      const { instrumentId } = one;
      const request = { ...requestOf(instrumentId, options), ...changeOf(one) };
      try {
        const answer = await patiently(() => clients.referenceAdmin.setInstrumentState(request));
        printState(output, instrumentId, answer);
      } catch (error) {
        if (instruments.length === 1) throw error;
        failures.push(error);
        terminal.writeError(`${instrumentId}: ${error instanceof Error ? error.message : error}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  if (failures.length > 0) {
    throw new Error(`${failures.length} of ${instruments.length} instruments did not change.`);
  }
}

async function findInstruments(
  { clients }: Session,
  instrumentId: string,
  isAll = false,
): Promise<readonly Instrument[]> {
  if (isAll === (instrumentId !== '')) {
    throw new Error('Say which instrument, or --all for every one.');
  }
  if (!isAll) {
    const { instrument } = await clients.reference.getInstrument({ instrumentId });
    return instrument === undefined ? [] : [instrument];
  }
  const found: Instrument[] = [];
  for (let pageToken = ''; ; ) {
    const page = await clients.reference.listInstruments({ pageSize: PAGE_SIZE, pageToken });
    found.push(...page.instruments.filter(({ state }) => state !== InstrumentState.RETIRED));
    pageToken = page.nextPageToken;
    if (pageToken === '') return found;
  }
}

function printState(output: Output, instrumentId: string, answer: SetInstrumentStateResponse) {
  printMessage(output, SetInstrumentStateResponseSchema, answer, () => {
    output.write(`${instrumentId} is ${nameOf(InstrumentState, answer.instrument?.state ?? 0)}.`);
  });
}

/** Cancels what is open in an instrument, of an account, or both, whoever placed it. */
export async function cancelAsOperator(
  { clients, output }: Session,
  options: Reason & {
    readonly instrument: string;
    readonly account: string;
    readonly side: Side;
  },
): Promise<void> {
  const { instrument: instrumentId, account: accountId, side } = options;
  if (options.reason === '') throw new Error('An operator’s cancel needs --reason.');
  const request = { ...requestOf(instrumentId, options), accountId, side };
  const answer = await patiently(() => clients.referenceAdmin.cancelOrders(request));
  printMessage(output, CancelOrdersResponseSchema, answer, () => {
    for (const one of answer.instruments) {
      output.write(`${one.canceledCount} canceled in ${one.instrumentId}.`);
    }
    if (answer.instruments.length === 0) output.write('Nothing was open.');
  });
}

/** The reason and who gave it, for the log. */
export function withReason(command: Command, isRequired = true): Command {
  const flags = '--reason <text>';
  const what = 'why, for the log';
  const named = isRequired ? command.requiredOption(flags, what) : command.option(flags, what, '');
  return named.option('--by <name>', 'who does it, for the log', userName());
}

/** One id for all attempts, so that a repeat does nothing twice. */
function requestOf(instrumentId: string, { reason, by }: Reason) {
  return { instrumentId, comment: `${reason} (by ${by})`, clientRequestId: randomUUID() };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}
