// The gRPC server of every process: handlers of generated services, health, reflection, limits,
// and a drain that loses nothing.

import type { FileDescriptorSet } from '@bufbuild/protobuf/wkt';
import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { createServer, type Server } from 'nice-grpc';
import { StartError } from '../config/start-error.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type AnyService, methodFor, type RpcMethod, rpcMethods } from './definition.ts';
import { type Guard, guardServer } from './early-refusal.ts';
import { type FanoutHandler, findFanout, serveFanout } from './fanout.ts';
import { DEADLINE_KEY, type HandlerSurroundings, wrapHandler } from './handlers.ts';
import { Health, HealthBoard, healthHandlers } from './health.ts';
import { MESSAGE_BYTES_LIMIT } from './limits.ts';
import { whileListening } from './listening.ts';
import { type ObservedMethod, observedMethod } from './observed-call.ts';
import { OwnReplies } from './own-replies.ts';
import { addReflection } from './reflection.ts';
import type { Handlers } from './service-handlers.ts';

export type { Handlers } from './service-handlers.ts';

/** Calls in flight on one connection; a client opens another one beyond it. */
const STREAMS_PER_CONNECTION_LIMIT = 10_000;
const KEEPALIVE_INTERVAL_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
/** Clients may ping this often, calls or none, without being told to go away. */
const CLIENT_PING_INTERVAL_MS = 5_000;

const SERVER_OPTIONS = {
  'grpc.max_receive_message_length': MESSAGE_BYTES_LIMIT,
  'grpc.max_send_message_length': MESSAGE_BYTES_LIMIT,
  'grpc.max_concurrent_streams': STREAMS_PER_CONNECTION_LIMIT,
  'grpc.keepalive_time_ms': KEEPALIVE_INTERVAL_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  'grpc.http2.min_ping_interval_without_data_ms': CLIENT_PING_INTERVAL_MS,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.enable_channelz': 0,
};

export type RpcServerOptions = {
  readonly logger: Logger;
  /** Descriptors with source info, so that reflection shows comments and options. */
  readonly descriptors: FileDescriptorSet;
};

export type RpcServer = {
  /** What the process says of itself; every added service's name is on it, not serving yet. */
  readonly health: HealthBoard;
  /** Adds a service; before `listen` only. */
  add<S extends AnyService>(service: S, handlers: Handlers<S>): void;
  /** Has a guard look at each call before it is read; instead of the one before. */
  guardBy(guard: Guard): void;
  /**
   * Binds `host:port` (port 0: any free one) and answers the port.
   *
   * @throws StartError when the port is in use or may not be opened.
   */
  listen(port: number, host?: string): Promise<number>;
  /**
   * Stops in order: health says NOT_SERVING, streams are told (`draining`), no new connections,
   * what runs is waited for until `deadlineMs` from now, then cut. Answers whether all finished.
   */
  drain(deadlineMs: number): Promise<boolean>;
};

/** Creates a server with health and reflection, which become visible themselves. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const draining = new AbortController();
  const around: HandlerSurroundings = { logger: options.logger, draining: draining.signal };
  const methods = new Map<string, ServedMethod>();
  let guard: Guard = () => undefined;
  const interceptors = [createInterceptor(methods, around)];
  const server = createServer({ ...SERVER_OPTIONS, interceptors } as never);
  const health = new HealthBoard();
  const services: AnyService[] = [];

  const add = <S extends AnyService>(service: S, handlers: Handlers<S>): void => {
    services.push(service);
    addService(server, service, handlers, { around, methods });
  };
  add(Health, healthHandlers(health));
  addReflection(services, options.descriptors, add);

  return {
    health,
    add(service, handlers) {
      add(service, handlers);
      health.add((service as unknown as { typeName: string }).typeName);
    },
    guardBy(own) {
      guard = own;
    },
    listen: (port, host = '127.0.0.1') =>
      whileListening(
        () => listen(server, host, port),
        (opened) =>
          guardServer(opened, {
            guard: (path) => guard(path),
            methodOf: (path) => methods.get(path)?.method,
            logger: options.logger,
          }),
      ),
    async drain(deadlineMs) {
      health.close();
      draining.abort();
      return await shutDown(server, deadlineMs);
    },
  };
}

type ServedMethod = {
  readonly method: ObservedMethod;
  /** Of a method that is served below nice-grpc. */
  readonly fanout: FanoutHandler<unknown> | undefined;
};

type Registration = {
  readonly around: HandlerSurroundings;
  /** By path. */
  readonly methods: Map<string, ServedMethod>;
};

function addService(
  server: Server,
  service: AnyService,
  handlers: object,
  { around, methods }: Registration,
): void {
  const definition: Record<string, RpcMethod> = {};
  const implementation: Record<string, unknown> = {};
  for (const [name, method] of rpcMethods(service)) {
    const handler = (handlers as Record<string, unknown>)[name];
    const fanout = findFanout(handler);
    methods.set(method.path, { method: observedMethod(method), fanout });
    definition[name] = methodFor(service, [name, method], handler);
    if (fanout === undefined) {
      implementation[name] = wrapHandler(
        method,
        (handler as never as () => never).bind(handlers),
        around,
      );
    } else {
      implementation[name] = servedByInterceptor;
    }
  }
  server.add(definition, implementation as never);
}

function servedByInterceptor(): never {
  throw new Error('a fan-out method is served before nice-grpc sees the call');
}

/** Below nice-grpc, which knows neither deadlines nor fan-out. */
function createInterceptor(
  methods: ReadonlyMap<string, ServedMethod>,
  around: HandlerSurroundings,
): ServerInterceptor {
  return (definition, call) => {
    const served = methods.get(definition.path);
    if (served === undefined) throw new Error(`nobody has added ${definition.path}`);
    const { method, fanout } = served;
    const replies = new OwnReplies(call, method, around.logger);
    if (fanout === undefined) return passDeadline(call, replies);
    return new ServerInterceptingCall(call, {
      start: () => serveFanout(call, method, fanout, around),
    });
  };
}

function passDeadline(
  call: ServerInterceptingCallInterface,
  replies: OwnReplies,
): ServerInterceptingCall {
  return new ServerInterceptingCall(call, {
    start(next) {
      next({
        onReceiveMetadata(metadata, pass) {
          replies.metadata = metadata;
          const deadlineMs = Number(call.getDeadline());
          metadata.remove(DEADLINE_KEY); // a caller's own must not be believed
          if (deadlineMs !== Infinity) metadata.set(DEADLINE_KEY, String(deadlineMs));
          pass(metadata);
        },
      });
    },
  });
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  try {
    return await server.listen(`${host.includes(':') ? `[${host}]` : host}:${port}`);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const why = text.includes('EADDRINUSE') ? 'it is in use' : text;
    throw new StartError(`The port ${host}:${port} cannot be opened: ${why}.`);
  }
}

async function shutDown(server: Server, deadlineMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), deadlineMs);
  });
  const finished = server.shutdown().then(() => true as const);
  const isFinished = await Promise.race([finished, late]);
  clearTimeout(timer);
  if (!isFinished) {
    server.forceShutdown();
    await finished.catch(() => {});
  }
  return isFinished;
}
