// What operators set for an account: its state, its limits, its fees.

import { describe, expect, test } from '@jest/globals';
import type {
  AccountLimits,
  AccountState,
} from '../../../services/account/domain/account-limits.ts';
import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type { Command, PlaceHold } from '../../../services/account/domain/command.ts';
import type { FeeTier } from '../../../services/account/domain/fee-schedules.ts';
import { feeOfFill } from '../../../services/lib/base/fee.ts';
import { notionalOf, placementCost } from '../../../services/lib/rules/cost.ts';
import { ASSETS, LedgerWorld, type Result, RULES } from '../../model/account/ledger-world.ts';

const DAY_US = 86_400_000_000;
const accountId = 'alice';

function start(): LedgerWorld {
  const world = new LedgerWorld();
  world.deposit(accountId, 'USD', 100_000_000n, 'd');
  world.deposit('bob', 'BTC', 100_000n, 'd');
  return world;
}

const setState = (accountState: AccountState): Command => {
  return { kind: 'setAccountState', accountId, accountState, comment: '', asked: accountState };
};
const setLimits = (limits: Partial<AccountLimits>): Command => ({
  kind: 'setAccountLimits',
  accountId,
  limits: { maximumOpenOrders: 0, assets: [], ...limits },
  asked: 'limits',
});
const setFees = (tiers: readonly FeeTier[], of: { accountId?: string } = {}): Command => ({
  kind: 'setFeeSchedule',
  scope: { accountId: '', instrumentNumber: 0, ...of },
  tiers,
  asked: 'fees',
});
const tier = (minimumVolume: bigint, makerRatePpm: number, takerRatePpm: number): FeeTier => {
  return { minimumVolume, makerRatePpm, takerRatePpm, auctionRatePpm: 0 };
};

function hold(world: LedgerWorld, id: string, quantity = 1, who = accountId): PlaceHold {
  const side = who === accountId ? 'BUY' : 'SELL';
  const terms = world.terms(side, quantity, 10);
  return {
    kind: 'placeHold',
    accountId: who,
    clientOrderId: id,
    terms,
    bodyHash: '00112233445566778899aabbccddeeff',
    assetNumber: side === 'BUY' ? ASSETS.USD : ASSETS.BTC,
    amountUnits: placementCost(RULES, terms),
    validUntilUs: world.machine.state.shard.logTimeUs + 10_000_000,
    declineReason: 'NONE',
    refuseWhenShort: false,
  };
}

function reasonOf({ outcome, events }: Result): string {
  if (outcome.kind === 'refused') return outcome.refusal.reason;
  const declined = events.find((event) => event.kind === 'orderDeclined');
  return declined?.kind === 'orderDeclined' ? declined.record.rejectReason : outcome.kind;
}

const deposit = (id: string): Command => {
  const wanted = { accountId, assetNumber: ASSETS.USD, amountUnits: 1n, clientTransferId: id };
  return { kind: 'deposit', ...wanted };
};
const withdraw = (amountUnits: bigint, id: string): Command => {
  const wanted = { accountId, assetNumber: ASSETS.USD, amountUnits, clientTransferId: id };
  return { kind: 'withdraw', ...wanted };
};
const transfer = (from: string, to: string): Command => ({
  ...{ kind: 'transfer', accountId: from, toAccountId: to, amountUnits: 1n },
  ...{ assetNumber: from === accountId ? ASSETS.USD : ASSETS.BTC, clientTransferId: 't' },
});

