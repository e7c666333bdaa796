// Accounts whose slots move between two shards while commands and trades come do what they do on
// one shard: the same events in each account's numbering, the same balances, nothing lost between.

import { expect } from '@jest/globals';
import fc from 'fast-check';
import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import { totalsOf } from '../../../services/account/domain/audit.ts';
import type { Command, Settle } from '../../../services/account/domain/command.ts';
import type { Event } from '../../../services/account/domain/event.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { SlotChunk, SlotCommand } from '../../../services/lib/routing/slot-command.ts';
import { Random } from '../matching/random.ts';
import { act, type Step, step } from './ledger-properties.ts';
import { ACCOUNTS, LedgerWorld } from './ledger-world.ts';

const SHARDS = ['account-1', 'account-2'] as const;
const BOOK = 'matching-1';
/** How often each thing has happened. */
const NOT_MET = { imported: 0, rolledBack: 0, restored: 0, caughtUp: 0, owed: 0 };
type ShardId = (typeof SHARDS)[number];
type MoveStep = SlotCommand<Command>;
type Move = {
  readonly slot: number;
  readonly from: ShardId;
  readonly to: ShardId;
  readonly generation: number;
  readonly watch: AccountMachine;
  chunks: number;
  exported: string | undefined;
};

/** Two shards that together do what one has done. */
class TwoShards {
  readonly machines = new Map<ShardId, AccountMachine>();
  readonly events: Event[] = [];
  readonly met = { ...NOT_MET };
  readonly #random: Random;
  /** When a shard settles what it owes a slot itself. */
  readonly #randomOfOwn: Random;
  readonly #owner = new Map<number, ShardId>();
  readonly #settles: Settle[] = [];
  readonly #settled = new Map<ShardId, number>();
  #logTimeUs = 0;
  #generation = 1;
  #move: Move | undefined;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#randomOfOwn = new Random(seed ^ 1);
    for (const id of SHARDS) {
      this.machines.set(id, new AccountMachine());
      this.#settled.set(id, 0);
    }
  }

  machine(id: ShardId): AccountMachine {
    return this.machines.get(id) as AccountMachine;
  }

  run(command: Command, logTimeUs: number): void {
    this.#logTimeUs = logTimeUs;
    while (this.#random.below(2) === 0) this.#moveOn();
    if (command.kind === 'acquireSlots') this.#acquire();
    else if (command.kind === 'settle') this.#settles.push(command);
    else {
      const slot = this.machine(SHARDS[0]).slots.slotOf(command);
      if (slot === undefined) for (const id of SHARDS) this.#mustDo(id, command);
      else this.#runIn(slot, command);
    }
    for (const id of SHARDS) if (this.#random.below(2) === 0) this.#settle(id);
  }

  #acquire(): void {
    const slots = Array.from({ length: 4096 }, (_, slot) => slot);
    for (const [at, id] of SHARDS.entries()) {
      const owned = slots.filter((slot) => slot % 2 === at);
      this.#mustDo(id, { kind: 'acquireSlots', slots: owned, generation: 1 });
      for (const slot of owned) this.#owner.set(slot, id);
    }
  }

  /** What one shard has settled by now, the account's shard must have settled too. */
  #runIn(slot: number, command: Command): void {
    const move = this.#move;
    const owner = this.#owner.get(slot) as ShardId;
    if (move?.slot === slot && move.exported !== undefined) {
      expect(this.#do(owner, command)).toBe('SLOT_MOVING');
      if (this.#random.below(3) === 0) this.#rollBack(move);
      else this.#import(move);
    }
    const present = this.#owner.get(slot) as ShardId;
    this.#settle(present);
    const other = SHARDS.find((id) => id !== present) as ShardId;
    expect(this.#do(other, command)).toMatch(/WRONG_SHARD|SLOT_MOVING/);
    this.#do(present, command);
  }

  /** Settles what has come, each shard in its own time. */
  #settle(id: ShardId): void {
    this.#catchUp(id, this.#randomOfOwn.below(4) === 0);
    const done = this.#settled.get(id) as number;
    for (const command of this.#settles.slice(done)) this.#mustDo(id, command);
    this.#settled.set(id, this.#settles.length);
  }

  /** What slots that came from elsewhere lack (MOV-7), with what the shard itself owes them. */
  #catchUp(id: ShardId, withOwn: boolean): void {
    const { state } = this.machine(id);
    for (const { slot, mark } of state.slotWatermarks.all()) {
      if (!state.ownsSlot(slot)) continue;
      const { sourceShardId, sequence } = mark;
      if (sourceShardId !== BOOK) {
        if (!withOwn) continue;
        const place = { sourceEntryIndex: 0, sourceChainChecksum: '' };
        const through = { fromSequence: sequence + 1, throughSequence: sequence + 1 };
        const none = { kind: 'settleTransfers', sourceShardId, ...through, ...place } as const;
        this.#mustDo(id, {
          kind: 'settleSlot',
          slot,
          range: { ...none, transfers: [], busts: [] },
        });
        continue;
      }
      const ofShard = state.watermarks.get(BOOK)?.sequence ?? 0;
      for (const range of this.#settles) {
        if (range.fromSequence <= sequence || range.throughSequence > ofShard) continue;
        this.met.caughtUp += 1;
        this.#mustDo(id, { kind: 'settleSlot', slot, range });
      }
    }
  }

  #moveOn(): void {
    const move = this.#move;
    if (this.#random.below(8) === 0) this.#restore();
    else if (move === undefined) this.#beginMove();
    else this.#stepOf(move);
  }

  #stepOf(move: Move): void {
    if (this.#random.below(8) === 0) this.#rollBack(move);
    else if (move.exported !== undefined) this.#import(move);
    else if (this.#random.below(2) === 0) this.#copy(move, move.watch.slots.changesOf(move.slot));
    else this.#export(move);
  }

  #beginMove(): void {
    const accountId = ACCOUNTS[this.#random.below(ACCOUNTS.length)] as string;
    const slot = slotOf(accountId);
    const from = this.#owner.get(slot);
    if (from === undefined) return;
    const to = SHARDS.find((id) => id !== from) as ShardId;
    this.#generation += 1;
    const watch = this.machine(from);
    const begun = { slot, from, to, generation: this.#generation, watch, chunks: 0 };
    const move: Move = { ...begun, exported: undefined };
    this.#move = move;
    this.#copy(move, watch.slots.piecesOf(slot));
  }

  #copy(move: Move, pieces: Iterable<Uint8Array>): void {
    for (const state of pieces) {
      const content: SlotChunk<Command> = { kind: 'state', state };
      const { slot, generation, from: sourceShardId, chunks: chunk } = move;
      const place = { slot, generation, sourceShardId, chunk, content };
      this.#make(move.to, { ...place, step: 'copy' });
      move.chunks += 1;
    }
  }

  #export(move: Move): void {
    const { slot, generation, from } = move;
    const isOwed = this.machine(from).state.slotWatermarks.find(slot, from) !== undefined;
    if (isOwed) {
      // What the shard had sent to the slot itself comes first; then the same export is done.
      const early = { slot, generation, step: 'export' } as const;
      expect(this.#do(from, { kind: 'moveSlot', move: early })).toBe('SETTLEMENT_LAG');
      this.met.owed += 1;
      this.#catchUp(from, true);
    }
    const [event] = this.#make(from, { slot, generation, step: 'export' });
    if (event?.kind !== 'slotMoved' || event.move.step !== 'exported') throw new Error('no export');
    move.exported = event.move.stateChecksum;
    this.#copy(move, move.watch.slots.changesOf(slot));
  }

  #import(move: Move): void {
    const { slot, generation, from, to, chunks } = move;
    const shards = { sourceShardId: from, targetShardId: to };
    const stateChecksum = move.exported as string;
    const place = { slot, generation, ...shards, chunks, stateChecksum, tail: [] };
    this.#make(to, { ...place, step: 'import', exportSequence: 1 });
    expect(this.#make(to, { ...place, step: 'import', exportSequence: 1 })).toEqual([]);
    this.#make(from, { slot, generation, step: 'done' });
    this.#owner.set(slot, to);
    this.#move = undefined;
    this.met.imported += 1;
  }

  #rollBack(move: Move): void {
    const { slot, generation } = move;
    this.#make(move.to, { slot, generation, step: 'refuseImport' });
    this.#generation += 1;
    this.#make(move.from, { slot, generation: this.#generation, step: 'unfreeze' });
    this.#move = undefined;
    this.met.rolledBack += 1;
  }

  /** A shard goes on from its snapshot (SNAP-1). */
  #restore(): void {
    const id = SHARDS[this.#random.below(2)] as ShardId;
    if (this.#move !== undefined && this.#move.from === id) return;
    const machine = this.machine(id);
    const restored = new AccountMachine();
    const restorer = restored.beginRestore();
    for (const piece of machine.snapshotPieces()) restorer.take(piece);
    restorer.end();
    expect(restored.stateChecksum()).toBe(machine.stateChecksum());
    this.machines.set(id, restored);
    this.met.restored += 1;
  }

  #make(id: ShardId, move: MoveStep): Event[] {
    const before = this.events.length;
    this.#mustDo(id, { kind: 'moveSlot', move });
    return this.events.splice(before);
  }

  #mustDo(id: ShardId, command: Command): void {
    const reason = this.#do(id, command);
    if (reason !== undefined) throw new Error(`${command.kind} at ${id} was refused: ${reason}`);
  }

  #do(id: ShardId, command: Command): string | undefined {
    const machine = this.machine(id);
    const logTimeUs = this.#logTimeUs;
    const context = { logTimeUs, identity: 'x', validUntilUs: logTimeUs + 60_000_000 };
    machine.advance(logTimeUs, (event) => this.events.push(event));
    const outcome = machine.apply(command, context, (event) => this.events.push(event));
    return outcome.kind === 'refused' ? outcome.refusal.reason : undefined;
  }

  /** Everything that is under way comes to its end. */
  finish(): void {
    const move = this.#move;
    if (move?.exported !== undefined) this.#import(move);
    else if (move !== undefined) this.#rollBack(move);
    for (const id of SHARDS) this.#settle(id);
    for (const id of SHARDS) this.#catchUp(id, true);
  }
}

