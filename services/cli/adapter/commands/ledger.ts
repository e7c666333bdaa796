// `bourse ledger audit`, `statement`, `holds`, `positions`: what an auditor asks, as a table, as
// CSV or as JSON. `bourse ledger bust` takes a trade back.

import { type MessageInitShape, toJson } from '@bufbuild/protobuf';
import { type Timestamp, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type Command, InvalidArgumentError } from 'commander';
import type { Posting } from '../../../../gen/bourse/account/v1/account_pb.ts';
import {
  HoldSchema,
  HoldState,
  PositionSchema,
  PostingKind,
  PostingSchema,
} from '../../../../gen/bourse/account/v1/account_pb.ts';
import {
  type AuditLedgerResponse,
  AuditLedgerResponseSchema,
  BustTradeResponseSchema,
  LedgerBreakKind,
} from '../../../../gen/bourse/account/v1/admin_service_pb.ts';
import type { ListPostingsRequestSchema } from '../../../../gen/bourse/account/v1/service_pb.ts';
import { nameOf, type Output, printCsv, printMessage, printTable, type Row } from '../output.ts';
import { patiently } from '../venue-apply.ts';
import { formatTime } from '../words.ts';
import { runCommand, type Session, type Terminal } from './command.ts';
import { type Reason, withReason } from './operator.ts';

const PAGE_SIZE = 1_000;

type Form = { readonly csv?: boolean };

type StatementOptions = {
  readonly asset: string;
  readonly from?: Timestamp;
  readonly to?: Timestamp;
};

export function addLedger(program: Command, terminal: Terminal): void {
  const ledger = program
    .command('ledger')
    .description('audit the ledger; statements, holds and positions of an account; bust a trade')
    .option('--csv', 'print comma-separated values');
  ledger
    .command('audit')
    .description('prove that no money was made or lost; exit code 2 when something does not fit')
    .option('--full', 'compare every posting with the books, also when the sums are right')
    .action(async (options: { full?: boolean }, command: Command) => {
      await runCommand(command, terminal, async (session) => {
        const full = options.full === true;
        const audit = await session.clients.accountAdmin.auditLedger(
          { full },
          { timeoutMs: 600_000 },
        );
        if (!audit.conserved) terminal.setExitCode(2);
        printAudit(session.output, audit, command.optsWithGlobals<Form>());
      });
    });
  addBust(ledger, terminal);
  ledger
    .command('statement')
    .description('every posting of an account, oldest first, with the running balance')
    .argument('<account>', 'account id')
    .option('--asset <asset>', 'only this asset', '')
    .option('--from <time>', 'only from this time on, such as 2026-11-21T09:00:00Z', timeOf)
    .option('--to <time>', 'only before this time', timeOf)
    .action(async (accountId: string, asked: StatementOptions, command: Command) => {
      const wanted = {
        ...{ accountId, assetId: asked.asset },
        ...(asked.from === undefined ? {} : { startTime: asked.from }),
        ...(asked.to === undefined ? {} : { endTime: asked.to }),
      };
      await runCommand(command, terminal, (session) =>
        statement(session, wanted, command.optsWithGlobals<Form>()),
      );
    });
  ledger
    .command('holds')
    .description('the hold behind every held amount of an account')
    .argument('<account>', 'account id')
    .action(async (accountId: string, _options: object, command: Command) => {
      await runCommand(command, terminal, (session) =>
        holds(session, accountId, command.optsWithGlobals<Form>()),
      );
    });
  ledger
    .command('positions')
    .description('what an account has traded in each instrument, and what came of it')
    .argument('<account>', 'account id')
    .action(async (accountId: string, _options: object, command: Command) => {
      await runCommand(command, terminal, (session) =>
        positions(session, accountId, command.optsWithGlobals<Form>()),
      );
    });
}

function addBust(ledger: Command, terminal: Terminal): void {
  withReason(ledger.command('bust'))
    .description(
      'take a trade back on both accounts, fees too; once, however often it is asked for',
    )
    .argument('<trade>', 'trade id, as statements and the tape have it')
    .action(async (tradeId: string, { reason, by }: Reason, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const request = { tradeId, comment: `${reason} (by ${by})` };
        const answer = await patiently(() =>
          clients.accountAdmin.bustTrade(request, { timeoutMs: 600_000 }),
        );
        printMessage(output, BustTradeResponseSchema, answer, () => {
          const when = formatTime(answer.bustTime);
          const was = answer.duplicate ? 'was taken back before' : 'is taken back';
          output.write(`${tradeId} of ${answer.instrumentId} ${was}, ${when}: ${answer.comment}`);
          if (!answer.completed) output.write('The seller’s side is on its way.');
        });
      });
    });
}

/** @throws InvalidArgumentError when it is no time. */
function timeOf(text: string): Timestamp {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) throw new InvalidArgumentError('It must be a time.');
  return timestampFromMs(milliseconds);
}

function print(output: Output, form: Form, head: Row, rows: readonly Row[]): void {
  if (form.csv === true) printCsv(output, head, rows);
  else printTable(output, head, rows);
}

