// Several account shards beside one another, each the real state machine: every one has the slots
// that are its by number, all follow one book, and each follows what the others have sent (LED-5).

import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type {
  BustedTrade,
  Command,
  SentTransfer,
} from '../../../services/account/domain/command.ts';
import type { Event } from '../../../services/account/domain/event.ts';
import { OWN_STREAM, type Purse } from '../../../services/account/domain/ledger.ts';
import type { MatchingEventBody } from '../../../services/account/domain/matching-event.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import { ALL_SLOTS, ASSETS, type Result, RULES } from './ledger-world.ts';

export const BOOK = 'matching-1';

/** One shard: its machine, and what it has put into its stream. */
export class ShardInWorld {
  readonly shardId: string;
  readonly machine = new AccountMachine();
  readonly stream: Event[] = [];
  readonly commands: { readonly command: Command; readonly logTimeUs: number }[] = [];

  constructor(shardId: string) {
    this.shardId = shardId;
  }

  settledThrough(sourceShardId: string): number {
    return this.machine.state.watermarks.get(sourceShardId)?.sequence ?? 0;
  }
}

export class ShardsWorld {
  readonly shards: readonly ShardInWorld[];
  /** Events of the book, by sequence from 1. */
  readonly #book: MatchingEventBody[] = [];
  #logTimeUs = 1_700_000_000_000_000;

  constructor(count: number) {
    this.shards = Array.from({ length: count }, (_, n) => new ShardInWorld(`account-${n + 1}`));
    for (const [number, shard] of this.shards.entries()) {
      const slots = ALL_SLOTS.filter((slot) => slot % count === number);
      this.apply(shard, { kind: 'acquireSlots', slots, generation: 1 });
      for (const [assetId, assetNumber] of Object.entries(ASSETS)) {
        this.apply(shard, { kind: 'setAsset', assetNumber, assetId, scale: 2, version: 1 });
      }
      this.apply(shard, { kind: 'setInstrument', rules: RULES });
    }
  }

  shardOf(accountId: string): ShardInWorld {
    return this.shards[slotOf(accountId) % this.shards.length] as ShardInWorld;
  }

  /** A command for the shard of an account. */
  applyFor(accountId: string, command: Command): Result {
    return this.apply(this.shardOf(accountId), command);
  }

  apply(shard: ShardInWorld, command: Command, stepUs = 1_000): Result {
    this.#logTimeUs += stepUs;
    const logTimeUs = this.#logTimeUs;
    const events: Event[] = [];
    const emit = (event: Event): void => {
      events.push(event);
    };
    shard.machine.advance(logTimeUs, emit);
    const identity = `${shard.commands.length}`;
    const context = { logTimeUs, identity, validUntilUs: logTimeUs + 60_000_000 };
    const outcome = shard.machine.apply(command, context, emit);
    shard.commands.push({ command, logTimeUs });
    shard.stream.push(...events);
    return { outcome, events };
  }

  createAccount(accountId: string): number {
    const defaultSelfTradePrevention = 'NONE';
    this.applyFor(accountId, { kind: 'createAccount', accountId, defaultSelfTradePrevention });
    return this.shardOf(accountId).machine.state.accountsById.get(accountId)?.accountNumber ?? 0;
  }

  /** Something happens in the book, with this sequence; the shards learn of it by `follow`. */
  bookEvent(body: MatchingEventBody): number {
    return this.#book.push(body);
  }

  /** Last sequence of a stream, of the book or of a shard. */
  endOf(sourceShardId: string): number {
    if (sourceShardId === BOOK) return this.#book.length;
    return this.shards.find(({ shardId }) => shardId === sourceShardId)?.stream.length ?? 0;
  }

  /** Lets a shard take in a source up to a sequence, at most. */
  follow(shard: ShardInWorld, sourceShardId: string, through = Infinity): Result | undefined {
    const fromSequence = shard.settledThrough(sourceShardId) + 1;
    const throughSequence = Math.min(this.endOf(sourceShardId), through);
    if (throughSequence < fromSequence || sourceShardId === shard.shardId) return undefined;
    const place = { sourceShardId, fromSequence, throughSequence };
    const range = { ...place, sourceEntryIndex: throughSequence, sourceChainChecksum: '00' };
    if (sourceShardId !== BOOK) {
      const stream = this.#streamOf(sourceShardId).slice(fromSequence - 1, throughSequence);
      const sent = stream.flatMap((event) => sentTransferIn(event) ?? []);
      const busts = stream.flatMap((event) => sentBustIn(event) ?? []);
      return this.apply(shard, { kind: 'settleTransfers', ...range, transfers: sent, busts });
    }
    const events = this.#book.slice(fromSequence - 1, throughSequence).map((body, index) => {
      return { instrumentNumber: 1, instrumentSequence: fromSequence + index, ...body };
    });
    const entries = [{ logTimeUs: this.#logTimeUs, commands: [{ identity: 'c', events }] }];
    return this.apply(shard, { kind: 'settle', ...range, entries });
  }

  /** Lets every shard take in everything that there was. */
  followAll(): void {
    const sources = [BOOK, ...this.shards.map(({ shardId }) => shardId)];
    const ends = sources.map((source) => [source, this.endOf(source)] as const);
    for (const shard of this.shards) {
      for (const [source, end] of ends) this.follow(shard, source, end);
    }
  }

  #streamOf(sourceShardId: string): readonly Event[] {
    return this.shards.find(({ shardId }) => shardId === sourceShardId)?.stream ?? [];
  }

  balance(accountId: string, asset: keyof typeof ASSETS): bigint {
    const account = this.shardOf(accountId).machine.state.accountsById.get(accountId);
    return account?.balances.get(ASSETS[asset])?.totalUnits ?? 0n;
  }

  /** Sum over the shards of what stands in the clearing of a source, in one asset. */
  clearingOf(sourceShardId: string, asset: keyof typeof ASSETS): bigint {
    let sum = 0n;
    for (const { shardId, machine } of this.shards) {
      const source = shardId === sourceShardId ? OWN_STREAM : sourceShardId;
      sum += machine.state.ledger.purse('CLEARING', ASSETS[asset], source).units;
    }
    return sum;
  }

  purses(kind: Purse['kind'], asset: keyof typeof ASSETS): bigint {
    let sum = 0n;
    for (const { machine } of this.shards) {
      sum += machine.state.ledger.purse(kind, ASSETS[asset]).units;
    }
    return sum;
  }
}

/** A busted trade whose seller other shards reverse. */
export function sentBustIn(event: Event): BustedTrade | undefined {
  const isSent = event.kind === 'tradeBusted' && event.byClearing && event.side === 'BUY';
  return isSent ? event.trade : undefined;
}

/** What other shards read of an event. */
export function sentTransferIn(event: Event): SentTransfer | undefined {
  if (event.kind !== 'transferPosted' || !event.byClearing || event.amountUnits > 0n) {
    return undefined;
  }
  return {
    fromAccountId: event.accountId,
    clientTransferId: event.clientTransferId,
    toAccountId: event.otherAccountId,
    assetNumber: event.assetNumber,
    amountUnits: -event.amountUnits,
  };
}
