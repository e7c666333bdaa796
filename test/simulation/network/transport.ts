// The client's side of simulated calls: what `createRpcChannel` and `createRpcClient` give to the
// real code while a simulation runs. Messages travel as their bytes.

import { connectivityState } from '@grpc/grpc-js';
import { Metadata, Status } from 'nice-grpc-common';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { parseStatusDetails } from '../../../services/lib/platform/errors/status-details.ts';
import type { RpcChannel, RpcTransport } from '../../../services/lib/platform/rpc/channel.ts';
import type { RpcCallOptions } from '../../../services/lib/platform/rpc/client.ts';
import {
  type AnyService,
  type RpcMethod,
  rpcMethods,
} from '../../../services/lib/platform/rpc/definition.ts';
import { DEFAULT_TIMEOUT_MS } from '../../../services/lib/platform/rpc/limits.ts';
import type { SimulatedProcess } from '../kernel/process.ts';
import { Messages } from './messages.ts';
import type { Connection, Network } from './network.ts';
import { abortError, ServedCall, type WireStatus } from './served-call.ts';

type CallOptions = RpcCallOptions & {
  readonly signal?: AbortSignal;
  readonly metadata?: Metadata;
};

const methodsOf = new WeakMap<AnyService, [string, RpcMethod][]>();

/** All connections of the processes that run on this network. */
export function simulatedTransport(network: Network): RpcTransport {
  return {
    createChannel: (address) => {
      const process = network.kernel.current as SimulatedProcess | undefined;
      if (process === undefined) throw new Error('somebody connects who is no process');
      return new SimulatedChannel(network, process, address) as unknown as RpcChannel;
    },
    createClient(service, channel) {
      const simulated = channel as unknown as SimulatedChannel;
      let methods = methodsOf.get(service);
      if (methods === undefined) {
        methods = rpcMethods(service);
        methodsOf.set(service, methods);
      }
      return Object.fromEntries(
        methods.map(([name, method]) => [
          name,
          method.requestStream || method.responseStream
            ? (request: unknown, options: CallOptions = {}) =>
                streamCall(simulated, method, request, options)
            : (request: unknown, options: CallOptions = {}) =>
                unaryCall(simulated, method, request, options),
        ]),
      );
    },
  };
}

class SimulatedChannel {
  readonly process: SimulatedProcess;
  readonly network: Network;
  readonly #address: string;
  readonly #waiting: ((connection: Connection | undefined) => void)[] = [];
  #connection: Connection | undefined;
  #isClosed = false;

  constructor(network: Network, process: SimulatedProcess, address: string) {
    this.network = network;
    this.process = process;
    this.#address = address;
  }

  getTarget(): string {
    return this.#address;
  }

