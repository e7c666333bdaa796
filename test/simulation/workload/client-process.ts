// The clients of the simulated exchange: a process of their own that sets up a market and trades in
// it through the public services, and repeats every call until its outcome is certain.

import { AccountAdminService } from '../../../gen/bourse/account/v1/admin_service_pb.ts';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { ShardKind } from '../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import { ReferenceAdminService } from '../../../gen/bourse/reference/v1/admin_service_pb.ts';
import { OrderType, Side, TimeInForce } from '../../../gen/bourse/type/v1/order_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { createRpcChannel } from '../../../services/lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import type { Findings } from '../check/findings.ts';
import type { SimulatedProcess } from '../kernel/process.ts';
import { type CallStart, type History, isFinalStatus } from './history.ts';

export type ClientOptions = {
  readonly process: SimulatedProcess;
  readonly history: History;
  readonly findings: Findings;
  readonly addresses: {
    readonly coordinators: readonly string[];
    readonly accounts: readonly string[];
    readonly orders: readonly string[];
  };
  readonly traders: number;
  readonly instruments: number;
};

const ASSETS = ['BTC', 'USD'];
const DEPOSIT = { BTC: '1000', USD: '1000000' };
const CALL_TIMEOUT_MS = 5_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 300;
const OPEN_ORDERS = 12;

/** What a client may do: the calls of all services, over and over until they are certain. */
export class ClientProcess {
  readonly #options: ClientOptions;
  /** Opened in the name of the process. */
  #clients: ReturnType<typeof openClients>[] = [];
  /** Traders begin no new calls. */
  isClosing = false;
  /** Calls under way, by what they are. */
  readonly underWay = new Map<symbol, string>();
  isSetUp = false;
  operations = 0;
  #moves = 0;
  refusals = new Map<string, number>();

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { traders, instruments, addresses } = this.#options;
    this.#clients = addresses.orders.map((order) => openClients(this.#options, order));
    const count = <T>(length: number, make: (at: number) => T) =>
      Array.from({ length }, (_, at) => make(at));
    for (const assetId of ASSETS) {
      await this.#certain(`asset ${assetId}`, ({ reference }, options) =>
        reference.createAsset({ assetId, displayName: assetId, scale: 8 }, options),
      );
    }
    await Promise.all(count(instruments, (at) => this.#createInstrument(instrumentIdOf(at))));
    await Promise.all(count(traders, (at) => this.#createAccount(accountIdOf(at))));
    this.isSetUp = true;
    for (let at = 0; at < traders; at += 1) void this.#trade(at);
  }

  async #createInstrument(instrumentId: string): Promise<void> {
    await this.#certain(`instrument ${instrumentId}`, ({ reference }, options) =>
      reference.createInstrument(
        {
          instrumentId,
          baseAssetId: 'BTC',
          quoteAssetId: 'USD',
          priceUnit: '0.01',
          quantityUnit: '0.001',
          tickSize: '0.01',
          lotSize: '0.001',
          maximumQuantity: '100000',
          maximumPrice: '100000',
          maximumOpenOrders: 10_000,
          collarBps: 1_000,
          makerFeeBps: '1',
          takerFeeBps: '2',
        },
        options,
      ),
    );
  }

  async #createAccount(accountId: string): Promise<void> {
    await this.#certain(`account ${accountId}`, ({ accounts }, options) =>
      accounts.createAccount({ accountId }, options),
    );
    for (const assetId of ASSETS) await this.#deposit(accountId, assetId, `first-${assetId}`);
  }

  async #deposit(accountId: string, assetId: string, clientTransferId: string): Promise<void> {
    const amount = DEPOSIT[assetId as keyof typeof DEPOSIT];
    await this.#certain(`deposit ${accountId} ${clientTransferId}`, ({ accounts }, options) =>
      accounts.deposit({ accountId, assetId, amount, clientTransferId }, options),
    );
  }

  async #trade(at: number): Promise<void> {
    const trader = new Trader(at, this.#options, (what, call) => this.#certain(what, call));
    while (!this.isClosing) {
      await this.#pause(10 + this.#random() * 60);
      if (this.isClosing) return;
      this.operations += 1;
      await trader.act(this.#random());
      if (this.#random() < 0.02) {
        await this.#deposit(accountIdOf(at), 'USD', `more-${this.operations}`);
      }
    }
  }

  /** An operator moves an instrument's slot to another shard, and now and then regrets it. */
  async move(shardIds: readonly string[]): Promise<void> {
    if (this.isClosing) return;
    const { kernel } = this.#options.process;
    this.#moves += 1;
    const request = {
      clientRequestId: `move-${this.#moves}`,
      kind: ShardKind.MATCHING,
      instrumentId: instrumentIdOf(kernel.pick(this.#options.instruments)),
      targetShardId: shardIds[kernel.pick(shardIds.length)] as string,
    };
    const response = await this.#certain(`move ${request.instrumentId}`, ({ cluster }, options) =>
      cluster.moveSlots(request, options),
    );
    if (response instanceof OperatingError || this.#random() < 0.5) return;
    // About when its export is sent: the worst moment.
    await this.#pause(6 + this.#random() * 9);
    for (const { moveId } of response.moves) {
      await this.#certain(`cancel move ${moveId}`, ({ cluster }, options) =>
        cluster.cancelMove({ moveId }, options),
      );
    }
  }

  #random(): number {
    return this.#options.process.kernel.random();
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.process.world.setTimer(delayMs, resolve);
    });
  }

  /** Repeats a call, with the same ids, until somebody who knows has answered. */
  async #certain<T>(what: string, call: Call<T>): Promise<T | OperatingError> {
    const id = Symbol(what);
    this.underWay.set(id, what);
    try {
      let pauseMs = FIRST_PAUSE_MS;
      for (let attempt = 0; ; attempt += 1) {
        const clients = this.#clients[attempt % this.#clients.length] as ReturnType<
          typeof openClients
        >;
        try {
          return await call(clients.turn(attempt), { timeoutMs: CALL_TIMEOUT_MS });
        } catch (error) {
          if (!(error instanceof OperatingError)) throw error;
          const name = error.reason ?? String(error.code);
          this.refusals.set(name, (this.refusals.get(name) ?? 0) + 1);
          if (error.retryAdvice === 'never') return error;
          await this.#pause(pauseMs * (0.5 + this.#random()));
          pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
        }
      }
    } finally {
      this.underWay.delete(id);
    }
  }
}

