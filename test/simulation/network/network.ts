// The network between the simulated processes. A connection delivers what it is given in order or
// breaks: nothing is lost in the middle, as with TCP. A cut holds everything back until it heals,
// or until the ends have lost patience; a process that dies resets its connections.

import type { Kernel } from '../kernel/kernel.ts';
import type { SimulatedProcess } from '../kernel/process.ts';

const USUAL_WAY_US = 200;
/** Keepalive finds a dead connection after this. */
const KEEPALIVE_US = 15_000_000;
/** How long connecting to a host that does not answer takes to fail. */
const CONNECT_TIMEOUT_US = 2_000_000;
const PROBE_TIMEOUT_US = 200_000;

/** How often, from 0 to 1, what happens to messages and connections. */
export type NetworkFaults = {
  /** A message takes a few hundred times as long, and those behind it wait. */
  readonly slow: number;
  /** A message never arrives and the connection breaks. */
  readonly broken: number;
};

export const CALM_NETWORK: NetworkFaults = { slow: 0, broken: 0 };

export class Network {
  readonly kernel: Kernel;
  faults: NetworkFaults = CALM_NETWORK;
  readonly #processes = new Map<string, SimulatedProcess>();
  readonly #connections = new Set<Connection>();
  readonly #cuts = new Set<string>();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** The process that answers at an address from now on. */
  add(process: SimulatedProcess): void {
    this.#processes.set(process.address, process);
  }

  find(address: string): SimulatedProcess | undefined {
    const process = this.#processes.get(address);
    return process?.alive === true ? process : undefined;
  }

  isCut(one: string, other: string): boolean {
    return this.#cuts.has(pairOf(one, other));
  }

  /** Cuts the network between two nodes, by their names. */
  cut(one: string, other: string): void {
    this.#cuts.add(pairOf(one, other));
    for (const connection of [...this.#connections]) {
      if (!connection.isBetween(one, other)) continue;
      // Some cuts are noticed at once, others only by silence.
      if (this.kernel.random() < 0.5) connection.break();
      else connection.hold(KEEPALIVE_US);
    }
  }

  heal(one: string, other: string): void {
    this.#cuts.delete(pairOf(one, other));
    for (const connection of [...this.#connections]) {
      if (connection.isBetween(one, other)) connection.goOn();
    }
  }

  healAll(): void {
    this.#cuts.clear();
    for (const connection of [...this.#connections]) connection.goOn();
  }

  /** Connects, or tells why not; nobody waits for longer than TCP would. */
  connect(
    client: SimulatedProcess,
    address: string,
    onEnd: (connection: Connection | undefined) => void,
  ): void {
    const { kernel } = this;
    const server = this.find(address);
    if (server !== undefined && this.isCut(client.name, server.name)) {
      kernel.schedule(client, CONNECT_TIMEOUT_US, () => onEnd(undefined));
      return;
    }
    kernel.schedule(client, this.wayUs() * 2, () => {
      const found = this.find(address);
      if (found === undefined || found !== server) {
        onEnd(undefined);
        return;
      }
      const connection = new Connection(this, client, found, (over) => {
        this.#connections.delete(over);
      });
      this.#connections.add(connection);
      onEnd(connection);
    });
  }

  /** Whether connecting is refused at once; a machine that cannot be reached refuses nothing. */
  probe(client: SimulatedProcess, address: string, onEnd: (isRefused: boolean) => void): void {
    const machine = this.#processes.get(address)?.name ?? address;
    if (this.isCut(client.name, machine)) {
      this.kernel.schedule(client, PROBE_TIMEOUT_US, () => onEnd(false));
    } else {
      const isThere = (): boolean => this.find(address) !== undefined;
      this.kernel.schedule(client, this.wayUs() * 2, () => onEnd(!isThere()));
    }
  }

  wayUs(): number {
    const { kernel } = this;
    const usualUs = USUAL_WAY_US * (0.5 + kernel.random());
    return kernel.random() < this.faults.slow ? usualUs * 300 : usualUs;
  }
}

function pairOf(one: string, other: string): string {
  return one < other ? `${one}|${other}` : `${other}|${one}`;
}

/** One direction's messages keep their order. */
type Direction = { lastArrivalUs: number; readonly held: (() => void)[] };

export class Connection {
  readonly client: SimulatedProcess;
  readonly server: SimulatedProcess;
  isBroken = false;
  readonly #network: Network;
  readonly #onOver: (connection: Connection) => void;
  readonly #breakListeners = new Map<() => void, SimulatedProcess>();
  readonly #toServer: Direction = { lastArrivalUs: 0, held: [] };
  readonly #toClient: Direction = { lastArrivalUs: 0, held: [] };
  #isHeld = false;

  constructor(
    network: Network,
    client: SimulatedProcess,
    server: SimulatedProcess,
    onOver: (connection: Connection) => void,
  ) {
    this.#network = network;
    this.client = client;
    this.server = server;
    this.#onOver = onOver;
    client.connections.add(this);
    server.connections.add(this);
  }

  isBetween(one: string, other: string): boolean {
    const [client, server] = [this.client.name, this.server.name];
    return (client === one && server === other) || (client === other && server === one);
  }

  /** Delivers to the other end, behind everything that was sent that way before. */
  send(to: 'server' | 'client', deliver: () => void): void {
    if (this.isBroken) return;
    const direction = to === 'server' ? this.#toServer : this.#toClient;
    if (this.#isHeld) {
      direction.held.push(deliver);
      return;
    }
    const { kernel, faults } = this.#network;
    if (kernel.random() < faults.broken) {
      this.break();
      return;
    }
    const receiver = to === 'server' ? this.server : this.client;
    const arrivalUs = Math.max(kernel.timeUs + this.#network.wayUs(), direction.lastArrivalUs + 1);
    direction.lastArrivalUs = arrivalUs;
    kernel.schedule(receiver, arrivalUs - kernel.timeUs, deliver);
  }

  /** Calls back in the name of an end when the connection is no more. */
  onBreak(end: SimulatedProcess, listener: () => void): () => void {
    this.#breakListeners.set(listener, end);
    return () => this.#breakListeners.delete(listener);
  }

  hold(patienceUs: number): void {
    this.#isHeld = true;
    this.#network.kernel.after(patienceUs, () => {
      if (this.#isHeld) this.break();
    });
  }

  goOn(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    for (const to of ['server', 'client'] as const) {
      const { held } = to === 'server' ? this.#toServer : this.#toClient;
      for (const deliver of held.splice(0)) this.send(to, deliver);
    }
  }

  /** Both ends hear of it a little later; what is on its way still arrives. */
  break(): void {
    if (this.isBroken) return;
    this.isBroken = true;
    const { kernel } = this.#network;
    for (const [listener, end] of this.#breakListeners) {
      const direction = end === this.server ? this.#toServer : this.#toClient;
      const delayUs = Math.max(this.#network.wayUs(), direction.lastArrivalUs + 1 - kernel.timeUs);
      kernel.schedule(end, delayUs, listener);
    }
    this.#breakListeners.clear();
    this.client.connections.delete(this);
    this.server.connections.delete(this);
    this.#onOver(this);
  }

  /** The dead end's own calls are told as well, so that nothing of it stays behind. */
  onProcessEnd(dead: SimulatedProcess): void {
    for (const [listener, end] of [...this.#breakListeners]) {
      if (end !== dead) continue;
      this.#breakListeners.delete(listener);
      this.#network.kernel.as(dead, listener);
    }
    this.break();
  }
}
