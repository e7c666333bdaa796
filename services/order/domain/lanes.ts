// Keeps the order of commands (MOV-9): the commands of one account in one instrument take their
// places in a lane when they arrive and leave it in that order, whatever their holds take; and
// who came earlier of one account, for what has to wait for earlier money (SET-4).

import { assert } from '../../lib/base/assert.ts';

type Send = (orderingGroup: bigint) => void;

/** A command's place in its lane. Exactly one of `send` and `leave` is called, once. */
export interface Place {
  /**
   * The command is ready: `send` runs now, or as soon as everything ahead has left the lane. It
   * is given the ordering group of its stream, 0 outside of one.
   */
  send(send: Send): void;
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

/** A command in every lane that it must keep the order of; it leaves all of them at once. */
class LanePlace implements Place {
  readonly lanes: readonly Lane[];
  readonly #orderingGroup: bigint;
  #send: Send | undefined;
  #state: 'waiting' | 'ready' | 'gone' = 'waiting';

  constructor(lanes: readonly Lane[], orderingGroup: bigint) {
    this.lanes = lanes;
    this.#orderingGroup = orderingGroup;
    for (const lane of lanes) lane.add(this);
  }

  get isGone(): boolean {
    return this.#state === 'gone';
  }

  send(send: Send): void {
    assert(this.#state === 'waiting', 'a place is used once');
    this.#send = send;
    this.#state = 'ready';
    moveUp(this.lanes);
  }

  leave(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'gone';
    moveUp(this.lanes);
  }

  /** Sends the command if nothing is ahead of it in any lane. */
  tryGo(): boolean {
    if (this.#state !== 'ready') return false;
    for (const lane of this.lanes) if (lane.first !== this) return false;
    this.#state = 'gone';
    this.#send?.(this.#orderingGroup);
    return true;
  }
}

/** Lets whatever has come to the front of these lanes go, and what that lets go. */
function moveUp(lanes: readonly Lane[]): void {
  const moved = [...lanes];
  for (let lane = moved.pop(); lane !== undefined; lane = moved.pop()) {
    const { first } = lane;
    if (first?.tryGo() === true) moved.push(...first.lanes);
  }
}

class Lane {
  readonly #places: LanePlace[] = [];
  #head = 0;

  add(place: LanePlace): void {
    this.#places.push(place);
  }

  /** The first place that has not gone; what has is forgotten. */
  get first(): LanePlace | undefined {
    while (this.#places[this.#head]?.isGone === true) this.#head++;
    if (this.#head === this.#places.length) {
      this.#places.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024) {
      this.#places.splice(0, this.#head);
      this.#head = 0;
    }
    return this.#places[this.#head];
  }
}

/** Lanes by instrument, made when first needed. */
class Lanes {
  /** 0 outside of a stream. */
  readonly orderingGroup: bigint;
  readonly #lanes = new Map<number, Lane>();

  constructor(orderingGroup = 0n) {
    this.orderingGroup = orderingGroup;
  }

  lane(instrumentNumber: number): Lane {
    let lane = this.#lanes.get(instrumentNumber);
    if (lane === undefined) {
      lane = new Lane();
      this.#lanes.set(instrumentNumber, lane);
    }
    return lane;
  }
}

type Waiter = { readonly index: number; readonly resume: () => void };

class AccountFlows {
  readonly #lanes = new Lanes();
  /** Index of the oldest flow that has not ended; of the next one when all have. */
  #oldest = 0;
  /** Flows that ended before an older one did. */
  readonly #ended = new Set<number>();
  #waiters: Waiter[] = [];
  #count = 0;
  readonly #forget: () => void;

  constructor(forget: () => void) {
    this.#forget = forget;
  }

  /** Index of a new flow, behind all that have begun before. */
  begin(): number {
    return this.#count++;
  }

  lane(instrumentNumber: number): Lane {
    return this.#lanes.lane(instrumentNumber);
  }

  hasEarlier(index: number): boolean {
    return this.#oldest < index;
  }

  whenEarlierEnded(index: number, resume: () => void): void {
    if (this.#oldest >= index) resume();
    else this.#waiters.push({ index, resume });
  }

  /** To be called once for each flow. */
  end(index: number): void {
    this.#ended.add(index);
    while (this.#ended.delete(this.#oldest)) this.#oldest += 1;
    if (this.#waiters.length === 0) {
      if (this.#oldest === this.#count) this.#forget();
      return;
    }
    const oldest = this.#oldest;
    const ready = this.#waiters.filter((waiter) => waiter.index <= oldest);
    if (ready.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.index > oldest);
    for (const waiter of ready) waiter.resume();
  }
}

class OpenFlow implements Flow {
  readonly #account: AccountFlows;
  readonly #stream: Lanes | undefined;
  readonly #onEnd: () => void;
  readonly #index: number;
  #ended = false;

  constructor(account: AccountFlows, stream: Lanes | undefined, onEnd: () => void) {
    this.#account = account;
    this.#stream = stream;
    this.#onEnd = onEnd;
    this.#index = account.begin();
  }

  takePlace(instrumentNumber: number): Place {
    const own = this.#account.lane(instrumentNumber);
    if (this.#stream === undefined) return new LanePlace([own], 0n);
    const shared = this.#stream.lane(instrumentNumber);
    return new LanePlace([own, shared], this.#stream.orderingGroup);
  }

  hasEarlier(): boolean {
    return this.#account.hasEarlier(this.#index);
  }

  whenEarlierEnded(resume: () => void): void {
    this.#account.whenEarlierEnded(this.#index, resume);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
    this.#account.end(this.#index);
  }
}

/** Where flows begin. */
export interface Flows {
  /** Begins a flow behind all flows of the account that have begun before. */
  begin(accountId: string): Flow;
}

/** How much is under way. */
export type Workload = {
  readonly openCount: number;
  /** All that have ever ended. */
  readonly endedCount: number;
};

/** The flows of all accounts; an account without open flows is forgotten. */
export class FlowRegistry implements Flows {
  readonly #accounts = new Map<string, AccountFlows>();
  readonly #alone = { openCount: 0, endedCount: 0 };
  readonly #streamed = { openCount: 0, endedCount: 0 };

  begin(accountId: string): Flow {
    return this.#begin(accountId, undefined);
  }

  /**
   * For requests that keep their order in each instrument, whatever their accounts: a stream's.
   *
   * @param orderingGroup a random number that stands for the stream at the shards
   */
  inOrder(orderingGroup: bigint): Flows {
    const stream = new Lanes(orderingGroup);
    return { begin: (accountId) => this.#begin(accountId, stream) };
  }

  #begin(accountId: string, stream: Lanes | undefined): Flow {
    let flows = this.#accounts.get(accountId);
    if (flows === undefined) {
      flows = new AccountFlows(() => this.#accounts.delete(accountId));
      this.#accounts.set(accountId, flows);
    }
    const workload = stream === undefined ? this.#alone : this.#streamed;
    workload.openCount++;
    return new OpenFlow(flows, stream, () => {
      workload.openCount--;
      workload.endedCount++;
    });
  }

  /** How many requests are between arrival and answer. */
  get openCount(): number {
    return this.#alone.openCount + this.#streamed.openCount;
  }

  /** Of requests that came alone. */
  get alone(): Workload {
    return this.#alone;
  }

  /** Of requests in streams. */
  get streamed(): Workload {
    return this.#streamed;
  }
}
