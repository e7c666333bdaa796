// What a handler learns about its call besides the request.

import type { CallContext } from 'nice-grpc-common';

/** Added by the server to nice-grpc's context of every call. */
export type CallExtension = {
  /** Trace id of the call, 32 hex digits; the reply carries it too. */
  readonly traceId: string;
  /** When the caller stops waiting, in milliseconds since the epoch; Infinity when never. */
  readonly deadlineMs: number;
  /**
   * Aborted when the server begins to drain: a stream sends its notice and ends; unary calls need
   * not look, they are waited for.
   */
  readonly draining: AbortSignal;
};

export type RpcContext = CallContext & CallExtension;
