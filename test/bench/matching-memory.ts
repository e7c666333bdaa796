// What resting orders take (performance.md, P7): a million in ten thousand instruments of one
// shard, and what an instrument takes that has none.

import { SLOT_COUNT } from '../../services/lib/routing/slot.ts';
import type { MatchingCommand } from '../../services/matching/domain/command.ts';
import { openFlowBook } from '../../services/matching/replay/flow-book.ts';
import { PLAIN_TERMS, WIDE_RULES } from '../support/matching/one-book.ts';

const CONTEXT = { logTimeUs: 1, identity: 'bench', validUntilUs: 1 };
const INSTRUMENTS = 10_000;
const ORDERS = 1_000_000;
/** Accounts with orders in each instrument. */
const MAKERS = 10;
const LEVELS_A_SIDE = 10;
/** Number of the first instrument. */
const FIRST = 100;
const MIDDLE_UNITS = 1_000_000;

export type MemoryResult = {
  /** Everything that a million orders add to a process with ten thousand empty books. */
  readonly bytesPerOrder: number;
  readonly bytesPerEmptyBook: number;
};

export function measureMemory(): MemoryResult {
  const { machine, outgoing } = openFlowBook();
  const apply = (command: MatchingCommand): void => {
    const outcome = machine.apply(command, CONTEXT, () => undefined);
    outgoing.clear();
    if (outcome.kind !== 'done') throw new Error(`a command ended as ${outcome.kind}`);
  };
  const slots = Array.from({ length: SLOT_COUNT }, (_, slot) => slot);
  apply({ kind: 'acquireSlots', slots, generation: 1 });
  const rules = Array.from({ length: INSTRUMENTS }, (_, at) => {
    return { ...WIDE_RULES, instrumentNumber: FIRST + at, instrumentId: `I-${at + 1}` };
  });
  const start = usedBytes();
  for (const made of rules)
    apply({ kind: 'setInstrument', rules: made, initialState: 'CONTINUOUS' });
  const empty = usedBytes();
  for (let at = 0; at < ORDERS; at += 1) {
    const instrumentNumber = FIRST + (at % INSTRUMENTS);
    const turn = Math.floor(at / INSTRUMENTS);
    const side = turn % 2 === 0 ? 'BUY' : 'SELL';
    const away = 1 + ((turn >>> 1) % LEVELS_A_SIDE);
    const priceUnits = side === 'BUY' ? MIDDLE_UNITS - away : MIDDLE_UNITS + away;
    const terms = { ...PLAIN_TERMS, instrumentNumber, side, priceUnits, quantityUnits: 5 } as const;
    const accountNumber = 1 + ((at * 7) % 1_000) * MAKERS + (turn % MAKERS);
    apply({ kind: 'placeOrder', accountNumber, placement: at + 1, terms });
  }
  const full = usedBytes();
  return {
    bytesPerOrder: (full - empty) / ORDERS,
    bytesPerEmptyBook: (empty - start) / INSTRUMENTS,
  };
}

function usedBytes(): number {
  // What the first collection finds dead, the next ones give back.
  for (let round = 0; round < 4; round += 1) globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
