// grpc.health.v1: says SERVING only while the work that a name stands for would succeed now.

import { ServerError, Status } from 'nice-grpc-common';
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../../../gen/grpc/health/v1/health_pb.ts';
import type { RpcContext } from './call-context.ts';
import type { RpcHandlers } from './definition.ts';

export { Health };

/** Names a server answers for; more could only be a mistake. */
const NAMES_LIMIT = 100;

/**
 * What a process knows of its own ability to work. Every name starts as not serving; the empty
 * name, the whole server, serves exactly when all others do and the board is not closed.
 */
export class HealthBoard {
  readonly #serving = new Map<string, boolean>();
  readonly #watchers = new Set<() => void>();
  #isClosed = false;

  /** Adds a name, not serving yet: a service's full name, or a part of the process's work. */
  add(name: string): void {
    if (this.#serving.has(name)) return;
    if (this.#serving.size >= NAMES_LIMIT) throw new Error(`more than ${NAMES_LIMIT} health names`);
    this.#serving.set(name, false);
    this.#notify();
  }

  /** States whether the work behind `name` would succeed now. */
  set(name: string, isServing: boolean): void {
    if (this.#serving.get(name) === isServing) return;
    this.add(name);
    this.#serving.set(name, isServing);
    this.#notify();
  }

  /** States the same of every name. */
  setAll(isServing: boolean): void {
    for (const name of this.#serving.keys()) this.set(name, isServing);
  }

  /** Nothing serves any more, for good: the process is stopping. */
  close(): void {
    this.#isClosed = true;
    this.#notify();
  }

  /** undefined: the name is unknown here. */
  isServing(name: string): boolean | undefined {
    if (name === '') {
      return !this.#isClosed && [...this.#serving.values()].every((isServing) => isServing);
    }
    const isServing = this.#serving.get(name);
    return isServing === undefined ? undefined : isServing && !this.#isClosed;
  }

  names(): string[] {
    return ['', ...this.#serving.keys()];
  }

  /** Calls `listener` after each change until the returned function is called. */
  watch(listener: () => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  #notify(): void {
    for (const listener of this.#watchers) listener();
  }
}

/** The handlers of grpc.health.v1.Health over a board. */
export function healthHandlers(
  board: HealthBoard,
): RpcHandlers<typeof Health, Pick<RpcContext, 'draining'>> {
  return {
    async check({ service }) {
      const status = statusOf(board, service);
      if (status === ServingStatus.SERVICE_UNKNOWN) {
        throw new ServerError(Status.NOT_FOUND, `unknown service ${service.slice(0, 100)}`);
      }
      return { status };
    },
    async list() {
      const statuses = board.names().map((name) => [name, { status: statusOf(board, name) }]);
      return { statuses: Object.fromEntries(statuses) };
    },
    async *watch({ service }, call) {
      let sent: ServingStatus | undefined;
      let wake: () => void = () => {};
      const wakeUp = () => wake();
      const unwatch = board.watch(wakeUp);
      call.signal.addEventListener('abort', wakeUp);
      call.draining.addEventListener('abort', wakeUp);
      try {
        while (!call.signal.aborted) {
          const changed = new Promise<void>((resolve) => {
            wake = resolve;
          });
          const status = statusOf(board, service);
          if (status !== sent) yield { status };
          sent = status;
          if (call.draining.aborted) return; // the last word, NOT_SERVING, has been said
          if (statusOf(board, service) === sent && !call.signal.aborted) await changed;
        }
      } finally {
        unwatch();
        call.draining.removeEventListener('abort', wakeUp);
      }
    },
  };
}

function statusOf(board: HealthBoard, name: string): ServingStatus {
  const isServing = board.isServing(name);
  if (isServing === undefined) return ServingStatus.SERVICE_UNKNOWN;
  return isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
}
