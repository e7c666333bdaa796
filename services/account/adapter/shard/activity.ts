// What happened lately on the accounts of a shard, rebuilt from its committed events after every
// start: postings and fills for lists, events for streams that go on where they broke off.

import { slotOfAccountNumber } from '../../../lib/routing/slot.ts';
import { type CommittedEntry, eventGroups } from '../../../lib/shard/committed-entry.ts';
import type { Answer, Event } from '../../domain/event.ts';
import { type Position, Positions } from '../../domain/positions.ts';
import { ledgerCodec } from '../codec/ledger-codec.ts';
import { EVENT_KIND, EventGlance } from '../codec/peek-event.ts';
import { EventRing, type RingItem } from './event-ring.ts';
import type { StoredHappening } from './happening.ts';

/** How far the events have come. */
export type ActivityPlace = { readonly sequence: number; readonly logTimeUs: number };

/** Events that moved money, newest kept of each account; lists of postings reach back this far. */
export const POSTED_PER_ACCOUNT = 1_000;
const POSTED_TOTAL = 1 << 20;

/** How many events of any kind are kept for streams, which read older ones from the log. */
export type RecentLimits = { readonly perAccount: number; readonly total: number };

const RECENT_LIMITS: RecentLimits = { perAccount: 1 << 14, total: 1 << 17 };
/** After a start, events that lie further back than this are not read again. */
export const REBUILT_EVENTS = 1_000_000;

type Listener = () => void;

export class Activity {
  #posted = new EventRing(POSTED_PER_ACCOUNT, POSTED_TOTAL);
  #recent: EventRing;
  #positions = new Positions();
  readonly #recentLimits: RecentLimits;
  readonly #listeners = new Map<number, Set<Listener>>();
  /** Who is called when what is being taken in is there. */
  readonly #called = new Set<Listener>();
  readonly #glance = new EventGlance();
  #place: ActivityPlace = { sequence: 0, logTimeUs: 0 };
  /** Sequence with which each slot came from another shard, whose log has what was before. */
  readonly #arrivals = new Map<number, number>();
  /** Nothing at or before this sequence was ever read here. */
  #startSequence = 0;
  #waiters: { readonly sequence: number; readonly resolve: () => void }[] = [];

  constructor(recentLimits = RECENT_LIMITS) {
    this.#recentLimits = recentLimits;
    this.#recent = this.#emptyRecent();
  }

  #emptyRecent(): EventRing {
    return new EventRing(this.#recentLimits.perAccount, this.#recentLimits.total);
  }

  /** Every event up to here has been taken in. */
  get place(): ActivityPlace {
    return this.#place;
  }

  /** Begins behind a sequence, with nothing known. */
  restart(afterSequence: number): void {
    this.#posted = new EventRing(POSTED_PER_ACCOUNT, POSTED_TOTAL);
    this.#recent = this.#emptyRecent();
    this.#arrivals.clear();
    this.#positions = new Positions();
    this.#startSequence = afterSequence;
    this.#place = { sequence: afterSequence, logTimeUs: 0 };
  }

  /** Takes in committed entries, in order. */
  take(entries: readonly CommittedEntry<Event, Answer>[], place: ActivityPlace): void {
    const known = this.#place.sequence;
    for (const entry of entries) {
      const { logTimeUs } = entry;
      for (const { traceContext, firstSequence, encodedEvents } of eventGroups(entry)) {
        let sequence = firstSequence;
        for (const bytes of encodedEvents) {
          if (sequence > known) this.#file({ sequence, logTimeUs, traceContext, bytes });
          sequence += 1;
        }
      }
    }
    this.#place = place;
    for (const listener of this.#called) listener();
    this.#called.clear();
    this.#releaseWaiters();
  }

  /** Resolves when every event up to the sequence has been taken in. */
  waitFor(sequence: number): Promise<void> {
    if (this.#place.sequence >= sequence) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ sequence, resolve }));
  }

  #releaseWaiters(): void {
    if (this.#waiters.length === 0) return;
    const ready = this.#waiters.filter(({ sequence }) => sequence <= this.#place.sequence);
    this.#waiters = this.#waiters.filter(({ sequence }) => sequence > this.#place.sequence);
    for (const { resolve } of ready) resolve();
  }

  #file(item: RingItem): void {
    const glance = this.#glance;
    glance.look(item.bytes);
    const { accountNumber } = glance;
    if (glance.kind === EVENT_KIND.slotMoved) this.#noteMove(item);
    if (accountNumber === 0) return;
    this.#recent.push(accountNumber, item);
    if (glance.movesMoney()) this.#posted.push(accountNumber, item);
    if (glance.kind === EVENT_KIND.orderExecuted) {
      const executed = glance.executedFill();
      if (executed !== undefined) this.#positions.add(accountNumber, executed);
    }
    const listeners = this.#listeners.get(accountNumber);
    if (listeners === undefined) return;
    for (const listener of listeners) this.#called.add(listener);
  }

  #noteMove({ sequence, bytes }: RingItem): void {
    const event = ledgerCodec.decodeEvent(bytes);
    if (event.kind !== 'slotMoved' || event.move.step !== 'imported') return;
    this.#arrivals.set(event.move.slot, sequence);
  }

  /** Events that moved the account's money, newest first. */
  *posted(accountNumber: number): Generator<StoredHappening> {
    const arrived = this.arrivedAt(accountNumber);
    for (const happening of this.#posted.newestFirst(accountNumber)) {
      if (happening.sequence <= arrived) return;
      yield happening;
    }
  }

  /**
   * Sequence with which the account came from another shard, as far as that is known here: what was
   * before stands in the log of that shard, or has a gap. 0 when it was always here.
   */
  arrivedAt(accountNumber: number): number {
    return this.#arrivals.get(slotOfAccountNumber(accountNumber)) ?? 0;
  }

  /** Behind this sequence every posting of the account is kept; 0 when they all are. */
  postedSince(accountNumber: number): number {
    const forgotten = this.#posted.forgottenSequence(accountNumber);
    return Math.max(forgotten, this.#startSequence, this.arrivedAt(accountNumber));
  }

  /** What follows from the fills of an account, from the oldest that was read here. */
  positions(accountNumber: number): ReadonlyMap<number, Position> {
    return this.#positions.of(accountNumber);
  }

  /** Whether every event of the shard was read here. */
  get isWhole(): boolean {
    return this.#startSequence === 0;
  }

  /**
   * The oldest events of an account behind a sequence, at most as many as said; undefined when some
   * of them are not kept any more.
   */
  findAfter(
    accountNumber: number,
    sequence: number,
    limit: number,
  ): readonly StoredHappening[] | undefined {
    const forgotten = this.#recent.forgottenSequence(accountNumber);
    if (sequence < Math.max(forgotten, this.#startSequence)) return undefined;
    return this.#recent.after(accountNumber, sequence, limit);
  }

  /** Calls back whenever there are later events of the account; returns the end of it. */
  listen(accountNumber: number, listener: Listener): () => void {
    const listeners = this.#listeners.get(accountNumber) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(accountNumber, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(accountNumber);
    };
  }
}

/** Whether an event changed a total of its account. */
export function movesMoney(event: Event): boolean {
  if (event.kind === 'transferPosted' || event.kind === 'tradeBusted') return true;
  return event.kind === 'orderExecuted' && event.fill !== undefined;
}
