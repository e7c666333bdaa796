// A state machine that is told by a source's log, and notes what happens in one slot: the tail that
// the slot's target repeats (MOV-3), and its export.

import type {
  CommandContext,
  MovableSlots,
  Outcome,
  ProceedContext,
  StateMachine,
  StateRestorer,
} from '../state-machine.ts';

/** A command of the slot. */
export type WatchedCommand<C> = {
  readonly identity: string;
  readonly validUntilUs: number;
  readonly command: C;
};

/** What happened in the slot since `begin`. */
export type Watched<C> = {
  dueSteps: number;
  proceeds: boolean;
  readonly commands: WatchedCommand<C>[];
  /** Set when the slot was frozen, with the number of events that came before. */
  exported: { readonly eventsBefore: number; readonly stateChecksum: string } | undefined;
};

export class WatchedMachine<C, E, A> implements StateMachine<C, E, A> {
  readonly slots: MovableSlots<C>;
  readonly #machine: StateMachine<C, E, A>;
  #slot: number;
  #generation: number;
  #watched: Watched<C> = nothingYet();
  #events = 0;
  /** The slot of the command that goes on in the next entry. */
  #unfinishedSlot: number | undefined;

  constructor(
    machine: StateMachine<C, E, A>,
    watched: { readonly slot: number; readonly generation: number },
  ) {
    const { slots } = machine;
    if (slots === undefined) throw new Error('slots of this machine do not move');
    this.slots = slots;
    this.#machine = machine;
    this.#slot = watched.slot;
    this.#generation = watched.generation;
  }

  /** Watches another slot from the next entry on. */
  watch({ slot, generation }: { readonly slot: number; readonly generation: number }): void {
    this.#slot = slot;
    this.#generation = generation;
  }

  /** Begins an entry. */
  begin(): Watched<C> {
    this.#watched = nothingYet();
    this.#events = 0;
    return this.#watched;
  }

  advance(logTimeUs: number, emit: (event: E) => void): void {
    const before = this.slots.dueStepsOf(this.#slot);
    this.#machine.advance(logTimeUs, this.#counting(emit));
    this.#watched.dueSteps += this.slots.dueStepsOf(this.#slot) - before;
  }

  apply(command: C, context: CommandContext, emit: (event: E) => void): Outcome<A> {
    const slot = this.#slot;
    if (this.slots.concerns(command, slot)) {
      const { identity, validUntilUs } = context;
      this.#watched.commands.push({ identity, validUntilUs, command });
    }
    const eventsBefore = this.#events;
    const wasExported = this.#isExported();
    const outcome = this.#machine.apply(command, context, this.#counting(emit));
    if (outcome.kind === 'unfinished') this.#unfinishedSlot = this.slots.slotOf(command);
    if (!wasExported && this.#isExported()) {
      this.#watched.exported = { eventsBefore, stateChecksum: this.slots.checksumOf(slot) };
    }
    return outcome;
  }

  proceed(context: ProceedContext, emit: (event: E) => void): Outcome<A> {
    if (this.#unfinishedSlot === this.#slot) this.#watched.proceeds = true;
    const outcome = this.#machine.proceed(context, this.#counting(emit));
    if (outcome.kind !== 'unfinished') this.#unfinishedSlot = undefined;
    return outcome;
  }

  #isExported(): boolean {
    const { ownership, generation } = this.slots.statusOf(this.#slot);
    return ownership === 'FROZEN' && generation === this.#generation;
  }

  #counting(emit: (event: E) => void): (event: E) => void {
    return (event) => {
      this.#events += 1;
      emit(event);
    };
  }

  get formatVersion(): number {
    return this.#machine.formatVersion;
  }

  get versions(): { readonly oldest: number; readonly newest: number } {
    const { formatVersion, versions } = this.#machine;
    return versions ?? { oldest: formatVersion, newest: formatVersion };
  }

  useVersion(version: number): void {
    this.#machine.useVersion?.(version);
  }

  nextDueTimeUs(): number | undefined {
    return this.#machine.nextDueTimeUs();
  }

  stateChecksum(): string {
    return this.#machine.stateChecksum();
  }

  get hasUnfinishedWork(): boolean {
    return this.#machine.hasUnfinishedWork === true;
  }

  beginRestore(): StateRestorer {
    const restorer = this.#machine.beginRestore?.();
    if (restorer === undefined) throw new Error('this machine takes no snapshots over');
    return restorer;
  }
}

function nothingYet<C>(): Watched<C> {
  return { dueSteps: 0, proceeds: false, commands: [], exported: undefined };
}
