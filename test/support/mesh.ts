// The processes of the exchange without the launcher: a coordinator, two matching nodes, an account
// node, order and market data, each a process of its own, over a database of the caller's. For
// tests that stop, kill and start single processes.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { AccountAdminService } from '../../gen/bourse/account/v1/admin_service_pb.ts';
import { AccountService } from '../../gen/bourse/account/v1/service_pb.ts';
import { MarketDataService } from '../../gen/bourse/marketdata/v1/service_pb.ts';
import { OrderService } from '../../gen/bourse/order/v1/service_pb.ts';
import { ReferenceAdminService } from '../../gen/bourse/reference/v1/admin_service_pb.ts';
import { ReferenceService } from '../../gen/bourse/reference/v1/service_pb.ts';
import { Health } from '../../gen/grpc/health/v1/health_pb.ts';
import { listNodes, type Node } from '../../services/launcher/exchange/nodes.ts';
import { loadConfig } from '../../services/lib/platform/config/load-config.ts';
import { createRpcChannel, type RpcChannel } from '../../services/lib/platform/rpc/channel.ts';
import { createRpcClient, type RpcCallOptions } from '../../services/lib/platform/rpc/client.ts';
import type { AnyService, RpcClient } from '../../services/lib/platform/rpc/definition.ts';
import { findPortOffset, ROOT } from './exchange.ts';
import { startTestPostgres, type TestPostgres } from './postgres.ts';
import { waitUntil } from './wait.ts';

const SERVING = 1;
const READY_DEADLINE_MS = 120_000;
const CALL_TIMEOUT_MS = 15_000;

type Client<S extends AnyService> = RpcClient<S, RpcCallOptions>;

/** Clients of all public services. */
export type MeshClients = {
  readonly orders: Client<typeof OrderService>;
  readonly accounts: Client<typeof AccountService>;
  readonly accountAdmin: Client<typeof AccountAdminService>;
  readonly marketData: Client<typeof MarketDataService>;
  readonly reference: Client<typeof ReferenceService>;
  readonly referenceAdmin: Client<typeof ReferenceAdminService>;
};