  /** Connects ahead of the first call when asked to. */
  getConnectivityState(connects: boolean): connectivityState {
    if (this.#connection?.isBroken === false) return connectivityState.READY;
    if (connects) this.connected(() => {});
    return connectivityState.IDLE;
  }

  close(): void {
    this.#isClosed = true;
    this.#connection?.break();
  }

  /** Calls back with a connection, or with none when there is nobody. */
  connected(onEnd: (connection: Connection | undefined) => void): void {
    if (this.#connection?.isBroken === false) {
      onEnd(this.#connection);
      return;
    }
    this.#waiting.push(onEnd);
    if (this.#waiting.length > 1) return;
    this.network.connect(this.process, this.#address, (connection) => {
      this.#connection = connection;
      if (this.#isClosed) connection?.break();
      for (const waiting of this.#waiting.splice(0)) waiting(connection);
    });
  }
}

/** One call as the client has it. */
class ClientCall {
  readonly #channel: SimulatedChannel;
  readonly #method: RpcMethod;
  readonly #onMessage: (message: unknown) => void;
  readonly #onEnd: (error: Error | undefined) => void;
  readonly #endings: (() => void)[] = [];
  readonly #unsent: ((connection: Connection, served: ServedCall) => void)[] = [];
  #connection: Connection | undefined;
  #served: ServedCall | undefined;
  #isOver = false;

  constructor(
    channel: SimulatedChannel,
    method: RpcMethod,
    on: {
      readonly message: (message: unknown) => void;
      readonly end: (error: Error | undefined) => void;
    },
  ) {
    this.#channel = channel;
    this.#method = method;
    this.#onMessage = on.message;
    this.#onEnd = on.end;
  }

  start(request: Uint8Array | undefined, options: CallOptions, defaultTimeoutMs: number): void {
    const { world } = this.#channel.process;
    const { signal, timeoutMs = defaultTimeoutMs, deadlineMs = Number.POSITIVE_INFINITY } = options;
    const patienceMs = Math.min(timeoutMs, deadlineMs - world.wallClockUs() / 1000);
    if (patienceMs !== Number.POSITIVE_INFINITY) {
      const timer = world.setTimer(Math.max(0, patienceMs), () => {
        this.#cancel(new OperatingError({ code: Status.DEADLINE_EXCEEDED }, 'nobody answered'));
      });
      this.#endings.push(() => timer.cancel());
    }
    const abort = (): void => this.#cancel(abortError());
    if (signal?.aborted === true) {
      abort();
      return;
    }
    signal?.addEventListener('abort', abort);
    this.#endings.push(() => signal?.removeEventListener('abort', abort));
    this.#channel.connected((connection) => {
      if (this.#isOver) return;
      if (connection === undefined) this.#finish(unavailable('nobody answers there'));
      else {
        const { metadata = Metadata() } = options;
        this.#open(connection, request, { patienceUs: patienceMs * 1000, metadata });
      }
    });
  }

  #open(
    connection: Connection,
    request: Uint8Array | undefined,
    { patienceUs, metadata }: { readonly patienceUs: number; readonly metadata: Metadata },
  ): void {
    this.#connection = connection;
    const forget = connection.onBreak(this.#channel.process, () => {
      this.#finish(unavailable('the connection broke'));
    });
    this.#endings.push(forget);
    const peer = this.#channel.process.address;
    const headers = new Map<string, string>();
    const opened = { method: this.#method, peer, patienceUs, headers, metadata };
    const served = new ServedCall(connection, opened, {
      onMessage: (bytes) => {
        if (!this.#isOver) this.#onMessage(this.#method.responseDeserialize(bytes as never));
      },
      onEnd: (status) => this.#finish(errorOf(status)),
    });
    this.#served = served;
    connection.send('server', () => served.open(request));
    for (const send of this.#unsent.splice(0)) send(connection, served);
  }

  send(message: unknown): void {
    const bytes = this.#method.requestSerialize(message as never);
    this.#deliver((connection, served) => connection.send('server', () => served.take(bytes)));
  }

  halfClose(): void {
    this.#deliver((connection, served) => connection.send('server', () => served.halfClose()));
  }

  /** The reader stopped reading. */
  cancel(): void {
    this.#cancel(abortError());
  }

  #deliver(send: (connection: Connection, served: ServedCall) => void): void {
    if (this.#isOver) return;
    if (this.#connection === undefined || this.#served === undefined) this.#unsent.push(send);
    else send(this.#connection, this.#served);
  }

  #cancel(error: Error): void {
    if (this.#isOver) return;
    const served = this.#served;
    this.#connection?.send('server', () => served?.cancel());
    this.#finish(error);
  }

  #finish(error: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const end of this.#endings.splice(0)) end();
    this.#onEnd(error);
  }
}

function unaryCall(
  channel: SimulatedChannel,
  method: RpcMethod,
  request: unknown,
  options: CallOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let response: unknown;
    const call = new ClientCall(channel, method, {
      message: (message) => {
        response = message;
      },
      end: (error) => (error === undefined ? resolve(response) : reject(error)),
    });
    call.start(method.requestSerialize(request as never), options, DEFAULT_TIMEOUT_MS);
  });
}

async function* streamCall(
  channel: SimulatedChannel,
  method: RpcMethod,
  request: unknown,
  options: CallOptions,
): AsyncGenerator<unknown, void, void> {
  const responses = new Messages<unknown>();
  const call = new ClientCall(channel, method, {
    message: (message) => responses.push(message),
    end: (error) => (error === undefined ? responses.end() : responses.fail(error)),
  });
  const single = method.requestStream ? undefined : method.requestSerialize(request as never);
  call.start(single, options, Number.POSITIVE_INFINITY);
  if (method.requestStream) void sendAll(call, request as AsyncIterable<unknown>);
  try {
    yield* responses;
  } finally {
    call.cancel();
  }
}

async function sendAll(call: ClientCall, requests: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const message of requests) call.send(message);
    call.halfClose();
  } catch {
    call.cancel();
  }
}

function unavailable(message: string): OperatingError {
  return new OperatingError({ code: Status.UNAVAILABLE }, message);
}

function errorOf({ code, message, details }: WireStatus): Error | undefined {
  return code === Status.OK ? undefined : parseStatusDetails(code, message, details);
}
