// Clients of generated services: a deadline on every unary call (connecting included), the active
// trace carried on, and failures as the OperatingError that the server threw.

import { Client, Metadata as GrpcMetadata, type ServiceError } from '@grpc/grpc-js';
import { context, type Span, SpanKind, trace } from '@opentelemetry/api';
import {
  type CallOptions,
  ClientError,
  type ClientMiddlewareCall,
  createClientFactory,
  Metadata,
} from 'nice-grpc';
import { Status } from 'nice-grpc-common';
import type { RawFields } from '../codec/message-reader.ts';
import { OperatingError } from '../errors/operating-error.ts';
import { parseStatusDetails, STATUS_DETAILS_KEY } from '../errors/status-details.ts';
import { addToMetric, recordMetric } from '../telemetry/metrics.ts';
import { METRICS } from '../telemetry/names.ts';
import { failSpan, startSpan } from '../telemetry/spans.ts';
import { formatTraceparent, TRACE_FORCE_KEY, TRACEPARENT_KEY } from '../telemetry/trace-context.ts';
import { forceTrace } from '../telemetry/tracing.ts';
import { otherRpcTransport, type RpcChannel } from './channel.ts';
import {
  type AnyService,
  type RpcClient,
  type RpcMethod,
  rpcMethods,
  withRawAnswers,
} from './definition.ts';
import { DEFAULT_TIMEOUT_MS } from './limits.ts';
import { attributesOfCode, GRPC, type ObservedMethod, observedMethod } from './observed-call.ts';

export type RpcCallOptions = {
  /** How long this call may take; the client's own when absent. Streams: only when given. */
  readonly timeoutMs?: number;
  /** A moment it must not outlast, such as the deadline of the call being served. */
  readonly deadlineMs?: number;
  /** Wait for a connection until the deadline instead of failing when there is none. */
  readonly waitForReady?: boolean;
};

export type RpcClientOptions = {
  /** How long a unary call may take; DEFAULT_TIMEOUT_MS when absent. */
  readonly timeoutMs?: number;
  /** By method: fields of answers that are left as their bytes where that is possible. */
  readonly raw?: Readonly<Record<string, RawFields>>;
};

type AllOptions = CallOptions & RpcCallOptions;

/** A client of `service` over `channel`; every method takes `RpcCallOptions` as well. */
export function createRpcClient<S extends AnyService>(
  service: S,
  channel: RpcChannel,
  options: RpcClientOptions = {},
): RpcClient<S, RpcCallOptions> {
  const other = otherRpcTransport()?.createClient(service, channel);
  if (other !== undefined) return other as RpcClient<S, RpcCallOptions>;
  const methods = rpcMethods(service).map((entry) => {
    const raw = options.raw?.[entry[0]];
    return raw === undefined ? entry : withRawAnswers(service, entry, raw);
  });
  const streams = createClientFactory()
    .use(streamMiddleware)
    .create(Object.fromEntries(methods), channel) as Record<string, unknown>;
  const client = new Client(channel.getTarget(), null as never, { channelOverride: channel });
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const entries = methods.map(([name, method]) => {
    const isUnary = !method.requestStream && !method.responseStream;
    return [name, isUnary ? unaryMethod(client, method, timeoutMs) : streams[name]];
  });
  return Object.fromEntries(entries) as RpcClient<S, RpcCallOptions>;
}

function unaryMethod(client: Client, method: RpcMethod, defaultTimeoutMs: number) {
  const observed = observedMethod(method);
  const serialize = (value: unknown) => bufferOf(method.requestSerialize(value));
  const deserialize = (bytes: Buffer) => method.responseDeserialize(bytes);
  return (request: unknown, options: AllOptions = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const observation = new ClientCall(observed, options.metadata);
      const metadata = grpcMetadata(options, observation.traceparent);
      const deadline = deadlineOf(options, defaultTimeoutMs);
      const { signal, onHeader, onTrailer } = options;
      const finished = (error: ServiceError | null, response?: unknown): void => {
        signal?.removeEventListener('abort', cancel);
        if (error === null) {
          observation.end(Status.OK);
          resolve(response);
        } else {
          reject(observation.fail(errorOfStatus(error.code, error.details, error.metadata, error)));
        }
      };
      const call = client.makeUnaryRequest(
        method.path,
        serialize,
        deserialize,
        request,
        metadata,
        { deadline },
        finished as never,
      );
      const cancel = () => call.cancel();
      if (signal?.aborted === true) call.cancel();
      else signal?.addEventListener('abort', cancel);
      if (onHeader !== undefined) call.on('metadata', (header) => onHeader(niceMetadata(header)));
      if (onTrailer !== undefined) {
        call.on('status', (status) => onTrailer(niceMetadata(status.metadata)));
      }
    });
}

