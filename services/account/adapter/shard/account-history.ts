// What moved an account's money, read back from the log of a shard: stretch by stretch from the
// newest to the oldest, and on in the log of the shard from which the account has come (AUD-1).

import { slotOfAccountNumber } from '../../../lib/routing/slot.ts';
import { type HistoryEnd, HistoryGone, LogHistory } from '../../../lib/shard/log-history.ts';
import type { World } from '../../../lib/shard/world.ts';
import { accountNumberOf, slotOfEvent } from '../codec/peek-event.ts';
import { movesMoney } from './activity.ts';
import { type Happening, StoredHappening } from './happening.ts';

/** Events of a shard that are looked through for one stretch. */
const STRETCH_EVENTS = 20_000;
/** Of these the account's; more of them end a stretch earlier. */
const MOST_HAPPENINGS = 2_000;

/** Where an account's past goes on: before a sequence of a shard. */
export type PastPlace = { readonly shardId: string; readonly beforeSequence: number };

/** A stretch, oldest first, and what was before: in a log, nothing, or cut off. */
export type PastStretch = {
  readonly happenings: readonly Happening[];
  readonly next: PastPlace | 'begun' | 'gone';
};

export class AccountHistory {
  readonly #shardId: string;
  readonly #history: LogHistory;

  constructor({ world, shardId }: { readonly world: World; readonly shardId: string }) {
    this.#shardId = shardId;
    this.#history = new LogHistory({ world, shardId, keyOf: slotOfEvent });
  }

  /**
   * Reads what was before a sequence.
   *
   * @param end of the log, which the shard's leader knows
   * @throws LogUnreachable, LogBroken.
   */
  async readBack(
    end: HistoryEnd,
    accountNumber: number,
    beforeSequence: number,
  ): Promise<PastStretch> {
    const through = Math.min(beforeSequence - 1, end.lastSequence);
    if (through < 1) return { happenings: [], next: 'begun' };
    const wanted = { accountNumber, through };
    try {
      return await this.#read(end, Math.max(1, through - STRETCH_EVENTS + 1), wanted);
    } catch (error) {
      if (!(error instanceof HistoryGone)) throw error;
    }
    const begin = await this.#history.fetchFirstSequence(end.committed);
    if (begin === undefined || begin > through) return { happenings: [], next: 'gone' };
    const oldest = await this.#read(end, begin, wanted);
    const isAtBegin = typeof oldest.next === 'object' && oldest.next.beforeSequence === begin;
    return isAtBegin ? { ...oldest, next: 'gone' } : oldest;
  }

  async #read(
    end: HistoryEnd,
    from: number,
    { accountNumber, through }: { readonly accountNumber: number; readonly through: number },
  ): Promise<PastStretch> {
    let happenings: Happening[] = [];
    let next: PastStretch['next'] =
      from === 1 ? 'begun' : { shardId: this.#shardId, beforeSequence: from };
    const slot = slotOfAccountNumber(accountNumber);
    for await (const step of this.#history.read(from, end, slot)) {
      for (const stored of step.events) {
        const { sequence, bytes } = stored;
        const of = accountNumberOf(bytes);
        if (sequence > through || (of !== 0 && of !== accountNumber)) continue;
        const happening = new StoredHappening(stored);
        const { event } = happening;
        if (event.kind === 'accountCreated') next = 'begun';
        if (event.kind === 'slotMoved' && event.move.step === 'imported') {
          // What stands before it here was before the slot went away.
          const { sourceShardId: shardId, exportSequence } = event.move;
          happenings = [];
          next = { shardId, beforeSequence: exportSequence + 1 };
        }
        if (movesMoney(event)) happenings.push(happening);
      }
      if (step.throughSequence >= through) break;
    }
    const kept = happenings.slice(-MOST_HAPPENINGS);
    const isCut = kept.length < happenings.length;
    const beforeSequence = kept[0]?.sequence ?? 0;
    if (isCut) next = { shardId: this.#shardId, beforeSequence };
    return { happenings: kept, next };
  }

  /** Ends the sessions for good. */
  close(): Promise<void> {
    return this.#history.close();
  }
}
