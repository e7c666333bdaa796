// A Propose stream to a shard's leader as a pipeline sees it: batches out, results in, one notice
// when it breaks.

import type { Refusal } from '../../../../gen/bourse/type/v1/error_pb.ts';
import { ErrorReasonSchema } from '../../../../gen/bourse/type/v1/error_pb.ts';
import { isErrorReasonName } from '../../../lib/platform/errors/reasons.ts';
import type {
  CommandResult,
  Link,
  LinkListener,
  NumberedCommand,
  Settled,
} from './propose-pipeline.ts';

/** What the results of both kinds of shard have in common. */
export type ResultMessage<R> = {
  readonly number: bigint;
  readonly duplicate: boolean;
  readonly kind:
    | { readonly case: 'committed'; readonly value: R }
    | { readonly case: 'refusal'; readonly value: Refusal }
    | { readonly case: undefined; readonly value?: undefined };
};

/** One service's Propose: how it is called and how its messages are made and read. */
export type ProposeMethod<C, R, Request, Response> = {
  readonly call: (
    requests: AsyncIterable<Request>,
    options: { readonly signal: AbortSignal },
  ) => AsyncIterable<Response>;
  /** First message of the stream; none when undefined. */
  readonly opening: Request | undefined;
  readonly encodeBatch: (batch: readonly NumberedCommand<C, R>[]) => Request;
  readonly results: (response: Response) => readonly ResultMessage<R>[];
};

/** Opens the stream; what the listener is told comes later, never during this call. */
export function openProposeLink<C, R, Request, Response>(
  method: ProposeMethod<C, R, Request, Response>,
  listener: LinkListener<R>,
): Link<C, R> {
  const abort = new AbortController();
  const outbox = new Outbox<Request>();
  if (method.opening !== undefined) outbox.push(method.opening);
  void read();
  return {
    send: (batch) => outbox.push(method.encodeBatch(batch)),
    close: () => {
      outbox.end();
      abort.abort();
    },
  };

  async function read(): Promise<void> {
    try {
      const { signal } = abort;
      for await (const response of method.call(outbox, { signal })) {
        if (signal.aborted) return;
        listener.onResults(method.results(response).map(toCommandResult));
      }
      if (!abort.signal.aborted) listener.onBroken(new Error('the leader ended the stream'));
    } catch (error) {
      if (!abort.signal.aborted) listener.onBroken(error);
    } finally {
      outbox.end();
    }
  }
}

function toCommandResult<R>(result: ResultMessage<R>): CommandResult<R> {
  return { number: Number(result.number), settled: toSettled(result) };
}

function toSettled<R>(result: ResultMessage<R>): CommandResult<R>['settled'] {
  const { kind, duplicate } = result;
  if (kind.case === 'committed') return { kind: 'committed', committed: kind.value, duplicate };
  return refusedBy(kind.case === 'refusal' ? kind.value : undefined);
}

/** A refusal by its name; one that this program does not know counts as a fault. */
function refusedBy(refusal: Refusal | undefined): Extract<Settled<never>, { kind: 'refused' }> {
  const name = refusal === undefined ? '' : ErrorReasonSchema.value[refusal.reason]?.localName;
  const reason = name !== undefined && isErrorReasonName(name) ? name : 'INTERNAL';
  return { kind: 'refused', reason, detail: refusal?.detail ?? {} };
}

/** Messages to send, as the stream's client takes them. */
class Outbox<Message> implements AsyncIterable<Message> {
  readonly #messages: Message[] = [];
  #wake: (() => void) | undefined;
  #isEnded = false;

  push(message: Message): void {
    this.#messages.push(message);
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message> {
    while (!this.#isEnded) {
      const message = this.#messages.shift();
      if (message !== undefined) {
        yield message;
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