/** Streams go through nice-grpc, which turns them into iterables. */
async function* streamMiddleware<Request, Response>(
  call: ClientMiddlewareCall<Request, Response, object>,
  options: AllOptions,
): AsyncGenerator<Response, Response | undefined, undefined> {
  const metadata = options.metadata ?? Metadata();
  const observation = new ClientCall(observedMethod(call.method as RpcMethod), metadata);
  if (observation.traceparent !== '') metadata.set(TRACEPARENT_KEY, observation.traceparent);
  const deadline = deadlineOf(options, Number.POSITIVE_INFINITY);
  if (deadline !== Number.POSITIVE_INFINITY) {
    metadata.set('grpc-timeout', `${Math.max(1, Math.ceil(deadline - Date.now()))}m`);
  }
  let trailer: Metadata | undefined;
  const onTrailer = (received: Metadata) => {
    trailer = received;
    options.onTrailer?.(received);
  };
  let code = Status.CANCELLED; // unless it ends otherwise, the reader stopped reading
  try {
    const passed = { ...options, metadata, onTrailer };
    const messages = call.next(call.request, passed) as AsyncGenerator<Response, Response>;
    const result = yield* messages;
    code = Status.OK;
    return result;
  } catch (error) {
    const failure =
      error instanceof ClientError
        ? errorOfStatus(error.code, error.details, trailer, error)
        : error;
    if (failure instanceof OperatingError) code = failure.code;
    throw failure;
  } finally {
    observation.end(code);
  }
}

/** The span and the metrics of one call that this process makes. */
class ClientCall {
  readonly traceparent: string;
  readonly #method: ObservedMethod;
  readonly #span: Span | undefined;
  readonly #startMs = performance.now();

  constructor(method: ObservedMethod, metadata: Metadata | undefined) {
    this.#method = method;
    const given = metadata?.get(TRACEPARENT_KEY);
    const active = trace.getActiveSpan();
    if (given !== undefined) {
      this.traceparent = given; // the caller speaks for someone else's trace
    } else if (metadata?.get(TRACE_FORCE_KEY) === '1') {
      const parent = forceTrace(context.active());
      this.#span = startSpan(method.spanName, { kind: SpanKind.CLIENT, parent });
      this.traceparent = formatTraceparent(this.#span.spanContext());
    } else {
      // Inside a trace that nobody records a span of our own would tell nobody anything.
      const isIdle = active !== undefined && !active.isRecording();
      this.#span = isIdle ? undefined : startSpan(method.spanName, { kind: SpanKind.CLIENT });
      this.traceparent = formatTraceparent((this.#span ?? active)?.spanContext());
    }
  }

  end(code: Status): void {
    const attributes = attributesOfCode(this.#method, code);
    addToMetric(METRICS.rpcClientRequests, 1, attributes);
    if (!this.#method.isStream) {
      recordMetric(
        METRICS.rpcClientDuration,
        (performance.now() - this.#startMs) / 1e3,
        attributes,
      );
    }
    if (this.#span?.isRecording() !== true) return;
    this.#span.setAttributes({ ...GRPC, ...attributes });
    this.#span.end();
  }

  fail(error: OperatingError): OperatingError {
    if (this.#span !== undefined) failSpan(this.#span, error);
    this.end(error.code);
    return error;
  }
}

/** Runs `work` outside of any trace: for loops that outlive the call that started them. */
export function outsideOfTrace<Result>(work: () => Result): Result {
  return context.with(trace.deleteSpan(context.active()), work);
}

function errorOfStatus(
  code: Status,
  details: string,
  trailer: { get(key: string): unknown } | undefined,
  cause: unknown,
): OperatingError {
  const found = trailer?.get(STATUS_DETAILS_KEY);
  const bytes: unknown = Array.isArray(found) ? found[0] : found;
  return parseStatusDetails(code, details, bytes instanceof Uint8Array ? bytes : undefined, cause);
}

function deadlineOf({ timeoutMs, deadlineMs }: RpcCallOptions, defaultTimeoutMs: number): number {
  return Math.min(Date.now() + (timeoutMs ?? defaultTimeoutMs), deadlineMs ?? Infinity);
}

function grpcMetadata(options: AllOptions, traceparent: string): GrpcMetadata {
  const metadata = new GrpcMetadata(options.waitForReady === true ? { waitForReady: true } : {});
  for (const [key, values] of options.metadata ?? []) {
    for (const value of values) {
      metadata.add(key, typeof value === 'string' ? value : Buffer.from(value));
    }
  }
  if (traceparent !== '') metadata.set(TRACEPARENT_KEY, traceparent);
  return metadata;
}

function niceMetadata(received: GrpcMetadata): Metadata {
  const metadata = Metadata();
  for (const key of Object.keys(received.getMap())) metadata.set(key, received.get(key) as never);
  return metadata;
}

/** The same memory as a Buffer, without a copy. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
