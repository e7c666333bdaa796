// The steps by which slots of accounts come to a shard and leave it (MOV-1 to MOV-5, LED-5).

import { describe, expect, test } from '@jest/globals';
import { ledgerCodec } from '../../../services/account/adapter/codec/ledger-codec.ts';
import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type { Command, Settle } from '../../../services/account/domain/command.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { SlotCommand } from '../../../services/lib/routing/slot-command.ts';
import { RULES } from '../../model/account/ledger-world.ts';

const ALICE = 'alice';
const BOB = 'bob';
const SLOT = slotOf(ALICE);
const MOVE = { slot: SLOT, generation: 2 } as const;
const USD = 1;

/** How a command ends: kinds of its events, or the reason why it was refused. */
function run(machine: AccountMachine, command: Command, logTimeUs = 1_000): string {
  const kinds: string[] = [];
  const context = { logTimeUs, identity: 'test', validUntilUs: logTimeUs + 1_000 };
  machine.advance(logTimeUs, ({ kind }) => kinds.push(kind));
  const outcome = machine.apply(command, context, ({ kind }) => kinds.push(kind));
  return outcome.kind === 'refused' ? outcome.refusal.reason : kinds.join(' ');
}

const move = (machine: AccountMachine, step: SlotCommand<Command>): string =>
  run(machine, { kind: 'moveSlot', move: step });

function deposit(accountId: string, id: string): Command {
  const amount = { assetNumber: USD, amountUnits: 500n } as const;
  return { kind: 'deposit', accountId, clientTransferId: id, ...amount };
}

/** A shard that has both accounts, each with money. */
function source(): AccountMachine {
  const machine = new AccountMachine();
  run(machine, { kind: 'acquireSlots', slots: [SLOT, slotOf(BOB)], generation: 1 });
  run(machine, { kind: 'setAsset', assetNumber: USD, assetId: 'USD', scale: 2, version: 1 });
  for (const accountId of [ALICE, BOB]) {
    const defaultSelfTradePrevention = 'CANCEL_TAKER';
    run(machine, { kind: 'createAccount', accountId, defaultSelfTradePrevention });
    run(machine, deposit(accountId, 'first'));
  }
  return machine;
}

function target(): AccountMachine {
  const machine = new AccountMachine();
  run(machine, { kind: 'setAsset', assetNumber: USD, assetId: 'USD', scale: 2, version: 1 });
  return machine;
}

/** Copies, exports and imports. */
function bring(
  from: AccountMachine,
  to: AccountMachine,
  named = { generation: 2, from: 'account-1', to: 'account-2' },
): void {
  const shards = { sourceShardId: named.from, targetShardId: named.to };
  const place = { slot: SLOT, generation: named.generation };
  let chunks = 0;
  const copy = (pieces: Iterable<Uint8Array>): void => {
    for (const state of pieces) {
      const content = { kind: 'state', state } as const;
      const { sourceShardId } = shards;
      expect(move(to, { ...place, step: 'copy', sourceShardId, chunk: chunks, content })).toBe('');
      chunks += 1;
    }
  };
  copy(from.slots.piecesOf(SLOT));
  const stateChecksum = from.slots.checksumOf(SLOT);
  expect(move(from, { ...place, step: 'export' })).toBe('slotMoved');
  copy(from.slots.changesOf(SLOT));
  const last = { ...shards, chunks, stateChecksum, exportSequence: 7, tail: [] };
  expect(move(to, { ...place, step: 'import', ...last })).toBe('slotMoved');
}

const clearingOf = (machine: AccountMachine): bigint =>
  machine.state.ledger.purse('CLEARING', USD, `slot ${SLOT}/2`).units;

