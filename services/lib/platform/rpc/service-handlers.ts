// What a service is served with: one handler for each of its methods.

import type { CallExtension } from './call-context.ts';
import type { AnyService, RpcHandlers } from './definition.ts';
import type { Fanout } from './fanout.ts';

/** The handlers of a service; a server-streaming method may be a `fanout(…)` instead. */
export type Handlers<S extends AnyService> = {
  [M in keyof RpcHandlers<S, CallExtension>]:
    | RpcHandlers<S, CallExtension>[M]
    | (RpcHandlers<S, CallExtension>[M] extends (
        request: infer Request,
        ...rest: never[]
      ) => AsyncIterable<unknown>
        ? Fanout<Request>
        : never);
};
