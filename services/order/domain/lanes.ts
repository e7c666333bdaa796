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

/** A command in the lane of its account and, in a stream, in that of its stream, too. */
class LanePlace implements Place {
  readonly #own: Lane;
  readonly #shared: Lane | undefined;
  readonly #orderingGroup: bigint;
  #send: Send | undefined;
  #state: 'waiting' | 'ready' | 'gone' = 'waiting';

  constructor(own: Lane, shared: Lane | undefined, orderingGroup: bigint) {
    this.#own = own;
    this.#shared = shared;
    this.#orderingGroup = orderingGroup;
    own.add(this);
    shared?.add(this);
  }

  get isGone(): boolean {
    return this.#state === 'gone';
  }

  send(send: Send): void {
    assert(this.#state === 'waiting', 'a place is used once');
    this.#send = send;
    this.#state = 'ready';
    if (this.#tryGo()) this.#moveUp();
  }

  leave(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'gone';
    this.#moveUp();
  }

  /** Sends the command if nothing is ahead of it in any lane. */
  #tryGo(): boolean {
    if (this.#state !== 'ready' || this.#own.first !== this) return false;
    if (this.#shared !== undefined && this.#shared.first !== this) return false;
    this.#state = 'gone';
    this.#send?.(this.#orderingGroup);
    return true;
  }

  /** Lets whatever has come to the front of these lanes go, and what that lets go. */
  #moveUp(): void {
    const moved: Lane[] = [this.#own];
    if (this.#shared !== undefined) moved.push(this.#shared);
    for (let lane = moved.pop(); lane !== undefined; lane = moved.pop()) {
      const { first } = lane;
      if (first === undefined || !first.#tryGo()) continue;
      moved.push(first.#own);
      if (first.#shared !== undefined) moved.push(first.#shared);
    }
  }
}

class Lane {
  readonly instrumentNumber: number;
  readonly #places: LanePlace[] = [];
  #head = 0;

  constructor(instrumentNumber: number) {
    this.instrumentNumber = instrumentNumber;
  }

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

/** Lanes that an account without open flows keeps at most. */
const IDLE_LANE_LIMIT = 16;

/** Lanes by instrument, made when first needed. */
class Lanes {
  /** 0 outside of a stream. */
  readonly orderingGroup: bigint;
  /** Looked at first: nearly always it is the instrument of the request before. */
  #latest: Lane | undefined;
  readonly #lanes = new Map<number, Lane>();

  constructor(orderingGroup = 0n) {
    this.orderingGroup = orderingGroup;
  }

  lane(instrumentNumber: number): Lane {
    if (this.#latest?.instrumentNumber === instrumentNumber) return this.#latest;
    let lane = this.#lanes.get(instrumentNumber);
    if (lane === undefined) {
      lane = new Lane(instrumentNumber);
      this.#lanes.set(instrumentNumber, lane);
    }
    this.#latest = lane;
    return lane;
  }

  /** Forgets lanes that nobody is in, where there are many. */
  forgetMany(): void {
    if (this.#lanes.size <= IDLE_LANE_LIMIT) return;
    this.#lanes.clear();
    this.#latest = undefined;
  }
}

/** The open flows of an account, in the order in which they have begun. */
class AccountFlows {
  readonly lanes = new Lanes();
  first: OpenFlow | undefined;
  last: OpenFlow | undefined;
}

class OpenFlow implements Flow {
  readonly #account: AccountFlows;
  readonly #stream: Lanes | undefined;
  readonly #onEnd: (account: AccountFlows, stream: Lanes | undefined) => void;
  #before: OpenFlow | undefined;
  #behind: OpenFlow | undefined;
  #resume: (() => void) | undefined;
  #ended = false;

  constructor(
    account: AccountFlows,
    stream: Lanes | undefined,
    onEnd: (account: AccountFlows, stream: Lanes | undefined) => void,
  ) {
    this.#account = account;
    this.#stream = stream;
    this.#onEnd = onEnd;
    this.#before = account.last;
    if (account.last === undefined) account.first = this;
    else account.last.#behind = this;
    account.last = this;
  }

  takePlace(instrumentNumber: number): Place {
    const own = this.#account.lanes.lane(instrumentNumber);
    const shared = this.#stream?.lane(instrumentNumber);
    return new LanePlace(own, shared, this.#stream?.orderingGroup ?? 0n);
  }

  hasEarlier(): boolean {
    return this.#before !== undefined;
  }

  whenEarlierEnded(resume: () => void): void {
    if (this.#before === undefined) resume();
    else this.#resume = resume;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const [before, behind] = [this.#before, this.#behind];
    if (before === undefined) this.#account.first = behind;
    else before.#behind = behind;
    if (behind === undefined) this.#account.last = before;
    else behind.#before = before;
    this.#onEnd(this.#account, this.#stream);
    if (before !== undefined || behind === undefined) return;
    const resume = behind.#resume;
    behind.#resume = undefined;
    resume?.();
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

/** Accounts without open flows that are remembered, for the next flow. */
const IDLE_LIMIT = 10_000;

/** The flows of all accounts. */
export class FlowRegistry implements Flows {
  readonly #accounts = new Map<string, AccountFlows>();
  #idleCount = 0;
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
    let account = this.#accounts.get(accountId);
    if (account === undefined) {
      account = new AccountFlows();
      this.#accounts.set(accountId, account);
    } else if (account.first === undefined) {
      this.#idleCount -= 1;
    }
    (stream === undefined ? this.#alone : this.#streamed).openCount++;
    return new OpenFlow(account, stream, this.#onEnd);
  }

  readonly #onEnd = (account: AccountFlows, stream: Lanes | undefined): void => {
    const workload = stream === undefined ? this.#alone : this.#streamed;
    workload.openCount--;
    workload.endedCount++;
    if (account.first !== undefined) return;
    account.lanes.forgetMany();
    this.#idleCount += 1;
    if (this.#idleCount > IDLE_LIMIT) this.#forgetIdle();
  };

  #forgetIdle(): void {
    for (const [accountId, { first }] of this.#accounts) {
      if (first === undefined) this.#accounts.delete(accountId);
    }
    this.#idleCount = 0;
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
