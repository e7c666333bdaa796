// Batches of requests on one stream: items begin in the order given, so that those of one
// instrument run in it; results come back in the order given (contracts: Batches).

import type { MessageInitShape } from '@bufbuild/protobuf';
import { trace } from '@opentelemetry/api';
import type {
  BatchItem,
  BatchResultSchema,
  PlaceOrderResponse,
  SubmitOrdersRequest,
  SubmitOrdersResponseSchema,
} from '../../../../gen/bourse/order/v1/service_pb.ts';
import type { RawFields } from '../../../lib/platform/codec/message-reader.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { RpcContext } from '../../../lib/platform/rpc/call-context.ts';
import { toOperatingError } from '../../../lib/platform/rpc/error-mapping.ts';
import { addToMetric } from '../../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS, SPANS } from '../../../lib/platform/telemetry/names.ts';
import { withSpan } from '../../../lib/platform/telemetry/spans.ts';
import { FormCheck, type Violation } from '../../../lib/rules/form.ts';
import type { FlowRegistry } from '../../domain/lanes.ts';
import type { PlacementForm } from '../../domain/placement.ts';
import { readPlacement } from '../codec/placement-reader.ts';
import { encodeStatus } from '../codec/status-codec.ts';
import type { Edge } from '../edge.ts';
import { type FlowParts, uniqueText } from '../flow/parts.ts';
import { type Asker, placeOrder } from '../flow/place-order.ts';
import { formError } from '../problems.ts';
import { amend, cancel, cancelGroup, placeGroup } from './orders.ts';

/** Batches of one stream that are not answered yet; beyond it the server stops reading. */
const BATCHES_IN_FLIGHT = 8;

/** What is taken of the batches as bytes. */
export const RAW_ITEMS: RawFields = new Set(['bourse.order.v1.BatchItem.placeOrder']);

/** Items in a batch at most. */
const ITEM_LIMIT = 1000;

type Response = Exclude<MessageInitShape<typeof SubmitOrdersResponseSchema>, { $typeName: string }>;
type Result = Exclude<MessageInitShape<typeof BatchResultSchema>, { $typeName: string }>;

export async function* submitOrders(
  surroundings: FlowParts & { readonly flows: FlowRegistry; readonly edge: Edge },
  requests: AsyncIterable<SubmitOrdersRequest>,
  call: RpcContext,
): AsyncGenerator<Response> {
  const group = Buffer.from(surroundings.world.randomBytes(8)).readBigUInt64LE();
  const { flows, stages } = surroundings;
  const parts = { ...surroundings, flows: flows.inOrder(group), stages: stages.inBatches() };
  const answers = new AnswerQueue();
  void read();
  for (;;) {
    const answer = await answers.next();
    if (answer === undefined) return;
    yield await answer.response;
    answers.free();
  }

  /** What was begun runs to its end, also when the stream is gone (HLD-7). */
  async function read(): Promise<void> {
    try {
      for await (const request of requests) {
        answers.push(runBatch(parts, request, call));
        await answers.room();
        await surroundings.edge.untilRoom(call.signal);
      }
      answers.end();
    } catch (error) {
      answers.end(error);
    }
  }
}

/** In an object, because a promise of a promise is none. */
type Answer = { readonly response: Promise<Response> };

/** Answers under way, in the order of their batches. */
class AnswerQueue {
  readonly #waiting: Answer[] = [];
  #open = 0;
  #wakeWriter: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;
  #end: { readonly error: unknown } | undefined;

  push(response: Promise<Response>): void {
    this.#open++;
    this.#waiting.push({ response });
    this.#wakeWriter?.();
  }

