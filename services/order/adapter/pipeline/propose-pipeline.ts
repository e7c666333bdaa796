// One ordered pipeline of commands to one shard (MOV-9): whatever arrives while a batch is with
// the leader is the next batch. After a redirect, a break or an unknown outcome, everything that
// is unanswered goes again in its first order before anything newer, with the same identities. A
// slot that moves is parked with all of its commands, and the others go on.

import { assert } from '../../../lib/base/assert.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { ErrorReasonName } from '../../../lib/platform/errors/reasons.ts';
import type { Timer } from '../../../lib/shard/world.ts';
import type { CommandResult, FlowWorld, NumberedCommand, Settled } from './command.ts';
import { findUrgent } from './overtaking.ts';
import { ParkedSlots } from './parked-slots.ts';
import type { Link, LinkListener, PipelineSurroundings } from './surroundings.ts';

export type { Command, CommandResult, FlowWorld, NumberedCommand, Settled } from './command.ts';
export type { Link, LinkListener, PipelineSurroundings } from './surroundings.ts';

/** Commands in one message at most (contracts: batches). */
const BATCH_LIMIT = 1000;

/** A batch that is not answered for this long counts as lost; it is sent again. */
const ANSWER_LIMIT_MS = 5_000;

/** Pause before a command is tried again, doubled up to the second value. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;

/** A node that does not lead will be asked again in vain: it is the table's change that tells. */
const REDIRECT_PAUSE_MS = 50;

/** Refusals that did nothing and may not be repeated by waiting. */
const TRANSIENT: ReadonlySet<ErrorReasonName> = new Set([
  'SHARD_OVERLOADED',
  'SHARD_UNAVAILABLE',
  'LOG_UNAVAILABLE',
  'NOT_READY',
  'SETTLEMENT_LAG',
]);

/** Refusals after which all commands of the slot wait for its owner (MOV-3, MOV-4). */
const MOVING: ReadonlySet<string> = new Set(['WRONG_SHARD', 'SLOT_MOVING']);

type Refused = Extract<Settled<never>, { readonly kind: 'refused' }>;

type Connection<C, R> =
  /** No stream; none is being opened until there is work or the pause is over. */
  | { readonly kind: 'closed' }
  /** Waiting before the next attempt, with the stream if it is still the right one. */
  | { readonly kind: 'pausing'; readonly timer: Timer; readonly link: Link<C, R> | undefined }
  /** A stream is open and nothing is unanswered on it. */
  | { readonly kind: 'idle'; readonly link: Link<C, R> }
  /** One batch is with the leader. */
  | { readonly kind: 'busy'; readonly link: Link<C, R>; readonly limit: Timer };

/** The pipeline to one shard. */
export class ProposePipeline<C, R> {
  readonly shardId: string;
  readonly #world: FlowWorld;
  readonly #around: PipelineSurroundings<C, R>;
  #connection: Connection<C, R> = { kind: 'closed' };
  /** Not sent, or to be sent again; in the order of their numbers. */
  #pending: NumberedCommand<C, R>[] = [];
  /** Sent on the present stream and unanswered. */
  readonly #unanswered = new Map<number, NumberedCommand<C, R>>();
  /** Numbers of those that were sent while a batch was with the leader (LOG-10). */
  readonly #sentAhead = new Set<number>();
  /** Answered with a refusal after which they go again. */
  #again: NumberedCommand<C, R>[] = [];
  /** Slots of which a command of the batch was refused because they are moving. */
  readonly #moving = new Set<number>();
  readonly #parked: ParkedSlots<C, R>;
  /** True when a command of the batch was refused because the node does not lead the shard. */
  #leaderIsElsewhere = false;
  /** Whom that node has handed the leadership over to, by its own word (REP-5). */
  #successorAddress: string | undefined;
  /** Where the present stream leads to, if that is a successor which the table does not show yet. */
  #aheadAddress: string | undefined;
  /** True when a command of the batch was refused for something that passes. */
  #isHeldUp = false;
  #pumpIsDue = false;
  #pauseMs = FIRST_PAUSE_MS;
  /** Epoch of the leader that the present stream leads to. */
  #linkEpoch = 0;
  #stopped = false;
  #staysOpen = false;
  readonly #unsubscribe: () => void;

