// Logs of an account shard for the recovery benchmark: the holds of a day of orders, and what their
// book did with them as settlement brings it.

import { ledgerCodec } from '../../services/account/adapter/codec/ledger-codec.ts';
import { AccountMachine } from '../../services/account/domain/account-machine.ts';
import type { Command, PlaceHold, Settle } from '../../services/account/domain/command.ts';
import type { Answer, Event } from '../../services/account/domain/event.ts';
import type {
  MatchingEvent,
  SettledCommand,
} from '../../services/account/domain/matching-event.ts';
import { SLOT_COUNT, slotOf } from '../../services/lib/routing/slot.ts';
import type { LogEntry } from '../../services/lib/shard/log-entry.ts';
import type { Replica } from '../../services/lib/shard/replica.ts';
import type { MatchingCommand } from '../../services/matching/domain/command.ts';
import type { MatchingEvent as BookEvent } from '../../services/matching/domain/event.ts';
import { MatchingMachine } from '../../services/matching/domain/machine.ts';
import { AMEND, FlowRecords } from '../../services/matching/replay/flow-records.ts';
import { buildLog, type TimedCommand } from '../support/logs/build-log.ts';
import { makeWorkload } from './matching-workloads.ts';
import { rulesOf } from './recovery-log.ts';

const ACCOUNT_SHARD = 'bench-2';

export const ACCOUNT_REPLICA = {
  shardId: ACCOUNT_SHARD,
  createMachine: () => new AccountMachine(),
  codec: ledgerCodec,
  maximumIdentities: 8_000_000,
};

type AccountReplica = Replica<Command, Event, Answer>;

const ACCOUNTS = 1_000;
const PLENTY = 2n ** 60n;
/** What settlement brings in one command, and what a busy leader puts into one entry. */
const COMMANDS_PER_RANGE = 100;
const COMMANDS_PER_ENTRY = 200;
const ENTRIES_PER_CHECKSUM = 100;
const BEGIN_US = 1_700_000_000_000_000;
const ENTRY_US = 20_000;

/** The holds and settlements of so many orders and cancels of a day on one instrument. */
export function buildAccountDay(
  seed: number,
  count: number,
  onEntry: (entry: LogEntry) => void,
): AccountReplica {
  return buildLog({
    replica: ACCOUNT_REPLICA,
    commands: timed(new AccountDay(seed, count).commands()),
    commandsPerEntry: COMMANDS_PER_ENTRY,
    entriesPerChecksum: ENTRIES_PER_CHECKSUM,
    onEntry,
  });
}

function* timed(commands: Iterable<Command>): Generator<TimedCommand<Command>> {
  let logTimeUs = BEGIN_US;
  let count = 0;
  for (const command of commands) {
    if (count % COMMANDS_PER_ENTRY === 0) logTimeUs += ENTRY_US;
    count += 1;
    yield { command, logTimeUs };
  }
}

type Order = { readonly accountNumber: number; readonly placement: number };

class AccountDay {
  readonly #flow: FlowRecords;
  readonly #book = new MatchingMachine({ ordersPerBook: 2 ** 31 });
  /** By account number. */
  readonly #accountIds = new Map<number, string>();
  readonly #accountNumbers: number[] = [];
  readonly #placements = new Map<number, number>();
  readonly #orders = new Map<number, Order>();
  #sequence = 0;
  #entries = 0;

  constructor(seed: number, count: number) {
    const { records } = makeWorkload('normal', seed, count);
    this.#flow = new FlowRecords(records, 1);
    const slots = new Map<number, number>();
    for (let index = 0; index < ACCOUNTS; index += 1) {
      const accountId = `bench-${index}`;
      const slot = slotOf(accountId);
      const place = (slots.get(slot) ?? 0) + 1;
      slots.set(slot, place);
      const accountNumber = slot + SLOT_COUNT * place;
      this.#accountIds.set(accountNumber, accountId);
      this.#accountNumbers.push(accountNumber);
    }
  }

