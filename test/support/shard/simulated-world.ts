// A simulated world for shard hosts: virtual time, seeded chance, and an in-memory log whose
// answers get lost, come late or never, and whose statements may run after their caller gave up.

import {
  genesisPoint,
  type LogEntry,
  type LogPoint,
} from '../../../services/lib/shard/log-entry.ts';
import type {
  LogConsumer,
  LogUpkeep,
  QuarantineRecord,
} from '../../../services/lib/shard/log-upkeep.ts';
import {
  type AppendResult,
  type Fence,
  type FollowLeader,
  type Inspection,
  type LogEnd,
  LogNotDurable,
  type LogStore,
  LogUnreachable,
  type SnapshotStore,
  type Timer,
  type World,
} from '../../../services/lib/shard/world.ts';
import { SimulatedPeers } from './simulated-peers.ts';
import { type SimulatedSnapshot, SimulatedSnapshots } from './simulated-snapshots.ts';
import { SimulatedUpkeep } from './simulated-upkeep.ts';

/** How often, from 0 to 1, what happens to a call of the log. */
export type LogFaults = {
  /** The statement never reaches the database. */
  readonly lostRequest: number;
  /** The statement runs, its answer gets lost. */
  readonly lostAnswer: number;
  /** The caller hears of a broken connection, and the statement runs a little later. */
  readonly lateExecution: number;
  /** The answer takes a hundred times as long as usual. */
  readonly slow: number;
};

export const NO_FAULTS: LogFaults = { lostRequest: 0, lostAnswer: 0, lateExecution: 0, slow: 0 };

type Event = { readonly timeUs: number; readonly order: number; readonly run: () => void };

/** Virtual time and seeded chance, shared by everything in one simulation. */
export class Simulation {
  timeUs = 1_800_000_000_000_000;
  #events: Event[] = [];
  #order = 0;
  #random: number;

  constructor(seed: number) {
    this.#random = (seed * 2654435761 + 1) >>> 0;
  }

  /** A number from 0 to 1, the same for the same seed (mulberry32). */
  random(): number {
    this.#random = (this.#random + 0x6d2b79f5) >>> 0;
    let mixed = this.#random;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  after(delayUs: number, run: () => void): Timer {
    const timeUs = this.timeUs + Math.max(0, Math.ceil(delayUs));
    const event = { timeUs, order: this.#order++, run };
    // Sorted by time, then order; few events wait at a time.
    let at = this.#events.length;
    while (at > 0 && (this.#events[at - 1] as Event).timeUs > event.timeUs) at -= 1;
    this.#events.splice(at, 0, event);
    return {
      cancel: () => {
        this.#events = this.#events.filter((other) => other !== event);
      },
    };
  }

  sleep(delayUs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayUs, resolve);
    });
  }

  /** Lets time pass, event by event. */
  async run(durationUs: number): Promise<void> {
    const endUs = this.timeUs + durationUs;
    await settled();
    for (let next = this.#events[0]; next !== undefined && next.timeUs <= endUs; ) {
      this.#events.shift();
      this.timeUs = next.timeUs;
      next.run();
      await settled();
      next = this.#events[0];
    }
    this.timeUs = endUs;
  }

  /** Lets time pass until a promise is settled. */
  async until<T>(promise: Promise<T>, deadlineUs = 60_000_000): Promise<T> {
    const endUs = this.timeUs + deadlineUs;
    let done = false;
    const finish = (): void => {
      done = true;
    };
    promise.then(finish, finish);
    await settled();
    while (!done) {
      const next = this.#events.shift();
      if (next === undefined) throw new Error('nothing will happen any more');
      if (next.timeUs > endUs) throw new Error('it did not happen in time');
      this.timeUs = next.timeUs;
      next.run();
      await settled();
    }
    return promise;
  }
}

/** Everything that follows from what has happened, short of time passing, has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The database: one for all hosts of a simulation. */
export class SimulatedDatabase {
  readonly simulation: Simulation;
  readonly entries = new Map<string, LogEntry[]>();
  readonly epochs = new Map<string, number>();
  /** By shard, in the order in which they were begun. */
  readonly snapshots = new Map<string, SimulatedSnapshot[]>();
  /** Who hosts the shards whose logs these are. */
  readonly peers = new SimulatedPeers();
  faults: LogFaults = NO_FAULTS;
  /** While true, nobody reaches it. */
  down = false;
  /** What is missing of its promise of durability. */
  notDurable: string | undefined;
  /** The fork that was noted (LOG-12). */
  fork: string | undefined;
  /** How far its clock is ahead of virtual time. */
  clockOffsetUs = 0;
  /** By shard: commands that are refused, with what went wrong. */
  readonly quarantined = new Map<string, Map<string, QuarantineRecord>>();
  /** By shard: who reads its log, and how far. */
  readonly consumers = new Map<string, Map<string, LogConsumer>>();
  appends = 0;
  /** Told about every entry that is cut off a log, before it is (SNAP-4). */
  onCut: (shardId: string, entry: LogEntry) => void = () => {};
  /** How much longer than other statements an append takes to arrive. */
  appendDelayUs = 0;