function ofAccounts(events: readonly Event[]): Map<number, Event[]> {
  const byAccount = new Map<number, Event[]>();
  for (const event of events) {
    if (event.accountNumber === 0) continue;
    byAccount.set(event.accountNumber, [...(byAccount.get(event.accountNumber) ?? []), event]);
  }
  return byAccount;
}

/**
 * Checks histories, and that everything has happened in them.
 *
 * @param example of one history: the seed and path that fast-check names when it fails
 */
export function testSlotMoves(
  numRuns: number,
  example: { readonly seed?: number; readonly path?: string } = {},
): void {
  const met = { ...NOT_MET };
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), fc.integer(), (steps, seed) => {
      const { world, two } = play(steps, seed);
      const wanted = ofAccounts(world.events);
      const found = ofAccounts(two.events);
      for (const [account, events] of wanted) {
        expect((found.get(account) ?? []).map(timeless)).toEqual(events.map(timeless));
      }
      checkTotals(two);
      for (const what of Object.keys(met) as (keyof typeof met)[]) met[what] += two.met[what];
    }),
    { numRuns, endOnFailure: true, ...example },
  );
  // In a single history not everything happens.
  const least = Math.floor(numRuns / 4);
  for (const count of Object.values(met)) expect(count).toBeGreaterThanOrEqual(least);
}

