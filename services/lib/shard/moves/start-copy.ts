// A copy in this process: for shards whose world is simulated, and for tests.

import { type CopyOrder, SlotCopier, type SlotCopyOptions } from './slot-copy.ts';
import type { StartCopy } from './slot-puller.ts';

/** Begins copies that take turns with everything else in this process. */
export function copyHere<C, E, A>(
  options: Pick<SlotCopyOptions<C, E, A>, 'world' | 'replica'>,
): StartCopy<C> {
  const copier = new SlotCopier<C, E, A>(options);
  return (order: CopyOrder, send) => {
    let isStopped = false;
    const copied = copier.copy({ order, send, isStopped: () => isStopped });
    const ended = copied.then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    const stop = (): void => {
      isStopped = true;
    };
    return { ended, stop };
  };
}
