// What holds of the account shard's state machine with any commands, judged by the naive ledger.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type { Event } from '../../../services/account/domain/event.ts';
import type { GroupType, OrderTerms } from '../../../services/lib/rules/terms.ts';
import { ACCOUNTS, ASSETS, LedgerWorld } from './ledger-world.ts';

export const step = fc.record({
  what: fc.constantFrom(
    'deposit',
    'withdraw',
    'place',
    'place',
    'place',
    'trade',
    'trade',
    'trade',
    'cancel',
    'amend',
    'rejectedAmend',
    'startAmend',
    'endAmend',
    'oco',
    'bracket',
    'bracket',
    'trigger',
    'trigger',
    'expire',
    'auction',
    'fees',
  ),
  who: fc.nat({ max: 2 }),
  first: fc.nat({ max: 1000 }),
  second: fc.nat({ max: 1000 }),
  price: fc.integer({ min: 1, max: 200 }),
  quantity: fc.integer({ min: 1, max: 300 }),
});

export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

export function act(
  world: LedgerWorld,
  { what, who, first, second, price, quantity }: Step,
  id: string,
) {
  const account = ACCOUNTS[who] ?? 'alice';
  const open = world.openOrders();
  const asset = first % 2 === 0 ? 'USD' : 'BTC';
  if (what === 'deposit') return world.deposit(account, asset, BigInt(price * quantity * 9), id);
  if (what === 'withdraw') return world.withdraw(account, asset, BigInt(price * quantity), id);
  if (what === 'fees') {
    return world.setFees(second % 4 === 0 ? '' : account, first - 500, second * 2 - 1_000);
  }
  if (what === 'place') {
    const side = first % 2 === 0 ? 'BUY' : 'SELL';
    return world.place(account, id, world.terms(side, quantity, price));
  }
  if (what === 'oco' || what === 'bracket') {
    const side = first % 2 === 0 ? 'BUY' : 'SELL';
    return world.placeGroup(
      account,
      id,
      ...groupOf(world, { what, side, price, quantity, second }),
    );
  }
  const one = open[first % Math.max(open.length, 1)];
  if (one === undefined) return undefined;
  const [orderId, order] = one;
  if (what === 'cancel') return world.cancel(orderId);
  if (what === 'expire') return world.expire(orderId);
  if (what === 'trigger') return world.trigger(orderId);
  if (what === 'startAmend') return world.startAmend(orderId, BigInt(price));
  if (what === 'endAmend') {
    return world.endAmend(orderId, first % 2 === 0 ? 'amendRejected' : 'orderForbidden');
  }
  // Entries of brackets that sell are not amended to worse, and exits not here.
  const mayAmend = order.group?.type !== 'BRACKET' && order.fills.length === 0;
  if (what === 'amend' && mayAmend) {
    return world.amend(orderId, price, quantity, 'amended');
  }
  if (what === 'rejectedAmend' && mayAmend)
    return world.amend(orderId, price, quantity, 'rejected');
  if (order.isWaiting) return undefined;
  const others = open.filter(([, other]) => other.side !== order.side && !other.isWaiting);
  const crossing = others.filter(([, other]) =>
    order.side === 'BUY' ? other.price <= order.price : other.price >= order.price,
  );
  const other = crossing[second % Math.max(crossing.length, 1)];
  const isAuction = what === 'auction';
  if ((what !== 'trade' && !isAuction) || other === undefined) return undefined;
  const most = Math.min(order.open, other[1].open);
  // The resting order's price (MAT-2), which is never worse for the incoming one.
  const trade = { price: other[1].price, quantity: (quantity % most) + 1, isAuction };
  return world.trade(other[0], orderId, trade);
}

type GroupWish = {
  readonly what: 'oco' | 'bracket';
  readonly side: 'BUY' | 'SELL';
  readonly price: number;
  readonly quantity: number;
  readonly second: number;
};

/** An OCO of a limit order and a stop-limit, or a bracket whose exits have any two prices. */
function groupOf(
  world: LedgerWorld,
  { what, side, price, quantity, second }: GroupWish,
): [GroupType, OrderTerms[]] {
  const entry = world.terms(side, quantity, price);
  const stop = { stopPriceUnits: 1 };
  const other = (second % 200) + 1;
  if (what === 'oco') {
    const leg = world.terms(side, (second % 300) + 1, other);
    return ['OCO', [entry, { ...leg, ...stop, type: 'STOP_LIMIT' }]];
  }
  const opposite = side === 'BUY' ? 'SELL' : 'BUY';
  const profit = { ...world.terms(opposite, 0, other), ...stop };
  const loss = { ...world.terms(opposite, 0, ((price + second) % 200) + 1), ...stop };
  return [
    'BRACKET',
    [entry, { ...profit, type: 'TAKE_PROFIT_LIMIT' }, { ...loss, type: 'STOP_LIMIT' }],
  ];
}