describe('the state of an account', () => {
  // What each allows: command, ACTIVE, FROZEN, CLOSED.
  const table: readonly [string, (world: LedgerWorld) => Command, string, string, string][] = [
    ['deposit', () => deposit('x'), 'done', 'done', 'ACCOUNT_CLOSED'],
    ['withdraw', () => withdraw(1n, 'x'), 'done', 'ACCOUNT_FROZEN', 'ACCOUNT_CLOSED'],
    ['send', () => transfer(accountId, 'bob'), 'done', 'ACCOUNT_FROZEN', 'ACCOUNT_CLOSED'],
    ['get', () => transfer('bob', accountId), 'done', 'done', 'ACCOUNT_CLOSED'],
    ['order', (world) => hold(world, 'x'), 'done', 'ACCOUNT_FROZEN', 'ACCOUNT_CLOSED'],
    [
      'cancel',
      () => ({ kind: 'prepareCancel', accountId, clientOrderId: 'y' }),
      ...(['done', 'done', 'done'] as const),
    ],
  ];
  test.each(table)('%s: allowed as its state says', (_what, make, active, frozen, closed) => {
    const inActive = start();
    expect(reasonOf(inActive.apply(make(inActive)))).toBe(active);
    const inFrozen = start();
    inFrozen.apply(setState('FROZEN'));
    expect(reasonOf(inFrozen.apply(make(inFrozen)))).toBe(frozen);
    const inClosed = start();
    inClosed.apply(withdraw(100_000_000n, 'all'));
    expect(reasonOf(inClosed.apply(setState('CLOSED')))).toBe('done');
    expect(reasonOf(inClosed.apply(make(inClosed)))).toBe(closed);
  });

  test('what was done before a freeze is still answered, as a repeat comes before the state', () => {
    const world = start();
    const placed = hold(world, 'early');
    world.apply(placed);
    world.apply(withdraw(5n, 'early'));
    world.apply(setState('FROZEN'));
    for (const command of [placed, withdraw(5n, 'early')]) {
      const { outcome } = world.apply(command);
      expect(outcome).toMatchObject({ kind: 'done', answer: { existing: true } });
    }
  });

  test('orders of a frozen account trade on, and are settled', () => {
    const world = start();
    world.apply(hold(world, 'a'));
    const { accountNumber } = { accountNumber: world.accountNumber(accountId) };
    world.settle({ kind: 'orderAccepted', accountNumber, placement: 1, waiting: undefined });
    world.apply(setState('FROZEN'));
    const { events } = world.settle({
      kind: 'orderCanceled',
      accountNumber,
      placement: 1,
      reason: 'OWNER',
    });
    expect(events[0]).toMatchObject({ kind: 'orderExecuted', executionType: 'CANCELED' });
  });

  test('is closed only when it has neither money nor orders, and then for ever', () => {
    const world = start();
    expect(reasonOf(world.apply(setState('CLOSED')))).toBe('ACCOUNT_NOT_EMPTY');
    world.apply(withdraw(100_000_000n, 'all'));
    expect(reasonOf(world.apply(setState('CLOSED')))).toBe('done');
    expect(reasonOf(world.apply(setState('ACTIVE')))).toBe('ACCOUNT_CLOSED');
    expect(world.apply(setState('CLOSED')).outcome).toMatchObject({ answer: { existing: true } });
  });
});

describe('limits of an account', () => {
  test('one open order more than allowed is rejected, under its id', () => {
    const world = start();
    world.apply(setLimits({ maximumOpenOrders: 2 }));
    const reasons = ['a', 'b', 'c'].map((id) => reasonOf(world.apply(hold(world, id))));
    expect(reasons).toEqual(['done', 'done', 'ACCOUNT_LIMIT']);
    const again = world.apply(hold(world, 'c'));
    expect(again.outcome).toMatchObject({ answer: { existing: true } });
  });

  test('a notional above the highest is rejected, before its money is looked at', () => {
    const world = start();
    const most = notionalOf(RULES, 10, 5);
    const limit = { assetNumber: ASSETS.USD, maximumNotionalUnits: most };
    world.apply(setLimits({ assets: [{ ...limit, maximumWithdrawalUnits: 0n }] }));
    expect(reasonOf(world.apply(hold(world, 'at', 5)))).toBe('done');
    expect(reasonOf(world.apply(hold(world, 'above', 6)))).toBe('ACCOUNT_LIMIT');
    expect(reasonOf(world.apply(hold(world, 'poor', 900_000)))).toBe('ACCOUNT_LIMIT');
  });

  test('what is withdrawn in a day of UTC is counted, and the next day begins anew', () => {
    const world = start();
    const limit = { assetNumber: ASSETS.USD, maximumNotionalUnits: 0n };
    world.apply(setLimits({ assets: [{ ...limit, maximumWithdrawalUnits: 100n }] }));
    expect(reasonOf(world.apply(withdraw(60n, 'a')))).toBe('done');
    expect(reasonOf(world.apply(withdraw(41n, 'b')))).toBe('WITHDRAWAL_LIMIT');
    expect(reasonOf(world.apply(withdraw(40n, 'c')))).toBe('done');
    expect(reasonOf(world.apply(withdraw(100n, 'e'), DAY_US))).toBe('done');
  });
});

