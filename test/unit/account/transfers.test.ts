// Transfers between accounts, on one shard and between two (LED-4, LED-5).

import { describe, expect, test } from '@jest/globals';
import type { AccountTransfer, Command } from '../../../services/account/domain/command.ts';
import { OWN_STREAM } from '../../../services/account/domain/ledger.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import { ASSETS, type Result } from '../../model/account/ledger-world.ts';
import { ShardsWorld } from '../../model/account/shards-world.ts';

/** Account ids of the shard of a number, of two. */
const idsOf = (number: number): string[] =>
  Array.from({ length: 50 }, (_, n) => `a${n}`).filter((id) => slotOf(id) % 2 === number);
const [alice = '', carol = ''] = idsOf(0);
const [bob = ''] = idsOf(1);

function start(): ShardsWorld {
  const world = new ShardsWorld(2);
  for (const accountId of [alice, bob, carol]) world.createAccount(accountId);
  deposit(world, alice, 1_000n);
  return world;
}

function deposit(world: ShardsWorld, accountId: string, amountUnits: bigint, id = 'd'): Result {
  const wanted = { accountId, assetNumber: ASSETS.USD, amountUnits, clientTransferId: id };
  return world.applyFor(accountId, { kind: 'deposit', ...wanted });
}

const sends = (change: Partial<AccountTransfer> = {}): AccountTransfer => ({
  kind: 'transfer',
  accountId: alice,
  assetNumber: ASSETS.USD,
  amountUnits: 300n,
  clientTransferId: 't1',
  toAccountId: bob,
  ...change,
});

const reasonOf = ({ outcome }: Result): string =>
  outcome.kind === 'refused' ? outcome.refusal.reason : outcome.kind;

describe('a transfer between accounts', () => {
  test('LED-5 on one shard moves the money at once, without clearing', () => {
    const world = start();
    const { events } = world.applyFor(alice, sends({ toAccountId: carol }));
    expect(events.map(({ kind }) => kind)).toEqual(['transferPosted', 'transferPosted']);
    expect([world.balance(alice, 'USD'), world.balance(carol, 'USD')]).toEqual([700n, 300n]);
    expect(world.shardOf(alice).machine.state.ledger.purse('CLEARING', 1, OWN_STREAM).units).toBe(
      0n,
    );
  });

  test('LED-3 LED-5 between shards stands in clearing until the other shard has followed', () => {
    const world = start();
    world.applyFor(alice, sends());
    expect([world.balance(alice, 'USD'), world.balance(bob, 'USD')]).toEqual([700n, 0n]);
    expect(world.clearingOf('account-1', 'USD')).toBe(300n);
    world.followAll();
    expect([world.balance(alice, 'USD'), world.balance(bob, 'USD')]).toEqual([700n, 300n]);
    expect(world.clearingOf('account-1', 'USD')).toBe(0n);
  });

  test('SET-1 LED-5 a range that comes twice is refused and pays nothing twice', () => {
    const world = start();
    world.applyFor(alice, sends());
    const [, other] = world.shards;
    if (other === undefined) throw new Error('there are two');
    world.follow(other, 'account-1');
    const { command } = other.commands.at(-1) ?? {};
    expect(reasonOf(world.apply(other, command as Command))).toBe('SETTLEMENT_GAP');
    expect(world.balance(bob, 'USD')).toBe(300n);
  });

  test('LED-4 the same id with the same body is answered with the first posting, for ever', () => {
    const world = start();
    const first = world.applyFor(alice, sends());
    const yearUs = 366 * 86_400_000_000;
    world.apply(world.shardOf(alice), sends({ clientTransferId: 'other' }), yearUs);
    const again = world.applyFor(alice, sends());
    if (first.outcome.kind !== 'done' || again.outcome.kind !== 'done') throw new Error('refused');
    expect(again.events).toEqual([]);
    expect(again.outcome.answer).toMatchObject({
      existing: true,
      accountSequence: first.outcome.answer?.accountSequence,
      totalAfterUnits: 700n,
    });
    expect(world.balance(alice, 'USD')).toBe(400n);
  });

  test.each<[string, Partial<AccountTransfer>]>([
    ['amount', { amountUnits: 301n }],
    ['asset', { assetNumber: ASSETS.BTC }],
    ['receiver', { toAccountId: carol }],
  ])('LED-4 the same id with another %s is refused', (_what, change) => {
    const world = start();
    world.applyFor(alice, sends());
    expect(reasonOf(world.applyFor(alice, sends(change)))).toBe(
      'CLIENT_TRANSFER_ID_ALREADY_EXISTS',
    );
  });

  test('LED-4 ids of deposits and transfers are one set', () => {
    const world = start();
    const taken = 'CLIENT_TRANSFER_ID_ALREADY_EXISTS';
    expect(reasonOf(world.applyFor(alice, sends({ clientTransferId: 'd' })))).toBe(taken);
    world.applyFor(alice, sends());
    expect(reasonOf(deposit(world, alice, 300n, 't1'))).toBe(taken);
  });

  test('SET-5 what the other shard cannot pay out stands in suspense there, with an event', () => {
    const world = start();
    deposit(world, bob, 2n ** 62n - 1n);
    world.applyFor(alice, sends());
    world.followAll();
    expect(world.purses('SUSPENSE', 'USD')).toBe(300n);
    expect(world.clearingOf('account-1', 'USD')).toBe(0n);
    expect(world.shardOf(bob).stream.map(({ kind }) => kind)).toContain('suspensePosted');
  });

  // In the order of precedence: each case has every fault of the cases behind it, too.
  const faults: readonly [string, Partial<AccountTransfer>][] = [
    ['WRONG_SHARD', { accountId: bob }],
    ['ACCOUNT_UNKNOWN', { accountId: idsOf(0)[5] as string }],
    ['ID_INVALID', { clientTransferId: 'no id' }],
    ['ID_INVALID', { toAccountId: 'no id' }],
    ['FIELDS_CONFLICT', { toAccountId: alice }],
    ['DECIMAL_OUT_OF_RANGE', { amountUnits: 0n }],
    ['ACCOUNT_UNKNOWN', { toAccountId: idsOf(0)[6] as string }],
    ['ASSET_UNKNOWN', { assetNumber: 9 }],
    ['INSUFFICIENT_FUNDS', { amountUnits: 1_001n }],
  ];
  test.each(faults.map(([reason], index) => [reason, index] as const))(
    '%s comes before what follows it, and nothing is changed',
    (reason, index) => {
      const world = start();
      // Of two faults of one field only the first can be there.
      const wrong = Object.assign(
        {},
        ...faults
          .slice(index)
          .map(([, fault]) => fault)
          .reverse(),
      );
      const shard = world.shardOf(alice);
      const before = shard.machine.stateChecksum();
      const result = world.apply(shard, sends(wrong), 0);
      expect(reasonOf(result)).toBe(reason);
      expect(result.events).toEqual([]);
      expect(shard.machine.stateChecksum()).toBe(before);
    },
  );
});
