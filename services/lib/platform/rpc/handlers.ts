// Wraps a service's handlers: the one layer between nice-grpc and the business. Plain functions
// instead of generator middleware, so that an unary call pays for one wrapper and no more.

import { context } from '@opentelemetry/api';
import type { CallContext } from 'nice-grpc-common';
import { OperatingError } from '../errors/operating-error.ts';
import { passStep } from '../steps.ts';
import type { Logger } from '../telemetry/logger.ts';
import { bindIterable } from '../telemetry/spans.ts';
import type { RpcContext } from './call-context.ts';
import { MalformedMessage, type RpcMethod } from './definition.ts';
import {
  type CallOrigin,
  ObservedCall,
  type ObservedMethod,
  observedMethod,
  toServerError,
} from './observed-call.ts';

type UnaryHandler = (request: unknown, call: RpcContext) => Promise<unknown>;
type StreamHandler = (request: unknown, call: RpcContext) => AsyncIterable<unknown>;
type Wrapped = (request: unknown, call: CallContext) => unknown;

/** Internal metadata key under which the server's interceptor hands the deadline on. */
export const DEADLINE_KEY = 'x-bourse-internal-deadline';

export type HandlerSurroundings = {
  readonly logger: Logger;
  readonly draining: AbortSignal;
};

/** The handler that nice-grpc calls instead of `handler`. */
export function wrapHandler(
  method: RpcMethod,
  handler: UnaryHandler | StreamHandler,
  around: HandlerSurroundings,
): Wrapped {
  const observed = observedMethod(method);
  return method.responseStream
    ? wrapStream(observed, handler as StreamHandler, around)
    : wrapUnary(observed, handler as UnaryHandler, around);
}

function wrapUnary(
  method: ObservedMethod,
  handler: UnaryHandler,
  around: HandlerSurroundings,
): Wrapped {
  return async (request, call) => {
    const observed = new ObservedCall(method, originOf(call), around.logger);
    observed.writeTrace(call.trailer);
    try {
      const read = readRequest(request);
      passStep('read', method.spanName);
      const extended = observed.extend(call, around.draining);
      const response = await context.with(observed.otel, handler, undefined, read, extended);
      observed.end();
      passStep('replied', method.spanName);
      return response;
    } catch (thrown) {
      throw toServerError(observed.fail(thrown), call.trailer);
    }
  };
}

function wrapStream(
  method: ObservedMethod,
  handler: StreamHandler,
  around: HandlerSurroundings,
): Wrapped {
  return (request, call) => {
    const observed = new ObservedCall(method, originOf(call), around.logger);
    observed.writeTrace(call.header);
    observed.writeTrace(call.trailer);
    call.sendHeader();
    const extended = observed.extend(call, around.draining);
    const source = {
      [Symbol.asyncIterator]: () => handler(readRequest(request), extended)[Symbol.asyncIterator](),
    };
    return observeIterable(observed, source, call);
  };
}

/**
 * Passes every step on in the call's context and tells `observed` how the stream ended. By hand
 * rather than as a generator: a message then costs one promise less.
 */
function observeIterable(
  observed: ObservedCall,
  source: AsyncIterable<unknown, void>,
  call: CallContext,
): AsyncIterable<unknown, void> {
  let isOver = false;
  const over = (finish: () => void) => {
    if (isOver) return;
    isOver = true;
    finish();
  };
  const guard = async (step: Promise<IteratorResult<unknown, void>>) => {
    try {
      const result = await step;
      if (result.done === true) {
        over(() => (call.signal.aborted ? observed.cancel() : observed.end()));
      }
      return result;
    } catch (thrown) {
      let failure: unknown = thrown;
      over(() => {
        failure = toServerError(observed.fail(thrown), call.trailer);
      });
      throw failure;
    }
  };
  const steps = openSteps(observed, source);
  const iterator: AsyncIterator<unknown, void> = {
    next: () => guard(steps.next()),
    // The caller went away between two messages.
    return: () => {
      over(() => observed.cancel());
      return guard(steps.return?.() ?? Promise.resolve({ done: true, value: undefined }));
    },
    throw: (error) => guard(steps.throw?.(error) ?? Promise.reject(error)),
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** The steps of a handler, which may throw before it has any. */
function openSteps(
  observed: ObservedCall,
  source: AsyncIterable<unknown, void>,
): AsyncIterator<unknown, void> {
  try {
    return bindIterable(observed.otel, source);
  } catch (thrown) {
    return { next: () => Promise.reject(thrown) };
  }
}

function originOf({ metadata, peer }: CallContext): CallOrigin {
  return { metadata, peer, deadlineMs: Number(metadata.get(DEADLINE_KEY) ?? Infinity) };
}

/** The request, or each of a request stream, unless its bytes were no message. */
function readRequest(request: unknown): unknown {
  if (request instanceof MalformedMessage) throw malformed(request);
  if (!isAsyncIterable(request)) return request;
  const { [Symbol.asyncIterator]: open } = request;
  return {
    async *[Symbol.asyncIterator]() {
      for await (const message of { [Symbol.asyncIterator]: open.bind(request) }) {
        if (message instanceof MalformedMessage) throw malformed(message);
        yield message;
      }
    },
  };
}

function malformed({ cause }: MalformedMessage): OperatingError {
  const message = 'The bytes are not the message that the method takes, or nest too deep.';
  return new OperatingError('MESSAGE_MALFORMED', message, { cause });
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
