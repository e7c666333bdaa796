// Ctrl-C, as people and programs send it.

import { onParentGone } from '../../lib/platform/lifecycle/parent-pipe.ts';

/**
 * npm hands a terminal's Ctrl-C on to us, which has sent it to us already: what arrives within this
 * time of the first is the same one.
 */
const SAME_PRESS_MS = 1_000;
const FORCED_BY = 3;

export type StopWish = {
  /** Aborted by the first signal. */
  readonly wanted: AbortSignal;
  /** Aborted when the person insists: by the third signal, apart from repeats of the first. */
  readonly forced: AbortSignal;
};

/** Watches for SIGINT, SIGTERM, a closed terminal, and the end of a program that started us. */
export function watchForStop(): StopWish {
  const wanted = new AbortController();
  const forced = new AbortController();
  let count = 0;
  let firstMs = 0;
  const onSignal = () => {
    count += 1;
    if (count === 1) firstMs = performance.now();
    wanted.abort();
    if (count >= FORCED_BY && performance.now() - firstMs > SAME_PRESS_MS) forced.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  onParentGone(() => wanted.abort());
  return { wanted: wanted.signal, forced: forced.signal };
}
