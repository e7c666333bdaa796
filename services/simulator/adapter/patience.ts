// Patience with an exchange that cannot do something at present: a shard may just be starting.

import { OperatingError } from '../../lib/platform/errors/operating-error.ts';

const PATIENCE_MS = 30_000;
const PAUSE_MS = 200;

/**
 * Does what may be repeated until the exchange can do it.
 *
 * @throws what the last attempt threw, after half a minute or when another would not help
 */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const advice = error instanceof OperatingError ? error.retryAdvice : 'never';
      if ((advice !== 'safe' && advice !== 'repeat') || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
