// A naive ledger of the clients' money, from what came in and out and from the trades of the books
// alone; what the account shards have must be the same when everything is settled (LED-3), whatever
// moved between them meanwhile (LED-5), and whichever trades were taken back (SET-5). While an
// account's slot is on its way, the clearing of its move stands for it.

import type { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type { Event as LedgerEvent, TradeBusted } from '../../../services/account/domain/event.ts';
import { slotOfAccountNumber } from '../../../services/lib/routing/slot.ts';
import type { SlotEvent } from '../../../services/lib/routing/slot-command.ts';
import type { Traded } from '../../../services/matching/domain/event.ts';
import { amountUnitsOf, baseUnitsOf, notionalUnitsOf } from '../workload/market.ts';
import type { Findings } from './findings.ts';
import type { EventPlace, Facts } from './order-facts.ts';

/** A client's request that money comes, goes or is sent. */
export type MoneyRequest = {
  readonly accountId: string;
  readonly assetId: string;
  readonly amount: string;
  readonly clientTransferId: string;
};

/** Names a trade as its fills do. */
type TradeId = string;

type Side = TradeBusted['side'];

type Posted = { readonly assetNumber: number; readonly amountUnits: bigint };

export class Money {
  readonly #facts: Facts;
  readonly #findings: Findings;
  readonly #assetNumbers = new Map<string, number>();
  /** What each account should have, by account number and asset. */
  readonly #expected = new Map<string, bigint>();
  /** Of who paid or got it from outside, by account id and client transfer id. */
  readonly #posted = new Map<string, Posted>();
  /** Of who got it from another account, by that one's id and client transfer id. */
  readonly #received = new Set<string>();
  /** Sent and not received yet. */
  readonly #sent = new Set<string>();
  readonly #trades = new Map<TradeId, { readonly trade: Traded; readonly place: EventPlace }>();
  /** Sides that were taken back. */
  readonly #busted = new Set<string>();
  /** Of the books, up to where their logs were cut off. */
  readonly #cutThrough = new Map<string, number>();

  constructor(facts: Facts, findings: Findings) {
    this.#facts = facts;
    this.#findings = findings;
  }

  /** LED-4: an acknowledged request was posted, as it was asked for. */
  acknowledged(
    { accountId, assetId, amount, clientTransferId }: MoneyRequest,
    sign: 1n | -1n,
    posting: { readonly amount: string } | undefined,
  ): void {
    const key = `${accountId}/${clientTransferId}`;
    const found = this.#posted.get(key);
    const units = sign * amountUnitsOf(amount);
    const isSame =
      found?.amountUnits === units && found.assetNumber === this.#assetNumbers.get(assetId);
    if (!isSame) this.#findings.add('LED-4', `${key} is acknowledged, and not in the log`);
    const said = amountUnitsOf((posting?.amount ?? '').replace('-', ''));
    if (said === amountUnitsOf(amount)) return;
    this.#findings.add('LED-4', `${key} is ${amount}, and was answered with ${posting?.amount}`);
  }

  takeLedger(event: LedgerEvent): void {
    if (event.kind === 'assetSet') this.#assetNumbers.set(event.assetId, event.assetNumber);
    if (event.kind === 'tradeBusted') this.#takeBack(event);
    if (event.kind !== 'transferPosted') return;
    const { accountNumber, assetNumber, amountUnits, otherAccountId, clientTransferId } = event;
    const accountId = this.#facts.accountIds.get(accountNumber) ?? '';
    if (otherAccountId !== '' && amountUnits > 0n) {
      this.#receive(`${otherAccountId}/${clientTransferId}`);
      return;
    }
    const key = `${accountId}/${clientTransferId}`;
    if (this.#posted.has(key)) this.#findings.add('LED-4', `${key} was posted twice`);
    this.#posted.set(key, { assetNumber, amountUnits });
    this.#add(accountNumber, assetNumber, amountUnits);
    if (otherAccountId === '') return;
    this.#sent.add(key);
    for (const [number, id] of this.#facts.accountIds) {
      if (id === otherAccountId) this.#add(number, assetNumber, -amountUnits);
    }
    if (this.#received.has(key)) this.#sent.delete(key);
  }

  #receive(key: string): void {
    if (this.#received.has(key)) this.#findings.add('LED-5', `${key} was received twice`);
    this.#received.add(key);
    this.#sent.delete(key);
  }

  takeTrade(trade: Traded, place: EventPlace): void {
    this.#trades.set(`${trade.instrumentNumber}-${trade.instrumentSequence}`, { trade, place });
    for (const side of ['BUY', 'SELL'] as const) {
      const { accountNumber, baseUnits, quoteUnits } = this.#sideOf(trade, side);
      this.#add(accountNumber, this.#base, baseUnits);
      this.#add(accountNumber, this.#quote, quoteUnits);
    }
  }

  get #base(): number {
    return this.#assetNumbers.get('BTC') ?? 0;
  }

  get #quote(): number {
    return this.#assetNumbers.get('USD') ?? 0;
  }

  /** What one side got, and what it paid. */
  #sideOf({ maker, taker, aggressorSide, priceUnits, quantityUnits }: Traded, side: Side) {
    // In an uncross the buyer stands as the maker (STA-2).
    const [buyer, seller] = aggressorSide === 'BUY' ? [taker, maker] : [maker, taker];
    const { accountNumber, feeUnits } = side === 'BUY' ? buyer : seller;
    const sign = side === 'BUY' ? 1n : -1n;
    const baseUnits = sign * baseUnitsOf(quantityUnits);
    const quoteUnits = -sign * notionalUnitsOf(priceUnits, quantityUnits) - feeUnits;
    return { accountNumber, baseUnits, quoteUnits };
  }

  /** SET-5: each side gets back what it gave, once; what it lacks comes from suspense. */
  #takeBack({ trade: { instrumentNumber, instrumentSequence }, side, missingUnits }: TradeBusted) {
    const tradeId = `${instrumentNumber}-${instrumentSequence}`;
    const known = this.#trades.get(tradeId);
    const key = `${tradeId} ${side}`;
    if (known === undefined) {
      this.#findings.add('SET-5', `${tradeId} was busted, and never was`);
      return;
    }
    if (this.#busted.has(key)) this.#findings.add('LED-5', `${key} was busted twice`);
    this.#busted.add(key);
    const { accountNumber, baseUnits, quoteUnits } = this.#sideOf(known.trade, side);
    const isBuyer = side === 'BUY';
    if (missingUnits < 0n || missingUnits > (isBuyer ? baseUnits : quoteUnits)) {
      this.#findings.add('SET-5', `${key} lacks ${missingUnits}`);
    }
    this.#add(accountNumber, this.#base, -baseUnits + (isBuyer ? missingUnits : 0n));
    this.#add(accountNumber, this.#quote, -quoteUnits + (isBuyer ? 0n : missingUnits));
  }

  get bustedSides(): number {
    return this.#busted.size;
  }

  /** A trade that was durable; undefined before the first. */
  anyTrade(pick: (count: number) => number): TradeId | undefined {
    return [...this.#trades.keys()][this.#trades.size === 0 ? 0 : pick(this.#trades.size)];
  }

  /** An entry with these events of a book is cut off: its trades are known no longer. */
  takeCut(shardId: string, throughSequence: number): void {
    this.#cutThrough.set(shardId, throughSequence);
  }

  isCutOff(tradeId: TradeId): boolean {
    const place = this.#trades.get(tradeId)?.place;
    return place !== undefined && place.sequence <= (this.#cutThrough.get(place.shardId) ?? 0);
  }

  /** LOG-5: what is answered to a bust is in the logs. */
  acknowledgedBust(tradeId: TradeId, isCompleted: boolean): void {
    for (const side of isCompleted ? ['BUY', 'SELL'] : ['BUY']) {
      if (this.#busted.has(`${tradeId} ${side}`)) continue;
      this.#findings.add('LOG-5', `the bust of ${tradeId} is acknowledged, without its ${side}`);
    }
  }

  #add(accountNumber: number, assetNumber: number, units: bigint): void {
    const key = `${accountNumber} ${assetNumber}`;
    this.#expected.set(key, (this.#expected.get(key) ?? 0n) + units);
  }

  /** What has been sent and not been received; undefined when nothing. */
  findOnItsWay(): string | undefined {
    const [first] = this.#sent;
    if (first !== undefined) return `the transfer ${first} has not arrived (LED-5)`;
    for (const key of this.#busted) {
      const [tradeId, side] = key.split(' ');
      const other = `${tradeId} ${side === 'BUY' ? 'SELL' : 'BUY'}`;
      if (!this.#busted.has(other)) return `${key} was busted, and ${other} was not (LED-5)`;
    }
    return undefined;
  }

  /** LED-3: every account has what it should have, and all streams are cleared. */
  checkEnd(machines: readonly AccountMachine[]): void {
    const left = new Map(this.#expected);
    for (const { state } of machines) {
      for (const account of state.accountsByNumber.values()) {
        const { accountNumber, accountId } = account;
        if (!state.ownsAccountNumber(accountNumber)) continue;
        for (const { assetNumber, totalUnits } of account.balances.values()) {
          const key = `${accountNumber} ${assetNumber}`;
          const expected = left.get(key) ?? 0n;
          left.delete(key);
          if (expected === totalUnits) continue;
          const message = `${accountId} has ${totalUnits} of asset ${assetNumber}, not ${expected}`;
          this.#findings.add('LED-3', message);
        }
      }
    }
    for (const [key, units] of left) {
      if (units !== 0n) this.#findings.add('LED-3', `${units} of account and asset ${key} is gone`);
    }
  }
}

/** A shard's ledger, by its id. */
export type Ledgers = ReadonlyMap<string, AccountMachine>;

/** LED-3: over all shards, what stands in clearing for a stream. */
export function clearingSums(ledgers: Ledgers): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const [shardId, { state }] of ledgers) {
    for (const { kind, assetNumber, source, units } of state.ledger.purses()) {
      if (kind !== 'CLEARING') continue;
      const key = `${assetNumber} ${source === '' ? shardId : source}`;
      sums.set(key, (sums.get(key) ?? 0n) + units);
    }
  }
  return sums;
}

/** LED-5: clearing stands for a slot exactly while it is frozen and has not come anywhere. */
export function checkTransit(ledgers: Ledgers, { slot }: SlotEvent, findings: Findings): void {
  const owners = [...ledgers.values()].filter(({ state }) => state.ownsSlot(slot));
  const frozen = [...ledgers.values()].filter(({ state }) => state.isFrozen(slot));
  const expected = new Map<number, bigint>();
  if (owners.length === 0) {
    for (const { state } of frozen) {
      for (const account of state.accountsByNumber.values()) {
        if (slotOfAccountNumber(account.accountNumber) !== slot) continue;
        for (const { assetNumber, totalUnits } of account.balances.values()) {
          expected.set(assetNumber, (expected.get(assetNumber) ?? 0n) + totalUnits);
        }
      }
    }
  }
  const found = new Map<number, bigint>();
  for (const [key, units] of clearingSums(ledgers)) {
    const [asset = '', stream = '', place = ''] = key.split(' ');
    if (stream !== 'slot' || !place.startsWith(`${slot}/`)) continue;
    found.set(Number(asset), (found.get(Number(asset)) ?? 0n) + units);
  }
  for (const assetNumber of new Set([...expected.keys(), ...found.keys()])) {
    const [has, should] = [found.get(assetNumber) ?? 0n, expected.get(assetNumber) ?? 0n];
    if (has === should) continue;
    const message = `${has} of asset ${assetNumber} stands in clearing for slot ${slot}, not ${should}`;
    findings.add('LED-5', message);
  }
}

/**
 * MOV-7: where a slot that has come stands is what its orders say: their fills are those up to the
 * slot's own watermark of each book, or the shard's.
 */
export function checkWatermarks(
  { state }: AccountMachine,
  { slot }: SlotEvent,
  facts: Facts,
  findings: Findings,
): void {
  for (const account of state.accountsByNumber.values()) {
    if (slotOfAccountNumber(account.accountNumber) !== slot) continue;
    for (const { placement, clientOrderId, filledUnits } of account.liveOrders.values()) {
      const { fills } = facts.order(account.accountNumber, placement);
      let settled = 0;
      for (const { place, quantityUnits } of fills) {
        const mark =
          state.slotWatermarks.find(slot, place.shardId) ?? state.watermarks.get(place.shardId);
        if (place.sequence <= (mark?.sequence ?? 0)) settled += quantityUnits;
      }
      if (settled === filledUnits) continue;
      const name = `${account.accountId}/${clientOrderId}`;
      const message = `${name} came with ${filledUnits} filled, up to its watermarks ${settled} are`;
      findings.add('MOV-7', message);
    }
  }
}