type Clients = ReturnType<ReturnType<typeof openClients>['turn']>;
type Call<T> = (clients: Clients, options: { readonly timeoutMs: number }) => Promise<T>;
type Certain = <T>(what: string, call: Call<T>) => Promise<T | OperatingError>;

/** Clients of one order node, with those of the others by turns. */
function openClients({ addresses }: ClientOptions, orderAddress: string) {
  const orders = createRpcClient(OrderService, createRpcChannel(orderAddress));
  const references = addresses.coordinators.map((address) =>
    createRpcClient(ReferenceAdminService, createRpcChannel(address)),
  );
  const clusters = addresses.coordinators.map((address) =>
    createRpcClient(ClusterAdminService, createRpcChannel(address)),
  );
  const accounts = addresses.accounts.map((address) =>
    createRpcClient(AccountAdminService, createRpcChannel(address)),
  );
  const pick = <T>(list: readonly T[], turn: number) => list[turn % list.length] as T;
  return {
    turn: (turn: number) => ({
      orders,
      reference: pick(references, turn),
      cluster: pick(clusters, turn),
      accounts: pick(accounts, turn),
    }),
  };
}

type OpenOrder = { readonly clientOrderId: string; readonly instrumentId: string };

/** One account that places, cancels, amends and looks. */
class Trader {
  readonly #accountId: string;
  readonly #options: ClientOptions;
  readonly #certain: Certain;
  readonly #open: OpenOrder[] = [];
  readonly #closed: OpenOrder[] = [];
  #count = 0;

  constructor(at: number, options: ClientOptions, certain: Certain) {
    this.#accountId = accountIdOf(at);
    this.#options = options;
    this.#certain = certain;
  }

  async act(chance: number): Promise<void> {
    if (this.#open.length === 0 || (chance < 0.55 && this.#open.length < OPEN_ORDERS)) {
      await this.#place(chance);
    } else if (chance < 0.75) await this.#cancel();
    else if (chance < 0.87) await this.#amend();
    else await this.#look();
  }

