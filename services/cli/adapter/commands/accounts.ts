// `bourse account`, `create-account`, `balances`, `deposit`, `withdraw`, `postings`, `holds`.

import type { Command } from 'commander';
import type { Balance } from '../../../../gen/bourse/account/v1/account_pb.ts';
import { HoldState, PostingKind } from '../../../../gen/bourse/account/v1/account_pb.ts';
import {
  CreateAccountResponseSchema,
  DepositResponseSchema,
  WithdrawResponseSchema,
} from '../../../../gen/bourse/account/v1/admin_service_pb.ts';
import {
  GetBalancesResponseSchema,
  ListHoldsResponseSchema,
  ListPostingsResponseSchema,
} from '../../../../gen/bourse/account/v1/service_pb.ts';
import { nameOf, type Output, printMessage, printTable } from '../output.ts';
import { formatTime } from '../words.ts';
import { runCommand, type Session, type Terminal } from './command.ts';

const PAGE_SIZE = 100;

export function addAccounts(program: Command, terminal: Terminal): void {
  program
    .command('create-account')
    .description('create an account')
    .argument('<account>', 'account id')
    .action(async (accountId: string, _options: object, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const answer = await clients.accountAdmin.createAccount({ accountId });
        printMessage(output, CreateAccountResponseSchema, answer, () => {
          output.write(`${accountId} ${answer.duplicate ? 'existed' : 'is created'}.`);
        });
      });
    });
  program
    .command('balances')
    .alias('account')
    .description('show the balances of an account')
    .argument('<account>', 'account id')
    .action(async (accountId: string, _options: object, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const answer = await clients.accounts.getBalances({ accountId });
        printMessage(output, GetBalancesResponseSchema, answer, () => {
          printBalances(output, answer.balances);
        });
      });
    });
  addTransfer(program, terminal, 'deposit');
  addTransfer(program, terminal, 'withdraw');
  addLists(program, terminal);
}

function addTransfer(program: Command, terminal: Terminal, name: 'deposit' | 'withdraw'): void {
  program
    .command(name)
    .description(
      name === 'deposit' ? 'bring money into an account' : 'take available money out of an account',
    )
    .argument('<account>', 'account id')
    .argument('<asset>', 'asset id')
    .argument('<amount>', 'decimal')
    .option('--id <id>', 'client transfer id: a repeat with the same one moves nothing twice', '')
    .action(
      async (
        accountId: string,
        assetId: string,
        amount: string,
        { id }: { id: string },
        command: Command,
      ) => {
        await runCommand(command, terminal, async ({ clients, output }) => {
          const request = { accountId, assetId, amount, clientTransferId: id };
          const schema = name === 'deposit' ? DepositResponseSchema : WithdrawResponseSchema;
          const answer = await clients.accountAdmin[name](request);
          printMessage(output, schema, answer as never, () => {
            const { balance, clientTransferId, duplicate } = answer;
            if (duplicate) output.write(`${clientTransferId} had happened before.`);
            printBalances(output, balance === undefined ? [] : [balance]);
          });
        });
      },
    );
}

function addLists(program: Command, terminal: Terminal): void {
  program
    .command('postings')
    .description('list the postings of an account, newest first')
    .argument('<account>', 'account id')
    .option('--asset <asset>', 'only this asset', '')
    .action(async (accountId: string, { asset }: { asset: string }, command: Command) => {
      await runCommand(command, terminal, (session) => listPostings(session, accountId, asset));
    });
  program
    .command('holds')
    .description('list what the open orders of an account hold')
    .argument('<account>', 'account id')
    .action(async (accountId: string, _options: object, command: Command) => {
      await runCommand(command, terminal, (session) => listHolds(session, accountId));
    });
}

async function listPostings(
  { clients, output }: Session,
  accountId: string,
  assetId: string,
): Promise<void> {
  const request = { accountId, assetId, pageSize: PAGE_SIZE };
  const answer = await clients.accounts.listPostings(request);
  printMessage(output, ListPostingsResponseSchema, answer, () => {
    const rows = answer.postings.map((posting) => [
      formatTime(posting.postTime),
      nameOf(PostingKind, posting.kind).toLowerCase(),
      posting.amount,
      posting.assetId,
      posting.totalAfter,
      posting.clientTransferId || posting.tradeId,
    ]);
    printTable(output, ['TIME', 'KIND', 'AMOUNT', 'ASSET', 'TOTAL', 'FOR'], rows);
  });
}

async function listHolds({ clients, output }: Session, accountId: string): Promise<void> {
  const answer = await clients.accounts.listHolds({ accountId, pageSize: PAGE_SIZE });
  printMessage(output, ListHoldsResponseSchema, answer, () => {
    const rows = answer.holds.map((hold) => [
      hold.orderId,
      hold.clientOrderId,
      hold.instrumentId,
      hold.amount,
      hold.assetId,
      nameOf(HoldState, hold.state).toLowerCase(),
    ]);
    printTable(output, ['ORDER', 'CLIENT ORDER', 'INSTRUMENT', 'AMOUNT', 'ASSET', 'STATE'], rows);
  });
}

function printBalances(output: Output, balances: readonly Balance[]): void {
  const rows = balances.map(({ assetId, total, available, held }) => [
    assetId,
    total,
    available,
    held,
  ]);
  printTable(output, ['ASSET', 'TOTAL', 'AVAILABLE', 'HELD'], rows);
}
