// Lets a reader wait until a book has reached a sequence it knows of, such as that of its order.

import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { FeedEntry, FeedListener } from './feeds.ts';

const MAXIMUM_WAIT_MS = 2_000;

/** @throws OperatingError SEQUENCE_NOT_REACHED after 2 s, or before the caller's deadline. */
export async function waitForSequence(
  entry: FeedEntry,
  sequence: number,
  call: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<void> {
  if (entry.feed.sequence >= sequence) return;
  // What is left is for the answer to get back in time.
  const { world } = entry;
  const leftMs = call.deadlineMs - world.wallClockUs() / 1_000;
  const waitMs = Math.min(MAXIMUM_WAIT_MS, Math.max(0, leftMs * 0.8));
  const isReached = await new Promise<boolean>((resolve) => {
    const finish = (reached: boolean): void => {
      timer.cancel();
      entry.listeners.delete(listener);
      call.signal.removeEventListener('abort', abort);
      resolve(reached);
    };
    const listener: FeedListener = {
      onBatch: () => {
        if (entry.feed.sequence >= sequence) finish(true);
      },
    };
    const abort = (): void => finish(false);
    const timer = world.setTimer(waitMs, abort);
    entry.listeners.add(listener);
    call.signal.addEventListener('abort', abort);
  });
  if (isReached) return;
  throw new OperatingError(
    'SEQUENCE_NOT_REACHED',
    `The book is at ${entry.feed.sequence} and has not reached ${sequence} in time.`,
    { metadata: { sequence: String(entry.feed.sequence), minimum_sequence: String(sequence) } },
  );
}
