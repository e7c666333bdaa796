// Keeps the order of commands (MOV-9): the commands of one account in one instrument take their
// places in a lane when they arrive and leave it in that order, whatever their holds take; and
// who came earlier of one account, for what has to wait for earlier money (SET-4).

import { assert } from '../../lib/base/assert.ts';

/** A command's place in its lane. Exactly one of `send` and `leave` is called, once. */
export interface Place {
  /** The command is ready: `send` runs now, or as soon as everything ahead has left the lane. */
  send(send: () => void): void;
  /** The command will not be sent: what is behind it moves up. */
  leave(): void;
}

/** One request of an account between its arrival and its answer. */
export interface Flow {
  /** Takes the next place in the account's lane for an instrument. */
  takePlace(instrumentNumber: number): Place;
  /** True while an earlier flow of the account has not ended. */
  hasEarlier(): boolean;
  /** Calls `resume` once, when every earlier flow of the account has ended; at once if none. */
  whenEarlierEnded(resume: () => void): void;
  /** The request is answered. */
  end(): void;
}

type LanePlace = { send: (() => void) | undefined; left: boolean };

class Lane {
  readonly #places: LanePlace[] = [];
  #head = 0;

  takePlace(): Place {
    const place: LanePlace = { send: undefined, left: false };
    this.#places.push(place);
    return {
      send: (send) => {
        assert(place.send === undefined && !place.left, 'a place is used once');
        place.send = send;
        this.#moveUp();
      },
      leave: () => {
        if (place.send !== undefined || place.left) return;
        place.left = true;
        this.#moveUp();
      },
    };
  }

  get isEmpty(): boolean {
    return this.#head === this.#places.length;
  }

  #moveUp(): void {
    while (this.#head < this.#places.length) {
      const place = this.#places[this.#head] as LanePlace;
      if (place.send === undefined && !place.left) break;
      this.#head++;
      place.send?.();
    }
    if (this.isEmpty) {
      this.#places.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024) {
      this.#places.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

type Waiter = { readonly index: number; readonly resume: () => void };

class AccountFlows {
  readonly #lanes = new Map<number, Lane>();
  /** Indexes of the flows that have not ended, oldest first. */
  readonly #open = new Set<number>();
  #waiters: Waiter[] = [];
  #count = 0;
  readonly #forget: () => void;

  constructor(forget: () => void) {
    this.#forget = forget;
  }

  begin(): Flow {
    const index = this.#count++;
    this.#open.add(index);
    return {
      takePlace: (instrumentNumber) => this.#lane(instrumentNumber).takePlace(),
      hasEarlier: () => this.#oldest() < index,
      whenEarlierEnded: (resume) => {
        if (this.#oldest() >= index) resume();
        else this.#waiters.push({ index, resume });
      },
      end: () => this.#end(index),
    };
  }

  #end(index: number): void {
    if (!this.#open.delete(index)) return;
    if (this.#open.size === 0 && this.#waiters.length === 0) {
      this.#forget();
      return;
    }
    if (this.#waiters.length === 0) return;
    const oldest = this.#oldest();
    const ready = this.#waiters.filter((waiter) => waiter.index <= oldest);
    if (ready.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.index > oldest);
    for (const waiter of ready) waiter.resume();
  }

  #oldest(): number {
    for (const index of this.#open) return index;
    return this.#count;
  }

  #lane(instrumentNumber: number): Lane {
    let lane = this.#lanes.get(instrumentNumber);
    if (lane === undefined) {
      lane = new Lane();
      this.#lanes.set(instrumentNumber, lane);
    }
    return lane;
  }
}

/** The flows of all accounts; an account without open flows is forgotten. */
export class FlowRegistry {
  readonly #accounts = new Map<string, AccountFlows>();
  #openCount = 0;

  /** Begins a flow behind all flows of the account that have begun before. */
  begin(accountId: string): Flow {
    let flows = this.#accounts.get(accountId);
    if (flows === undefined) {
      flows = new AccountFlows(() => this.#accounts.delete(accountId));
      this.#accounts.set(accountId, flows);
    }
    this.#openCount++;
    const flow = flows.begin();
    let ended = false;
    return {
      ...flow,
      end: () => {
        if (ended) return;
        ended = true;
        this.#openCount--;
        flow.end();
      },
    };
  }

  /** How many requests are between arrival and answer. */
  get openCount(): number {
    return this.#openCount;
  }
}