describe('fee schedules', () => {
  const ratesIn = ({ events }: Result) => {
    const placed = events.find((event) => event.kind === 'holdPlaced');
    const terms = placed?.kind === 'holdPlaced' ? placed.record.terms : undefined;
    return [terms?.makerRatePpm, terms?.takerRatePpm];
  };

  test('HLD-5 the closest scope counts, and its rates are those in the hold', () => {
    const world = start();
    expect(ratesIn(world.apply(hold(world, 'a')))).toEqual([-150, 1200]);
    world.apply(setFees([tier(0n, 10, 20)]));
    expect(ratesIn(world.apply(hold(world, 'b')))).toEqual([10, 20]);
    world.apply(setFees([tier(0n, 30, 40)], { accountId }));
    expect(ratesIn(world.apply(hold(world, 'c')))).toEqual([30, 40]);
    world.apply(setFees([], { accountId }));
    world.apply(setFees([]));
    expect(ratesIn(world.apply(hold(world, 'd')))).toEqual([-150, 1200]);
  });

  test('HLD-1 HLD-5 what is held is the worst cost at the schedule’s rates', () => {
    const world = start();
    world.apply(setFees([tier(0n, 0, 50_000)]));
    const { events } = world.apply(hold(world, 'a', 100));
    const placed = events.find((event) => event.kind === 'holdPlaced');
    const notional = notionalOf(RULES, 10, 100);
    const { feeUnits } = feeOfFill(0n, notional, 50_000);
    expect(placed).toMatchObject({ record: { heldUnits: notional + feeUnits } });
  });

  test('a tier counts from its volume of 30 days on, and no longer when that is over', () => {
    const world = start();
    // USD has two decimal places here: a volume of one smallest unit is 10^7 billionths.
    const from = notionalOf(RULES, 10, 100) * 10n ** 7n;
    world.apply(setFees([tier(0n, 0, 2_000), tier(from, -100, 1_000)]));
    const buyer = { accountNumber: world.accountNumber(accountId), placement: 1 };
    const seller = { accountNumber: world.accountNumber('bob'), placement: 1 };
    world.apply(hold(world, 'a', 100));
    world.apply(hold(world, 's', 100, 'bob'));
    world.settle(
      { kind: 'orderAccepted', ...seller, waiting: undefined },
      { kind: 'orderAccepted', ...buyer, waiting: undefined },
      {
        ...{ kind: 'traded', priceUnits: 10, quantityUnits: 100, aggressorSide: 'BUY' },
        maker: { ...seller, remainingUnits: 0, feeUnits: 0n },
        taker: { ...buyer, remainingUnits: 0, feeUnits: 6n },
      },
    );
    expect(ratesIn(world.apply(hold(world, 'b')))).toEqual([-100, 1_000]);
    expect(ratesIn(world.apply(hold(world, 'c'), 29 * DAY_US))).toEqual([-100, 1_000]);
    expect(ratesIn(world.apply(hold(world, 'd'), DAY_US))).toEqual([0, 2_000]);
  });

  test.each<[string, FeeTier[]]>([
    ['that begins above 0', [tier(1n, 0, 0)]],
    ['that does not ascend', [tier(0n, 0, 0), tier(0n, 0, 0)]],
    ['of more than 10 %', [tier(0n, 0, 100_001)]],
    ['of a rebate above 10 %', [tier(0n, -100_001, 0)]],
  ])('a schedule %s is refused and changes nothing', (_what, tiers) => {
    const world = start();
    const before = world.machine.stateChecksum();
    expect(reasonOf(world.apply(setFees(tiers), 0))).toBe('NUMBER_OUT_OF_RANGE');
    expect(world.machine.stateChecksum()).toBe(before);
  });
});

test('SNAP-1 states, limits, withdrawals, volumes and fees are in a snapshot', () => {
  const world = start();
  const limit = { assetNumber: ASSETS.USD, maximumNotionalUnits: 7n, maximumWithdrawalUnits: 9n };
  world.apply(setLimits({ maximumOpenOrders: 3, assets: [limit] }));
  world.apply(withdraw(5n, 'w'));
  world.apply(setFees([tier(0n, 1, 2), tier(5n, -1, 1)], { accountId }));
  world.apply(setState('FROZEN'));
  const volume = world.machine.state.accountsById.get('bob')?.volume(1);
  if (volume === undefined) throw new Error('bob is there');
  volume.add(20_000, 77n);
  world.machine.state.digest.mark(volume);
  const restored = new AccountMachine();
  const restorer = restored.beginRestore();
  for (const piece of world.machine.snapshotPieces()) restorer.take(piece);
  restorer.end();
  expect(restored.stateChecksum()).toBe(world.machine.stateChecksum());
  expect(restored.state.accountsById).toEqual(world.machine.state.accountsById);
  expect([...restored.state.feeSchedules.all()]).toEqual([
    ...world.machine.state.feeSchedules.all(),
  ]);
});
