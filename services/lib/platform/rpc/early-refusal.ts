// Refuses a call before its message is read (LOG-10): under overload a refusal must cost little, so
// it is given below gRPC's library, which would take the call in first. The reply has what every
// other one has: a reason, how long to wait, a trace id.

import type {
  Http2Server,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Stream,
} from 'node:http2';
import type { OperatingError } from '../errors/operating-error.ts';
import {
  encodeStatusDetails,
  STATUS_DETAILS_KEY,
  statusMessage,
} from '../errors/status-details.ts';
import type { Logger } from '../telemetry/logger.ts';
import { ObservedCall, type ObservedMethod } from './observed-call.ts';

/** Why a call of a method is not even read now; undefined when it is. */
export type Guard = (path: string) => OperatingError | undefined;

/** By this, gRPC's own retries in clients know how long to wait. */
const PUSHBACK_KEY = 'grpc-retry-pushback-ms';

/** The same error is given again and again: what is the same in every reply is made once. */
const repliesOf = new WeakMap<OperatingError, OutgoingHttpHeaders>();

const LAST_HEADERS = { endStream: true, sendDate: false };

export type GuardedCalls = {
  readonly guard: Guard;
  /** Who observes a call of this path; undefined when nobody serves it. */
  readonly methodOf: (path: string) => ObservedMethod | undefined;
  readonly logger: Logger;
};

/** Has the guard look at each call of a server before the server does. */
export function guardServer(server: Http2Server, { guard, methodOf, logger }: GuardedCalls): void {
  const listeners = server.listeners('stream');
  server.removeAllListeners('stream');
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...rest) => {
    const path = headers[':path'] ?? '';
    const refusal = guard(path);
    const method = refusal === undefined ? undefined : methodOf(path);
    if (refusal !== undefined && method !== undefined) {
      refuse(stream, new ObservedCall(method, originOf(stream, headers), logger), refusal);
      return;
    }
    for (const listener of listeners) listener.call(server, stream, headers, ...rest);
  });
}

function refuse(stream: ServerHttp2Stream, observed: ObservedCall, error: OperatingError): void {
  const reply = { ...replyOf(error) };
  observed.writeTrace({ set: (key, value) => (reply[key] = value) });
  observed.fail(error);
  // Whoever has gone away needs no reply.
  stream.on('error', () => {});
  // What the client sends all the same is taken off the connection and dropped.
  stream.resume();
  if (!stream.destroyed && !stream.closed) stream.respond(reply, LAST_HEADERS);
}

function originOf(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
  const { remoteAddress, remotePort } = stream.session?.socket ?? {};
  const metadata = { get: (key: string) => headers[key] };
  return { metadata, peer: `${remoteAddress}:${remotePort}`, deadlineMs: Infinity };
}

function replyOf(error: OperatingError): OutgoingHttpHeaders {
  let reply = repliesOf.get(error);
  if (reply === undefined) {
    const details = encodeStatusDetails(error);
    reply = {
      ':status': 200,
      'content-type': 'application/grpc+proto',
      'grpc-status': String(error.code),
      'grpc-message': encodeURI(statusMessage(error)),
      ...(details && { [STATUS_DETAILS_KEY]: Buffer.from(details).toString('base64') }),
      ...(error.retryDelayMs !== undefined && { [PUSHBACK_KEY]: String(error.retryDelayMs) }),
    };
    repliesOf.set(error, reply);
  }
  return reply;
}