  #random(): number {
    return this.#options.process.kernel.random();
  }

  #begin(order: OpenOrder): CallStart {
    return this.#options.history.begin(this.#accountId, order.clientOrderId);
  }

  #pickOpen(): OpenOrder {
    return this.#open[Math.floor(this.#random() * this.#open.length)] as OpenOrder;
  }

  async #place(chance: number): Promise<void> {
    this.#count += 1;
    const { kernel } = this.#options.process;
    const instrumentId = instrumentIdOf(kernel.pick(this.#options.instruments));
    const order = { clientOrderId: `c${this.#count}`, instrumentId };
    const request = {
      ...{ accountId: this.#accountId, ...order, type: OrderType.LIMIT },
      side: kernel.random() < 0.5 ? Side.BUY : Side.SELL,
      price: (100 + (kernel.pick(21) - 10) / 10).toFixed(2),
      orderQuantity: { case: 'quantity', value: `0.0${10 + kernel.pick(90)}` } as const,
      timeInForce: chance < 0.1 ? TimeInForce.IOC : TimeInForce.GTC,
    };
    const call = this.#begin(order);
    const placed = this.#certain(`place ${call.key}`, ({ orders }, options) =>
      orders.placeOrder(request, options),
    );
    // Now and then a cancel is sent right behind it, which must not overtake it (MOV-9).
    if (kernel.random() < 0.05) void this.#cancelOrder(order);
    const response = await placed;
    if (response instanceof OperatingError) {
      this.#refused('place', call, response);
      return;
    }
    this.#options.history.end(call, 'place', response.order);
    const isOpen = response.order !== undefined && !isFinalStatus(response.order.status);
    (isOpen ? this.#open : this.#closed).push(order);
  }

  #refused(what: string, call: CallStart, error: OperatingError): void {
    const reason = error.reason ?? `code ${error.code}`;
    this.#options.process.kernel.note(`refused ${what} ${call.key} ${reason}`);
    if (ACCEPTABLE.has(reason)) return;
    this.#options.findings.add('CLIENT', `${what} of ${call.key}: ${reason} ${error.message}`);
  }

  #cancel(): Promise<void> {
    const order = this.#pickOpen();
    this.#open.splice(this.#open.indexOf(order), 1);
    this.#closed.push(order);
    return this.#cancelOrder(order);
  }

  async #cancelOrder(order: OpenOrder): Promise<void> {
    this.#count += 1;
    const clientRequestId = `x${this.#count}`;
    const { clientOrderId, instrumentId } = order;
    const id = { case: 'clientOrderId', value: clientOrderId } as const;
    const call = this.#begin(order);
    const response = await this.#certain(`cancel ${call.key}`, ({ orders }, options) =>
      orders.cancelOrder(
        { accountId: this.#accountId, order: { instrumentId, id }, clientRequestId },
        options,
      ),
    );
    if (response instanceof OperatingError) this.#refused('cancel', call, response);
    else this.#options.history.end(call, 'cancel', response.order);
  }

  async #amend(): Promise<void> {
    const order = this.#pickOpen();
    const { kernel } = this.#options.process;
    this.#count += 1;
    const clientRequestId = `a${this.#count}`;
    const { clientOrderId, instrumentId } = order;
    const id = { case: 'clientOrderId', value: clientOrderId } as const;
    const change =
      kernel.random() < 0.5
        ? { quantity: `0.0${10 + kernel.pick(90)}` }
        : { price: (100 + (kernel.pick(21) - 10) / 10).toFixed(2) };
    const call = this.#begin(order);
    const response = await this.#certain(`amend ${call.key}`, ({ orders }, options) =>
      orders.amendOrder(
        { accountId: this.#accountId, order: { instrumentId, id }, clientRequestId, ...change },
        options,
      ),
    );
    if (response instanceof OperatingError) this.#refused('amend', call, response);
    else this.#options.history.end(call, 'amend', response.order);
  }

  async #look(): Promise<void> {
    const order = this.#pickOpen();
    const { clientOrderId, instrumentId } = order;
    const id = { case: 'clientOrderId', value: clientOrderId } as const;
    const call = this.#begin(order);
    const response = await this.#certain(`look ${call.key}`, ({ orders }, options) =>
      orders.getOrder({ accountId: this.#accountId, order: { instrumentId, id } }, options),
    );
    if (response instanceof OperatingError) {
      this.#refused('look', call, response);
      return;
    }
    this.#options.history.end(call, 'look', response.order);
    if (response.order === undefined || !isFinalStatus(response.order.status)) return;
    const at = this.#open.indexOf(order);
    if (at >= 0) this.#open.splice(at, 1);
  }
}

/** Refusals that a client may meet without anything being wrong. */
const ACCEPTABLE: ReadonlySet<string> = new Set(['ORDER_NOT_OPEN', 'ORDER_UNKNOWN']);

function instrumentIdOf(at: number): string {
  return `BTC${at + 1}-USD`;
}

function accountIdOf(at: number): string {
  return `acct-${at + 1}`;
}