  *commands(): Generator<Command> {
    yield* this.#opening();
    let range: SettledCommand[] = [];
    for (let index = 0; index < this.#flow.count; index += 1) {
      if (this.#flow.kindAt(index) === AMEND) continue;
      const command = this.#flow.commandAt(index, 0);
      const owned = this.#owned(command, this.#flow.orderIdAt(index));
      if (owned.kind === 'placeOrder') yield this.#holdOf(owned);
      range.push({ identity: `m${index}`, events: this.#apply(owned) });
      if (range.length < COMMANDS_PER_RANGE) continue;
      yield this.#settle(range);
      range = [];
    }
    if (range.length > 0) yield this.#settle(range);
  }

  *#opening(): Generator<Command> {
    const rules = rulesOf(1);
    const slots = Array.from({ length: SLOT_COUNT }, (_, slot) => slot);
    this.#apply({ kind: 'acquireSlots', slots: [slotOf(rules.instrumentId)], generation: 1 });
    this.#apply({ kind: 'setInstrument', rules, initialState: 'CONTINUOUS' });
    this.#sequence = 0;
    yield { kind: 'acquireSlots', slots, generation: 1 };
    for (const assetNumber of [rules.quoteAssetNumber, rules.baseAssetNumber]) {
      yield { kind: 'setAsset', assetNumber, assetId: `A${assetNumber}`, scale: 2, version: 1 };
    }
    yield { kind: 'setInstrument', rules };
    for (const accountId of this.#accountIds.values()) {
      yield { kind: 'createAccount', accountId, defaultSelfTradePrevention: 'NONE' };
      for (const assetNumber of [rules.quoteAssetNumber, rules.baseAssetNumber]) {
        const clientTransferId = `d${assetNumber}`;
        yield { kind: 'deposit', accountId, assetNumber, amountUnits: PLENTY, clientTransferId };
      }
    }
  }

  /** The command as one of an account of the shard. */
  #owned(command: MatchingCommand, orderId: number): MatchingCommand {
    if (command.kind === 'placeOrder') {
      const accountNumber = this.#accountNumbers[orderId % ACCOUNTS] as number;
      const placement = (this.#placements.get(accountNumber) ?? 0) + 1;
      this.#placements.set(accountNumber, placement);
      const order = { accountNumber, placement };
      this.#orders.set(orderId, order);
      return { ...command, ...order, terms: { ...command.terms } };
    }
    return { ...command, ...this.#orders.get(orderId) } as MatchingCommand;
  }

  #holdOf({
    accountNumber,
    placement,
    terms,
  }: Extract<MatchingCommand, { kind: 'placeOrder' }>): PlaceHold {
    const rules = rulesOf(1);
    const isBuy = terms.side === 'BUY';
    const { priceUnits, quantityUnits } = terms;
    const { notionalFactor, baseFactor } = rules;
    const amountUnits = isBuy
      ? BigInt(priceUnits) * BigInt(quantityUnits) * BigInt(notionalFactor)
      : BigInt(quantityUnits) * BigInt(baseFactor);
    const { selfTradeGroup: _, ...own } = terms;
    return {
      kind: 'placeHold',
      accountId: this.#accountIds.get(accountNumber) as string,
      clientOrderId: `order-${accountNumber}-${placement}`,
      terms: own,
      bodyHash: hexOf(accountNumber) + hexOf(placement),
      assetNumber: isBuy ? rules.quoteAssetNumber : rules.baseAssetNumber,
      amountUnits,
      validUntilUs: BEGIN_US + 5_000_000,
      declineReason: 'NONE',
      refuseWhenShort: false,
    };
  }

  #apply(command: MatchingCommand): MatchingEvent[] {
    const found: BookEvent[] = [];
    const emit = (event: BookEvent): void => void found.push(event);
    const context = { logTimeUs: BEGIN_US, identity: '', validUntilUs: BEGIN_US };
    let outcome = this.#book.apply(command, context, emit);
    while (outcome.kind === 'unfinished') outcome = this.#book.proceed(context, emit);
    return found.flatMap(settledOf);
  }

  #settle(commands: readonly SettledCommand[]): Settle {
    const fromSequence = this.#sequence + 1;
    for (const { events } of commands) this.#sequence += events.length;
    this.#entries += 1;
    return {
      kind: 'settle',
      sourceShardId: 'bench-1',
      fromSequence,
      throughSequence: this.#sequence,
      sourceEntryIndex: this.#entries,
      sourceChainChecksum: this.#entries.toString(16).padStart(32, '0'),
      entries: [{ logTimeUs: BEGIN_US + this.#entries, commands }],
    };
  }
}

/** Half of a body's hash. */
function hexOf(number: number): string {
  return number.toString(16).padStart(16, '0');
}

/** As an account shard reads it. */
function settledOf(event: BookEvent): MatchingEvent[] {
  switch (event.kind) {
    case 'orderAccepted': {
      const { kind, instrumentNumber, instrumentSequence, accountNumber, placement } = event;
      const place = { instrumentNumber, instrumentSequence, accountNumber, placement };
      return [{ kind, ...place, waiting: undefined }];
    }
    case 'orderRejected':
    case 'orderCanceled':
    case 'traded':
    case 'orderFilled':
      return [event as MatchingEvent];
    default:
      return [];
  }
}
