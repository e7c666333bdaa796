// An OTLP collector for tests: takes spans over gRPC and keeps them, so that a test can look at
// the tree of a trace as Jaeger would.

import { BinaryReader } from '@bufbuild/protobuf/wire';
import { Server, ServerCredentials } from '@grpc/grpc-js';

/** A received span: the parts that tests ask for. */
export type ReceivedSpan = {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty at the root of a trace. */
  readonly parentSpanId: string;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** Strings and numbers as text. */
  readonly attributes: Readonly<Record<string, string>>;
  /** OTLP status: 0 unset, 1 OK, 2 error. */
  readonly statusCode: number;
};

export type OtlpReceiver = {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  /** All spans so far, in the order of arrival. */
  readonly spans: readonly ReceivedSpan[];
  close(): void;
};

/** Starts a collector on a free port. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  const empty = Buffer.alloc(0);
  for (const signal of ['trace', 'metrics']) {
    const service = `opentelemetry.proto.collector.${signal}.v1.${capital(signal)}Service`;
    const method = {
      path: `/${service}/Export`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (bytes: Buffer) => bytes,
      requestDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: (bytes: Buffer) => bytes,
      responseDeserialize: (bytes: Buffer) => bytes,
    } as const;
    server.addService({ Export: method }, {
      Export: (call: { request: Buffer }, answer: (error: null, value: Buffer) => void) => {
        if (signal === 'trace') spans.push(...readExport(call.request));
        answer(null, empty);
      },
    } as never);
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { endpoint: `http://127.0.0.1:${port}`, spans, close: () => server.forceShutdown() };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

type Field = { readonly number: number; readonly value: Uint8Array | number };

/** The fields of a message: lengths as bytes, varints and 32-bit values as numbers. */
function* fields(bytes: Uint8Array): Generator<Field> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === 2) yield { number, value: reader.bytes() };
    else if (wireType === 0) yield { number, value: Number(reader.int64()) };
    else if (wireType === 5) yield { number, value: reader.fixed32() };
    else reader.skip(wireType, number);
  }
}

function children(bytes: Uint8Array, number: number): Uint8Array[] {
  return [...fields(bytes)]
    .filter((field) => field.number === number && typeof field.value !== 'number')
    .map((field) => field.value as Uint8Array);
}

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('utf8');
const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');

/** The spans of an ExportTraceServiceRequest (opentelemetry/proto/trace/v1/trace.proto). */
function readExport(request: Uint8Array): ReceivedSpan[] {
  return children(request, 1).flatMap((resourceSpans) => {
    const resource = children(resourceSpans, 1)[0] ?? new Uint8Array();
    const service = readAttributes(children(resource, 1))['service.name'] ?? '';
    return children(resourceSpans, 2)
      .flatMap((scopeSpans) => children(scopeSpans, 2))
      .map((span) => readSpan(span, service));
  });
}

function readSpan(span: Uint8Array, service: string): ReceivedSpan {
  const status = [...fields(children(span, 15)[0] ?? new Uint8Array())];
  return {
    service,
    name: text(children(span, 5)[0]),
    traceId: hex(children(span, 1)[0]),
    spanId: hex(children(span, 2)[0]),
    parentSpanId: hex(children(span, 4)[0]),
    attributes: readAttributes(children(span, 9)),
    links: children(span, 13).map((link) => ({
      traceId: hex(children(link, 1)[0]),
      spanId: hex(children(link, 2)[0]),
    })),
    statusCode: Number(status.find(({ number }) => number === 3)?.value ?? 0),
  };
}

function readAttributes(pairs: Uint8Array[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const value = [...fields(children(pair, 2)[0] ?? new Uint8Array())][0]?.value ?? '';
      return [text(children(pair, 1)[0]), value instanceof Uint8Array ? text(value) : `${value}`];
    }),
  );
}
