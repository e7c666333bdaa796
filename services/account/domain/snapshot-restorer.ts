// Takes over an account shard's state from its canonical form (SNAP-1), record by record. Whatever
// contradicts itself is refused: open orders without an account, money that was not moved.
import { StateDamaged, StateReader } from '../../lib/base/state-bytes.ts';
import { slotOfAccountNumber } from '../../lib/routing/slot.ts';
import type { InstrumentRules } from '../../lib/rules/terms.ts';
import type { StateRestorer } from '../../lib/shard/state-machine.ts';
import { Account, TransferRecord } from './account.ts';
import type { AssetLimit } from './account-limits.ts';
import type { Asset } from './command.ts';
import type { Part } from './digest.ts';
import type { FeeTier } from './fee-schedules.ts';
import { LiveGroup } from './live-group.ts';
import { LiveOrder } from './live-order.ts';
import { MovingSlotsRestorer } from './moving-slots-restorer.ts';
import { RECORD } from './snapshot.ts';
import {
  ACCOUNT_STATES,
  GROUP_PHASES,
  GROUP_TYPES,
  PURSE_KINDS,
  readFields,
  readOrderHead,
  readOrderRest,
  SELF_TRADE_PREVENTIONS,
  takeBust,
} from './snapshot-fields.ts';
import { type LedgerState, Watermark } from './state.ts';
import { DueSwitch } from './switches.ts';

/** Kinds of records in the order in which they come; those of an account repeat. */
const ORDER_OF_KINDS: readonly number[] = [
  RECORD.clock,
  RECORD.slots,
  RECORD.asset,
  RECORD.instrument,
  RECORD.feeSchedule,
  RECORD.purse,
  RECORD.watermark,
  RECORD.account,
  RECORD.closedOrder,
  RECORD.look,
  RECORD.dueSwitch,
  RECORD.slotWatermark,
  RECORD.copy,
  RECORD.end,
];

export class LedgerRestorer implements StateRestorer {
  readonly #state: LedgerState;
  /** Place in `ORDER_OF_KINDS` of the last record. */
  #place = -1;
  #records = 0;
  #hasEnded = false;
  readonly #moving: MovingSlotsRestorer;
  #account: Account | undefined;
  #liveOrders = 0;
  /** Sum over all purses of an asset: zero when everything is there (LED-1). */
  readonly #sums = new Map<number, bigint>();

  /** @param state to which nothing was applied */
  constructor(state: LedgerState) {
    this.#state = state;
    this.#moving = new MovingSlotsRestorer(state);
  }

