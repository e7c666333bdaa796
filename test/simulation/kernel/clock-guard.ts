// Makes sure that nothing in a run touches this machine's clock, timers or chance (W-1): whoever
// does gets an error, and the run keeps the first one.

const realImmediate = globalThis.setImmediate;
const RealDate = globalThis.Date;

/** Everything that follows from what has happened, short of time passing, has happened. */
export function settleMicrotasks(): Promise<void> {
  return new Promise((resolve) => {
    realImmediate(resolve);
  });
}

/** What a run may not touch, and what it should use instead. */
const FORBIDDEN: readonly (readonly [name: string, replace: (forbid: Forbid) => unknown])[] = [
  ['setTimeout', (forbid) => () => forbid('setTimeout')],
  ['setInterval', (forbid) => () => forbid('setInterval')],
  ['setImmediate', (forbid) => () => forbid('setImmediate')],
  ['performance', (forbid) => ({ now: () => forbid('performance.now') })],
  ['Date', forbiddenDate],
];

type Forbid = (what: string) => never;

export type ClockGuard = {
  /** The first thing that was touched, with where; undefined when nothing was. */
  readonly touched: () => Error | undefined;
  readonly release: () => void;
};

/** Guards until released. */
export function guardClock(): ClockGuard {
  let first: Error | undefined;
  const forbid: Forbid = (what) => {
    const error = new Error(`${what} was used in a simulated run; take it from the world (W-1)`);
    first ??= error;
    throw error;
  };
  const kept = FORBIDDEN.map(
    ([name]) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const,
  );
  const [random, any] = [Math.random, AbortSignal.any];
  AbortSignal.any = anySignal;
  for (const [name, replace] of FORBIDDEN) {
    const value = replace(forbid);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  Math.random = () => forbid('Math.random');
  return {
    touched: () => first,
    release() {
      for (const [name, descriptor] of kept) {
        if (descriptor !== undefined) Object.defineProperty(globalThis, name, descriptor);
      }
      Math.random = random;
      AbortSignal.any = any;
    },
  };
}

/**
 * Node keeps its own ones for ever that are listened to and never aborted, and with them everything
 * of a process that was killed in a run.
 */
function anySignal(signals: Iterable<AbortSignal>): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason);
    else signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true });
  }
  return controller.signal;
}

/** Dates of given times are plain arithmetic; only the present one is forbidden. */
function forbiddenDate(forbid: Forbid): unknown {
  return new Proxy(RealDate, {
    construct(target, parts: unknown[]) {
      if (parts.length === 0) forbid('new Date');
      return Reflect.construct(target, parts) as object;
    },
    get(target, key) {
      if (key === 'now') return () => forbid('Date.now');
      return Reflect.get(target, key) as unknown;
    },
  });
}
