// A Propose stream to a shard's leader as a pipeline sees it: batches out, results in, one notice
// when it breaks.

import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Refusal } from '../../../../gen/bourse/type/v1/error_pb.ts';
import { ErrorReasonSchema } from '../../../../gen/bourse/type/v1/error_pb.ts';
import { readMessage } from '../../../lib/platform/codec/message-reader.ts';
import { writeMessage } from '../../../lib/platform/codec/message-writer.ts';
import { isErrorReasonName } from '../../../lib/platform/errors/reasons.ts';
import type {
  CommandResult,
  Link,
  LinkListener,
  NumberedCommand,
  Settled,
} from './propose-pipeline.ts';

/** What the results of both kinds of shard have in common. */
export type ResultMessage = {
  readonly number: bigint;
  readonly duplicate: boolean;
  readonly kind: /** A message, or its bytes: those are asked for, and not every transport has them. */
    | { readonly case: 'committed'; readonly value: object }
    | { readonly case: 'refusal'; readonly value: Refusal }
    | { readonly case: undefined; readonly value?: undefined };
};

/** One service's Propose: how it is called and how its messages are made and read. */
export type ProposeMethod<C, Response> = {
  readonly call: (
    requests: AsyncIterable<unknown>,
    options: { readonly signal: AbortSignal },
  ) => AsyncIterable<Response>;
  /** First message of the stream, as its bytes; none when undefined. */
  readonly opening: Uint8Array | undefined;
  readonly encodeBatch: (batch: readonly NumberedCommand<C, Uint8Array>[]) => Uint8Array;
  readonly results: (response: Response) => readonly ResultMessage[];
  /** What a result has committed. */
  readonly committed: DescMessage;
};

/** Opens the stream; what the listener is told comes later, never during this call. */
export function openProposeLink<C, Response>(
  method: ProposeMethod<C, Response>,
  listener: LinkListener<Uint8Array>,
): Link<C, Uint8Array> {
  const abort = new AbortController();
  const outbox = new Outbox<Uint8Array>();
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
        listener.onResults(resultsOf(method, response));
      }
      if (!abort.signal.aborted) listener.onBroken(new Error('the leader ended the stream'));
    } catch (error) {
      if (!abort.signal.aborted) listener.onBroken(error);
    } finally {
      outbox.end();
    }
  }
}

function resultsOf<C, Response>(
  method: ProposeMethod<C, Response>,
  response: Response,
): CommandResult<Uint8Array>[] {
  return method.results(response).map((result) => {
    const { number, duplicate, kind } = result;
    if (kind.case !== 'committed') {
      const refusal = kind.case === 'refusal' ? kind.value : undefined;
      return { number: Number(number), settled: refusedBy(refusal) };
    }
    const { value } = kind;
    const committed = value instanceof Uint8Array ? value : writeMessage(method.committed, value);
    return { number: Number(number), settled: { kind: 'committed', committed, duplicate } };
  });
}

/** What became of a command, with what was committed as a message. */
export function readSettled<Desc extends DescMessage>(
  schema: Desc,
  settled: Settled<Uint8Array>,
): Settled<MessageShape<Desc>> {
  if (settled.kind !== 'committed') return settled;
  return { ...settled, committed: readMessage(schema, settled.committed) };
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