  take(piece: Uint8Array): void {
    const reader = new StateReader(piece);
    while (!reader.done) {
      if (this.#hasEnded) throw new StateDamaged('a record follows the end');
      this.#take(reader.byte(), reader);
      this.#records += 1;
    }
  }

  end(): void {
    check(this.#hasEnded, 'the end of the state is missing');
    check(this.#liveOrders === this.#state.shard.liveOrders, 'open orders are missing');
    for (const [asset, sum] of this.#sums) check(sum === 0n, `asset ${asset} does not sum to zero`);
    watchPlacedHolds(this.#state);
  }

  #take(kind: number, reader: StateReader): void {
    const isOfAccount =
      (kind > RECORD.account && kind <= RECORD.group) ||
      kind === RECORD.settings ||
      kind === RECORD.volume ||
      kind === RECORD.bust;
    const isOfCopy = kind === RECORD.copyRecord;
    const place = ORDER_OF_KINDS.indexOf(
      isOfAccount ? RECORD.account : isOfCopy ? RECORD.copy : kind,
    );
    check(place >= Math.max(this.#place, 0), `a record of kind ${kind} stands in the wrong place`);
    this.#place = place;
    switch (kind) {
      case RECORD.clock:
        this.#takeClock(reader);
        return;
      case RECORD.slots:
        this.#takeSlots(reader);
        return;
      case RECORD.asset:
        this.#takeAsset(reader);
        return;
      case RECORD.instrument:
        this.#takeInstrument(reader);
        return;
      case RECORD.feeSchedule:
        this.#takeFeeSchedule(reader);
        return;
      case RECORD.purse:
        this.#takePurse(reader);
        return;
      case RECORD.watermark:
        this.#takeWatermark(reader);
        return;
      case RECORD.account:
        this.#takeAccount(reader);
        return;
      case RECORD.closedOrder:
        this.#takeClosedOrder(reader);
        return;
      case RECORD.look:
        this.#state.switches.watch(reader.whole(), reader.whole());
        return;
      case RECORD.dueSwitch:
        this.#takeDueSwitch(reader);
        return;
      case RECORD.slotWatermark:
        this.#moving.takeWatermark(reader);
        return;
      case RECORD.copy:
        this.#moving.takeCopy(reader);
        return;
      case RECORD.copyRecord:
        this.#moving.takeRecord(reader);
        return;
      case RECORD.end:
        check(reader.whole() === this.#records, 'records are missing');
        this.#hasEnded = true;
        return;
      default:
        this.#takeOfAccount(kind, reader);
    }
  }

  #takeOfAccount(kind: number, reader: StateReader): void {
    const account = this.#account;
    if (account === undefined) throw new StateDamaged('a record lacks its account');
    switch (kind) {
      case RECORD.settings:
        takeSettings(reader, account);
        // Its settings are part of it.
        this.#state.digest.mark(account);
        return;
      case RECORD.volume: {
        const volume = account.volume(reader.whole());
        for (let left = reader.whole(); left > 0; left -= 1) {
          volume.days.set(reader.whole(), reader.amount());
        }
        this.#state.digest.mark(volume);
        return;
      }
      case RECORD.balance:
        this.#takeBalance(reader, account);
        return;
      case RECORD.instrumentSequence: {
        const instrumentNumber = reader.whole();
        account.lastInstrumentSequences.set(instrumentNumber, reader.whole());
        // Its numbering in instruments is part of it.
        this.#state.digest.mark(account);
        return;
      }
      case RECORD.transfer:
        this.#takeTransfer(reader, account);
        return;
      case RECORD.bust:
        this.#state.digest.mark(takeBust(reader, account));
        return;
      case RECORD.order:
        this.#takeOrder(reader, account);
        return;
      case RECORD.group:
        this.#takeGroup(reader, account);
        return;
      default:
        throw new StateDamaged(`${kind} is no kind of record`);
    }
  }

  #count(part: Part, isCounted: boolean): void {
    if (isCounted) this.#state.digest.mark(part);
  }

  #takeClock(reader: StateReader): void {
    const { shard } = this.#state;
    const isCounted = reader.boolean();
    shard.logTimeUs = reader.whole();
    shard.windowUs = reader.whole();
    shard.liveOrders = reader.whole();
    this.#count(shard, isCounted);
  }

  #takeSlots(reader: StateReader): void {
    const { slots } = this.#state;
    const isCounted = reader.boolean();
    const { generations, accountCounts } = slots;
    for (let slot = 0; slot < generations.length; slot += 1) generations[slot] = reader.whole();
    for (let slot = 0; slot < accountCounts.length; slot += 1) accountCounts[slot] = reader.whole();
    for (let slot = 0; slot < slots.owners.length; slot += 1) slots.owners[slot] = reader.byte();
    this.#count(slots, isCounted);
  }

  #takeAsset(reader: StateReader): void {
    const asset = readFields<Asset>(reader);
    this.#state.assets.set(asset.assetNumber, asset);
    this.#state.markAsset(asset);
  }

  #takeInstrument(reader: StateReader): void {
    const rules = readFields<InstrumentRules>(reader);
    this.#state.instruments.set(rules.instrumentNumber, rules);
    this.#state.markInstrument(rules);
  }

  #takeFeeSchedule(reader: StateReader): void {
    const scope = { accountId: reader.text(), instrumentNumber: reader.whole() };
    const tiers: FeeTier[] = [];
    for (let left = reader.whole(); left > 0; left -= 1) {
      tiers.push({
        minimumVolume: reader.amount(),
        makerRatePpm: reader.signed(),
        takerRatePpm: reader.signed(),
        auctionRatePpm: reader.signed(),
      });
    }
    this.#state.feeSchedules.set(scope, tiers);
  }

