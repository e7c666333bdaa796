// MOV-6 held by the state machine itself: whatever ranges of two books are proposed in whatever
// order, an instrument that moves between the books is settled in the order of its own events.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type { Command, Settle } from '../../../services/account/domain/command.ts';
import type { Event } from '../../../services/account/domain/event.ts';
import type { MatchingEvent } from '../../../services/account/domain/matching-event.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import { placementCost } from '../../../services/lib/rules/cost.ts';
import { ASSETS, LedgerWorld, RULES } from '../../model/account/ledger-world.ts';

const ALICE = 'alice';
const BOOKS = ['book-a', 'book-b'] as const;
type Book = (typeof BOOKS)[number];
/** Nobody of this shard. */
const STRANGER = { accountNumber: 1, placement: 1, remainingUnits: 0, feeUnits: 0n };

/** A shard with one account, which has an order that was proposed to a book. */
class OneOrder {
  readonly machine = new AccountMachine();
  readonly settled: number[] = [];
  readonly order: { readonly accountNumber: number; readonly placement: number };

  constructor(quantityUnits: number) {
    this.run({ kind: 'acquireSlots', slots: [slotOf(ALICE)], generation: 1 });
    for (const [assetId, assetNumber] of Object.entries(ASSETS)) {
      this.run({ kind: 'setAsset', assetNumber, assetId, scale: 2, version: 1 });
    }
    this.run({ kind: 'setInstrument', rules: RULES });
    const mode = 'CANCEL_TAKER';
    this.run({ kind: 'createAccount', accountId: ALICE, defaultSelfTradePrevention: mode });
    const transfer = { accountId: ALICE, assetNumber: ASSETS.USD, clientTransferId: 'x' } as const;
    this.run({ kind: 'deposit', ...transfer, amountUnits: 1_000_000_000n });
    const terms = new LedgerWorld().terms('BUY', quantityUnits, 10);
    const [placed] = this.run({
      ...{ kind: 'placeHold', accountId: ALICE, clientOrderId: 'x', terms },
      ...{ bodyHash: '0'.repeat(32), assetNumber: ASSETS.USD, validUntilUs: 60_000_000 },
      ...{ amountUnits: placementCost(RULES, terms), declineReason: 'NONE' },
      refuseWhenShort: false,
    });
    if (placed?.kind !== 'holdPlaced') throw new Error('no hold');
    const { accountNumber, placement } = placed.record;
    this.order = { accountNumber, placement };
  }

  run(command: Command): readonly Event[] {
    const events: Event[] = [];
    const outcome = this.propose(command, (event) => events.push(event));
    if (outcome !== 'done') throw new Error(`${command.kind} was refused: ${outcome}`);
    return events;
  }

  propose(command: Command, emit = (event: Event) => this.#note(event)): string {
    const context = { logTimeUs: 1_000, identity: 'x', validUntilUs: 60_000_000 };
    const outcome = this.machine.apply(command, context, emit);
    return outcome.kind === 'refused' ? outcome.refusal.reason : 'done';
  }

  #note(event: Event): void {
    if (event.kind === 'orderExecuted') this.settled.push(event.instrumentSequence);
  }
}

type Streams = Readonly<Record<Book, readonly (MatchingEvent | undefined)[]>>;

/** What the books say: events of the order, and moves of its instrument to the other book. */
function tell(steps: readonly ('event' | 'move' | 'other')[], order: OneOrder['order']): Streams {
  const streams: Record<Book, (MatchingEvent | undefined)[]> = { 'book-a': [], 'book-b': [] };
  let book: Book = 'book-a';
  let sequence = 0;
  const place = () => {
    sequence += 1;
    return { instrumentNumber: 1, instrumentSequence: sequence };
  };
  streams[book].push({ ...place(), kind: 'orderAccepted', ...order, waiting: undefined });
  for (const step of steps) {
    if (step === 'event') {
      const price = { priceUnits: 10, quantityUnits: 1, aggressorSide: undefined };
      const maker = { ...order, remainingUnits: 1_000 - sequence, feeUnits: 0n };
      streams[book].push({ ...place(), kind: 'traded', ...price, maker, taker: STRANGER });
    } else if (step === 'other') {
      streams[book].push(undefined);
    } else {
      streams[book].push(undefined); // the export
      const moved = { sourceShardId: book, exportSequence: streams[book].length };
      book = book === 'book-a' ? 'book-b' : 'book-a';
      const nowhere = { instrumentNumber: 0, instrumentSequence: 0 };
      streams[book].push({ ...nowhere, kind: 'slotImported', ...moved });
    }
  }
  streams[book].push({ ...place(), kind: 'orderCanceled', ...order, reason: 'OWNER' });
  return streams;
}

