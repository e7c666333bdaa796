// Two account shards with transfers, fee schedules and settlement that lags at will, judged by one
// naive ledger that knows no shards: when all have followed, every balance, hold and posting is the
// same, and nothing stands in clearing or suspense (LED-3, LED-5, SET-5).
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PostingKind } from '../../../gen/bourse/account/v1/account_pb.ts';
import { postingsOf } from '../../../services/account/adapter/public/postings.ts';
import type { BustTrade } from '../../../services/account/domain/command.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import { placementCost } from '../../../services/lib/rules/cost.ts';
import type { OrderTerms } from '../../../services/lib/rules/terms.ts';
import { PLAIN_TERMS } from '../../support/plain.ts';
import { ASSETS, RULES } from './ledger-world.ts';
import {
  BASE_FACTOR,
  feeSoFar,
  NaiveLedger,
  type NaiveOrder,
  type NaivePastTrade,
  NOTIONAL_FACTOR,
} from './naive-ledger.ts';
import { BOOK, ShardsWorld } from './shards-world.ts';

type Asset = keyof typeof ASSETS;

const idsOf = (shard: number): string[] =>
  Array.from({ length: 50 }, (_, n) => `a${n}`).filter((id) => slotOf(id) % 2 === shard);
const ACCOUNTS = [...idsOf(0).slice(0, 2), ...idsOf(1).slice(0, 2)];
const FAR_US = 1_800_000_000_000_000;