function expectEqual(world: LedgerWorld): void {
  const { state } = world.machine;
  for (const accountId of ACCOUNTS) {
    const account = state.accountsById.get(accountId);
    for (const [asset, number] of Object.entries(ASSETS)) {
      const balance = account?.balances.get(number);
      const seen = [balance?.totalUnits ?? 0n, balance?.heldUnits ?? 0n];
      expect(seen).toEqual([
        world.naive.total(accountId, asset),
        world.naive.held(accountId, asset),
      ]);
      expect(world.naive.available(accountId, asset) >= 0n).toBe(true);
    }
  }
  expect(state.ledger.purse('FEE', ASSETS.USD).units).toBe(world.naive.total('fees', 'USD'));
}

function expectConserved(world: LedgerWorld): void {
  const { state } = world.machine;
  for (const number of Object.values(ASSETS)) {
    let sum = 0n;
    for (const account of state.accountsById.values()) {
      sum += account.balances.get(number)?.totalUnits ?? 0n;
    }
    for (const purse of state.ledger.purses()) if (purse.assetNumber === number) sum += purse.units;
    expect(sum).toBe(0n);
    expect(state.ledger.purse('CLEARING', number, 'matching-1').units).toBe(0n);
    expect(state.ledger.purse('SUSPENSE', number).units).toBe(0n);
  }
}

/** Orders by instrument are counted as they are kept. */
function expectCounted(world: LedgerWorld): void {
  for (const account of world.machine.state.accountsById.values()) {
    const kept = account.liveOrders.size + account.closedPositions.size;
    expect(account.orderCounts.get(1) ?? 0).toBe(kept);
  }
}

function heldByOrders(world: LedgerWorld): bigint {
  let sum = 0n;
  for (const account of world.machine.state.accountsById.values()) {
    for (const order of account.liveOrders.values()) sum += order.heldUnits;
    for (const group of account.liveGroups.values()) sum += group.heldUnits;
  }
  return sum;
}

function heldInBalances(world: LedgerWorld): bigint {
  let sum = 0n;
  for (const account of world.machine.state.accountsById.values()) {
    for (const balance of account.balances.values()) sum += balance.heldUnits;
  }
  return sum;
}

/** Runs each property with that many random histories. */
export function testLedger(numRuns: number): void {
  describe('the ledger equals the naive ledger', () => {
    test('LED-1 LED-2 LED-3 SET-2 HLD-8 HLD-6: balances, holds, fees and sums after every command', () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
          const world = new LedgerWorld();
          for (const accountId of ACCOUNTS) {
            world.deposit(accountId, 'USD', 3_000_000n, `${accountId}-usd`);
            world.deposit(accountId, 'BTC', 3_000n, `${accountId}-btc`);
          }
          for (const [index, each] of steps.entries()) {
            act(world, each, `id-${index}`);
            expectEqual(world);
            expectConserved(world);
            expect(heldByOrders(world)).toBe(heldInBalances(world));
            expectCounted(world);
          }
          expect(world.events.some((event) => event.kind === 'suspensePosted')).toBe(false);
        }),
        { numRuns },
      );
    });

    test('LOG-8: the same commands give the same events and the same state checksum', () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
          const world = new LedgerWorld();
          for (const accountId of ACCOUNTS) {
            world.deposit(accountId, 'USD', 3_000_000n, `${accountId}-usd`);
            world.deposit(accountId, 'BTC', 3_000n, `${accountId}-btc`);
          }
          for (const [index, each] of steps.entries()) {
            act(world, each, `id-${index}`);
            // Asking for the checksum must not change it.
            world.machine.stateChecksum();
          }
          const again = new AccountMachine();
          const events: Event[] = [];
          for (const [index, { command, logTimeUs }] of world.commands.entries()) {
            const emit = (event: Event): void => {
              events.push(event);
            };
            again.advance(logTimeUs, emit);
            const context = {
              logTimeUs,
              identity: `${index}`,
              validUntilUs: logTimeUs + 60_000_000,
            };
            again.apply(command, context, emit);
          }
          expect(events).toEqual(world.events);
          expect(again.stateChecksum()).toBe(world.machine.stateChecksum());
        }),
        { numRuns },
      );
    });
  });
}