function printAudit(output: Output, audit: AuditLedgerResponse, form: Form): void {
  if (output.isJson) {
    const options = { useProtoFieldName: true, alwaysEmitImplicit: true };
    output.write(JSON.stringify(toJson(AuditLedgerResponseSchema, audit, options)));
    return;
  }
  const breaks = audit.breaks.map(({ kind, accountId, assetId, shardId, expected, found }) => [
    nameOf(LedgerBreakKind, kind).toLowerCase(),
    accountId,
    assetId,
    shardId,
    expected,
    found,
  ]);
  const breakHead = ['BREAK', 'ACCOUNT', 'ASSET', 'SHARD', 'EXPECTED', 'FOUND'];
  if (form.csv === true) {
    printCsv(output, breakHead, breaks);
    return;
  }
  const sums = audit.assets.map((sum) => [
    ...[sum.assetId, sum.customers, sum.held, sum.external],
    ...[sum.fees, sum.suspense, sum.clearing],
  ]);
  const sumHead = ['ASSET', 'CUSTOMERS', 'HELD', 'EXTERNAL', 'FEES', 'SUSPENSE', 'CLEARING'];
  printTable(output, sumHead, sums);
  const places = audit.sources.map(({ shardId, sequence }) => `${shardId} ${sequence}`);
  output.write(`At ${places.join(', ')}.`);
  const how = audit.compared ? ' Every posting was compared with the books.' : '';
  if (audit.conserved) output.write(`Conserved, over ${audit.accounts} accounts.${how}`);
  else {
    output.write(`NOT CONSERVED, over ${audit.accounts} accounts.${how}`);
    printTable(output, breakHead, breaks);
  }
}

async function statement(
  { clients, output }: Session,
  wanted: MessageInitShape<typeof ListPostingsRequestSchema>,
  form: Form,
): Promise<void> {
  const postings: Posting[] = [];
  let pageToken = '';
  let isCut = false;
  do {
    const page = { ...wanted, pageSize: PAGE_SIZE, pageToken };
    const answer = await clients.accounts.listPostings(page);
    postings.push(...answer.postings);
    pageToken = answer.nextPageToken;
    isCut = answer.beyondWindow;
  } while (pageToken !== '');
  postings.reverse();
  if (output.isJson) {
    for (const posting of postings) {
      output.write(JSON.stringify(toJson(PostingSchema, posting, { useProtoFieldName: true })));
    }
    return;
  }
  const rows = postings.map((posting) => [
    formatTime(posting.postTime),
    nameOf(PostingKind, posting.kind).toLowerCase(),
    posting.assetId,
    posting.amount,
    posting.totalAfter,
    posting.clientTransferId || posting.tradeId,
    posting.otherAccountId || posting.orderId,
  ]);
  print(output, form, ['TIME', 'KIND', 'ASSET', 'AMOUNT', 'BALANCE', 'FOR', 'OF'], rows);
  if (isCut && form.csv !== true) output.write('Older postings are no longer listed.');
}

async function holds({ clients, output }: Session, accountId: string, form: Form): Promise<void> {
  const rows: Row[] = [];
  let pageToken = '';
  do {
    const page = { accountId, pageSize: PAGE_SIZE, pageToken };
    const answer = await clients.accounts.listHolds(page);
    for (const hold of answer.holds) {
      if (output.isJson) {
        output.write(JSON.stringify(toJson(HoldSchema, hold, { useProtoFieldName: true })));
      }
      const { orderId, groupId, clientOrderId, instrumentId, assetId, amount, state } = hold;
      const named = [orderId || groupId, clientOrderId, instrumentId, assetId, amount];
      const until = formatTime(hold.validUntilTime);
      rows.push([...named, nameOf(HoldState, state).toLowerCase(), until]);
    }
    pageToken = answer.nextPageToken;
  } while (pageToken !== '');
  if (output.isJson) return;
  const head = [
    'HELD FOR',
    'CLIENT ORDER',
    'INSTRUMENT',
    'ASSET',
    'AMOUNT',
    'STATE',
    'VALID UNTIL',
  ];
  print(output, form, head, rows);
}

async function positions(
  { clients, output }: Session,
  accountId: string,
  form: Form,
): Promise<void> {
  const rows: Row[] = [];
  let pageToken = '';
  let isCut = false;
  do {
    const page = { accountId, pageSize: PAGE_SIZE, pageToken };
    const answer = await clients.accounts.listPositions(page);
    for (const position of answer.positions) {
      if (output.isJson) {
        const options = { useProtoFieldName: true, alwaysEmitImplicit: true };
        output.write(JSON.stringify(toJson(PositionSchema, position, options)));
      }
      const { instrumentId, quantity, averageCost, cost, lastPrice } = position;
      const { realisedResult, unrealisedResult, fees } = position;
      const results = [lastPrice, realisedResult, unrealisedResult, fees];
      rows.push([instrumentId, quantity, averageCost, cost, ...results]);
    }
    pageToken = answer.nextPageToken;
    isCut = answer.beyondWindow;
  } while (pageToken !== '');
  if (output.isJson) return;
  const head = ['INSTRUMENT', 'POSITION', 'AVERAGE', 'COST', 'LAST'];
  print(output, form, [...head, 'REALISED', 'UNREALISED', 'FEES'], rows);
  if (isCut && form.csv !== true) output.write('Older trades are gone and not counted.');
}
