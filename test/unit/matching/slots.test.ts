// The steps by which slots come to a matching shard and leave it: whose turn it is, what may be
// repeated, and what a frozen slot answers (MOV-1 to MOV-5).

import { describe, expect, test } from '@jest/globals';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { SlotCommand } from '../../../services/lib/routing/slot-command.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import { openBook, PLAIN_TERMS, submit, WIDE_RULES } from '../../support/matching/one-book.ts';

const SLOT = slotOf(WIDE_RULES.instrumentId);
const CONTEXT = { logTimeUs: 1, identity: 'test', validUntilUs: 1 };
const ORDER = { kind: 'placeOrder', accountNumber: 7, placement: 1, terms: PLAIN_TERMS } as const;

type Step = SlotCommand<MatchingCommand>;

/** How a step, or a command, ends: its events' steps, or the reason why it was refused. */
function end(machine: MatchingMachine, command: MatchingCommand): string {
  const kinds: string[] = [];
  const outcome = machine.apply(command, CONTEXT, (event) => {
    kinds.push(event.kind === 'slotMoved' ? event.move.step : event.kind);
  });
  return outcome.kind === 'refused' ? outcome.refusal.reason : kinds.join(' ');
}

function move(machine: MatchingMachine, step: Step): string {
  return end(machine, { kind: 'moveSlot', move: step });
}

const step = (name: 'export' | 'refuseImport' | 'unfreeze' | 'done', generation: number): Step => ({
  slot: SLOT,
  generation,
  step: name,
});

const SOURCE = { slot: SLOT, generation: 2, sourceShardId: 'matching-1' };

function chunk(number: number, state: Uint8Array, generation = 2): Step {
  const content = { kind: 'state', state } as const;
  return { ...SOURCE, generation, step: 'copy', chunk: number, content };
}

function importOf(chunks: number, stateChecksum: string): Step {
  const targetShardId = 'matching-2';
  return {
    ...SOURCE,
    targetShardId,
    step: 'import',
    exportSequence: 9,
    chunks,
    stateChecksum,
    tail: [],
  };
}

/** A book with an order whose pieces a target takes. */
function pieces(): { readonly source: MatchingMachine; readonly chunks: Step[]; checksum: string } {
  const source = openBook();
  submit(source, ORDER);
  const chunks = [...source.slots.piecesOf(SLOT)].map((piece, at) => chunk(at, piece));
  return { source, chunks, checksum: source.slots.checksumOf(SLOT) };
}

describe('MOV-1, MOV-3 a slot that is exported', () => {
  test('answers SLOT_MOVING to every command, and WRONG_SHARD when it is gone', () => {
    const source = openBook();
    submit(source, ORDER);
    expect(move(source, step('export', 2))).toBe('exported');
    const rules = { kind: 'setInstrument', rules: WIDE_RULES, initialState: 'OPEN' } as never;
    for (const command of [ORDER, rules] as const) expect(end(source, command)).toBe('SLOT_MOVING');
    expect(source.viewBook(1, 9)).toBeUndefined();
    expect(source.slotGenerations()).toEqual(new Map([[SLOT, 2]]));
    expect(move(source, step('done', 2))).toBe('released');
    expect(end(source, ORDER)).toBe('WRONG_SHARD');
    expect(end(source, rules)).toBe('WRONG_SHARD');
    expect(source.instruments()).toEqual([]);
    // It is remembered for ever that the slot was here.
    const slots = [SLOT];
    expect(end(source, { kind: 'acquireSlots', slots, generation: 9 })).toBe('');
    expect(source.slots.statusOf(SLOT)).toMatchObject({ generation: 2, ownership: 'NONE' });
  });

  test('takes no time: what came due happens after it was unfrozen', () => {
    const source = openBook();
    const terms = { ...PLAIN_TERMS, timeInForce: 'GTD', expireTimeUs: 100 } as const;
    submit(source, { ...ORDER, terms });
    move(source, step('export', 2));
    expect(source.nextDueTimeUs()).toBeUndefined();
    move(source, step('unfreeze', 3));
    expect(source.nextDueTimeUs()).toBe(100);
    const kinds: string[] = [];
    source.advance(200, (event) => kinds.push(event.kind));
    expect(kinds).toEqual(['orderExpired']);
  });
});