  #takePurse(reader: StateReader): void {
    const isCounted = reader.boolean();
    const kind = reader.choice(PURSE_KINDS);
    const assetNumber = reader.whole();
    const purse = this.#state.ledger.purse(kind, assetNumber, reader.text());
    purse.units = reader.amount();
    this.#add(assetNumber, purse.units);
    this.#count(purse, isCounted);
  }

  #add(assetNumber: number, units: bigint): void {
    this.#sums.set(assetNumber, (this.#sums.get(assetNumber) ?? 0n) + units);
  }

  #takeWatermark(reader: StateReader): void {
    const isCounted = reader.boolean();
    const watermark = new Watermark(reader.text());
    watermark.sequence = reader.whole();
    watermark.entryIndex = reader.whole();
    watermark.chainChecksum = reader.text();
    this.#state.watermarks.set(watermark.sourceShardId, watermark);
    this.#count(watermark, isCounted);
  }

  #takeAccount(reader: StateReader): void {
    const account = new Account({
      accountNumber: reader.whole(),
      accountId: reader.text(),
      defaultSelfTradePrevention: reader.choice(SELF_TRADE_PREVENTIONS),
      createdTimeUs: reader.whole(),
    });
    account.accountSequence = reader.whole();
    account.lastDeclinedSequence = reader.whole();
    account.placements = reader.whole();
    account.selfTradeGroup = reader.whole();
    account.cancelTimeUs = reader.whole();
    const { accountsById, accountsByNumber } = this.#state;
    check(!accountsByNumber.has(account.accountNumber), 'an account comes twice');
    accountsById.set(account.accountId, account);
    accountsByNumber.set(account.accountNumber, account);
    this.#account = account;
    this.#state.digest.mark(account);
  }

  #takeBalance(reader: StateReader, account: Account): void {
    const isCounted = reader.boolean();
    const balance = account.balance(reader.whole());
    balance.totalUnits = reader.amount();
    balance.heldUnits = reader.amount();
    const { totalUnits, heldUnits } = balance;
    check(heldUnits >= 0n && totalUnits >= heldUnits, 'more is held than there is');
    // Of a slot that is on its way the clearing counts (LED-5).
    const isAway = this.#state.isFrozen(slotOfAccountNumber(account.accountNumber));
    if (!isAway) this.#add(balance.assetNumber, totalUnits);
    this.#count(balance, isCounted);
  }

  #takeTransfer(reader: StateReader, account: Account): void {
    const assetNumber = reader.whole();
    const amountUnits = reader.amount();
    const clientTransferId = reader.text();
    const otherAccountId = reader.text();
    const byClearing = reader.boolean();
    const accountId = byClearing ? account.accountId : '';
    const between = { otherAccountId, byClearing, accountId };
    const transfer = { assetNumber, amountUnits, clientTransferId, ...between };
    const record = new TransferRecord(account.accountNumber, transfer, {
      accountSequence: reader.whole(),
      postedTimeUs: reader.whole(),
      totalAfterUnits: reader.amount(),
    });
    account.transfers.set(clientTransferId, record);
    this.#state.digest.mark(record);
  }

  #takeOrder(reader: StateReader, account: Account): void {
    const { placement, clientOrderId, terms } = readOrderHead(reader);
    const { accountNumber, accountId } = account;
    check(placement <= account.placements, 'an order has a placement that was never given');
    const order = new LiveOrder(accountNumber, accountId, placement, clientOrderId, terms);
    readOrderRest(reader, order);
    account.liveOrders.set(placement, order);
    account.countOrder(terms, 1);
    account.placementByClientOrderId.set(clientOrderId, placement);
    this.#liveOrders += 1;
    this.#state.digest.mark(order);
  }

  #takeGroup(reader: StateReader, account: Account): void {
    const group = new LiveGroup({
      accountNumber: account.accountNumber,
      placement: reader.whole(),
      groupType: reader.choice(GROUP_TYPES),
      holdAssetNumber: reader.whole(),
    });
    group.heldUnits = reader.amount();
    group.phase = reader.choice(GROUP_PHASES);
    const legs: LiveOrder[] = [];
    for (let left = reader.whole(); left > 0; left -= 1) {
      const leg = account.liveOrders.get(reader.whole());
      if (leg === undefined || leg.group !== undefined)
        throw new StateDamaged('a group lacks a leg');
      leg.group = group;
      legs.push(leg);
      // Its group is part of it.
      this.#state.digest.mark(leg);
    }
    group.legs = legs;
    this.#state.fileGroup(account, group);
  }

  #takeClosedOrder(reader: StateReader): void {
    const { position, keys } = this.#state.closedOrders.appendStored(reader.bytes());
    const account = this.#state.accountsByNumber.get(keys.accountNumber);
    // An account that has left is remembered where it is now.
    if (account === undefined) return;
    const isAgain = account.closedPositions.has(keys.placement);
    account.closedPositions.set(keys.placement, position);
    if (isAgain) return;
    if (keys.instrumentNumber !== undefined) account.countOrderOf(keys.instrumentNumber, 1);
    account.placementByClientOrderId.set(keys.clientOrderId, keys.placement);
  }

  #takeDueSwitch(reader: StateReader): void {
    const accountNumber = reader.whole();
    const dueSequence = reader.whole();
    const dueTimeUs = reader.whole();
    const instrumentNumbers: number[] = [];
    for (let left = reader.whole(); left > 0; left -= 1) instrumentNumbers.push(reader.whole());
    const due = { accountNumber, dueSequence, dueTimeUs, instrumentNumbers };
    this.#state.switches.file(new DueSwitch(due));
  }
}

function takeSettings(reader: StateReader, account: Account): void {
  account.state = reader.choice(ACCOUNT_STATES);
  const maximumOpenOrders = reader.whole();
  const assets: AssetLimit[] = [];
  for (let left = reader.whole(); left > 0; left -= 1) {
    const assetNumber = reader.whole();
    const maximumNotionalUnits = reader.amount();
    assets.push({ assetNumber, maximumNotionalUnits, maximumWithdrawalUnits: reader.amount() });
  }
  account.limits = { maximumOpenOrders, assets };
  for (let left = reader.whole(); left > 0; left -= 1) {
    const assetNumber = reader.whole();
    account.withdrawals.set(assetNumber, { day: reader.whole(), units: reader.amount() });
  }
}

/** Which holds are placed follows from the orders; those that were overdue are so at once (HLD-4). */
function watchPlacedHolds({ accountsByNumber, placedHolds, shard }: LedgerState): void {
  for (const account of accountsByNumber.values()) placedHolds.watchAll(account);
  placedHolds.advance(shard.logTimeUs);
}

function check(holds: boolean, problem: string): void {
  if (!holds) throw new StateDamaged(problem);
}
