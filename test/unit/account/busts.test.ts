// A trade that is taken back: what a snapshot and a fee tier know of it, and in which order a bust
// is refused. How the money moves stands in the golden scripts and the models.
import { expect, test } from '@jest/globals';
import { DAY_US } from '../../../services/account/domain/account-limits.ts';
import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type { BustTrade } from '../../../services/account/domain/command.ts';
import { ASSETS, LedgerWorld, type Result } from '../../model/account/ledger-world.ts';

/** Alice has bought 5 at 100 of bob. */
function tradedWorld(): { readonly world: LedgerWorld; readonly bust: BustTrade } {
  const world = new LedgerWorld();
  world.deposit('alice', 'USD', 1_000_000n, 'd1');
  world.deposit('bob', 'BTC', 1_000n, 'd2');
  world.place('bob', 'b1', world.terms('SELL', 5, 100));
  world.place('alice', 'a1', world.terms('BUY', 5, 100));
  const [makerId, takerId] = [...world.naive.orders.keys()] as [string, string];
  const traded = world.trade(makerId, takerId, { price: 100, quantity: 5, isAuction: false });
  return { world, bust: bustOf(traded) };
}

function bustOf({ events }: Result): BustTrade {
  const sides = events.flatMap((event) => {
    if (event.kind !== 'orderExecuted' || event.fill === undefined) return [];
    const { accountNumber, placement, terms } = event.record;
    const { feeUnits } = event.fill;
    const { instrumentSequence, eventTimeUs: timeUs } = event;
    const party = { accountNumber, placement, feeUnits };
    return [{ side: terms?.side, party, instrumentSequence, timeUs }];
  });
  const buyer = sides.find(({ side }) => side === 'BUY');
  const seller = sides.find(({ side }) => side === 'SELL');
  if (buyer === undefined || seller === undefined) throw new Error('nothing was traded');
  return {
    kind: 'bustTrade',
    ...{ instrumentNumber: 1, instrumentSequence: buyer.instrumentSequence },
    ...{ priceUnits: 100, quantityUnits: 5, buyer: buyer.party, seller: seller.party },
    ...{ tradeTimeUs: buyer.timeUs, comment: 'a test' },
  };
}

const existing = (before: boolean) => ({
  kind: 'done',
  answer: { existing: before, bust: { comment: 'a test' } },
});

test('SNAP-1 LED-4 a shard that begins from a snapshot knows what was taken back', () => {
  const { world, bust } = tradedWorld();
  expect(world.apply(bust).outcome).toMatchObject(existing(false));
  const begun = new AccountMachine();
  const restorer = begun.beginRestore();
  for (const piece of world.machine.snapshotPieces()) restorer.take(piece);
  restorer.end();
  expect(begun.stateChecksum()).toBe(world.machine.stateChecksum());
  const context = { logTimeUs: bust.tradeTimeUs + 60_000_000, identity: 'i', validUntilUs: 1e18 };
  const later = { ...bust, comment: 'again' };
  expect(begun.apply(later, context, () => {})).toMatchObject(existing(true));
});

test('SET-2 a trade that was taken back does not count for the tier of fees', () => {
  const { world, bust } = tradedWorld();
  const day = Math.floor(bust.tradeTimeUs / DAY_US);
  const volumeOf = (accountId: string): bigint | undefined => {
    const account = world.machine.state.accountsById.get(accountId);
    return account?.volumes.get(ASSETS.USD)?.sumAt(day);
  };
  expect([volumeOf('alice'), volumeOf('bob')]).toEqual([1_500n, 1_500n]);
  world.apply(bust);
  expect([volumeOf('alice'), volumeOf('bob')]).toEqual([0n, 0n]);
});

test.each([
  ['ACCOUNT_UNKNOWN', { buyer: { accountNumber: 4095, placement: 1, feeUnits: 0n } }],
  ['INSTRUMENT_UNKNOWN', { instrumentNumber: 9 }],
  ['SETTLEMENT_LAG', { instrumentSequence: 1_000 }],
])('LED-4 a bust of what is not known here is refused: %s', (reason, change) => {
  const { world, bust } = tradedWorld();
  const before = world.machine.stateChecksum();
  const { outcome, events } = world.apply({ ...bust, ...change }, 0);
  expect(outcome).toMatchObject({ kind: 'refused', refusal: { reason } });
  expect(events).toEqual([]);
  expect(world.machine.stateChecksum()).toBe(before);
});