describe('MOV-2 every step may be repeated', () => {
  test('at the source', () => {
    const source = openBook();
    expect(move(source, step('export', 2))).toBe('exported');
    expect(move(source, step('export', 2))).toBe('');
    expect(move(source, step('export', 3))).toBe('SLOT_STEP_REFUSED');
    expect(move(source, step('unfreeze', 2))).toBe('SLOT_STEP_REFUSED');
    expect(move(source, step('unfreeze', 3))).toBe('unfrozen');
    expect(move(source, step('unfreeze', 3))).toBe('');
    expect(move(source, step('export', 3))).toBe('SLOT_STEP_REFUSED');
    expect(move(source, step('done', 3))).toBe('SLOT_STEP_REFUSED');
    expect(move(source, step('export', 4))).toBe('exported');
    expect(move(source, step('done', 4))).toBe('released');
    expect(move(source, step('done', 4))).toBe('');
  });

  test('at the target, whose copy may begin anew at any time', () => {
    const { chunks, checksum, source } = pieces();
    const target = new MatchingMachine();
    expect(chunks.length).toBeGreaterThan(1);
    expect(move(target, chunks[1] as Step)).toBe('SLOT_STEP_REFUSED');
    for (const copied of [chunks[0], ...chunks]) expect(move(target, copied as Step)).toBe('');
    expect(move(target, chunks[0] as Step)).toBe('');
    expect(move(target, importOf(chunks.length, checksum))).toBe('SLOT_STEP_REFUSED');
    for (const copied of chunks.slice(1)) expect(move(target, copied)).toBe('');
    expect(move(target, importOf(chunks.length, checksum))).toBe('imported');
    expect(move(target, importOf(chunks.length, checksum))).toBe('');
    expect(target.openOrders(1)).toEqual(source.openOrders(1));
    expect(target.slots.checksumOf(SLOT)).toBe(checksum);
  });
});

describe('MOV-4, MOV-5 an import', () => {
  test('of another state than the exported one is refused, and the copy is gone', () => {
    const { chunks } = pieces();
    const target = new MatchingMachine();
    for (const copied of chunks) move(target, copied);
    const wrong = '0'.repeat(32);
    expect(move(target, importOf(chunks.length, wrong))).toBe('SLOT_STATE_DIFFERS');
    expect(target.stateChecksum()).toBe(new MatchingMachine().stateChecksum());
    expect(end(target, ORDER)).toBe('WRONG_SHARD');
  });

  test('that was refused before can never come; one that has come cannot be refused', () => {
    const { chunks, checksum } = pieces();
    const refusing = new MatchingMachine();
    for (const copied of chunks) move(refusing, copied);
    expect(move(refusing, step('refuseImport', 2))).toBe('importRefused');
    expect(move(refusing, step('refuseImport', 2))).toBe('');
    expect(move(refusing, importOf(chunks.length, checksum))).toBe('SLOT_STEP_REFUSED');
    expect(move(refusing, chunks[0] as Step)).toBe('SLOT_STEP_REFUSED');
    const importing = new MatchingMachine();
    for (const copied of chunks) move(importing, copied);
    move(importing, importOf(chunks.length, checksum));
    expect(move(importing, step('refuseImport', 2))).toBe('SLOT_IMPORTED');
  });

  test('bytes that nobody wrote end the copy and nothing else', () => {
    const { chunks } = pieces();
    const target = new MatchingMachine();
    expect(move(target, chunks[0] as Step)).toBe('');
    expect(move(target, chunk(1, new Uint8Array(40).fill(7)))).toBe('');
    expect(target.slots.statusOf(SLOT).copy).toBeUndefined();
    expect(move(target, chunks[1] as Step)).toBe('SLOT_STEP_REFUSED');
  });
});

test('SNAP-1 a snapshot has what is frozen and what is being copied', () => {
  const { chunks, source } = pieces();
  const target = new MatchingMachine();
  move(target, chunks[0] as Step);
  move(source, step('export', 2));
  for (const machine of [source, target]) {
    const restored = MatchingMachine.restore(machine.snapshot());
    expect(restored.stateChecksum()).toBe(machine.stateChecksum());
    expect(Buffer.from(restored.snapshot()).equals(machine.snapshot())).toBe(true);
    expect(restored.slots.statusOf(SLOT)).toEqual(machine.slots.statusOf(SLOT));
  }
});

test('HLD-3 forbids move with their slot, and their room with them', () => {
  const source = openBook(WIDE_RULES, { forbids: 1 });
  const forbid = { kind: 'forbidOrder', instrumentNumber: 1, accountNumber: 7 } as const;
  const until = { amendHoldId: '', forbiddenValidUntilUs: 1_000 } as const;
  submit(source, { ...forbid, ...until, placement: 1 });
  expect(end(source, { ...forbid, ...until, placement: 2 })).toBe('SHARD_OVERLOADED');
  const target = new MatchingMachine({ forbids: 1 });
  const chunks = [...source.slots.piecesOf(SLOT)].map((piece, at) => chunk(at, piece));
  for (const copied of chunks) move(target, copied);
  move(source, step('export', 2));
  move(target, importOf(chunks.length, source.slots.checksumOf(SLOT)));
  expect(end(target, ORDER)).toBe('orderRejected');
  expect(end(target, { ...forbid, ...until, placement: 2 })).toBe('SHARD_OVERLOADED');
  expect(move(source, step('done', 2))).toBe('released');
});
