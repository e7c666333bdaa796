// Fills that reach further back than memory: the real shard and its log in a simulated world.

import { describe, expect, test } from '@jest/globals';
import { ledgerHandlers } from '../../../services/account/adapter/ledger-service.ts';
import type { Command } from '../../../services/account/domain/command.ts';
import type { MatchingEvent } from '../../../services/account/domain/matching-event.ts';
import {
  ACCOUNT_ID,
  type AccountProcess,
  callContext,
  holdOf,
  startAccountShard,
} from '../../support/account-shard.ts';

const COUNT = 1_300;
const AT_ONCE = 100;

type Page = {
  readonly fills: readonly { readonly placement: bigint; readonly sequence: bigint }[];
  readonly more: boolean;
  readonly beyond: boolean;
  readonly nextBeforeSequence: bigint;
};

async function list(process: AccountProcess, asked: object): Promise<Page> {
  const { listFillRecords } = ledgerHandlers(process.node) as unknown as {
    listFillRecords(request: unknown, call: unknown): Promise<Page>;
  };
  const every = { instrumentNumber: 0, placement: 0n, beforeSequence: 0n, settled: false };
  const request = { accountId: ACCOUNT_ID, ...every, ...asked };
  return process.world.simulation.until(listFillRecords(request, callContext().context));
}

/** Placements of all fills, page by page. */
async function listAll(process: AccountProcess, asked: object) {
  const placements: number[] = [];
  for (let beforeSequence = 0n; ; ) {
    const page = await list(process, { ...asked, beforeSequence });
    placements.push(...page.fills.map(({ placement }) => Number(placement)));
    expect(page.more).toBe(page.nextBeforeSequence > 0n);
    if (!page.more) return { placements, beyond: page.beyond };
    beforeSequence = page.nextBeforeSequence;
  }
}

/** A buyer at 1 whose seller is on another shard. */
function traded(accountNumber: number, placement: number): MatchingEvent {
  const elsewhere = { accountNumber: accountNumber + 1, placement: 1, remainingUnits: 0 };
  return {
    kind: 'traded',
    instrumentNumber: 1,
    instrumentSequence: placement,
    priceUnits: 1,
    quantityUnits: 1,
    aggressorSide: undefined,
    maker: { accountNumber, placement, remainingUnits: 0, feeUnits: 0n },
    taker: { ...elsewhere, feeUnits: 0n },
  };
}

/** A range of trades, one each of the placements behind a number. */
function settleOf(accountNumber: number, behind: number): Command {
  const placements = Array.from({ length: AT_ONCE }, (_, index) => behind + index + 1);
  const events = placements.map((placement) => traded(accountNumber, placement));
  return {
    kind: 'settle',
    sourceShardId: 'matching-1',
    fromSequence: behind + 1,
    throughSequence: behind + AT_ONCE,
    sourceEntryIndex: behind + 1,
    sourceChainChecksum: '00',
    entries: [{ logTimeUs: 1, commands: [{ identity: 'c', events }] }],
  };
}

/** A shard whose account has traded more often than memory keeps. */
async function busyShard(): Promise<AccountProcess> {
  const process = await startAccountShard();
  const [created] = await process.propose([holdOf(ACCOUNT_ID, 'first')]);
  if (created?.kind !== 'applied') throw new Error('refused');
  const accountNumber = created.events[0]?.accountNumber ?? 0;
  for (let behind = 0; behind < COUNT; behind += AT_ONCE) {
    const ids = Array.from({ length: AT_ONCE }, (_, index) => `o${behind + index}`);
    await process.propose(ids.map((id) => holdOf(ACCOUNT_ID, id)));
    await process.propose([settleOf(accountNumber, behind)]);
  }
  return process;
}

describe('fills', () => {
  test('READ-1 are listed as far back as the log reaches, each once, newest first', async () => {
    const process = await busyShard();
    const { placements, beyond } = await listAll(process, { limit: 90 });
    expect(beyond).toBe(false);
    expect(placements).toEqual(Array.from({ length: COUNT }, (_, index) => COUNT - index));
  });

  test('READ-1 of one order are found wherever they stand', async () => {
    const process = await busyShard();
    for (const placement of [1, 299, COUNT]) {
      const { placements } = await listAll(process, { limit: 10, placement: BigInt(placement) });
      expect(placements).toEqual([placement]);
    }
  });
});
