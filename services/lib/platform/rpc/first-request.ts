// A stream of requests whose first one says what it is about.

/**
 * The first request and all of them again, with the first; undefined when the caller ends the
 * stream before it has sent one, or `signal` is aborted: an idle stream must not hold up a drain.
 */
export async function takeFirst<T>(
  requests: AsyncIterable<T>,
  signal: AbortSignal,
): Promise<{ readonly first: T; readonly all: AsyncIterable<T> } | undefined> {
  const iterator = requests[Symbol.asyncIterator]();
  const aborted = Promise.withResolvers<undefined>();
  const onAbort = (): void => aborted.resolve(undefined);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  const next = iterator.next();
  next.catch(() => {}); // whoever is aborted asks for nothing any more
  const result = await Promise.race([next, aborted.promise]);
  signal.removeEventListener('abort', onAbort);
  if (result === undefined || result.done === true) return undefined;
  const first = result.value;
  async function* all(): AsyncGenerator<T, void, void> {
    yield first;
    for (let after = await iterator.next(); after.done !== true; after = await iterator.next()) {
      yield after.value;
    }
  }
  return { first, all: all() };
}
