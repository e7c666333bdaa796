// A whole mesh in one simulated world: starts its processes, kills, pauses and restarts them.

import type { RpcTransport } from '../../../services/lib/platform/rpc/channel.ts';
import { MeshDatabase } from '../database/mesh-database.ts';
import { Kernel } from '../kernel/kernel.ts';
import { SimulatedProcess } from '../kernel/process.ts';
import { Network } from '../network/network.ts';
import { simulatedTransport } from '../network/transport.ts';
import {
  type MeshSize,
  type ProcessStart,
  startAccount,
  startCoordinator,
  startMarketData,
  startMatching,
  startOrder,
} from './service-processes.ts';
import { simulatedLog } from './silent-log.ts';

/** Clocks of different machines are this far apart at most. */
const CLOCK_SPREAD_US = 200_000;
/** A process that was killed is there again after this at the soonest. */
const RESTART_US = 300_000;
/** A process that stops for longer is killed by whoever started it. */
const STOP_LIMIT_US = 4_500_000;
const COORDINATOR_PORT = 7100;

export type Mesh = {
  readonly kernel: Kernel;
  readonly database: MeshDatabase;
  readonly network: Network;
  readonly transport: RpcTransport;
};

/** One machine: its process may come and go. */
export type MeshNode = {
  readonly name: string;
  readonly address: string;
  readonly clockOffsetUs: number;
  readonly start: (start: ProcessStart) => void;
  process: SimulatedProcess;
};

export class SimulatedMesh implements Mesh {
  readonly kernel: Kernel;
  readonly database: MeshDatabase;
  readonly network: Network;
  readonly transport: RpcTransport;
  readonly size: MeshSize;
  readonly nodes = new Map<string, MeshNode>();
  /** What a process died of although nobody killed it. */
  readonly fatal: string[] = [];
  /** Told about every process that starts. */
  onProcess: (process: SimulatedProcess) => void = () => {};

  constructor(seed: number, size: MeshSize) {
    this.kernel = new Kernel(seed);
    this.database = new MeshDatabase(this.kernel);
    this.network = new Network(this.kernel);
    this.transport = simulatedTransport(this.network);
    this.size = size;
  }

  startAll(): void {
    const { size } = this;
    const start = (count: number, kind: string, port: number, run: MeshNode['start']): void => {
      for (let number = 1; number <= count; number += 1) {
        this.addNode(`${kind}-${number}`, `${kind}-${number}:${port}`, run);
      }
    };
    start(size.coordinators, 'coordinator', COORDINATOR_PORT, startCoordinator);
    start(size.matchingNodes, 'matching', 7200, startMatching);
    start(size.accountNodes, 'account', 7300, startAccount);
    start(size.orders, 'order', 7400, startOrder);
    start(1, 'marketdata', 7500, startMarketData);
  }

  addNode(name: string, address: string, start: (start: ProcessStart) => void): MeshNode {
    const clockOffsetUs = Math.floor((this.kernel.random() - 0.5) * CLOCK_SPREAD_US);
    const process = new SimulatedProcess(name, address, this.kernel, this.database, clockOffsetUs);
    const node: MeshNode = { name, address, clockOffsetUs, start, process };
    this.nodes.set(name, node);
    this.#run(node);
    return node;
  }

  node(name: string): MeshNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  /** kill -9, and a new process of the node a little later. */
  crash(name: string): void {
    const node = this.node(name);
    node.process.kill();
    const delayUs = RESTART_US * (1 + this.kernel.random() * 3);
    this.kernel.after(delayUs, () => this.#restart(node));
  }

  /** SIGTERM, and a new process once the old one has gone. */
  stopGently(name: string): void {
    const node = this.node(name);
    const { process } = node;
    this.kernel.note(`stop ${name}`);
    process.onEnd = () => this.kernel.after(RESTART_US, () => this.#restart(node));
    this.kernel.schedule(process, 0, () => void process.stop());
    this.kernel.after(STOP_LIMIT_US, () => process.kill());
  }

  pause(name: string, durationUs: number): void {
    const { process } = this.node(name);
    this.kernel.note(`pause ${name} ${Math.round(durationUs)}`);
    process.paused = true;
    this.kernel.after(durationUs, () => this.goOn(process));
  }

  goOn(process: SimulatedProcess): void {
    if (!process.paused) return;
    process.paused = false;
    this.kernel.resume(process);
  }

  #restart(node: MeshNode): void {
    if (node.process.alive) return;
    const { name, address, clockOffsetUs } = node;
    node.process = new SimulatedProcess(name, address, this.kernel, this.database, clockOffsetUs);
    this.kernel.note(`start ${name}`);
    this.#run(node);
  }

  #run(node: MeshNode): void {
    const { process } = node;
    this.network.add(process);
    process.world.probe = (from, address, onEnd) => this.network.probe(from, address, onEnd);
    this.onProcess(process);
    const log = simulatedLog(({ level, message }) => {
      this.kernel.note(`${node.name} ${level}: ${message}`);
    });
    const onFatal = (reason: string | Error): void => {
      if (!process.alive) return;
      const message = reason instanceof Error ? (reason.stack ?? reason.message) : reason;
      this.fatal.push(`${node.name}: ${message}`);
      this.crash(node.name);
    };
    const { size } = this;
    const coordinatorAddresses = Array.from(
      { length: size.coordinators },
      (_, at) => `coordinator-${at + 1}:${COORDINATOR_PORT}`,
    );
    this.kernel.schedule(process, 0, () => {
      node.start({ process, log, coordinatorAddresses, size, onFatal });
    });
  }
}
