// What goes wrong in a run, when and for how long: drawn from the run's seed.

import type { SimulatedSnapshot } from '../support/shard/simulated-snapshots.ts';
import { NO_FAULTS } from '../support/shard/simulated-world.ts';
import type { SimulatedMesh } from './mesh/mesh.ts';
import { CALM_NETWORK } from './network/network.ts';

export const FAULT_KINDS = [
  'crash',
  'stop',
  'pause',
  'cut',
  'database-cut',
  'database-down',
  'log',
  'network',
  'snapshot',
  'move',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** How long it is quiet between two faults, in microseconds. */
const SHORTEST_QUIET_US = 20_000;
const LONGEST_QUIET_US = 600_000;
/** Short runs have some faults, too. */
const LEAST_FAULTS = 4;

export class Faults {
  readonly #mesh: SimulatedMesh;
  readonly #kinds: readonly FaultKind[];
  /** Names of the nodes that may be hit, clients' machines included for cuts. */
  readonly #clients: readonly string[];
  /** An operator changes the cluster: no fault, but at the worst moment. */
  onOperate: () => void = () => {};
  #isOver = false;
  #longestQuietUs = LONGEST_QUIET_US;
  /** How often each kind came. */
  readonly counts = new Map<FaultKind, number>();

  constructor(mesh: SimulatedMesh, kinds: readonly FaultKind[], clients: readonly string[]) {
    this.#mesh = mesh;
    this.#kinds = kinds;
    this.#clients = clients;
  }

  /** @param durationUs how long they are to last */
  start(durationUs: number): void {
    this.#longestQuietUs = Math.min(LONGEST_QUIET_US, durationUs / LEAST_FAULTS);
    if (this.#kinds.includes('log')) {
      this.#mesh.database.faults = {
        ...{ lostRequest: 0.004, lostAnswer: 0.008, lateExecution: 0.006, slow: 0.01 },
      };
      this.#mesh.database.doubled = 0.01;
    }
    if (this.#kinds.includes('network')) {
      this.#mesh.network.faults = { slow: 0.004, broken: 0.003 };
    }
    this.#next();
  }

  /** From here on nothing goes wrong, and what was taken away comes back. */
  end(): void {
    this.#isOver = true;
    const { database, network, nodes } = this.#mesh;
    database.faults = NO_FAULTS;
    database.doubled = 0;
    database.down = false;
    network.faults = CALM_NETWORK;
    for (const { process } of nodes.values()) {
      this.#mesh.goOn(process);
      process.world.cutOff = false;
    }
    network.healAll();
  }

  #next(): void {
    const { kernel } = this.#mesh;
    // Squared, so that faults come in bursts.
    const quietUs = SHORTEST_QUIET_US + kernel.random() ** 2 * this.#longestQuietUs;
    kernel.after(quietUs, () => {
      if (this.#isOver) return;
      this.#happen();
      this.#next();
    });
  }

  #happen(): void {
    const { kernel } = this.#mesh;
    const kind = this.#kinds[kernel.pick(this.#kinds.length)];
    if (kind === undefined) return;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    const names = [...this.#mesh.nodes.keys()].filter((name) => !this.#clients.includes(name));
    const name = names[kernel.pick(names.length)] as string;
    switch (kind) {
      case 'crash':
        this.#mesh.crash(name);
        return;
      case 'stop':
        this.#mesh.stopGently(name);
        return;
      case 'pause':
        this.#mesh.pause(name, kernel.random() ** 3 * 2_500_000);
        return;
      case 'cut':
        this.#cut(name);
        return;
      case 'database-cut':
        this.#cutDatabase(name);
        return;
      case 'database-down':
        this.#stopDatabase();
        return;
      case 'snapshot':
        this.#damageSnapshot();
        return;
      case 'move':
        this.onOperate();
        return;
      case 'log':
      case 'network':
        this.#storm();
    }
  }

  #cut(name: string): void {
    const { kernel, network } = this.#mesh;
    const others = [...this.#mesh.nodes.keys()].filter((other) => other !== name);
    const other = others[kernel.pick(others.length)] as string;
    kernel.note(`cut ${name} ${other}`);
    network.cut(name, other);
    kernel.after(kernel.random() ** 3 * 3_000_000, () => {
      kernel.note(`heal ${name} ${other}`);
      network.heal(name, other);
    });
  }

  #cutDatabase(name: string): void {
    const { kernel } = this.#mesh;
    const { world } = this.#mesh.node(name).process;
    kernel.note(`cut ${name} database`);
    world.cutOff = true;
    kernel.after(kernel.random() ** 3 * 2_000_000, () => {
      kernel.note(`heal ${name} database`);
      world.cutOff = false;
    });
  }

  /** A byte of a shard's newest snapshot changes where it lies (SNAP-3). */
  #damageSnapshot(): void {
    const { kernel, database } = this.#mesh;
    const shardIds = [...database.snapshots.keys()];
    const shardId = shardIds[kernel.pick(shardIds.length)] ?? '';
    const snapshots = database.snapshotsOf(shardId);
    const whole = snapshots.filter(({ head }) => head !== undefined);
    const newest = whole.at(-1);
    if (newest === undefined || !this.#isSpare(shardId, whole)) return;
    const { snapshotId } = newest.beginning;
    kernel.note(`damage snapshot ${snapshotId}`);
    database.damagedSnapshots.add(snapshotId);
    const at = kernel.pick(newest.rows.length);
    const damaged = Uint8Array.from(newest.rows[at] as Uint8Array);
    const byte = kernel.pick(damaged.length);
    damaged[byte] = (damaged[byte] as number) ^ 0x10;
    newest.rows[at] = damaged;
  }

  /** Behind a log that was cut one snapshot stays sound: no shard survives the loss of all. */
  #isSpare(shardId: string, whole: readonly SimulatedSnapshot[]): boolean {
    const { database } = this.#mesh;
    const sound = whole.filter(
      ({ beginning }) => !database.damagedSnapshots.has(beginning.snapshotId),
    );
    return sound.length > 1 || database.entriesOf(shardId)[0] !== undefined;
  }

  #stopDatabase(): void {
    const { kernel, database } = this.#mesh;
    kernel.note('the database is down');
    database.down = true;
    kernel.after(kernel.random() ** 3 * 800_000, () => {
      kernel.note('the database is back');
      database.down = false;
    });
  }

  /** For a while answers of the database are lost ten times as often. */
  #storm(): void {
    const { kernel, database } = this.#mesh;
    if (!this.#kinds.includes('log')) return;
    const usual = database.faults;
    kernel.note('a storm at the database');
    database.faults = { lostRequest: 0.1, lostAnswer: 0.15, lateExecution: 0.15, slow: 0.1 };
    kernel.after(kernel.random() * 400_000, () => {
      if (!this.#isOver) database.faults = usual;
    });
  }
}