  /** The next answer; undefined after the last; throws what ended the reading. */
  async next(): Promise<Answer | undefined> {
    while (this.#waiting.length === 0 && this.#end === undefined) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
    const next = this.#waiting.shift();
    if (next === undefined && this.#end?.error !== undefined) throw this.#end.error;
    return next;
  }

  free(): void {
    this.#open--;
    this.#wakeReader?.();
  }

  async room(): Promise<void> {
    while (this.#open >= BATCHES_IN_FLIGHT) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  end(error?: unknown): void {
    this.#end = { error };
    this.#wakeWriter?.();
  }
}

/**
 * Begins a batch. No async function: one would keep the messages of all its items until the last
 * of them is answered.
 *
 * @throws OperatingError MESSAGE_MALFORMED when an item is no message; nothing of it was begun
 */
function runBatch(
  parts: FlowParts,
  request: SubmitOrdersRequest,
  call: RpcContext,
): Promise<Response> {
  const clientBatchId =
    request.clientBatchId === '' ? uniqueText(parts.world) : request.clientBatchId;
  const violations = checkBatch(request);
  if (violations.length > 0) {
    const error = toOperatingError(batchError(violations, request.items.length), call.traceId);
    return Promise.resolve({ clientBatchId, error: encodeStatus(error) });
  }
  const items = request.items.map(readItem);
  const isTraced = trace.getActiveSpan()?.isRecording() === true;
  const results = isTraced
    ? withSpan(SPANS.batch, { attributes: { [ATTRIBUTES.clientBatchId]: clientBatchId } }, () =>
        runItems(parts, items, call),
      )
    : runItems(parts, items, call);
  return nameBatch(clientBatchId, results);
}

async function nameBatch(clientBatchId: string, results: Promise<Result[]>): Promise<Response> {
  return { clientBatchId, results: await results };
}

/** One request of a batch: a placement as it was asked for, or another one as it came. */
type Item = PlacementForm | OtherRequest;

type OtherRequest = Exclude<BatchItem['request'], { case: 'placeOrder' }>;

function readItem({ request }: BatchItem): Item {
  return request.case === 'placeOrder' ? readPlacement(request.value) : request;
}

function checkBatch({ clientBatchId, items }: SubmitOrdersRequest): readonly Violation[] {
  const check = new FormCheck();
  check.optionalId('client_batch_id', clientBatchId);
  if (items.length === 0) check.add('items', 'FIELD_REQUIRED', 'must hold at least one item');
  if (items.length > ITEM_LIMIT) {
    check.add('items', 'TOO_MANY_ITEMS', `must not hold more than ${ITEM_LIMIT} items`);
  }
  return check.violations;
}

function batchError(violations: readonly Violation[], count: number): OperatingError {
  const error = formError(violations);
  if (error.reason !== 'TOO_MANY_ITEMS' || count <= ITEM_LIMIT) return error;
  const { message, violations: named } = error;
  const metadata = { ...error.metadata, limit: String(ITEM_LIMIT) };
  return new OperatingError('TOO_MANY_ITEMS', message, { metadata, violations: named });
}

/** Begins all items in the order given; one promise for all of them. */
function runItems(parts: FlowParts, items: readonly Item[], call: RpcContext): Promise<Result[]> {
  return new Promise((resolve) => {
    const batch = new BatchResults(items.length, call, resolve);
    let index = 0;
    for (const item of items) {
      const asker = new ItemAsker(batch, index++);
      if ('clientOrderId' in item) {
        placeOrder(parts, item, asker);
      } else {
        answerItem(parts, item).then(
          (result) => asker.onResult({ result }),
          (error: unknown) => asker.onError(error),
        );
      }
    }
  });
}

/** Results under way. */
class BatchResults {
  readonly #results: Result[];
  readonly #call: RpcContext;
  readonly #onAll: (results: Result[]) => void;
  #missing: number;

  constructor(count: number, call: RpcContext, onAll: (results: Result[]) => void) {
    this.#results = Array.from({ length: count }, () => NO_RESULT);
    this.#missing = count;
    this.#call = call;
    this.#onAll = onAll;
  }

  take(index: number, result: Result): void {
    this.#results[index] = result;
    this.#missing -= 1;
    if (this.#missing === 0) this.#onAll(this.#results);
  }

  fail(index: number, thrown: unknown): void {
    const error = toOperatingError(thrown, this.#call.traceId);
    addToMetric(METRICS.rejections, 1, { [ATTRIBUTES.reason]: error.reason ?? 'NONE' });
    this.take(index, { result: { case: 'error', value: encodeStatus(error) } });
  }
}

const NO_RESULT: Result = {};

/** Takes the answer to one item of a batch. */
class ItemAsker implements Asker {
  readonly #batch: BatchResults;
  readonly #index: number;

  constructor(batch: BatchResults, index: number) {
    this.#batch = batch;
    this.#index = index;
  }

  onAnswer(answer: Uint8Array): void {
    // The bytes of a message pass for it.
    const value = answer as unknown as PlaceOrderResponse;
    this.onResult({ result: { case: 'placeOrder', value } });
  }

  onResult(result: Result): void {
    this.#batch.take(this.#index, result);
  }

  onError(error: unknown): void {
    this.#batch.fail(this.#index, error);
  }
}

async function answerItem(
  parts: FlowParts,
  request: OtherRequest,
): Promise<NonNullable<Result['result']>> {
  switch (request.case) {
    case 'cancelOrder':
      return { case: 'cancelOrder', value: await cancel(parts, request.value) };
    case 'amendOrder':
      return { case: 'amendOrder', value: await amend(parts, request.value) };
    case 'placeOrderGroup':
      return { case: 'placeOrderGroup', value: await placeGroup(parts, request.value) };
    case 'cancelOrderGroup':
      return { case: 'cancelOrderGroup', value: await cancelGroup(parts, request.value) };
    case undefined: {
      const description = 'a placement, a cancel or an amend is required';
      throw formError([{ field: 'request', reason: 'FIELD_REQUIRED', description }]);
    }
  }
}
