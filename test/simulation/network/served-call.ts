// The server's side of one simulated call: runs the real handler with what nice-grpc and the
// server's wrapper would have given it.

import { Metadata } from 'nice-grpc';
import { Status } from 'nice-grpc-common';
import type { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import {
  encodeStatusDetails,
  statusMessage,
} from '../../../services/lib/platform/errors/status-details.ts';
import type { RpcContext } from '../../../services/lib/platform/rpc/call-context.ts';
import type { RpcMethod } from '../../../services/lib/platform/rpc/definition.ts';
import { toOperatingError } from '../../../services/lib/platform/rpc/error-mapping.ts';
import { findFanout, type Subscriber } from '../../../services/lib/platform/rpc/fanout.ts';
import type { SimulatedProcess } from '../kernel/process.ts';
import { Messages } from './messages.ts';
import type { Connection } from './network.ts';

/** How a call ended, as it travels. */
export type WireStatus = {
  readonly code: Status;
  readonly message: string;
  readonly details: Uint8Array | undefined;
};

/** What the server tells the client. */
export type CallEvents = {
  readonly onMessage: (bytes: Uint8Array) => void;
  readonly onEnd: (status: WireStatus) => void;
};

export type OpenedCall = {
  readonly method: RpcMethod;
  readonly peer: string;
  /** Microseconds that the caller waits; Infinity when for ever. */
  readonly patienceUs: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly metadata: Metadata;
};

const OK: WireStatus = { code: Status.OK, message: '', details: undefined };

/** Lives in the server's process; its methods are called when a message of the client arrives. */
export class ServedCall {
  readonly #server: SimulatedProcess;
  readonly #connection: Connection;
  readonly #opened: OpenedCall;
  readonly #events: CallEvents;
  readonly #abort = new AbortController();
  readonly #requests = new Messages<unknown>();
  readonly #forgetBreak: () => void;
  #isOver = false;
  /** The shard that the call is about, as its first message says, and its end at that time. */
  #shardId = '';
  #durableAtQuestion = 0;

  constructor(connection: Connection, opened: OpenedCall, events: CallEvents) {
    this.#connection = connection;
    this.#server = connection.server;
    this.#opened = opened;
    this.#events = events;
    this.#forgetBreak = connection.onBreak(this.#server, () => this.cancel());
  }

  /** Begins to serve; a call with one request has it already. */
  open(request: Uint8Array | undefined): void {
    const { method } = this.#opened;
    const handler = this.#server.served.get(method.path);
    if (handler === undefined) {
      const message = `${this.#server.name} does not serve ${method.path}`;
      this.#end({ code: Status.UNIMPLEMENTED, message, details: undefined });
      return;
    }
    const value = request === undefined ? undefined : method.requestDeserialize(request as never);
    this.#noteShard(value);
    const fanout = findFanout(handler);
    if (fanout !== undefined) this.#subscribe(() => fanout(value, this.#subscriber()));
    else if (method.responseStream) void this.#serveStream(handler as never, value);
    else void this.#serveUnary(handler as never, value);
  }

  take(bytes: Uint8Array): void {
    const request = this.#opened.method.requestDeserialize(bytes as never);
    if (this.#shardId === '') this.#noteShard(request);
    this.#requests.push(request);
  }

  #noteShard(request: unknown): void {
    const { shardId } = (request ?? {}) as { readonly shardId?: string };
    if (shardId === undefined || shardId === '') return;
    this.#shardId = shardId;
    this.#durableAtQuestion = this.#server.world.mesh.entriesOf(shardId).length;
  }

  halfClose(): void {
    this.#requests.end();
  }

  /** The client has gone, or nobody knows where it is. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#forgetBreak();
    this.#abort.abort();
    this.#requests.fail(abortError());
  }

  async #serveUnary(
    handler: (request: unknown, call: RpcContext) => Promise<unknown>,
    request: unknown,
  ): Promise<void> {
    try {
      this.#write(await handler(request, this.#context()));
      this.#end(OK);
    } catch (error) {
      this.#end(statusOf(error));
    }
  }

  async #serveStream(
    handler: (request: unknown, call: RpcContext) => AsyncIterable<unknown>,
    request: unknown,
  ): Promise<void> {
    try {
      const input = this.#opened.method.requestStream ? this.#requests : request;
      for await (const response of handler(input, this.#context())) {
        if (this.#isOver) return;
        this.#write(response);
      }
      this.#end(OK);
    } catch (error) {
      this.#end(statusOf(error));
    }
  }

  #subscribe(serve: () => void): void {
    try {
      serve();
    } catch (error) {
      this.#end(statusOf(error));
    }
  }

  #subscriber(): Subscriber {
    const { peer, headers } = this.#opened;
    const { deadlineMs } = this.#context();
    return {
      peer,
      traceId: '',
      deadlineMs,
      draining: this.#server.draining,
      signal: this.#abort.signal,
      bufferedBytes: 0,
      header: (key) => headers.get(key),
      write: (message) => this.#write(message),
      onDrained: () => {},
      end: (error) => {
        this.#end(error === undefined ? OK : statusOf(error));
        this.#abort.abort();
      },
    };
  }

  #write(response: unknown): void {
    if (this.#isOver) return;
    const bytes = this.#opened.method.responseSerialize(response as never);
    this.#server.onAnswer?.({
      ...{ process: this.#server.name, path: this.#opened.method.path, bytes },
      ...{ shardId: this.#shardId, durableAtQuestion: this.#durableAtQuestion },
    });
    this.#connection.send('client', () => this.#events.onMessage(bytes));
  }

  #end(status: WireStatus): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#forgetBreak();
    this.#connection.send('client', () => this.#events.onEnd(status));
  }

  #context(): RpcContext {
    const { peer, patienceUs, metadata } = this.#opened;
    const nowMs = this.#server.world.wallClockUs() / 1000;
    return {
      metadata,
      peer,
      header: Metadata(),
      trailer: Metadata(),
      sendHeader() {},
      signal: this.#abort.signal,
      traceId: '',
      deadlineMs: nowMs + patienceUs / 1000,
      draining: this.#server.draining,
    };
  }
}

function statusOf(thrown: unknown): WireStatus {
  const error = toOperatingError(thrown, '');
  if (error.reason === 'INTERNAL') reportFault(error);
  return { code: error.code, message: statusMessage(error), details: encodeStatusDetails(error) };
}

/** A handler's fault is a finding of its own; the run looks here after every step. */
export const faults: unknown[] = [];

function reportFault(error: OperatingError): void {
  faults.push(error.cause ?? error);
}

export function abortError(): Error {
  const error = new Error('The operation has been aborted');
  error.name = 'AbortError';
  return error;
}