  constructor(shardId: string, around: PipelineSurroundings<C, R>) {
    this.shardId = shardId;
    this.#world = around.world;
    this.#around = around;
    this.#parked = new ParkedSlots(around.world, () => this.#unpark());
    this.#unsubscribe = around.onPlacementChange(() => this.#onPlacementChange());
  }

  /** How many commands wait for an answer or to be sent. */
  get depth(): number {
    const { size } = this.#unanswered;
    return this.#pending.length + size + this.#again.length + this.#parked.depth;
  }

  /** Adds a command behind all others; it is sent with the next batch. */
  push(command: NumberedCommand<C, R>): void {
    if (this.#parked.add(command)) return;
    this.#pending.push(command);
    this.#pumpSoon();
  }

  /** Opens the stream ahead of the first command, and again whenever it breaks. */
  connect(): void {
    this.#staysOpen = true;
    if (this.#connection.kind === 'closed' && !this.#stopped) this.#open();
  }

  /** Ends the stream; what is unanswered settles as unknown. */
  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    this.#dropConnection();
    const unsettled = [...this.#unanswered.values(), ...this.#again, ...this.#pending];
    const left = [...unsettled, ...this.#parked.takeAll()];
    this.#unanswered.clear();
    this.#again = [];
    this.#pending = [];
    for (const command of left) command.settle({ kind: command.sent ? 'unknown' : 'unsent' });
  }

  #pumpSoon(): void {
    if (this.#pumpIsDue) return;
    this.#pumpIsDue = true;
    this.#world.nextTurn(() => {
      this.#pumpIsDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#stopped || (this.#pending.length === 0 && !this.#staysOpen)) return;
    if (this.#connection.kind === 'closed') this.#open();
    if (this.#connection.kind === 'busy') this.#sendUrgent(this.#connection.link);
    if (this.#connection.kind !== 'idle') return;
    this.#dropExpired();
    if (this.#pending.length === 0) return;
    const { link } = this.#connection;
    const batch = this.#pending.splice(0, BATCH_LIMIT);
    this.#note(batch);
    const limit = this.#world.setTimer(ANSWER_LIMIT_MS, () => {
      this.#break(link, new Error(`no answer from ${this.shardId} for ${ANSWER_LIMIT_MS} ms`));
    });
    this.#connection = { kind: 'busy', link, limit };
    link.send(batch);
    this.#sendUrgent(link);
  }

  #note(commands: readonly NumberedCommand<C, R>[]): void {
    for (const command of commands) {
      command.sent = true;
      this.#unanswered.set(command.number, command);
    }
  }

  /** What is urgent goes while a batch is with the leader, before all that waits (LOG-10). */
  #sendUrgent(link: Link<C, R>): void {
    // With the batch answered, the next one takes it along: others must not wait for it alone.
    const isBatchOver = this.#unanswered.size === this.#sentAhead.size;
    if (isBatchOver || this.#leaderIsElsewhere) return;
    if (!this.#pending.some(({ isUrgent }) => isUrgent)) return;
    this.#dropExpired();
    const urgent = findUrgent(this.#pending, [...this.#unanswered.values(), ...this.#again]);
    if (urgent.size === 0) return;
    this.#pending = this.#pending.filter((command) => !urgent.has(command));
    const commands = [...urgent];
    this.#note(commands);
    for (const { number } of commands) this.#sentAhead.add(number);
    link.send(commands);
  }

  #open(address?: string): void {
    let opened: Link<C, R> | undefined;
    const listener: LinkListener<R> = {
      onResults: (results) => {
        if (opened !== undefined && this.#isOn(opened)) this.#take(results);
      },
      onBroken: (why) => {
        if (opened !== undefined) this.#break(opened, why);
      },
    };
    const link = this.#around.openLink(this.shardId, listener, address);
    if (link === undefined) {
      this.#pause();
      return;
    }
    opened = link;
    this.#linkEpoch = this.#around.leaderEpochOf(this.shardId) ?? 0;
    this.#aheadAddress = address;
    this.#connection = { kind: 'idle', link };
  }

  #isOn(link: Link<C, R>): boolean {
    const connection = this.#connection;
    return connection.kind !== 'closed' && connection.link === link;
  }

  #take(results: readonly CommandResult<R>[]): void {
    for (const { number, settled } of results) {
      const command = this.#unanswered.get(number);
      if (command === undefined) continue;
      this.#unanswered.delete(number);
      this.#sentAhead.delete(number);
      if (settled.kind === 'refused' && this.#goesAgain(command, settled)) {
        this.#again.push(command);
      } else {
        command.settle(settled);
      }
    }
    if (this.#unanswered.size > 0 || this.#connection.kind !== 'busy') return;
    this.#endBatch(this.#connection);
  }

  #endBatch({ link, limit }: Extract<Connection<C, R>, { kind: 'busy' }>): void {
    limit.cancel();
    this.#connection = { kind: 'idle', link };
    if (this.#again.length === 0) {
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#parked.resetPause();
      this.#pumpSoon();
      return;
    }
    this.#requeue(this.#again);
    this.#again = [];
    this.#parkMoving();
    const isElsewhere = this.#leaderIsElsewhere;
    const goesOn = !isElsewhere && !this.#isHeldUp;
    this.#leaderIsElsewhere = false;
    this.#isHeldUp = false;
    if (isElsewhere) this.#followSuccessor();
    else if (goesOn) this.#pumpSoon();
    else this.#pause();
  }

  /** Goes where it was sent, once: whoever takes over answers before the table shows it (REP-5). */
  #followSuccessor(): void {
    const address = this.#aheadAddress === undefined ? this.#successorAddress : undefined;
    this.#dropConnection();
    if (address === undefined) {
      this.#pauseMs = Math.max(this.#pauseMs, REDIRECT_PAUSE_MS);
      this.#pause();
    } else {
      this.#open(address);
      this.#pumpSoon();
    }
  }

  /** Takes the slots that move out of the way of the others, every command of a slot together. */
  #parkMoving(): void {
    if (this.#moving.size === 0) return;
    const isMoving = ({ slot }: NumberedCommand<C, R>) => this.#moving.has(slot);
    const parked = this.#pending.filter(isMoving);
    this.#pending = this.#pending.filter((command) => !isMoving(command));
    this.#moving.clear();
    this.#parked.park(parked);
    this.#unpark({ onlyMoved: true });
  }

  /** Parked slots go on where they belong now; those that stay here may stay parked. */
  #unpark({ onlyMoved = false } = {}): void {
    for (const slot of this.#parked.slots()) {
      const shardId = this.#around.findShardId(slot);
      if (shardId !== undefined && shardId !== this.shardId) {
        this.#around.moveSlot(slot, shardId, this.#parked.take(slot));
      } else if (!onlyMoved) {
        this.#requeue(this.#parked.take(slot));
        this.#pumpSoon();
      }
    }
  }

  /** A redirect is always followed; a transient refusal is handed out unless the command insists. */
  #goesAgain(command: NumberedCommand<C, R>, { reason, detail }: Refused): boolean {
    if (reason === 'NOT_LEADER') {
      this.#leaderIsElsewhere = true;
      this.#successorAddress = detail['leader_address'];
      return true;
    }
    if (MOVING.has(reason)) {
      this.#moving.add(command.slot);
      return true;
    }
    const isTriedAgain = command.insists && TRANSIENT.has(reason);
    this.#isHeldUp ||= isTriedAgain;
    return isTriedAgain;
  }

  #break(link: Link<C, R>, why: unknown): void {
    if (!this.#isOn(link)) return;
    const isRedirect = why instanceof OperatingError && why.reason === 'NOT_LEADER';
    if (isRedirect) this.#pauseMs = Math.max(this.#pauseMs, REDIRECT_PAUSE_MS);
    this.#dropConnection();
    this.#requeue([...this.#again, ...this.#unanswered.values()]);
    this.#again = [];
    this.#unanswered.clear();
    this.#sentAhead.clear();
    this.#leaderIsElsewhere = false;
    this.#isHeldUp = false;
    this.#parkMoving();
    if (!this.#stopped) this.#pause();
  }

  /** Puts commands back in front, in their first order. */
  #requeue(commands: NumberedCommand<C, R>[]): void {
    commands.sort((left, right) => left.number - right.number);
    this.#pending = commands.concat(this.#pending);
  }

  /** Hands over the slots that belong to another shard now, every command of a slot together. */
  #moveSlotsAway(): void {
    const leaving = new Map<number, { shardId: string; commands: NumberedCommand<C, R>[] }>();
    const staying: NumberedCommand<C, R>[] = [];
    for (const command of this.#pending) {
      const shardId = this.#around.findShardId(command.slot);
      if (shardId === undefined || shardId === this.shardId) {
        staying.push(command);
        continue;
      }
      const group = leaving.get(command.slot);
      if (group === undefined) leaving.set(command.slot, { shardId, commands: [command] });
      else group.commands.push(command);
    }
    this.#pending = staying;
    for (const [slot, { shardId, commands }] of leaving) {
      this.#around.moveSlot(slot, shardId, commands);
    }
  }