class Proposer {
  readonly refusals = { right: 0 };
  readonly #shard: OneOrder;
  readonly #streams: Streams;
  readonly #hides: boolean;

  /** @param hides leaves imports out of what it proposes */
  constructor(shard: OneOrder, streams: Streams, hides = false) {
    this.#shard = shard;
    this.#streams = streams;
    this.#hides = hides;
  }

  #settled(book: Book): number {
    return this.#shard.machine.state.watermarks.get(book)?.sequence ?? 0;
  }

  get isDone(): boolean {
    return BOOKS.every((book) => this.#settled(book) === this.#streams[book].length);
  }

  /** Proposes the next events of a book; they are refused exactly when they come too early. */
  propose(book: Book, count: number): void {
    const from = this.#settled(book);
    const events = this.#streams[book].slice(from, from + count).flatMap((event) => event ?? []);
    const through = Math.min(from + count, this.#streams[book].length);
    if (through === from) return;
    const shown = this.#hides ? events.filter(({ kind }) => kind !== 'slotImported') : events;
    const range: Settle = {
      ...{ kind: 'settle', sourceShardId: book, fromSequence: from + 1, throughSequence: through },
      ...{ sourceEntryIndex: 1, sourceChainChecksum: '00' },
      entries: [{ logTimeUs: 1, commands: [{ identity: 'x', events: shown }] }],
    };
    const isEarly = shown.some((event) => {
      if (event.kind !== 'slotImported') return false;
      return this.#settled(event.sourceShardId as Book) < event.exportSequence;
    });
    const before = this.#shard.machine.stateChecksum();
    expect(this.#shard.propose(range)).toBe(isEarly ? 'SETTLEMENT_GAP' : 'done');
    if (!isEarly) return;
    this.refusals.right += 1;
    expect(this.#shard.machine.stateChecksum()).toBe(before);
  }
}

const step = fc.constantFrom('event', 'event', 'move', 'other');
const steps = fc.array(step, { minLength: 5, maxLength: 40 });
const proposals = fc.array(fc.tuple(fc.constantFrom(...BOOKS), fc.integer({ min: 1, max: 6 })), {
  maxLength: 60,
});

describe('MOV-6 the events of an instrument that moves between books', () => {
  test('are settled in their order, whatever is proposed, and nothing waits for ever', () => {
    let refusals = 0;
    fc.assert(
      fc.property(steps, proposals, (story, wild) => {
        const shard = new OneOrder(1_000);
        const proposer = new Proposer(shard, tell(story, shard.order));
        for (const [book, count] of wild) proposer.propose(book, count);
        // One event at a time from either book comes to the end of both.
        for (let round = 0; round < 200 && !proposer.isDone; round += 1) {
          for (const book of BOOKS) proposer.propose(book, 1);
        }
        expect(proposer.isDone).toBe(true);
        const events = story.filter((one) => one === 'event').length + 2;
        expect(shard.settled).toEqual(Array.from({ length: events }, (_, at) => at + 1));
        refusals += proposer.refusals.right;
      }),
      { numRuns: 100 },
    );
    expect(refusals).toBeGreaterThan(100);
  });

  test('would be settled out of their order if the ranges did not name the imports', () => {
    const story = ['event', 'move', 'event'] as const;
    const shard = new OneOrder(1_000);
    const proposer = new Proposer(shard, tell(story, shard.order), true);
    proposer.propose('book-b', 10);
    expect(proposer.refusals.right).toBe(0);
    proposer.propose('book-a', 10);
    expect(shard.settled).not.toEqual([1, 2, 3, 4]);
  });
});
