// Reads a slot out of its source's snapshot and log, without its leader (MOV-3): the state as it
// was at some entry, and then, round after round, what has happened in the slot since, until the
// log says that the slot is exported.

import type { SlotChunk, SlotTail, TailEntry } from '../../routing/slot-command.ts';
import { decodeCommandBatch } from '../entry-codec.ts';
import type { LogEntry } from '../log-entry.ts';
import { LogBroken, Replica, type ReplicaOptions } from '../replica.ts';
import { SnapshotLoader } from '../snapshot-loader.ts';
import type { MovableSlots } from '../state-machine.ts';
import type { LogStore, World } from '../world.ts';
import { type Watched, WatchedMachine } from './watched-machine.ts';

/** What is to be copied. */
export type CopyOrder = {
  readonly sourceShardId: string;
  readonly slot: number;
  /** The generation with which the slot is exported. */
  readonly generation: number;
};

/** What a copy says to whoever proposes it at the target. */
export type CopyMessage<C> =
  | { readonly kind: 'chunk'; readonly content: SlotChunk<C>; readonly bytes: number }
  /** A round is over; little is left when `isReady`. */
  | { readonly kind: 'round'; readonly bytes: number; readonly isReady: boolean }
  /** The slot is exported, and this is what is left. */
  | {
      readonly kind: 'exported';
      readonly exportSequence: number;
      readonly stateChecksum: string;
      readonly tail: SlotTail<C>;
    };

export type SlotCopyOptions<C, E, A> = {
  readonly world: World;
  readonly replica: Omit<ReplicaOptions<C, E, A>, 'shardId'>;
  readonly order: CopyOrder;
  readonly isStopped: () => boolean;
  /** Resolves when the next message may be sent. */
  readonly send: (message: CopyMessage<C>) => Promise<void>;
};

/** A chunk of a tail ends with the entry that brings it here: so its target stays quick. */
const CHUNK_BYTES = 64 << 10;
/** A round that brings no more than this is the last before the export (MOV-3: at most 1 MiB). */
const READY_BYTES = 256 << 10;
/** Longest stretch of work without letting anything else run. */
const SLICE_US = 10_000;
/** How often the log is looked at when nothing is left to read. */
const LOOK_MS = 2;
/** A state of more than this has a moment to sink in, wherever it is followed, before the export. */
const LARGE_STATE_BYTES = 1 << 20;
const SINK_IN_MS = 200;
/** What has changed is sent no more often than this while the export is awaited. */
const CHANGES_US = 50_000;

/**
 * Copies one slot after the other. What it has repeated of a source's log stays, so that the next
 * slot of the same source begins where the one before has ended.
 */
export class SlotCopier<C, E, A> {
  readonly #options: Pick<SlotCopyOptions<C, E, A>, 'world' | 'replica'>;
  #kept: KeptSource<C, E, A> | undefined;

  constructor(options: Pick<SlotCopyOptions<C, E, A>, 'world' | 'replica'>) {
    this.#options = options;
  }

  /** @throws Error when the slot cannot be copied; LogUnreachable: try again. */
  async copy(call: Pick<SlotCopyOptions<C, E, A>, 'order' | 'isStopped' | 'send'>): Promise<void> {
    const { sourceShardId } = call.order;
    const kept = this.#kept?.sourceShardId === sourceShardId ? this.#kept : undefined;
    this.#kept = undefined; // until it has come to a good end
    const log = this.#options.world.openLog(sourceShardId);
    try {
      this.#kept = await new SlotCopy({ ...this.#options, ...call }, log).run(kept);
    } finally {
      await log.close();
    }
  }
}

/** A source as far as its log was repeated. */
type KeptSource<C, E, A> = {
  readonly sourceShardId: string;
  readonly replica: Replica<C, E, A>;
  readonly machine: WatchedMachine<C, E, A>;
};

/** Thrown inside when the copy is not wanted any more. */
class Stopped extends Error {}

