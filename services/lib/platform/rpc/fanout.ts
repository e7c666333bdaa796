// Server streams where one encoded message goes to many subscribers. nice-grpc would await and
// queue every message per subscriber; here a subscriber is a place to write bytes to, which says
// how much of them is still waiting, so that the owner can merge or end slow ones.

import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { Metadata } from '@grpc/grpc-js';
import { Status } from 'nice-grpc-common';
import { OperatingError } from '../errors/operating-error.ts';
import {
  encodeStatusDetails,
  STATUS_DETAILS_KEY,
  statusMessage,
} from '../errors/status-details.ts';
import type { RpcContext } from './call-context.ts';
import { MalformedMessage } from './definition.ts';
import type { HandlerSurroundings } from './handlers.ts';
import { ObservedCall, type ObservedMethod } from './observed-call.ts';

/** One open stream of a fan-out method. */
export type Subscriber = Pick<RpcContext, 'traceId' | 'deadlineMs' | 'draining'> & {
  readonly peer: string;
  /** Aborted once the stream is over, whoever ended it. */
  readonly signal: AbortSignal;
  /** A header of the request; undefined when absent. */
  header(key: string): string | undefined;
  /** Bytes written that the connection has not taken yet. */
  readonly bufferedBytes: number;
  /** Sends one message, encoded by `toBinary`. Never blocks; ignored once the stream is over. */
  write(message: Uint8Array): void;
  /** Called whenever `bufferedBytes` has fallen to zero; replaces the one before. */
  onDrained(listener: () => void): void;
  /** Ends the stream after what was written: with OK, or with the error. */
  end(error?: OperatingError): void;
};

/** Serves a stream: takes the subscriber in and returns; throwing ends the stream. */
export type FanoutHandler<Request> = (request: Request, subscriber: Subscriber) => void;

const FANOUT = Symbol('fanout');

/** A handler to give `RpcServer.add` in place of an async generator. */
export type Fanout<Request> = { readonly [FANOUT]: FanoutHandler<Request> };

export function fanout<Request>(handler: FanoutHandler<Request>): Fanout<Request> {
  return { [FANOUT]: handler };
}

/** The handler inside, when `value` was made by `fanout`. */
export function findFanout(value: unknown): FanoutHandler<unknown> | undefined {
  if (typeof value !== 'object' || value === null || !(FANOUT in value)) return undefined;
  return (value as Fanout<unknown>)[FANOUT];
}

type CallListener = Parameters<ServerInterceptingCallInterface['start']>[0];

/** Serves one call of a fan-out method below nice-grpc, which never hears of it. */
export function serveFanout(
  call: ServerInterceptingCallInterface,
  method: ObservedMethod,
  handler: FanoutHandler<unknown>,
  around: HandlerSurroundings,
): void {
  let request: unknown;
  let stream: FanoutStream | undefined;
  let metadata = new Metadata();
  const listener: CallListener = {
    onReceiveMetadata(received) {
      metadata = received;
      call.startRead();
    },
    onReceiveMessage(message) {
      request = message;
      call.startRead();
    },
    onReceiveHalfClose() {
      stream = new FanoutStream(call, method, metadata, around);
      stream.open(request, handler);
    },
    onCancel() {
      stream?.close();
    },
  };
  call.start(listener);
}

class FanoutStream implements Subscriber {
  readonly peer: string;
  readonly traceId: string;
  readonly deadlineMs: number;
  readonly draining: AbortSignal;
  readonly #abort = new AbortController();
  readonly #call: ServerInterceptingCallInterface;
  readonly #observed: ObservedCall;
  readonly #metadata: Metadata;
  #drained: () => void = () => {};
  #bufferedBytes = 0;

  constructor(
    call: ServerInterceptingCallInterface,
    method: ObservedMethod,
    metadata: Metadata,
    around: HandlerSurroundings,
  ) {
    this.#call = call;
    this.#metadata = metadata;
    this.peer = call.getPeer();
    const deadlineMs = Number(call.getDeadline());
    const origin = { metadata, peer: this.peer, deadlineMs };
    this.#observed = new ObservedCall(method, origin, around.logger);
    this.traceId = this.#observed.traceId;
    this.deadlineMs = this.#observed.deadlineMs;
    this.draining = around.draining;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  header(key: string): string | undefined {
    const value = this.#metadata.get(key)[0];
    return typeof value === 'string' ? value : undefined;
  }

  open(request: unknown, handler: FanoutHandler<unknown>): void {
    const headers = new Metadata();
    this.#observed.writeTrace(headers);
    this.#call.sendMetadata(headers);
    try {
      if (request === undefined || request instanceof MalformedMessage) {
        throw new OperatingError(
          'MESSAGE_MALFORMED',
          'The request is not the message it should be.',
        );
      }
      handler(request, this);
    } catch (thrown) {
      this.#finish(this.#observed.fail(thrown));
    }
  }

  write(message: Uint8Array): void {
    if (this.signal.aborted) return;
    const bytes = message.byteLength;
    this.#bufferedBytes += bytes;
    this.#call.sendMessage(message, () => {
      this.#bufferedBytes -= bytes;
      if (this.#bufferedBytes === 0 && !this.signal.aborted) this.#drained();
    });
  }

  onDrained(listener: () => void): void {
    this.#drained = listener;
  }

  end(error?: OperatingError): void {
    if (this.signal.aborted) return;
    if (error === undefined) this.#observed.end();
    this.#finish(error === undefined ? undefined : this.#observed.fail(error));
  }

  /** The caller went away, its deadline passed, or everything has been sent. */
  close(): void {
    if (this.signal.aborted) return;
    this.#observed.cancel();
    this.#abort.abort();
  }

  #finish(error: OperatingError | undefined): void {
    this.#abort.abort();
    const metadata = new Metadata();
    this.#observed.writeTrace(metadata);
    const details = error === undefined ? undefined : encodeStatusDetails(error);
    if (details !== undefined) metadata.set(STATUS_DETAILS_KEY, Buffer.from(details));
    const code = error?.code ?? Status.OK;
    const message = error === undefined ? 'OK' : statusMessage(error);
    this.#call.sendStatus({ code, details: message, metadata });
  }
}
