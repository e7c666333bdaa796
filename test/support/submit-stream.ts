// A SubmitOrders stream that a test sends batches on and awaits the answer to each.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type {
  BatchItemSchema,
  SubmitOrdersRequestSchema,
  SubmitOrdersResponse,
} from '../../gen/bourse/order/v1/service_pb.ts';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import type { Status as RpcStatus } from '../../gen/google/rpc/status_pb.ts';
import type { MeshClients } from './mesh.ts';

export type ItemInit = MessageInitShape<typeof BatchItemSchema>;
type RequestInit = MessageInitShape<typeof SubmitOrdersRequestSchema>;

export type SubmitStream = {
  /** Sends a batch; resolves with its answer, which comes in the order of the batches. */
  submit(items: readonly ItemInit[], clientBatchId?: string): Promise<SubmitOrdersResponse>;
  /** Half-closes and waits for the end. */
  close(): Promise<void>;
};

export function openSubmitStream({ orders }: Pick<MeshClients, 'orders'>): SubmitStream {
  const outgoing: RequestInit[] = [];
  const waiting: PromiseWithResolvers<SubmitOrdersResponse>[] = [];
  const abort = new AbortController();
  let wake = () => {};
  let isClosed = false;
  async function* requests(): AsyncGenerator<RequestInit> {
    for (;;) {
      const next = outgoing.shift();
      if (next !== undefined) yield next;
      else if (isClosed) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }
  const reading = (async () => {
    for await (const answer of orders.submitOrders(requests(), { signal: abort.signal })) {
      waiting.shift()?.resolve(answer);
    }
  })().catch((error: unknown) => {
    for (const one of waiting.splice(0)) one.reject(error);
  });
  return {
    submit(items, clientBatchId = '') {
      const answer = Promise.withResolvers<SubmitOrdersResponse>();
      waiting.push(answer);
      outgoing.push({ clientBatchId, items: [...items] });
      wake();
      return answer.promise;
    },
    async close() {
      isClosed = true;
      wake();
      await reading;
      abort.abort();
    },
  };
}

/** What a machine that is busy with other tests may answer for a while: nothing done, try again. */
export const BUSY: ReadonlySet<string> = new Set([
  'SETTLEMENT_LAG',
  'SHARD_UNAVAILABLE',
  'LOG_UNAVAILABLE',
  'NOT_READY',
]);

/** Reason of an item's error, or its code when it has none. */
export function reasonOf(status: RpcStatus): string {
  for (const detail of status.details) {
    const info = anyUnpack(detail, ErrorInfoSchema);
    if (info !== undefined) return info.reason;
  }
  return `code ${status.code}`;
}

/** Whether an item of a batch was refused only because the exchange was busy. */
export function isBusy({ results }: SubmitOrdersResponse): boolean {
  return results.some(({ result }) => result.case === 'error' && BUSY.has(reasonOf(result.value)));
}