const step = fc.record({
  what: fc.constantFrom(
    ...(['transfer', 'transfer', 'withdraw', 'fees', 'cancel', 'follow', 'follow'] as const),
    ...(['place', 'place', 'place', 'trade', 'trade', 'trade', 'check', 'bust'] as const),
  ),
  who: fc.nat({ max: 3 }),
  whom: fc.nat({ max: 3 }),
  pick: fc.nat({ max: 1_000 }),
  price: fc.integer({ min: 1, max: 200 }),
  quantity: fc.integer({ min: 1, max: 300 }),
  rate: fc.integer({ min: -3_000, max: 3_000 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Both worlds side by side. */
class Pair {
  readonly world = new ShardsWorld(2);
  readonly naive = new NaiveLedger();
  /** The most that each order could cost when it was placed. */
  readonly #mostByOrder = new Map<NaiveOrder, bigint>();
  #steps = 0;
  /** By sequence in the book; those that were taken back too. */
  readonly #trades = new Map<number, { readonly past: NaivePastTrade; readonly bust: BustTrade }>();
  readonly busted = new Set<number>();

  constructor() {
    for (const account of ACCOUNTS) {
      this.world.createAccount(account);
      this.#move(account, 'USD', 2_000_000n, '');
      this.#move(account, 'BTC', 3_000n, '');
    }
  }

  /** A deposit, a withdrawal, or a transfer to another account. */
  #move(account: string, asset: Asset, amount: bigint, toAccountId: string): void {
    this.#steps += 1;
    const clientTransferId = `t${this.#steps}`;
    const amountUnits = amount < 0n ? -amount : amount;
    const what = { accountId: account, assetNumber: ASSETS[asset], amountUnits, clientTransferId };
    const kind = amount < 0n ? 'withdraw' : 'deposit';
    const { outcome } = this.world.applyFor(
      account,
      toAccountId === '' ? { kind, ...what } : { kind: 'transfer', ...what, toAccountId },
    );
    if (outcome.kind !== 'done') return;
    this.naive.post(account, asset, toAccountId === '' ? amount : -amount);
    if (toAccountId !== '') this.naive.post(toAccountId, asset, amount);
  }

  act({ what, who, whom, pick, price, quantity, rate }: Step): void {
    const account = ACCOUNTS[who] as string;
    const other = ACCOUNTS[whom] as string;
    const asset = pick % 2 === 0 ? 'USD' : 'BTC';
    if (what === 'transfer') this.#move(account, asset, BigInt(price * quantity), other);
    if (what === 'withdraw') this.#move(account, asset, BigInt(-price * quantity), '');
    if (what === 'place') this.#place(account, pick % 2 === 0 ? 'BUY' : 'SELL', quantity, price);
    if (what === 'fees') this.#setFees(pick % 3 === 0 ? '' : account, rate, price);
    if (what === 'trade') this.#trade(pick, quantity);
    if (what === 'cancel') this.#cancel(pick);
    if (what === 'check') this.check();
    if (what === 'bust') this.#bust(pick);
    if (what !== 'follow') return;
    const shard = this.world.shards[who % 2];
    const source = [BOOK, 'account-1', 'account-2'][whom % 3] as string;
    if (shard !== undefined)
      this.world.follow(shard, source, pick % (this.world.endOf(source) + 1));
  }

  /** Two tiers; the second begins at what a few trades bring. */
  #setFees(accountId: string, ratePpm: number, volume: number): void {
    const rates = (ppm: number) => ({
      ...{ makerRatePpm: -ppm, takerRatePpm: ppm, auctionRatePpm: 0 },
    });
    const tiers = [
      { minimumVolume: 0n, ...rates(ratePpm) },
      { minimumVolume: BigInt(volume) * 1_000_000_000_000n, ...rates((ratePpm / 2 - 0.5) | 0) },
    ];
    const scope = { accountId, instrumentNumber: 0 };
    const shards = accountId === '' ? this.world.shards : [this.world.shardOf(accountId)];
    for (const shard of shards) {
      const { outcome } = this.world.apply(shard, {
        kind: 'setFeeSchedule',
        scope,
        tiers,
        asked: '',
      });
      expect(outcome.kind).toBe('done');
    }
  }

  #place(accountId: string, side: 'BUY' | 'SELL', quantityUnits: number, priceUnits: number): void {
    this.#steps += 1;
    const terms: OrderTerms = {
      ...PLAIN_TERMS,
      ...{ instrumentNumber: 1, side, type: 'LIMIT', timeInForce: 'GTC', postOnly: false },
      ...{ quantityUnits, quoteBudgetUnits: 0n, priceUnits, selfTradePrevention: 'NONE' },
      ...{ makerRatePpm: RULES.makerRatePpm, takerRatePpm: RULES.takerRatePpm },
      ...{ auctionRatePpm: RULES.auctionRatePpm, instrumentVersion: 1 },
    };
    const { events } = this.world.applyFor(accountId, {
      ...{ kind: 'placeHold', accountId, clientOrderId: `o${this.#steps}`, terms },
      bodyHash: '00112233445566778899aabbccddeeff',
      assetNumber: side === 'BUY' ? ASSETS.USD : ASSETS.BTC,
      amountUnits: placementCost(RULES, terms),
      ...{ validUntilUs: FAR_US, declineReason: 'NONE', refuseWhenShort: false },
    });
    const placed = events.find((event) => event.kind === 'holdPlaced');
    if (placed?.kind !== 'holdPlaced' || placed.record.terms === undefined) return;
    const { accountNumber, placement } = placed.record;
    const { makerRatePpm, takerRatePpm, auctionRatePpm } = placed.record.terms;
    const order: NaiveOrder = {
      ...{ account: accountId, side, price: priceUnits, open: quantityUnits },
      ...{ makerPpm: makerRatePpm, takerPpm: takerRatePpm, auctionPpm: auctionRatePpm },
      ...{ total: quantityUnits, isFinal: false, amendHolds: new Map(), fills: [] },
    };
    this.naive.orders.set(`${accountNumber}-${placement}`, order);
    this.#mostByOrder.set(order, this.naive.worstCost(order));
    this.world.bookEvent({ kind: 'orderAccepted', accountNumber, placement, waiting: undefined });
  }

  #open(side?: 'BUY' | 'SELL'): readonly (readonly [string, NaiveOrder])[] {
    return [...this.naive.orders].filter(([, order]) => {
      return !order.isFinal && (side === undefined || order.side === side);
    });
  }

  #trade(pick: number, wanted: number): void {
    const buys = this.#open('BUY');
    const [makerId, maker] = buys[pick % Math.max(buys.length, 1)] ?? [];
    if (makerId === undefined || maker === undefined) return;
    const sells = this.#open('SELL').filter(([, { price }]) => price <= maker.price);
    const [takerId, taker] = sells[pick % Math.max(sells.length, 1)] ?? [];
    if (takerId === undefined || taker === undefined) return;
    const trade = { price: maker.price, quantity: (wanted % Math.min(maker.open, taker.open)) + 1 };
    const makerFee = this.naive.fill(maker, { ...trade, as: 'maker' });
    const takerFee = this.naive.fill(taker, { ...trade, as: 'taker' });
    const units = { priceUnits: trade.price, quantityUnits: trade.quantity };
    const buyer = { ...namesOf(makerId), feeUnits: makerFee };
    const seller = { ...namesOf(takerId), feeUnits: takerFee };
    const sequence = this.world.bookEvent({
      ...{ kind: 'traded', ...units, aggressorSide: 'SELL' },
      maker: { ...buyer, remainingUnits: maker.open },
      taker: { ...seller, remainingUnits: taker.open },
    });
    const name = { instrumentNumber: 1, instrumentSequence: sequence };
    const why = { tradeTimeUs: 1_700_000_000_000_000, comment: 'a test' };
    this.#trades.set(sequence, {
      bust: { kind: 'bustTrade', ...name, ...units, buyer, seller, ...why },
      past: {
        ...{ buyer: maker, seller: taker, buyerFee: makerFee, sellerFee: takerFee },
        notional: BigInt(trade.price * trade.quantity) * NOTIONAL_FACTOR,
        base: BigInt(trade.quantity) * BASE_FACTOR,
      },
    });
  }

  /** Takes a trade back, perhaps again; whatever lags, both sides are settled before. */
  #bust(pick: number): void {
    const sequences = [...this.#trades.keys()];
    const sequence = sequences[pick % Math.max(sequences.length, 1)] ?? 0;
    const { bust, past } = this.#trades.get(sequence) ?? {};
    if (bust === undefined || past === undefined) return;
    this.world.followAll();
    // Now and then a side has nothing left of what it got.
    const spent = pick % 3 === 0 ? past.buyer.account : past.seller.account;
    const asset = pick % 3 === 0 ? 'BTC' : 'USD';
    const available = this.naive.available(spent, asset);
    if (pick % 3 < 2 && available > 0n) this.#move(spent, asset, -available, '');
    const { outcome } = this.world.applyFor(past.buyer.account, bust);
    const isBefore = this.busted.has(sequence);
    expect(outcome).toMatchObject({ kind: 'done', answer: { existing: isBefore } });
    this.world.followAll();
    if (!isBefore) this.naive.bust(past);
    this.busted.add(sequence);
  }

  #cancel(pick: number): void {
    const open = this.#open();
    const [orderId, order] = open[pick % Math.max(open.length, 1)] ?? [];
    if (orderId === undefined || order === undefined) return;
    order.isFinal = true;
    this.world.bookEvent({ kind: 'orderCanceled', ...namesOf(orderId), reason: 'OWNER' });
  }

  /** Lets everybody follow, and compares. */
  check(): void {
    const { world, naive } = this;
    world.followAll();
    for (const asset of ['USD', 'BTC'] as const) {
      for (const account of ACCOUNTS) {
        const known = world.shardOf(account).machine.state.accountsById.get(account);
        const balance = known?.balances.get(ASSETS[asset]);
        const wanted = [naive.total(account, asset), naive.held(account, asset)];
        expect([balance?.totalUnits ?? 0n, balance?.heldUnits ?? 0n]).toEqual(wanted);
        expect(this.#postings(account, asset)).toEqual(this.#naivePostings(account, asset));
      }
      const sources = [BOOK, 'account-1', 'account-2'];
      expect(sources.map((source) => world.clearingOf(source, asset))).toEqual([0n, 0n, 0n]);
      expect(world.purses('SUSPENSE', asset)).toBe(naive.total('suspense', asset));
      expect(world.purses('FEE', asset)).toBe(naive.total('fees', asset));
    }
    for (const [order, most] of this.#mostByOrder) {
      const notional = order.fills.reduce((sum, fill) => sum + fill.notional, 0n);
      if (order.side === 'BUY') expect(notional + feeSoFar(order) <= most).toBe(true);
    }
  }

  /** Of each change of the account, what it changed of an asset; transfers and trades in any order. */
  #postings(account: string, asset: Asset): readonly bigint[] {
    const { machine, stream } = this.world.shardOf(account);
    const { accountNumber } = machine.state.accountsById.get(account) ?? {};
    const amounts: bigint[] = [];
    for (const event of stream) {
      if (event.accountNumber !== accountNumber) continue;
      const legs = postingsOf(event, machine.state.instruments).filter((leg) => {
        return leg.assetNumber === ASSETS[asset];
      });
      if (legs.length > 0) amounts.push(legs.reduce((sum, leg) => sum + leg.amountUnits, 0n));
      expect(legs.every(({ kind }) => kind !== PostingKind.UNSPECIFIED)).toBe(true);
    }
    return amounts.filter((amount) => amount !== 0n).sort(byAmount);
  }

  #naivePostings(account: string, asset: Asset): readonly bigint[] {
    return this.naive.entries
      .filter((entry) => entry.account === account && entry.asset === asset)
      .map(({ amount }) => amount)
      .filter((amount) => amount !== 0n)
      .sort(byAmount);
  }
}

function byAmount(one: bigint, other: bigint): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function namesOf(orderId: string): { accountNumber: number; placement: number } {
  const [accountNumber = 0, placement = 0] = orderId.split('-').map(Number);
  return { accountNumber, placement };
}

describe('two account shards', () => {
  test('LED-3 LED-5 SET-2 SET-5 HLD-5: equal the naive ledger, busted trades too, and no order costs more than its hold', () => {
    const seen = { orders: 0, fills: 0, entries: 0, busts: 0, suspense: 0 };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const pair = new Pair();
        for (const each of steps) pair.act(each);
        pair.check();
        seen.orders += pair.naive.orders.size;
        for (const { fills } of pair.naive.orders.values()) seen.fills += fills.length;
        seen.entries += pair.naive.entries.length;
        seen.busts += pair.busted.size;
        if (pair.naive.total('suspense', 'BTC') !== 0n) seen.suspense += 1;
      }),
      { numRuns: 60 },
    );
    // The histories are worth something.
    expect(seen.orders).toBeGreaterThan(100);
    expect(seen.fills).toBeGreaterThan(100);
    expect(seen.busts).toBeGreaterThan(20);
    expect(seen.suspense).toBeGreaterThan(0);
  });
});
