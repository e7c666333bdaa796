// Which reason comes first: of every command that moves or holds money, each case has its own fault
// and those of all cases behind it. Nothing is changed by any of them.
import { describe, expect, test } from '@jest/globals';
import type { Command, PlaceHold } from '../../../services/account/domain/command.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import { placementCost } from '../../../services/lib/rules/cost.ts';
import type { OrderTerms } from '../../../services/lib/rules/terms.ts';
import { ASSETS, LedgerWorld, RULES } from '../../model/account/ledger-world.ts';
import { ShardsWorld } from '../../model/account/shards-world.ts';

/** Account ids of the shard of a number, of two. */
const idsOf = (number: number): string[] =>
  Array.from({ length: 50 }, (_, n) => `a${n}`).filter((id) => slotOf(id) % 2 === number);
const [alice = '', carol = '', nobody = ''] = idsOf(0);
const [bob = ''] = idsOf(1);
const FAR_US = 1_800_000_000_000_000;
const MOST = 2n ** 62n - 1n;

/** A fault of the request, or one that the account has. */
type Fault = { readonly request?: object; readonly account?: readonly Command[] };
type Case = readonly [reason: string, fault: Fault];

const ids = { clientTransferId: 'used' };
const amount = { assetNumber: ASSETS.USD, amountUnits: 10n };
const deposit = { kind: 'deposit', accountId: alice, ...amount, clientTransferId: 't' } as const;
const withdraw = { ...deposit, kind: 'withdraw' } as const;
const transfer = { ...deposit, kind: 'transfer', toAccountId: carol } as const;
const terms: OrderTerms = new LedgerWorld().terms('BUY', 1, 10);
const order: PlaceHold = {
  ...{ kind: 'placeHold', accountId: alice, clientOrderId: 'o', terms },
  bodyHash: '00112233445566778899aabbccddeeff',
  ...{ assetNumber: ASSETS.USD, amountUnits: placementCost(RULES, terms) },
  ...{ validUntilUs: FAR_US, declineReason: 'NONE', refuseWhenShort: true },
};

const setState = (accountState: 'FROZEN' | 'CLOSED'): Command => {
  return { kind: 'setAccountState', accountId: alice, accountState, comment: '', asked: '' };
};
const frozen: Fault = { account: [setState('FROZEN')] };
const noMoney: Command = { ...withdraw, amountUnits: 1_000n, clientTransferId: 'all' };
const closed: Fault = { account: [noMoney, setState('CLOSED')] };
const noFunds: Fault = { account: [noMoney] };
const limited: Fault = {
  account: [
    {
      ...{ kind: 'setAccountLimits', accountId: alice, asked: '' },
      limits: {
        maximumOpenOrders: 0,
        assets: [{ assetNumber: ASSETS.USD, maximumNotionalUnits: 0n, maximumWithdrawalUnits: 9n }],
      },
    },
  ],
};
const request = (change: object): Fault => ({ request: change });

const elsewhere: Case = ['WRONG_SHARD', request({ accountId: bob })];
const unknown: Case = ['ACCOUNT_UNKNOWN', request({ accountId: nobody })];
const usedTransfer: Case = ['CLIENT_TRANSFER_ID_ALREADY_EXISTS', request(ids)];
const badTransfer: Case = ['ID_INVALID', request({ clientTransferId: 'no id' })];
const nothing: Case = ['DECIMAL_OUT_OF_RANGE', request({ amountUnits: 0n })];
const noAsset: Case = ['ASSET_UNKNOWN', request({ assetNumber: 9 })];
const short: Case = ['INSUFFICIENT_FUNDS', request({ amountUnits: 5_000n })];

const commands: readonly (readonly [string, Command, readonly Case[]])[] = [
  [
    'Deposit',
    deposit,
    [
      ...[elsewhere, unknown, usedTransfer, badTransfer, nothing],
      ...([['ACCOUNT_CLOSED', closed]] as const),
      ...[noAsset, ['AMOUNT_TOO_LARGE', request({ amountUnits: MOST })] as const],
    ],
  ],
  [
    'Withdraw',
    withdraw,
    [
      ...[elsewhere, unknown, usedTransfer, badTransfer, nothing],
      ...([['ACCOUNT_FROZEN', frozen]] as const),
      ...[noAsset, ['WITHDRAWAL_LIMIT', limited] as const, short],
    ],
  ],
  [
    'Transfer',
    transfer,
    [
      ...[elsewhere, unknown, usedTransfer, badTransfer],
      ['ID_INVALID', request({ toAccountId: 'no id' })],
      ['FIELDS_CONFLICT', request({ toAccountId: alice })],
      ...[nothing, ['ACCOUNT_FROZEN', frozen] as const],
      ['ACCOUNT_UNKNOWN', request({ toAccountId: nobody })],
      ...[noAsset, short],
    ],
  ],
  [
    'PlaceHold',
    order,
    [
      ...[elsewhere, unknown],
      [
        'CLIENT_ORDER_ID_ALREADY_EXISTS',
        request({ clientOrderId: 'used', bodyHash: 'f'.repeat(32) }),
      ],
      ['ID_INVALID', request({ clientOrderId: 'no id' })],
      ['MESSAGE_MALFORMED', request({ bodyHash: 'x' })],
      ['ACCOUNT_FROZEN', frozen],
      ['INSTRUMENT_UNKNOWN', request({ terms: { ...terms, instrumentNumber: 9 } })],
      ['MESSAGE_MALFORMED', request({ assetNumber: ASSETS.BTC })],
      ['MESSAGE_MALFORMED', request({ amountUnits: 1n })],
      ['INSUFFICIENT_FUNDS', noFunds],
    ],
  ],
];

/** An account with money, an order and a transfer, and then what is wrong with it. */
function start(faults: readonly Fault[]): ShardsWorld {
  const world = new ShardsWorld(2);
  for (const accountId of [alice, bob, carol]) world.createAccount(accountId);
  const money = 1_000n + 1n + order.amountUnits;
  const id = { clientTransferId: 'money' };
  const prepared: Command[] = [{ ...deposit, ...id, amountUnits: money }];
  prepared.push({ ...withdraw, ...ids, amountUnits: 1n });
  // A closed account has no orders.
  const isClosed = faults.includes(closed);
  if (!isClosed) prepared.push({ ...order, clientOrderId: 'used' });
  else prepared.push({ ...withdraw, clientTransferId: 'rest', amountUnits: order.amountUnits });
  // What makes it frozen or closed comes last.
  for (const { account = [] } of [...faults].reverse()) prepared.push(...account);
  for (const command of prepared) {
    expect(world.applyFor(alice, command).outcome).toMatchObject({ kind: 'done' });
  }
  return world;
}

describe.each(commands)('%s', (_name, good, cases) => {
  test('is done when nothing is wrong', () => {
    expect(start([]).applyFor(alice, good).outcome.kind).toBe('done');
  });

  test.each(cases.map(([reason], index) => [reason, index] as const))(
    'LED-4 HLD-2: %s comes before all that follows it',
    (reason, index) => {
      const faults = cases.slice(index).map(([, fault]) => fault);
      const world = start(faults);
      // Of two faults of one field only the first can be there.
      const wrong = Object.assign({}, ...faults.map((fault) => fault.request ?? {}).reverse());
      const shard = world.shardOf(alice);
      const before = shard.machine.stateChecksum();
      const { outcome, events } = world.apply(shard, { ...good, ...wrong }, 0);
      expect(outcome).toMatchObject({ kind: 'refused', refusal: { reason } });
      expect(events).toEqual([]);
      expect(shard.machine.stateChecksum()).toBe(before);
    },
  );
});
