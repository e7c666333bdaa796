// The bounded queues in front of a leader (LOG-10): one per class, with room that callers can
// reserve beforehand.

import type { CommandClass, Proposal, ProposalResult } from './proposal.ts';

/** Most commands that wait, by class. A class has its room to itself. */
export type QueueLimits = Readonly<Record<CommandClass, number>>;

export const DEFAULT_QUEUE_LIMITS: QueueLimits = { internal: 16_384, cancel: 32_768, rest: 65_536 };

/** Where the result of a proposal goes. */
export type Settle<E, A> = (result: ProposalResult<E, A>) => void;

/** A proposal that waits for its turn. */
export type Waiting<C, E, A> = {
  readonly proposal: Proposal<C>;
  readonly settle: Settle<E, A>;
  readonly arrivedUs: number;
  readonly reservation: Reservation | undefined;
};

type ReservingQueue = {
  readonly ended: boolean;
  /** Answers with the room that is granted instead of what was held. */
  changeReserved(wanted: number, held: number): number;
};

/** Room for commands of the class `rest` that is kept free for its holder. */
export class Reservation {
  readonly #queue: ReservingQueue;
  #room = 0;
  #used = 0;

  constructor(queue: ReservingQueue) {
    this.#queue = queue;
  }

  /** True when the leadership that gave the room is over. */
  get ended(): boolean {
    return this.#queue.ended;
  }

  /** Commands that the holder may have waiting at the same time. */
  get room(): number {
    return this.#room;
  }

  /** Asks for room for `commands`; answers with what there is, up to that. */
  resize(commands: number): number {
    this.#room = this.#queue.changeReserved(Math.max(commands, this.#used), this.#room);
    return this.#room;
  }

  /** Gives all room back. What still waits keeps its place. */
  release(): void {
    this.#room = this.#queue.changeReserved(this.#used, this.#room);
  }

  /** @internal */
  use(queue: ReservingQueue): boolean {
    if (queue !== this.#queue || this.#used >= this.#room) return false;
    this.#used += 1;
    return true;
  }

  /** @internal */
  giveBack(): void {
    this.#used -= 1;
  }
}

const ORDER: readonly CommandClass[] = ['internal', 'cancel', 'rest'];

export class ProposalQueue<C, E, A> {
  readonly #limits: QueueLimits;
  readonly #lanes: Record<CommandClass, Lane<Waiting<C, E, A>>> = {
    internal: new Lane(),
    cancel: new Lane(),
    rest: new Lane(),
  };
  /** Waiting commands by the class whose room they take, which may differ from their lane. */
  readonly #taken: Record<CommandClass, number> = { internal: 0, cancel: 0, rest: 0 };
  /** Where commands with an ordering key wait: the lane, and how many. */
  readonly #keyed = new Map<string | number, { lane: CommandClass; count: number }>();
  /** True once the leadership is over; reservations are void then. */
  ended = false;

  constructor(limits: QueueLimits = DEFAULT_QUEUE_LIMITS) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#lanes.internal.length + this.#lanes.cancel.length + this.#lanes.rest.length;
  }

  /** Waiting commands of a class. */
  depth(commandClass: CommandClass): number {
    return this.#lanes[commandClass].length;
  }

  /** Waiting commands, by class. */
  get depths(): { readonly [K in CommandClass]: number } {
    return {
      internal: this.depth('internal'),
      cancel: this.depth('cancel'),
      rest: this.depth('rest'),
    };
  }

  /** Room in the class `rest` that the holder can count on. */
  reserve(): Reservation {
    return new Reservation(this);
  }

  /** @internal */
  changeReserved(wanted: number, held: number): number {
    const granted = Math.min(wanted, held + this.#limits.rest - this.#taken.rest);
    this.#taken.rest += granted - held;
    return granted;
  }

  /** Takes a command in; false when there is no room for it. */
  push(waiting: Omit<Waiting<C, E, A>, 'reservation'>, reservation?: Reservation): boolean {
    const { commandClass, orderingKey, streamKey } = waiting.proposal;
    const reserved = commandClass === 'rest' && reservation?.use(this) === true;
    if (!reserved) {
      if (this.#taken[commandClass] >= this.#limits[commandClass]) return false;
      this.#taken[commandClass] += 1;
    }
    const item = {
      proposal: waiting.proposal,
      settle: waiting.settle,
      arrivedUs: waiting.arrivedUs,
      reservation: reserved ? reservation : undefined,
    };
    let lane = commandClass;
    if (orderingKey !== undefined) lane = this.#laneOfKey(lane, orderingKey);
    if (streamKey !== undefined) lane = this.#laneOfKey(lane, streamKey);
    // Behind what waits in the lower class for the second key, it is there for the first as well.
    if (streamKey !== undefined && orderingKey !== undefined) this.#lower(orderingKey, lane);
    this.#lanes[lane].push(item);
    return true;
  }

  /** The lane behind everything that waits with the same key. */
  #laneOfKey(commandClass: CommandClass, key: string | number): CommandClass {
    const waiting = this.#keyed.get(key);
    if (waiting === undefined) {
      this.#keyed.set(key, { lane: commandClass, count: 1 });
      return commandClass;
    }
    waiting.count += 1;
    if (ORDER.indexOf(commandClass) > ORDER.indexOf(waiting.lane)) waiting.lane = commandClass;
    return waiting.lane;
  }

  #lower(key: string | number, lane: CommandClass): void {
    const waiting = this.#keyed.get(key);
    if (waiting !== undefined) waiting.lane = lane;
  }

  /** The next command: higher classes first, within a class by arrival. */
  shift(): Waiting<C, E, A> | undefined {
    const waiting =
      this.#lanes.internal.shift() ?? this.#lanes.cancel.shift() ?? this.#lanes.rest.shift();
    if (waiting === undefined) return undefined;
    const { commandClass, orderingKey, streamKey } = waiting.proposal;
    if (waiting.reservation === undefined) this.#taken[commandClass] -= 1;
    else waiting.reservation.giveBack();
    if (orderingKey !== undefined) this.#forget(orderingKey);
    if (streamKey !== undefined) this.#forget(streamKey);
    return waiting;
  }

  #forget(key: string | number): void {
    const keyed = this.#keyed.get(key);
    if (keyed !== undefined && --keyed.count === 0) this.#keyed.delete(key);
  }
}

/** First in, first out, without moving what waits. */
class Lane<T> {
  #items: (T | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#first === this.#items.length) return undefined;
    const item = this.#items[this.#first];
    this.#items[this.#first++] = undefined;
    if (this.#first === this.#items.length) {
      this.#items = [];
      this.#first = 0;
    } else if (this.#first > 8_192 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }
}