  constructor(simulation: Simulation) {
    this.simulation = simulation;
  }

  entriesOf(shardId: string): LogEntry[] {
    let entries = this.entries.get(shardId);
    if (entries === undefined) {
      entries = [];
      this.entries.set(shardId, entries);
    }
    return entries;
  }

  snapshotsOf(shardId: string): SimulatedSnapshot[] {
    let snapshots = this.snapshots.get(shardId);
    if (snapshots === undefined) {
      snapshots = [];
      this.snapshots.set(shardId, snapshots);
    }
    return snapshots;
  }

  /** The statement of LOG-1. */
  append(shardId: string, entry: LogEntry, fence: Fence): AppendResult {
    const entries = this.entriesOf(shardId);
    const previous = entries[entry.entryIndex - 2];
    const follows =
      entry.entryIndex === 1 ||
      (previous?.chainChecksum === fence.previous.chainChecksum &&
        (fence.previousEpoch === 'same'
          ? previous.epoch === entry.epoch
          : previous.epoch < entry.epoch));
    const inTime = entry.logTimeUs <= this.simulation.timeUs + this.clockOffsetUs + 1_000_000;
    const free = entries[entry.entryIndex - 1] === undefined;
    if (this.epochs.get(shardId) !== entry.epoch || !follows || !inTime || !free) return 'refused';
    entries[entry.entryIndex - 1] = entry;
    this.appends += 1;
    return 'committed';
  }
}

/** The world of one host. */
export class SimulatedWorld implements World {
  readonly simulation: Simulation;
  readonly database: SimulatedDatabase;
  /** How far this machine's clock is ahead of virtual time. */
  clockOffsetUs = 0;
  /** While true, this host does not reach the database. */
  cutOff = false;
  /** After its process was killed nothing of a host runs any more. */
  killed = false;

  constructor(database: SimulatedDatabase) {
    this.simulation = database.simulation;
    this.database = database;
  }

  monotonicUs(): number {
    return this.simulation.timeUs;
  }

  wallClockUs(): number {
    return this.simulation.timeUs + this.clockOffsetUs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    return this.simulation.after(delayMs * 1000, () => {
      if (!this.killed) callback();
    });
  }

  nextTurn(callback: () => void): void {
    this.simulation.after(1, () => {
      if (!this.killed) callback();
    });
  }

  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => Math.floor(this.simulation.random() * 256));
  }

  /** Runs a statement in the database, with what may go wrong on the way there and back. */
  callDatabase<T>(statement: () => T): Promise<T> {
    return callDatabase(this, statement);
  }

  openLog(shardId: string): LogStore {
    return new SimulatedLog(shardId, this);
  }

  openSnapshots(shardId: string): SnapshotStore {
    return new SimulatedSnapshots({
      run: (statement) => this.callDatabase(statement),
      snapshots: this.database.snapshotsOf(shardId),
      epoch: () => this.database.epochs.get(shardId),
    });
  }

  openUpkeep(shardId: string): LogUpkeep {
    return new SimulatedUpkeep(shardId, this.database, (statement) => this.callDatabase(statement));
  }

  /** The road to whoever leads a shard. */
  readonly followLeader: FollowLeader = (shardId, from, signal) =>
    this.database.peers.follow({ shardId, from }, this, signal);
}

const USUAL_DELAY_US = 300;
const FETCH_ROWS = 7;

class SimulatedLog implements LogStore {
  readonly #shardId: string;
  readonly #world: SimulatedWorld;

  constructor(shardId: string, world: SimulatedWorld) {
    this.#shardId = shardId;
    this.#world = world;
  }

  setEpoch(): void {}

  async append(entry: LogEntry, fence: Fence): Promise<AppendResult> {
    const { database, simulation } = this.#world;
    if (database.appendDelayUs > 0) await simulation.sleep(database.appendDelayUs);
    return this.#call(() => database.append(this.#shardId, entry, fence));
  }