describe('a slot of accounts', () => {
  test('MOV-3, LED-5: once exported is answered SLOT_MOVING, and clearing stands for it', () => {
    const machine = source();
    expect(move(machine, { ...MOVE, step: 'export' })).toBe('slotMoved');
    expect(move(machine, { ...MOVE, step: 'export' })).toBe('');
    expect(run(machine, deposit(ALICE, 'second'))).toBe('SLOT_MOVING');
    expect(run(machine, deposit(BOB, 'second'))).toBe('transferPosted');
    const between = { assetNumber: USD, amountUnits: 1n, clientTransferId: 'x' } as const;
    const toAlice = { kind: 'transfer', accountId: BOB, toAccountId: ALICE, ...between } as const;
    expect(run(machine, toAlice)).toBe('SLOT_MOVING');
    expect(clearingOf(machine)).toBe(500n);
    expect(move(machine, { ...MOVE, generation: 3, step: 'unfreeze' })).toBe('slotMoved');
    expect(clearingOf(machine)).toBe(0n);
    expect(run(machine, toAlice)).toBe('transferPosted transferPosted');
  });

  test('MOV-4, LED-4: moves with its money and transfer ids, and is forgotten where it was', () => {
    const [from, to] = [source(), target()];
    bring(from, to);
    expect(clearingOf(from) + clearingOf(to)).toBe(0n);
    expect(run(to, deposit(ALICE, 'first'))).toBe('');
    expect(run(to, deposit(ALICE, 'second'))).toBe('transferPosted');
    expect(move(from, { ...MOVE, step: 'done' })).toBe('slotMoved');
    expect(run(from, deposit(ALICE, 'third'))).toBe('WRONG_SHARD');
    expect(from.state.accountsById.has(ALICE)).toBe(false);
    const [account] = [...to.state.accountsById.values()];
    expect(account?.balance(USD).totalUnits).toBe(1_000n);
    // An account that is created there later gets a number of its own.
    expect(to.state.slots.accountCounts[SLOT]).toBe(1);
  });

  test('MOV-3, CXL-2: no time passes in a frozen slot', () => {
    const machine = source();
    run(machine, { kind: 'cancelAllAfter', accountId: ALICE, timeoutUs: 5_000_000 });
    move(machine, { ...MOVE, step: 'export' });
    const kinds: string[] = [];
    machine.advance(9_000_000, ({ kind }) => kinds.push(kind));
    expect(kinds).toEqual([]);
    move(machine, { ...MOVE, generation: 3, step: 'unfreeze' });
    machine.advance(9_000_000, ({ kind }) => kinds.push(kind));
    expect(kinds).toEqual(['cancelAfterDue']);
  });

  test('MOV-5: another state than the exported one is refused, and so is a refused generation', () => {
    const [from, to] = [source(), target()];
    const [state = new Uint8Array(0)] = from.slots.piecesOf(SLOT);
    const shards = { sourceShardId: 'account-1', targetShardId: 'account-2' };
    const content = { kind: 'state', state } as const;
    const first = { ...MOVE, step: 'copy', sourceShardId: 'account-1', chunk: 0 } as const;
    move(to, { ...first, content });
    const wrong = { ...shards, chunks: 1, stateChecksum: '0', exportSequence: 7, tail: [] };
    expect(move(to, { ...MOVE, step: 'import', ...wrong })).toBe('SLOT_STATE_DIFFERS');
    expect(to.slots.statusOf(SLOT)).toEqual({ generation: 0, ownership: 'NONE', copy: undefined });
    expect(move(to, { ...MOVE, step: 'refuseImport' })).toBe('slotMoved');
    expect(move(to, { ...first, content })).toBe('SLOT_STEP_REFUSED');
    bring(source(), target());
  });

  test('MOV-7: what a slot lacks comes before anything else of that stream', () => {
    const [from, to] = [source(), target()];
    const range = (fromSequence: number, throughSequence: number): Settle => ({
      ...{ kind: 'settle', sourceShardId: 'matching-1', fromSequence, throughSequence },
      ...{ sourceEntryIndex: 1, sourceChainChecksum: '00', entries: [] },
    });
    run(from, range(1, 10));
    run(to, range(1, 25));
    bring(from, to);
    expect(run(to, range(26, 30))).toBe('SETTLEMENT_GAP');
    expect(run(to, { kind: 'settleSlot', slot: SLOT, range: range(12, 25) })).toBe(
      'SETTLEMENT_GAP',
    );
    expect(run(to, { kind: 'settleSlot', slot: SLOT, range: range(11, 26) })).toBe(
      'SETTLEMENT_GAP',
    );
    expect(run(to, { kind: 'settleSlot', slot: SLOT, range: range(11, 20) })).toBe('');
    expect(run(to, range(26, 30))).toBe('SETTLEMENT_GAP');
    expect(run(to, { kind: 'settleSlot', slot: SLOT, range: range(21, 25) })).toBe('');
    expect(run(to, range(26, 30))).toBe('rangeSettled');
  });

  test('MOV-7: a slot moves on from a shard that has settled nothing, and keeps its place', () => {
    const [from, between, back] = [source(), target(), target()];
    const range = (fromSequence: number, throughSequence: number): Settle => ({
      ...{ kind: 'settle', sourceShardId: 'matching-1', fromSequence, throughSequence },
      ...{ sourceEntryIndex: 1, sourceChainChecksum: '00', entries: [] },
    });
    run(from, range(1, 10));
    bring(from, between);
    expect(move(between, { slot: SLOT, generation: 3, step: 'export' })).toBe('SETTLEMENT_LAG');
    const none = { sourceEntryIndex: 0, sourceChainChecksum: '', transfers: [], busts: [] };
    const place = { sourceShardId: 'account-2', fromSequence: 1, throughSequence: 1 };
    const owed = { kind: 'settleTransfers', ...place, ...none } as const;
    expect(run(between, { kind: 'settleSlot', slot: SLOT, range: owed })).toBe('');
    bring(between, back, { generation: 3, from: 'account-2', to: 'account-3' });
    // The slot is ahead: a range ends where it stands, and only then goes on for it, too.
    expect(run(back, range(1, 11))).toBe('SETTLEMENT_GAP');
    expect(run(back, range(1, 10))).toBe('rangeSettled');
    expect(run(back, range(11, 12))).toBe('rangeSettled');
  });

  test('MOV-6, MOV-7: what one slot lacks of a book waits for what it lacks of another', () => {
    const [from, to] = [source(), target()];
    const range = (
      sourceShardId: string,
      fromSequence: number,
      throughSequence: number,
    ): Settle => ({
      ...{ kind: 'settle', sourceShardId, fromSequence, throughSequence },
      ...{ sourceEntryIndex: 1, sourceChainChecksum: '00', entries: [] },
    });
    const withImport = (settle: Settle): Settle => {
      const place = { instrumentNumber: 0, instrumentSequence: 0 };
      const moved = { kind: 'slotImported', sourceShardId: 'book-b', exportSequence: 20 } as const;
      const commands = [{ identity: 'x', events: [{ ...place, ...moved }] }];
      return { ...settle, entries: [{ logTimeUs: 1, commands }] };
    };
    for (const book of ['book-a', 'book-b']) run(from, range(book, 1, 10));
    expect(run(to, withImport(range('book-a', 1, 20)))).toBe('SETTLEMENT_GAP');
    run(to, range('book-b', 1, 30));
    expect(run(to, withImport(range('book-a', 1, 20)))).toBe('rangeSettled');
    bring(from, to);
    const lacks = (settle: Settle) => run(to, { kind: 'settleSlot', slot: SLOT, range: settle });
    // The shard is far enough; the slot is not.
    expect(lacks(withImport(range('book-a', 11, 20)))).toBe('SETTLEMENT_GAP');
    expect(lacks(range('book-b', 11, 19))).toBe('');
    expect(lacks(withImport(range('book-a', 11, 20)))).toBe('SETTLEMENT_GAP');
    expect(lacks(range('book-b', 20, 20))).toBe('');
    expect(lacks(withImport(range('book-a', 11, 20)))).toBe('');
    // Nor does the shard go on where a slot that goes with it is not.
    const next = range('book-a', 21, 22);
    expect(run(to, withImport(next))).toBe('rangeSettled');
  });

  test('MOV-7: what was filtered before a slot came is not settled behind it', () => {
    const [from, to] = [source(), target()];
    const range = (slotsVersion: number): Settle => ({
      ...{ kind: 'settle', sourceShardId: 'matching-1', fromSequence: 11, throughSequence: 20 },
      ...{ sourceEntryIndex: 1, sourceChainChecksum: '00', slotsVersion, entries: [] },
    });
    const { slotsVersion: _none, ...whole } = range(0);
    for (const machine of [from, to])
      run(machine, { ...whole, fromSequence: 1, throughSequence: 10 });
    const before = to.state.slotsVersion();
    // Both shards stand at 10, so the slot goes with its new shard from there on.
    bring(from, to);
    expect(run(to, range(before))).toBe('SETTLEMENT_GAP');
    expect(run(to, range(to.state.slotsVersion()))).toBe('rangeSettled');
  });

  test('LOG-7: what was filtered before the first slot came is the same in the log', () => {
    const { state } = new AccountMachine();
    const range: Settle = {
      ...{ kind: 'settle', sourceShardId: 'matching-1', fromSequence: 11, throughSequence: 20 },
      ...{ sourceEntryIndex: 1, sourceChainChecksum: '00', entries: [] },
      slotsVersion: state.slotsVersion(),
    };
    expect(ledgerCodec.decodeCommand(ledgerCodec.encodeCommand(range))).toEqual(range);
  });

  test('MOV-8: a source is begun where it is only by a shard that owns nothing', () => {
    const begin = (sequence: number): Command => ({
      ...{ kind: 'beginSource', sourceShardId: 'matching-1', sequence },
      ...{ sourceEntryIndex: 3, sourceChainChecksum: '00' },
    });
    const range = (fromSequence: number): Settle => ({
      ...{ kind: 'settle', sourceShardId: 'matching-1', fromSequence, throughSequence: 60 },
      ...{ sourceEntryIndex: 1, sourceChainChecksum: '00', entries: [] },
    });
    expect(run(source(), begin(50))).toBe('SETTLEMENT_GAP');
    const machine = target();
    expect(run(machine, begin(50))).toBe('');
    // Once begun it is begun.
    expect(run(machine, begin(70))).toBe('');
    expect(run(machine, range(1))).toBe('SETTLEMENT_GAP');
    // A slot that has settled less, and one that has settled nothing, get the rest first.
    bring(source(), machine);
    expect(run(machine, range(51))).toBe('SETTLEMENT_GAP');
    const all = { ...range(1), throughSequence: 50 };
    expect(run(machine, { kind: 'settleSlot', slot: SLOT, range: all })).toBe('');
    expect(run(machine, range(51))).toBe('rangeSettled');
  });

  test('HLD-5, CRD-5: a slot brings the fees of everybody, but for those that were set here', () => {
    const [from, to] = [source(), target()];
    const tiers = (takerRatePpm: number) => [
      { minimumVolume: 0n, makerRatePpm: 0, takerRatePpm, auctionRatePpm: 0 },
    ];
    const set = (machine: AccountMachine, instrumentNumber: number, rate: number | undefined) => {
      const scope = { accountId: '', instrumentNumber };
      const wanted = rate === undefined ? [] : tiers(rate);
      run(machine, { kind: 'setFeeSchedule', scope, tiers: wanted, asked: 'x' });
    };
    const rateOf = (instrumentNumber: number) =>
      to.state.feeSchedules.find({ accountId: ALICE, instrumentNumber })?.tiers[0]?.takerRatePpm;
    for (const machine of [from, to]) {
      for (const instrumentNumber of [1, 2]) {
        const rules = { ...RULES, instrumentNumber, instrumentId: `i-${instrumentNumber}` };
        run(machine, { kind: 'setInstrument', rules });
      }
    }
    set(from, 0, 10);
    set(from, 1, 20);
    set(from, 2, 30);
    // The operator has changed two of them meanwhile, and told this shard first.
    set(to, 1, 25);
    set(to, 2, undefined);
    bring(from, to);
    expect([rateOf(0), rateOf(1), rateOf(2)]).toEqual([10, 25, 10]);
    const restored = new AccountMachine();
    const restorer = restored.beginRestore();
    for (const piece of to.snapshotPieces()) restorer.take(piece);
    restorer.end();
    expect(restored.stateChecksum()).toBe(to.stateChecksum());
  });
});