class SlotCopy<C, E, A> {
  readonly #options: SlotCopyOptions<C, E, A>;
  readonly #log: LogStore;
  #machine: WatchedMachine<C, E, A> | undefined;
  #sliceStartUs: number;
  #tail: TailEntry<C>[] = [];
  #tailBytes = 0;
  #roundBytes = 0;
  #isStateSent = false;
  #endLogTimeUs = 0;
  #exported: { readonly exportSequence: number; readonly stateChecksum: string } | undefined;

  constructor(options: SlotCopyOptions<C, E, A>, log: LogStore) {
    this.#options = options;
    this.#log = log;
    this.#sliceStartUs = options.world.monotonicUs();
  }

  /** @returns what is left for the next copy; nothing when this one was stopped */
  async run(kept: KeptSource<C, E, A> | undefined): Promise<KeptSource<C, E, A> | undefined> {
    const { order } = this.#options;
    try {
      kept?.machine.watch(order);
      this.#machine = kept?.machine;
      const replica = kept?.replica ?? (await this.#takeOver());
      await this.#repeatToEnd(replica);
      await this.#sendState(replica);
      await this.#sendTails(replica);
      const { sourceShardId } = order;
      return { sourceShardId, replica, machine: this.#mustHaveMachine() };
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      return undefined;
    }
  }

  async #takeOver(): Promise<Replica<C, E, A>> {
    const { world, order, replica } = this.#options;
    const options = {
      ...replica,
      shardId: order.sourceShardId,
      // The loader makes machines to look at them: the last one is the replica's.
      createMachine: () => {
        this.#machine = new WatchedMachine(replica.createMachine(), order);
        return this.#machine;
      },
    };
    const loader = new SnapshotLoader({
      log: this.#log,
      openSnapshots: () => world.openSnapshots(order.sourceShardId),
      replica: options,
      onPassedOver: () => {},
    });
    const loaded = await loader.load(() => this.#rest());
    if (loaded.kind === 'restored') return loaded.replica;
    if (loaded.kind === 'none') return new Replica(options);
    throw new Error('the log of the source lacks an entry that a snapshot contains (LOG-12)');
  }

  /** The long part: everything up to the log's end, and on to the end of what is unfinished. */
  async #repeatToEnd(replica: Replica<C, E, A>): Promise<void> {
    for (;;) {
      const end = await this.#log.fetchEnd();
      this.#endLogTimeUs = end.logTimeUs;
      await this.#repeatThrough(replica, end.entryIndex);
      if (this.#exported !== undefined) return;
      if (!this.#mustHaveMachine().hasUnfinishedWork) return;
      await this.#pause(LOOK_MS);
    }
  }

  /** Repeats some entries, up to the export; false when the log has no more of them. */
  async #repeatBatch(replica: Replica<C, E, A>): Promise<boolean> {
    const next = replica.point.entryIndex + 1;
    const entries = await this.#log.fetchEntries(next, next + 255);
    for (const entry of entries) {
      if (this.#exported !== undefined) break;
      const watched = this.#mustHaveMachine().begin();
      replica.repeat(entry, this.#endLogTimeUs);
      this.#note(entry, watched);
      await this.#rest();
    }
    return entries.length > 0;
  }

  /** Repeats what is there by now, and sends the tails that make a chunk. */
  async #repeatThrough(replica: Replica<C, E, A>, entryIndex: number): Promise<void> {
    while (this.#exported === undefined && replica.point.entryIndex < entryIndex) {
      const isMore = await this.#repeatBatch(replica);
      if (!isMore) throw new LogBroken('entries before the end of the log are missing');
      if (this.#isStateSent) await this.#flush(CHUNK_BYTES);
    }
  }

  async #sendState(replica: Replica<C, E, A>): Promise<void> {
    const { slot, generation } = this.#options.order;
    const slots: MovableSlots<C> = this.#mustHaveMachine().slots;
    const { ownership, generation: present } = slots.statusOf(slot);
    const isOurs = ownership === 'OWNED' || (ownership === 'FROZEN' && present === generation);
    if (!isOurs) throw new Error(`the source does not own slot ${slot}`);
    // What has happened so far is in the state.
    this.#tail = [];
    this.#tailBytes = 0;
    let stateBytes = 0;
    for (const state of [...slots.piecesOf(slot)]) {
      await this.#send({ kind: 'chunk', content: { kind: 'state', state }, bytes: state.length });
      stateBytes += state.length;
    }
    for (const part of [...replica.identities.ofSlot(slot)]) {
      const bytes = part.identities.length;
      await this.#send({ kind: 'chunk', content: { kind: 'identities', ...part }, bytes });
    }
    if (ownership === 'FROZEN' && this.#exported === undefined) {
      this.#exported = {
        exportSequence: await this.#findExport(replica),
        stateChecksum: slots.checksumOf(slot),
      };
    }
    this.#isStateSent = true;
    if (stateBytes >= LARGE_STATE_BYTES) await this.#pause(SINK_IN_MS);
  }

  async #sendTails(replica: Replica<C, E, A>): Promise<void> {
    for (let isReady = false; this.#exported === undefined; ) {
      this.#roundBytes = 0;
      if (isReady) {
        await this.#awaitExport(replica);
        continue;
      }
      const { entryIndex } = await this.#log.fetchEnd();
      await this.#repeatThrough(replica, entryIndex);
      if (this.#exported !== undefined) break;
      await this.#flush(1);
      await this.#sendChanges();
      const bytes = this.#roundBytes;
      isReady = bytes < READY_BYTES;
      await this.#send({ kind: 'round', bytes, isReady });
    }
    await this.#flush(CHUNK_BYTES);
    await this.#sendChanges();
    await this.#send({ kind: 'exported', ...this.#exported, tail: this.#tail });
  }

  /**
   * Follows the log closely: whoever trades in the slot waits for what is left. Less than a chunk
   * comes with the export: no commit of the target is to be under way when that stands there.
   */
  async #awaitExport(replica: Replica<C, E, A>): Promise<void> {
    const { world } = this.#options;
    let sentUs = world.monotonicUs();
    while (this.#exported === undefined) {
      const isMore = await this.#repeatBatch(replica);
      if (this.#exported !== undefined) return;
      await this.#flush(CHUNK_BYTES);
      if (world.monotonicUs() - sentUs >= CHANGES_US) {
        await this.#sendChanges();
        sentUs = world.monotonicUs();
      }
      if (!isMore) await this.#pause(LOOK_MS);
    }
  }

  /** Sends what has changed, when the machine tells it so. */
  async #sendChanges(): Promise<void> {
    const { slots } = this.#mustHaveMachine();
    for (const state of [...(slots.changesOf?.(this.#options.order.slot) ?? [])]) {
      this.#roundBytes += state.length;
      await this.#send({ kind: 'chunk', content: { kind: 'state', state }, bytes: state.length });
    }
  }

  /** Sends what was noted when it is as much as this; what is left comes with the next. */
  async #flush(leastBytes: number): Promise<void> {
    while (this.#tailBytes >= leastBytes && this.#tail.length > 0) {
      let bytes = 0;
      let count = 0;
      for (const entry of this.#tail) {
        bytes += bytesOf(entry);
        count += 1;
        if (bytes >= CHUNK_BYTES) break;
      }
      const tail = this.#tail.splice(0, count);
      this.#tailBytes -= bytes;
      await this.#send({ kind: 'chunk', content: { kind: 'tail', tail }, bytes });
    }
  }

  #note(entry: LogEntry, watched: Watched<C>): void {
    const { dueSteps, proceeds, commands, exported } = watched;
    const { entryIndex, logTimeUs } = entry;
    if (exported !== undefined) {
      const exportSequence = entry.firstSequence + exported.eventsBefore;
      this.#exported = { exportSequence, stateChecksum: exported.stateChecksum };
    }
    if (dueSteps === 0 && !proceeds && commands.length === 0) return;
    const place = { entryIndex, logTimeUs };
    for (const part of partsOf(entry, commands)) {
      const isFirst = part.first;
      const noted: TailEntry<C> = {
        ...place,
        dueSteps: isFirst ? dueSteps : 0,
        proceeds: isFirst && proceeds,
        commands: part.commands,
      };
      this.#tail.push(noted);
      sizes.set(noted, part.bytes + ENTRY_BYTES);
      this.#tailBytes += part.bytes + ENTRY_BYTES;
      this.#roundBytes += part.bytes + ENTRY_BYTES;
    }
  }

  /** The sequence of the export, when a snapshot contains it already. */
  async #findExport(replica: Replica<C, E, A>): Promise<number> {
    const { slot, generation } = this.#options.order;
    const slots = this.#mustHaveMachine().slots;
    const { codec } = this.#options.replica;
    for (let entryIndex = replica.point.entryIndex; entryIndex > 0; entryIndex -= 1) {
      const [entry] = await this.#log.fetchEntries(entryIndex, entryIndex);
      if (entry === undefined) break;
      const records = decodeCommandBatch(entry.commands);
      const found = records.some(({ command }) => {
        if (command.length === 0) return false;
        const step = slots.stepOf(codec.decodeCommand(command));
        return step?.step === 'export' && step.slot === slot && step.generation === generation;
      });
      // The entry's last event is at or behind the export: whoever has it has the export.
      if (found) return Math.max(1, entry.firstSequence + entry.eventCount - 1);
      await this.#rest();
    }
    throw new Error(`the log of the source does not say when slot ${slot} was exported`);
  }

  async #send(message: CopyMessage<C>): Promise<void> {
    if (this.#options.isStopped()) throw new Stopped();
    await this.#options.send(message);
    if (this.#options.isStopped()) throw new Stopped();
  }

  async #rest(): Promise<void> {
    const { world, isStopped } = this.#options;
    if (isStopped()) throw new Stopped();
    if (world.monotonicUs() - this.#sliceStartUs < SLICE_US) return;
    await new Promise<void>((resolve) => world.nextTurn(resolve));
    this.#sliceStartUs = world.monotonicUs();
  }

  async #pause(delayMs: number): Promise<void> {
    const { world, isStopped } = this.#options;
    await new Promise<void>((resolve) => world.setTimer(delayMs, resolve));
    if (isStopped()) throw new Stopped();
  }

  #mustHaveMachine(): WatchedMachine<C, E, A> {
    if (this.#machine === undefined) throw new Error('the source has no machine yet');
    return this.#machine;
  }
}

/** About what the frame of an entry takes in a tail. */
const ENTRY_BYTES = 32;
/** About what the frame of a command takes. */
const COMMAND_BYTES = 24;
const sizes = new WeakMap<object, number>();

function bytesOf(entry: object): number {
  return sizes.get(entry) ?? 0;
}

type Part<C> = {
  readonly first: boolean;
  readonly bytes: number;
  readonly commands: TailEntry<C>['commands'];
};

/** The slot's commands of an entry with their places in it, in parts of about a chunk. */
function partsOf<C>(entry: LogEntry, watched: Watched<C>['commands']): Part<C>[] {
  const records = decodeCommandBatch(entry.commands);
  const parts: Part<C>[] = [];
  let commands: TailEntry<C>['commands'][number][] = [];
  let bytes = 0;
  let record = 0;
  const close = (): void => {
    parts.push({ first: parts.length === 0, bytes, commands });
    commands = [];
    bytes = 0;
  };
  for (const { identity, validUntilUs, command } of watched) {
    while (records[record]?.identity !== identity) {
      record += 1;
      if (record >= records.length) throw new Error('an entry lacks a command that it applied');
    }
    commands.push({ record, identity, validUntilUs, command });
    const encoded = records[record]?.command.length ?? 0;
    bytes += encoded + identity.length + COMMAND_BYTES;
    record += 1;
    if (bytes >= CHUNK_BYTES) close();
  }
  if (commands.length > 0 || parts.length === 0) close();
  return parts;
}