  async appendRaising(entry: LogEntry, fence: Fence): Promise<AppendResult> {
    const { database, simulation } = this.#world;
    if (database.appendDelayUs > 0) await simulation.sleep(database.appendDelayUs);
    return this.#call(() => {
      const { epochs } = database;
      const isHigher = (epochs.get(this.#shardId) ?? 0) > entry.epoch;
      if (isHigher || database.fork !== undefined) return 'refused';
      epochs.set(this.#shardId, entry.epoch);
      return database.append(this.#shardId, entry, fence);
    });
  }

  inspect(entryIndex: number): Promise<Inspection> {
    const { database, simulation } = this.#world;
    return this.#call(() => {
      const entries = database.entriesOf(this.#shardId);
      return {
        found: asPoint(entries[entryIndex - 1]),
        previous: asPoint(entries[entryIndex - 2]),
        end: this.#end(),
        shardEpoch: database.epochs.get(this.#shardId) ?? 0,
        databaseTimeUs: simulation.timeUs + database.clockOffsetUs,
      };
    });
  }

  confirmDurable(): Promise<void> {
    return this.#call(() => {});
  }

  fetchEnd(): Promise<LogEnd> {
    return this.#call(() => this.#end());
  }

  #end(): LogEnd {
    const last = this.#world.database.entriesOf(this.#shardId).at(-1);
    if (last === undefined) return { ...genesisPoint(this.#shardId), epoch: 0, logTimeUs: 0 };
    const { entryIndex, chainChecksum, epoch, logTimeUs } = last;
    return { entryIndex, chainChecksum, epoch, logTimeUs };
  }

  fetchEntries(from: number, through: number): Promise<readonly LogEntry[]> {
    return this.#call(() => {
      const entries = this.#world.database.entriesOf(this.#shardId);
      const there = entries.slice(from - 1, through).filter(Boolean); // what was cut off is a hole
      return there.slice(0, FETCH_ROWS);
    });
  }

  raiseEpoch(epoch: number): Promise<boolean> {
    const { epochs } = this.#world.database;
    return this.#call(() => {
      if ((epochs.get(this.#shardId) ?? 0) > epoch) return false;
      epochs.set(this.#shardId, epoch);
      return true;
    });
  }

  recordFork(description: string): Promise<void> {
    return this.#call(() => {
      this.#world.database.fork ??= description;
    });
  }

  fetchFork(): Promise<string | undefined> {
    return this.#call(() => this.#world.database.fork);
  }

  endLowerSessions(): Promise<void> {
    return this.#call(() => {});
  }

  async checkDurability(): Promise<void> {
    await this.#call(() => {});
    const { notDurable } = this.#world.database;
    if (notDurable !== undefined) throw new LogNotDurable(notDurable);
  }

  async close(): Promise<void> {}

  #call<T>(statement: () => T): Promise<T> {
    return this.#world.callDatabase(statement);
  }
}

/** Runs a statement in the database, with what may go wrong on the way there and back. */
export async function callDatabase<T>(world: SimulatedWorld, statement: () => T): Promise<T> {
  const { simulation, database } = world;
  const { lostRequest, lostAnswer, lateExecution, slow } = database.faults;
  const wayUs = (): number =>
    USUAL_DELAY_US * (0.5 + simulation.random()) * (simulation.random() < slow ? 100 : 1);
  const isUnreachable = (): boolean => database.down || world.cutOff;
  const fate = simulation.random();
  if (world.killed) return new Promise(() => {});
  if (fate < lateExecution) {
    const reached = !isUnreachable();
    simulation.after(wayUs() * 20, () => reached && statement());
    await simulation.sleep(wayUs());
    throw new LogUnreachable('the connection broke, the statement goes on');
  }
  await simulation.sleep(wayUs());
  if (isUnreachable() || fate < lateExecution + lostRequest) {
    throw new LogUnreachable('the request got lost');
  }
  const answer = statement();
  await simulation.sleep(wayUs());
  if (world.killed) return new Promise(() => {});
  if (isUnreachable() || fate < lateExecution + lostRequest + lostAnswer) {
    throw new LogUnreachable('the answer got lost');
  }
  return answer;
}

function asPoint(entry: LogEntry | undefined): LogPoint | undefined {
  if (entry === undefined) return undefined;
  return { entryIndex: entry.entryIndex, chainChecksum: entry.chainChecksum };
}
