// The gate before a shard's queue: which holds wait for settlement, and what they are told.
import { describe, expect, test } from '@jest/globals';
import type { Command } from '../../../services/account/domain/command.ts';
import { bracket, hold, Shard } from './gate-under-test.ts';

/** How long, and how many, holds that were refused as short keep their place. */
const TURN_LIMIT_MS = 10_000;
const MOST_TURNS = 65_536;

/** What the balance does not cover waits until everything is settled, and is too dear then, too. */
async function waitsAndIsDeclined(shard: Shard, short: { readonly answer: string }): Promise<void> {
  await shard.work();
  expect([short.answer, shard.waits]).toEqual(['none', [['BTC-USD']]]);
  shard.settles(true);
  await shard.work();
  await shard.work();
  expect(short.answer).toBe('orderDeclined');
}

describe('the gate before holds of groups', () => {
  const base = { kind: 'deposit', accountId: 'alice', assetNumber: 2 } as const;
  const shardWithBase = () => {
    const shard = new Shard();
    shard.apply({ kind: 'setAsset', assetNumber: 2, assetId: 'BTC', scale: 2, version: 1 });
    shard.apply({ ...base, amountUnits: 10n, clientTransferId: 'b' });
    return shard;
  };

  test('SET-4 HLD-6 a group that both balances cover does not wait', async () => {
    const shard = shardWithBase();
    const covered = shard.propose(bracket('g', 90));
    await shard.work();
    expect([covered.answer, shard.waits]).toEqual(['groupHoldPlaced', []]);
  });

  test('SET-4 HLD-6 one that lacks what its exits can cost waits for the books', async () => {
    const shard = shardWithBase();
    shard.propose(hold('a', 50));
    await shard.work();
    const short = shard.propose(bracket('g', 90));
    await waitsAndIsDeclined(shard, short);
  });

  test('SET-4 one that may be asked again is refused as short, and keeps its place', async () => {
    const shard = shardWithBase();
    shard.propose(hold('a', 50));
    await shard.work();
    const short = shard.propose(bracket('g', 90, { refuseWhenShort: true }));
    await shard.work();
    expect(short.answer).toBe('INSUFFICIENT_FUNDS');
    const later = shard.propose(hold('b', 10, { refuseWhenShort: true }));
    await shard.work();
    expect(later.answer).toBe('INSUFFICIENT_FUNDS');
    const again = shard.propose(bracket('g', 20));
    await shard.work();
    expect(again.answer).toBe('groupHoldPlaced');
  });
});

describe('the gate before holds', () => {
  test('SET-4 a hold that the balance covers does not wait', async () => {
    const shard = new Shard();
    const first = shard.propose(hold('a', 60));
    const second = shard.propose(hold('b', 40));
    await shard.work();
    expect([first.answer, second.answer, shard.waits]).toEqual(['holdPlaced', 'holdPlaced', []]);
  });

  test('SET-4 without orders there is nothing to wait for', async () => {
    const shard = new Shard();
    const hopeless = shard.propose(hold('a', 101));
    await shard.work();
    expect([hopeless.answer, shard.waits]).toEqual(['orderDeclined', []]);
  });

  test('SET-4 a hold that it does not cover waits for the books, then is decided', async () => {
    const shard = new Shard();
    shard.propose(hold('a', 100));
    await shard.work();
    const short = shard.propose(hold('b', 50));
    await waitsAndIsDeclined(shard, short);
  });

  test('SET-4 what is under way counts as spent', async () => {
    const shard = new Shard();
    shard.propose(hold('a', 10));
    await shard.work();
    shard.propose(hold('b', 80));
    const short = shard.propose(hold('c', 20));
    expect(shard.waits).toEqual([['BTC-USD']]);
    shard.settles(true);
    await shard.work();
    await shard.work();
    expect(short.answer).toBe('orderDeclined');
  });

  test('SET-4 settlement that is late is SETTLEMENT_LAG, never INSUFFICIENT_FUNDS', async () => {
    const shard = new Shard();
    shard.propose(hold('a', 100));
    await shard.work();
    const short = shard.propose(hold('b', 50));
    shard.settles(false);
    await shard.work();
    expect(short.answer).toBe('SETTLEMENT_LAG');
    const id = shard.machine.state.accountsById.get('alice')?.placementByClientOrderId.get('b');
    expect(id).toBeUndefined();
  });

  test('SET-4 repeats, declined orders and flagged holds do not wait', async () => {
    const shard = new Shard();
    shard.propose(hold('a', 100));
    await shard.work();
    const repeat = shard.propose(hold('a', 100));
    const flagged = shard.propose(hold('b', 50, { refuseWhenShort: true }));
    const declined = shard.propose(hold('c', 50, { declineReason: 'TOO_LATE' }));
    await shard.work();
    const answers = [repeat.answer, flagged.answer, declined.answer];
    expect(answers).toEqual(['repeat', 'INSUFFICIENT_FUNDS', 'orderDeclined']);
    expect(shard.waits).toEqual([]);
  });

  test('SET-4 amends and withdrawals wait too', async () => {
    const shard = new Shard();
    shard.propose(hold('a', 100));
    await shard.work();
    const accountNumber = shard.machine.state.accountsById.get('alice')?.accountNumber ?? 0;
    const amend = { accountNumber, placement: 1, amendHoldId: 'm', validUntilUs: 1_000 };
    shard.propose({ kind: 'amendHold', ...amend, amountUnits: 1n });
    const transfer = { accountId: 'alice', assetNumber: 1, clientTransferId: 'w' };
    shard.propose({ kind: 'withdraw', ...transfer, amountUnits: 1n });
    expect(shard.waits).toHaveLength(2);
  });

  test('settlement far behind refuses new holds, and nothing else', async () => {
    const shard = new Shard();
    shard.isTooFarBehind = true;
    const refused = shard.propose(hold('a', 10));
    const transfer = { accountId: 'alice', assetNumber: 1, clientTransferId: 'w' };
    const withdrawal = shard.propose({ kind: 'withdraw', ...transfer, amountUnits: 1n });
    await shard.work();
    expect([refused.answer, withdrawal.answer]).toEqual(['SETTLEMENT_LAG', 'transferPosted']);
  });

  test('a command that says nothing is refused alone', () => {
    const shard = new Shard();
    const box = shard.propose({ kind: 'malformed', sentence: 'it has no command' });
    expect(box.answer).toBe('MESSAGE_MALFORMED');
  });
});