export type Mesh = MeshClients & {
  readonly databaseUrl: string;
  /** `host:port` of a process, by its node id. */
  addressOf(nodeId: string): string;
  /** A client of one process, closed with the mesh. */
  clientAt<S extends AnyService>(service: S, nodeId: string): Client<S>;
  /** Ends a process by a signal and waits for its end. */
  kill(nodeId: string, signal?: NodeJS.Signals): Promise<void>;
  /** Sends a process a signal that does not end it. */
  signal(nodeId: string, signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Starts a process that is not running. */
  start(nodeId: string): Promise<void>;
  /** Process id of a running process. */
  pidOf(nodeId: string): number | undefined;
  /** Everything that a process has written. */
  logOf(nodeId: string): string;
  /** Stops everything and drops the database. */
  stop(): Promise<void>;
};

export type MeshOptions = {
  /** What `npm start` would be given, such as `--ha`. */
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** More options of node for every process, such as what it loads first. */
  readonly execArgv?: readonly string[];
};

type Running = { readonly child: ChildProcess; readonly output: string[] };

/** Starts all processes and waits until they serve. Takes some seconds: share it in a file. */
export async function startMesh(options: MeshOptions = {}): Promise<Mesh> {
  const postgres = await startTestPostgres();
  const mesh = new MeshProcesses(postgres, await findPortOffset(), options);
  try {
    await mesh.startAll();
  } catch (error) {
    await mesh.stop();
    throw error;
  }
  return mesh;
}

class MeshProcesses implements Mesh {
  readonly databaseUrl: string;
  readonly orders: Client<typeof OrderService>;
  readonly accounts: Client<typeof AccountService>;
  readonly accountAdmin: Client<typeof AccountAdminService>;
  readonly marketData: Client<typeof MarketDataService>;
  readonly reference: Client<typeof ReferenceService>;
  readonly referenceAdmin: Client<typeof ReferenceAdminService>;
  readonly #postgres: TestPostgres;
  readonly #nodes: readonly Node[];
  readonly #running = new Map<string, Running>();
  readonly #channels = new Map<string, RpcChannel>();
  readonly #execArgv: readonly string[];

  constructor(postgres: TestPostgres, portOffset: number, options: MeshOptions) {
    const { env = {}, args = [], execArgv = [] } = options;
    this.#postgres = postgres;
    this.#execArgv = ['--disable-warning=ExperimentalWarning', ...execArgv];
    this.databaseUrl = postgres.url;
    const { settings } = loadConfig(['--port-offset', String(portOffset), ...args], env);
    const configured = { ...settings, databaseUrl: postgres.url };
    this.#nodes = listNodes(configured, { ...cleanEnv(), ...env });
    this.orders = this.clientAt(OrderService, 'order');
    this.accounts = this.clientAt(AccountService, 'account-1');
    this.accountAdmin = this.clientAt(AccountAdminService, 'account-1');
    this.marketData = this.clientAt(MarketDataService, 'marketdata');
    this.reference = this.clientAt(ReferenceService, 'coordinator');
    this.referenceAdmin = this.clientAt(ReferenceAdminService, 'coordinator');
  }

  async startAll(): Promise<void> {
    for (const node of this.#nodes) this.#spawn(node);
    await Promise.all(this.#nodes.map(({ nodeId }) => this.#serving(nodeId)));
  }

  addressOf(nodeId: string): string {
    return this.#node(nodeId).address;
  }

  clientAt<S extends AnyService>(service: S, nodeId: string): Client<S> {
    const address = this.addressOf(nodeId);
    let channel = this.#channels.get(address);
    if (channel === undefined) {
      channel = createRpcChannel(address);
      this.#channels.set(address, channel);
    }
    return createRpcClient(service, channel, { timeoutMs: CALL_TIMEOUT_MS });
  }

  async kill(nodeId: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const running = this.#running.get(nodeId);
    if (running === undefined) return;
    this.#running.delete(nodeId);
    const ended = once(running.child, 'exit');
    if (running.child.exitCode === null && running.child.signalCode === null) {
      running.child.kill(signal);
      await ended;
    }
  }

  signal(nodeId: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#running.get(nodeId)?.child.kill(signal);
  }

  async start(nodeId: string): Promise<void> {
    this.#spawn(this.#node(nodeId));
    await this.#serving(nodeId);
  }

  pidOf(nodeId: string): number | undefined {
    return this.#running.get(nodeId)?.child.pid;
  }

  logOf(nodeId: string): string {
    return this.#running.get(nodeId)?.output.join('') ?? '';
  }

  async stop(): Promise<void> {
    for (const channel of this.#channels.values()) channel.close();
    await Promise.all([...this.#running.keys()].map((nodeId) => this.kill(nodeId)));
    await this.#postgres.stop();
  }

  #node(nodeId: string): Node {
    const node = this.#nodes.find((one) => one.nodeId === nodeId);
    if (node === undefined) throw new Error(`the mesh has no ${nodeId}`);
    return node;
  }

  #spawn({ nodeId, service, env }: Node): void {
    const main = join(ROOT, 'services', service, 'main.ts');
    const child = spawn(process.execPath, [...this.#execArgv, main], {
      cwd: ROOT,
      env,
      // The processes notice by their standard input when the test is gone.
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const output: string[] = [];
    child.stdout?.on('data', (chunk) => output.push(String(chunk)));
    child.stderr?.on('data', (chunk) => output.push(String(chunk)));
    this.#running.set(nodeId, { child, output });
  }

  async #serving(nodeId: string): Promise<void> {
    const health = this.clientAt(Health, nodeId);
    const isServing = async () => {
      const running = this.#running.get(nodeId);
      if (running?.child.exitCode !== null) return 'ended';
      const { status } = await health.check({ service: '' }, { timeoutMs: 1_000 });
      return status === SERVING ? 'serving' : false;
    };
    const what = `${nodeId} to serve`;
    const options = { what, deadlineMs: READY_DEADLINE_MS, pollMs: 50 };
    const state = await waitUntil(isServing, options).catch((cause: unknown) => {
      throw new Error(`${nodeId} does not serve:\n${this.logOf(nodeId)}`, { cause });
    });
    if (state === 'ended') throw new Error(`${nodeId} ended:\n${this.logOf(nodeId)}`);
  }
}

/** What the tests' own surroundings have set must not reach the processes. */
function cleanEnv(): NodeJS.ProcessEnv {
  const own = /^(BOURSE_|OTEL_|DATABASE_URL$|NODE_OPTIONS$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
}