/** One history, as one shard has it and as two have it. */
function play(steps: readonly Step[], seed: number) {
  const world = new LedgerWorld();
  for (const accountId of ACCOUNTS) {
    world.deposit(accountId, 'USD', 3_000_000n, `${accountId}-usd`);
    world.deposit(accountId, 'BTC', 3_000n, `${accountId}-btc`);
  }
  for (const [index, each] of steps.entries()) act(world, each, `id-${index}`);
  const two = new TwoShards(seed);
  for (const { command, logTimeUs } of world.commands) {
    if (command.kind !== 'transfer') two.run(command, logTimeUs);
  }
  two.finish();
  return { world, two };
}

/** Every asset sums to zero on each shard; the clearing of every move over both. */
function checkTotals({ machines }: TwoShards): void {
  const totals = [...machines.values()].map(({ state }) => totalsOf(state));
  expect(totals.flatMap(({ breaks }) => breaks)).toEqual([]);
  const moved = new Map<string, bigint>();
  for (const { purses, customers } of totals) {
    const sums = new Map<number, bigint>();
    const add = (asset: number, units: bigint) => sums.set(asset, (sums.get(asset) ?? 0n) + units);
    for (const { assetNumber, totalUnits } of customers) add(assetNumber, totalUnits);
    for (const { assetNumber, units, source } of purses) {
      add(assetNumber, units);
      if (!source.startsWith('slot ')) continue;
      const key = `${source} ${assetNumber}`;
      moved.set(key, (moved.get(key) ?? 0n) + units);
    }
    for (const sum of sums.values()) expect(sum).toBe(0n);
  }
  for (const units of moved.values()) expect(units).toBe(0n);
}

function timeless(event: Event): unknown {
  return JSON.parse(JSON.stringify(event, plain));
}

function plain(key: string, value: unknown): unknown {
  // A trade is settled when its shard comes to it.
  if (key === 'settledTimeUs' || key === 'updatedTimeUs') return undefined;
  return typeof value === 'bigint' ? `${value}n` : value;
}
