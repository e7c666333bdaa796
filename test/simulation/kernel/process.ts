// One process of the simulated mesh: its world, what it serves, and how it ends.

import type { HostState } from '../../../services/lib/shard/host-state.ts';
import type { LogPoint } from '../../../services/lib/shard/log-entry.ts';
import type { Timer } from '../../../services/lib/shard/world.ts';
import { LogUnreachable } from '../../../services/lib/shard/world.ts';
import type { Feeds } from '../../../services/marketdata/adapter/feeds.ts';
import { SimulatedWorld } from '../../support/shard/simulated-world.ts';
import type { Answer } from '../check/answers.ts';
import type { MeshDatabase } from '../database/mesh-database.ts';
import type { Kernel } from './kernel.ts';

/** Usual way to the database or back, in microseconds. */
const DATABASE_WAY_US = 300;
/** A statement whose connection is cut is given up after this. */
const STATEMENT_PATIENCE_US = 500_000;

/** What the checks look at in a shard host. */
export type HostedShard = {
  readonly shardId: string;
  readonly state: HostState;
  readonly position: { readonly committed: LogPoint } | undefined;
  /** The machine that it applies to while it leads. */
  readonly machine: { stateChecksum(): string } | undefined;
  readonly standby: { readonly isWarm: boolean; readonly point: LogPoint } | undefined;
};

export class SimulatedProcess {
  readonly name: string;
  /** No other start of a process has it. */
  readonly label: string;
  readonly address: string;
  readonly kernel: Kernel;
  readonly world: ProcessWorld;
  /** Methods by path, as the process serves them. */
  readonly served = new Map<string, unknown>();
  /** Calls it serves or makes, to be broken when it dies. */
  readonly connections = new Set<{ readonly onProcessEnd: (dead: SimulatedProcess) => void }>();
  /** The shards that it hosts, as the checks look at them. */
  hosts: () => readonly HostedShard[] = () => [];
  /** What it shows of the market, when it is a market data process. */
  feeds: Feeds | undefined;
  readonly #stops: (() => unknown)[] = [];
  alive = true;
  paused = false;
  /** Told about every message that it sends as a server. */
  onAnswer: ((answer: Answer) => void) | undefined;
  /** Called once when it is no more. */
  onEnd: () => void = () => {};
  readonly #draining = new AbortController();

  constructor(
    name: string,
    address: string,
    kernel: Kernel,
    database: MeshDatabase,
    clockOffsetUs: number,
  ) {
    this.name = name;
    this.label = `${name} started at ${kernel.timeUs}`;
    this.address = address;
    this.kernel = kernel;
    this.world = new ProcessWorld(database, kernel, this);
    this.world.clockOffsetUs = clockOffsetUs;
  }

  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Adds a step of stopping; the last added runs first. */
  onStop(close: () => unknown): void {
    this.#stops.push(close);
  }

  /** SIGTERM: stops step by step, then is gone. */
  async stop(): Promise<void> {
    for (let close = this.#stops.pop(); close !== undefined; close = this.#stops.pop()) {
      await close();
    }
    this.#draining.abort();
    this.world.setTimer(50, () => this.kill());
  }

  /** kill -9. */
  kill(): void {
    if (!this.alive) return;
    this.kernel.note(`kill ${this.name}`);
    this.alive = false;
    this.world.killed = true;
    for (const connection of [...this.connections]) connection.onProcessEnd(this);
    this.connections.clear();
    this.onEnd();
  }
}

export type Probe = (
  from: SimulatedProcess,
  address: string,
  onEnd: (isRefused: boolean) => void,
) => void;

/** The world of one process: everything that happens to it happens in its name. */
export class ProcessWorld extends SimulatedWorld {
  readonly #kernel: Kernel;
  readonly #process: SimulatedProcess;
  readonly mesh: MeshDatabase;
  /** Tries to connect; set by the mesh. */
  probe: Probe = () => {};

  constructor(database: MeshDatabase, kernel: Kernel, process: SimulatedProcess) {
    super(database);
    this.mesh = database;
    this.#kernel = kernel;
    this.#process = process;
  }

  /** Whether somebody at that address would say at once that no process listens there (REP-3). */
  isRefused(address: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.probe(this.#process, address, resolve);
    });
  }

  override setTimer(delayMs: number, callback: () => void): Timer {
    return this.#kernel.schedule(this.#process, delayMs * 1000, callback);
  }

  override nextTurn(callback: () => void): void {
    this.#kernel.schedule(this.#process, 1, callback);
  }

  /**
   * What runs in the database runs whatever becomes of its caller meanwhile: a process that was
   * killed or paused after sending does not take its statement back.
   */
  override callDatabase<T>(statement: () => T): Promise<T> {
    const kernel = this.#kernel;
    const { faults } = this.database;
    const fate = kernel.random();
    const wayUs = (): number =>
      DATABASE_WAY_US * (0.5 + kernel.random()) * (kernel.random() < faults.slow ? 100 : 1);
    const isCut = (): boolean => this.database.down || this.cutOff;
    const late = faults.lateExecution;
    const lost = late + faults.lostRequest;
    const unanswered = lost + faults.lostAnswer;
    const doubled = unanswered + this.mesh.doubled;
    return new Promise((resolve, reject) => {
      const answer = (delayUs: number, settle: () => void): void => {
        kernel.schedule(this.#process, delayUs, settle);
      };
      const fail = (delayUs: number, why: string): void =>
        answer(delayUs, () => reject(new LogUnreachable(why)));
      if (fate < late) {
        if (!isCut()) kernel.schedule(undefined, wayUs() * 20, () => this.#execute(statement));
        fail(wayUs(), 'the connection broke, the statement goes on');
        return;
      }
      kernel.schedule(undefined, wayUs(), () => {
        if (isCut() || fate < lost) {
          fail(isCut() ? STATEMENT_PATIENCE_US : wayUs(), 'the request got lost');
          return;
        }
        let result = this.#execute(statement);
        if (fate >= unanswered && fate < doubled) result = this.#execute(statement);
        const backUs = wayUs();
        answer(backUs, () => {
          if (isCut() || fate < unanswered) reject(new LogUnreachable('the answer got lost'));
          else if ('error' in result) reject(result.error);
          else resolve(result.value);
        });
      });
    });
  }

  #execute<T>(statement: () => T): { value: T } | { error: unknown } {
    this.mesh.writer = this.#process.label;
    try {
      return { value: statement() };
    } catch (error) {
      return { error };
    }
  }
}
