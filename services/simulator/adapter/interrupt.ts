// Ctrl-C for commands that have something to put in order before they end.

/** Signals after the first that are meant; npm and its runner hand each Ctrl-C on as well. */
const FORCED_AFTER_MS = 1_000;
const EXIT_FORCED = 130;

export type Interrupt = {
  /** Aborted by the first SIGINT, SIGTERM or closed terminal. */
  readonly signal: AbortSignal;
  /** Gives the signals back to the process. */
  release(): void;
};

/** Watches for signals; one that comes well after the first ends the process at once. */
export function watchForInterrupt(): Interrupt {
  const wanted = new AbortController();
  let firstMs = 0;
  const onSignal = (): void => {
    if (!wanted.signal.aborted) {
      firstMs = performance.now();
      wanted.abort();
    } else if (performance.now() - firstMs > FORCED_AFTER_MS) {
      process.exit(EXIT_FORCED);
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: wanted.signal,
    release() {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
