// A client of the coordinators for whoever does not follow them: a call that meets one that waits,
// or none at all, goes to the next (CRD-2).

import { ACTIVE_ADDRESS_KEY } from '../platform/cluster/coordinator-road.ts';
import { OperatingError } from '../platform/errors/operating-error.ts';
import type { RpcCallOptions } from '../platform/rpc/client.ts';
import { type AnyService, type RpcClient, rpcMethods } from '../platform/rpc/definition.ts';

/** How grpc-js words that nobody listens: then nothing was done. */
const NOBODY_LISTENS = /^No connection established/;

type Call = (request: unknown, options?: unknown) => unknown;

/**
 * A client whose unary calls find the active coordinator; streams go where the last call went.
 *
 * @param addresses at least one
 * @param open the client of one coordinator
 */
export function activeCoordinatorClient<S extends AnyService>(
  service: S,
  addresses: readonly string[],
  open: (address: string) => RpcClient<S, RpcCallOptions>,
): RpcClient<S, RpcCallOptions> {
  const known = [...addresses];
  let at = 0;
  const methodHere = (name: string) =>
    (open(known[at] as string) as unknown as Record<string, Call>)[name] as Call;

  async function callUnary(name: string, request: unknown, options: unknown): Promise<unknown> {
    let failure: unknown;
    for (let tries = 0; tries <= known.length; tries += 1) {
      try {
        return await methodHere(name)(request, options);
      } catch (error) {
        if (!isElsewhere(error)) throw error;
        // What a coordinator says is worth more than that one is not there.
        if (failure === undefined || error.reason !== undefined) failure = error;
        turn(error);
      }
    }
    throw failure;
  }

  function turn(error: OperatingError): void {
    const named = error.metadata[ACTIVE_ADDRESS_KEY];
    if (named !== undefined && !known.includes(named)) known.push(named);
    const next = (at + 1) % known.length;
    at = named === undefined || known[at] === named ? next : known.indexOf(named);
  }

  const entries = rpcMethods(service).map(([name, method]): [string, Call] => {
    const isUnary = !method.requestStream && !method.responseStream;
    const call: Call = (request, options) =>
      isUnary ? callUnary(name, request, options) : methodHere(name)(request, options);
    return [name, call];
  });
  return Object.fromEntries(entries) as unknown as RpcClient<S, RpcCallOptions>;
}

function isElsewhere(error: unknown): error is OperatingError {
  if (!(error instanceof OperatingError)) return false;
  return error.reason === 'NOT_READY' || NOBODY_LISTENS.test(error.message);
}
