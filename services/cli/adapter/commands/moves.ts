// `bourse slots move`, `bourse moves list` and `bourse moves cancel`: slots that go from one shard
// to another while they trade.

import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { type Command, InvalidArgumentError } from 'commander';
import {
  CancelMoveResponseSchema,
  ListMovesResponseSchema,
  MoveSlotsResponseSchema,
} from '../../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { ShardKind } from '../../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { type Move, MoveState } from '../../../../gen/bourse/coordinator/v1/move_pb.ts';
import { slotOf } from '../../../lib/routing/slot.ts';
import { nameOf, type Output, printMessage, printTable } from '../output.ts';
import { parseCount } from '../words.ts';
import { runCommand, type Session, type Terminal } from './command.ts';

const SLOT_COUNT = 4_096;
const PAGE_SIZE = 1_000;
const POLL_MS = 200;
const SHOWN_LIMIT = 50;

type MoveOptions = {
  readonly to: string;
  readonly instrument?: string;
  readonly account?: string;
  readonly accounts?: boolean;
  readonly id?: string;
  readonly watch?: boolean;
};

export function addMoves(program: Command, terminal: Terminal): void {
  const slots = program.command('slots').description('slots of instruments and of accounts');
  slots
    .command('move')
    .description('move slots to another shard while they trade')
    .argument('[slots...]', 'slots from 0 to 4095, and ranges such as 100-199')
    .requiredOption('--to <shard>', 'shard that shall own them')
    .option('--instrument <id>', 'the slot of this instrument')
    .option('--account <id>', 'the slot of this account')
    .option('--accounts', 'slots given by number are those of accounts, not of instruments')
    .option('--id <id>', 'client request id: a repeat with it moves nothing twice')
    .option('--watch', 'show the moves until they have ended')
    .action(async (words: readonly string[], options: MoveOptions, command: Command) => {
      await runCommand(command, terminal, (session) => move(session, words, options, terminal));
    });
  const moves = program.command('moves').description('moves of slots');
  moves
    .command('list')
    .description('show moves, the newest first')
    .option('--open', 'only those that have not ended')
    .option('--limit <n>', 'at most so many', parseCount, SHOWN_LIMIT)
    .action(async (options: { open?: boolean; limit: number }, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const pageSize = Math.min(PAGE_SIZE, Math.max(1, options.limit));
        const request = { pageSize, openOnly: options.open === true };
        const answer = await clients.cluster.listMoves(request);
        printMessage(output, ListMovesResponseSchema, answer, () => {
          printMoves(output, answer.moves);
        });
      });
    });
  moves
    .command('cancel')
    .description('take a move back that has not frozen its slot')
    .argument('<move>', 'id of the move')
    .action(async (moveId: string, _options: object, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const answer = await clients.cluster.cancelMove({ moveId });
        printMessage(output, CancelMoveResponseSchema, answer, () => {
          output.write(`Move ${moveId} is taken back.`);
        });
      });
    });
}

async function move(
  session: Session,
  words: readonly string[],
  options: MoveOptions,
  terminal: Terminal,
): Promise<void> {
  const { clients, output } = session;
  const { to: targetShardId, instrument: instrumentId = '' } = options;
  const { account } = options;
  const isOfAccounts = options.accounts === true || account !== undefined;
  const kind = isOfAccounts ? ShardKind.ACCOUNT : ShardKind.MATCHING;
  const slots = words.flatMap(parseSlots);
  if (account !== undefined) slots.push(slotOf(account));
  const answer = await clients.cluster.moveSlots({
    clientRequestId: options.id ?? randomUUID(),
    ...(slots.length > 0 ? { kind, slots } : {}),
    ...{ instrumentId, targetShardId },
  });
  printMessage(output, MoveSlotsResponseSchema, answer, () => {
    if (answer.moves.length > 0) return printMoves(output, answer.moves);
    output.write(`${targetShardId} owns what was named already.`);
  });
  if (options.watch !== true || answer.moves.length === 0) return;
  await watchMoves(session, answer.clientRequestId, terminal);
}

/** Shows every change of the moves of a request until all have ended. */
export async function watchMoves(
  { clients, output }: Session,
  clientRequestId: string,
  terminal: Terminal,
): Promise<void> {
  const shown = new Map<string, string>();
  let rolledBack = 0;
  for (;;) {
    const moves = await listAll(clients, clientRequestId);
    for (const one of moves) {
      const line = describeMove(one);
      if (shown.get(one.moveId) === line) continue;
      shown.set(one.moveId, line);
      if (!output.isJson) output.write(line);
    }
    rolledBack = moves.filter(({ state }) => state === MoveState.ROLLED_BACK).length;
    if (moves.every(hasEnded) || terminal.interrupted.aborted) {
      if (output.isJson) {
        const message = create(ListMovesResponseSchema, { moves: [...moves] });
        printMessage(output, ListMovesResponseSchema, message, () => {});
      }
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  if (rolledBack > 0) throw new Error(`${rolledBack} of the moves were rolled back.`);
}

async function listAll(
  clients: Session['clients'],
  clientRequestId: string,
): Promise<readonly Move[]> {
  const found: Move[] = [];
  for (let pageToken = ''; ; ) {
    const request = { pageSize: PAGE_SIZE, pageToken, clientRequestId };
    const page = await clients.cluster.listMoves(request);
    found.push(...page.moves);
    pageToken = page.nextPageToken;
    if (pageToken === '') return found.reverse();
  }
}

function hasEnded({ state }: Move): boolean {
  return state === MoveState.DONE || state === MoveState.ROLLED_BACK;
}

function describeMove(move: Move): string {
  const { moveId, slot, sourceShardId, targetShardId, state, pauseUs, rollBackReason } = move;
  const pause = pauseUs === undefined ? '' : `, paused for ${millisecondsOf(pauseUs)} ms`;
  const why = rollBackReason === '' ? '' : `, back: ${rollBackReason}`;
  const way = `slot ${slot} from ${sourceShardId} to ${targetShardId}`;
  return `move ${moveId}: ${way}: ${nameOf(MoveState, state)}${pause}${why}`;
}

function printMoves(output: Output, moves: readonly Move[]): void {
  printTable(
    output,
    ['MOVE', 'KIND', 'SLOT', 'FROM', 'TO', 'STATE', 'COPIED', 'REST', 'PAUSE', ''],
    moves.map((move) => [
      move.moveId,
      nameOf(ShardKind, move.kind).toLowerCase(),
      String(move.slot),
      move.sourceShardId,
      move.targetShardId,
      nameOf(MoveState, move.state),
      `${move.copiedBytes} B`,
      `${move.restBytes} B`,
      move.pauseUs === undefined ? '-' : `${millisecondsOf(move.pauseUs)} ms`,
      move.rollBackReason,
    ]),
  );
}

function millisecondsOf(durationUs: bigint): string {
  return (Number(durationUs) / 1_000).toFixed(1);
}

/** `7` or `100-199`. */
function parseSlots(word: string): readonly number[] {
  const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(word) ?? [];
  const from = Number(first);
  const to = Number(last);
  if (first === undefined || from > to || to >= SLOT_COUNT) {
    throw new InvalidArgumentError(`${word} is no slot or range of slots from 0 to 4095.`);
  }
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