describe('holds that may be asked again', () => {
  test('SET-4 do not overtake one that waits for settlement', async () => {
    const shard = new Shard();
    const earlier = shard.propose(hold('first', 100));
    await shard.work();
    const waiting = shard.propose(hold('waits', 60));
    const later = shard.propose(hold('later', 10, { refuseWhenShort: true }));
    await shard.work();
    expect([earlier.answer, waiting.answer]).toEqual(['holdPlaced', 'none']);
    expect(later.answer).toBe('INSUFFICIENT_FUNDS');
  });

  test('SET-4 do not overtake one that was refused as short and comes back', async () => {
    const shard = new Shard();
    const first = shard.propose(hold('refused', 200, { refuseWhenShort: true }));
    await shard.work();
    const later = shard.propose(hold('later', 10, { refuseWhenShort: true }));
    await shard.work();
    expect([first.answer, later.answer]).toEqual(['INSUFFICIENT_FUNDS', 'INSUFFICIENT_FUNDS']);
    shard.propose(hold('refused', 20));
    shard.propose(hold('later', 10));
    await shard.work();
    const newest = shard.propose(hold('newest', 10, { refuseWhenShort: true }));
    await shard.work();
    expect(newest.answer).toBe('holdPlaced');
  });

  test('SET-4 lose their place when they do not come back in time, and only then', async () => {
    const shard = new Shard();
    const asked = { refuseWhenShort: true };
    // Its order service dies: it never comes back.
    const lost = shard.propose(hold('lost', 200, asked));
    await shard.work();
    await shard.simulation.run(TURN_LIMIT_MS * 1000 - 1);
    const early = shard.propose(hold('early', 10, asked));
    await shard.work();
    expect([lost.answer, early.answer]).toEqual(['INSUFFICIENT_FUNDS', 'INSUFFICIENT_FUNDS']);
    const again = shard.propose(hold('early', 10));
    await shard.work();
    await shard.simulation.run(1);
    const inTime = shard.propose(hold('in-time', 10, asked));
    await shard.work();
    expect([again.answer, inTime.answer]).toEqual(['holdPlaced', 'holdPlaced']);
  });

  test('SET-4 keep their place whoever else of the account is asked meanwhile', async () => {
    const shard = new Shard();
    const asked = { refuseWhenShort: true };
    shard.propose(hold('refused', 200, asked));
    await shard.work();
    shard.propose(hold('other', 10));
    await shard.work();
    const later = shard.propose(hold('later', 10, asked));
    await shard.work();
    expect(later.answer).toBe('INSUFFICIENT_FUNDS');
  });

  test('keep no more places than their bound: the oldest is lost', async () => {
    const shard = new Shard();
    const asked = { refuseWhenShort: true };
    const account = { accountId: 'bob', defaultSelfTradePrevention: 'NONE' } as const;
    shard.apply({ kind: 'createAccount', ...account });
    shard.propose(hold('oldest', 200, asked));
    await shard.work();
    for (let index = 0; index < MOST_TURNS - 1; index += 1) {
      shard.propose(hold(`b${index}`, 1, { ...asked, accountId: 'bob' }));
    }
    await shard.work();
    const kept = shard.propose(hold('kept', 10, asked));
    expect(kept.answer).toBe('INSUFFICIENT_FUNDS');
    shard.propose(hold('kept', 10));
    await shard.work();
    shard.propose(hold('one-more', 1, { ...asked, accountId: 'bob' }));
    shard.propose(hold('another', 1, { ...asked, accountId: 'bob' }));
    await shard.work();
    const free = shard.propose(hold('free', 10, asked));
    await shard.work();
    expect(free.answer).toBe('holdPlaced');
  });
});

describe('the gate before holds of accounts with fees of their own', () => {
  const fees = (accountId: string, makerRatePpm: number, takerRatePpm: number): Command => ({
    kind: 'setFeeSchedule',
    scope: { accountId, instrumentNumber: 0 },
    tiers: [{ minimumVolume: 0n, makerRatePpm, takerRatePpm, auctionRatePpm: 0 }],
    asked: '',
  });

  test('HLD-1 SET-4 one that the balance covers only without them waits for the books', async () => {
    const shard = new Shard();
    shard.propose(hold('a', 20));
    await shard.work();
    shard.apply(fees('alice', 100_000, 0));
    // 75 and a tenth, of 80: more than is there with the maker's rate, the highest.
    const short = shard.propose(hold('b', 75));
    await waitsAndIsDeclined(shard, short);
  });

  test('HLD-1 SET-4 one that the balance covers only with them does not wait', async () => {
    const shard = new Shard();
    shard.propose(hold('a', 20));
    await shard.work();
    shard.apply(fees('', 0, 0));
    const dear = { ...hold('b', 80), amountUnits: 88n };
    const covered = shard.propose(dear);
    await shard.work();
    expect([covered.answer, shard.waits]).toEqual(['holdPlaced', []]);
  });
});
