// Everything that a shard remembers of one slot: its books with their orders, its forbids and its
// due work. Slots share nothing, so that one can be frozen, copied, taken over and dropped without
// a look at the others (MOV-3).
import { assertDefined } from '../../lib/base/assert.ts';
import type { SlotTail } from '../../lib/routing/slot-command.ts';
import type { Outcome } from '../../lib/shard/state-machine.ts';
import type { MatchingCommand } from './command.ts';
import { Commands } from './commands.ts';
import type { ForbidRoom } from './forbids.ts';
import type { MatchingLimits } from './limits.ts';
import type { OrderStore } from './order-store.ts';
import { Shard } from './shard.ts';
import type { Emit, EventForm } from './sink.ts';

/** What the slots of one shard have in common. */
export type SlotSetting<E> = {
  readonly limits: Partial<MatchingLimits>;
  readonly makeSink: (orders: OrderStore) => EventForm<E>;
  readonly forbidRoom: ForbidRoom;
};

const nobody = (): void => undefined;

/** State of one slot. */
export class SlotState<E> {
  readonly slot: number;
  readonly shard: Shard;
  readonly commands: Commands;
  readonly sink: EventForm<E>;
  /** Log time of its next due work as `DueSlots` knows it; undefined when it is not there. */
  dueTimeUs: number | undefined = undefined;
  /** Its due work may have changed since `DueSlots` looked. */
  isTouched = false;
  /** Steps of due work so far; not part of the state. */
  dueSteps = 0;

  constructor(slot: number, { limits, makeSink, forbidRoom }: SlotSetting<E>) {
    let made: EventForm<E> | undefined;
    this.slot = slot;
    this.shard = new Shard(limits, forbidRoom, (orders) => {
      made = makeSink(orders);
      return made;
    });
    this.sink = assertDefined(made, 'a shard has a sink');
    this.commands = new Commands(this.shard);
  }

  /** Begins a step whose events go to `emit`. */
  begin(logTimeUs: number, emit: Emit<E>): void {
    this.sink.begin(emit);
    this.shard.beginStep(logTimeUs);
  }

  /** Does what is due, one step of it: what is left stays due (LOG-15, LOG-17). */
  advance(logTimeUs: number, emit: Emit<E>): void {
    this.begin(logTimeUs, emit);
    this.shard.due.advance(logTimeUs);
    this.dueSteps += 1;
  }

  /**
   * Does once more what the source's log says, on the copy of its slot; nobody sees the events: the
   * source has sent them (MOV-3).
   */
  repeat(tail: SlotTail<MatchingCommand>): void {
    for (const { logTimeUs, dueSteps, proceeds, commands } of tail) {
      for (let step = 0; step < dueSteps; step += 1) {
        this.advance(logTimeUs, nobody);
        this.sink.drop();
      }
      if (proceeds) {
        this.begin(logTimeUs, nobody);
        this.shard.work.proceed();
        this.sink.drop();
      }
      for (const { command } of commands) {
        this.begin(logTimeUs, nobody);
        dispatch(this.commands, command);
        this.sink.drop();
      }
    }
  }
}

/** Carries out a command about an instrument of the slot; undefined for a command about slots. */
export function dispatch(commands: Commands, command: MatchingCommand): Outcome<never> | undefined {
  switch (command.kind) {
    case 'placeOrder':
      return commands.placeOrder(command);
    case 'cancelOrder':
      return commands.cancelOrder(command);
    case 'amendOrder':
      return commands.amendOrder(command);
    case 'placeOrderGroup':
      return commands.placeOrderGroup(command);
    case 'cancelOrderGroup':
      return commands.cancelOrderGroup(command);
    case 'cancelAllOrders':
      return commands.cancelAllOrders(command);
    case 'forbidOrder':
      return commands.forbidOrder(command);
    case 'setInstrument':
      return commands.setInstrument(command);
    case 'setInstrumentState':
      return commands.setInstrumentState(command);
    case 'retireInstrument':
      return commands.retireInstrument(command);
    default:
      return undefined;
  }
}