  /** Settles what must not be tried any more, because its time is over. */
  #dropExpired(): void {
    const nowUs = this.#world.wallClockUs();
    if (!this.#pending.some((command) => command.validUntilUs < nowUs)) return;
    const expired = this.#pending.filter((command) => command.validUntilUs < nowUs);
    this.#pending = this.#pending.filter((command) => command.validUntilUs >= nowUs);
    for (const command of expired) command.settle({ kind: command.sent ? 'unknown' : 'unsent' });
  }

  #pause(): void {
    const connection = this.#connection;
    assert(connection.kind === 'closed' || connection.kind === 'idle', 'nothing is in flight');
    const link = connection.kind === 'idle' ? connection.link : undefined;
    const timer = this.#world.setTimer(this.#pauseMs, () => {
      this.#connection = link === undefined ? { kind: 'closed' } : { kind: 'idle', link };
      this.#dropExpired();
      this.#moveSlotsAway();
      this.#pump();
    });
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    this.#connection = { kind: 'pausing', timer, link };
  }

  /** A new leader or owner is known: nothing waits for its pause to end, nor for who led before. */
  #onPlacementChange(): void {
    if (this.#stopped) return;
    this.#pauseMs = FIRST_PAUSE_MS;
    const connection = this.#connection;
    const link = connection.kind === 'closed' ? undefined : connection.link;
    const epoch = this.#around.leaderEpochOf(this.shardId) ?? 0;
    const ahead = this.#aheadAddress;
    if (ahead !== undefined && ahead === this.#around.leaderAddressOf(this.shardId)) {
      // The table has come to where this stream leads to already.
      if (epoch > this.#linkEpoch) this.#aheadAddress = undefined;
      this.#linkEpoch = epoch;
    } else if (link !== undefined && epoch > this.#linkEpoch) {
      if (connection.kind === 'pausing') connection.timer.cancel();
      this.#connection = { kind: 'idle', link };
      this.#break(link, new Error(`${this.shardId} is led in a later epoch`));
    }
    this.#retryNow();
    if (this.#parked.depth > 0) this.#unpark();
  }

  #retryNow(): void {
    const connection = this.#connection;
    if (connection.kind !== 'pausing' || connection.link !== undefined) return;
    connection.timer.cancel();
    this.#connection = { kind: 'closed' };
    this.#moveSlotsAway();
    this.#pumpSoon();
  }

  #dropConnection(): void {
    const connection = this.#connection;
    this.#connection = { kind: 'closed' };
    this.#aheadAddress = undefined;
    if (connection.kind === 'closed') return;
    if (connection.kind === 'pausing') connection.timer.cancel();
    if (connection.kind === 'busy') connection.limit.cancel();
    connection.link?.close();
  }
}
