// Listens to the execution reports of an account.

import { afterAll } from '@jest/globals';
import type { ExecutionReport } from '../../../gen/bourse/order/v1/order_pb.ts';
import type { StreamExecutionReportsResponse } from '../../../gen/bourse/order/v1/service_pb.ts';
import { waitUntil } from '../../support/wait.ts';
import { mesh } from './shared-mesh.ts';

const opened: { stop(): void }[] = [];

afterAll(() => {
  for (const one of opened) one.stop();
});

/** Opens a stream, which ends with the tests of the file. */
export function listen(accountId: string, resumeToken = '') {
  const abort = new AbortController();
  const messages: StreamExecutionReportsResponse[] = [];
  const { signal } = abort;
  const ended = (async () => {
    const request = { accountId, resumeToken };
    for await (const message of mesh.orders.streamExecutionReports(request, { signal })) {
      messages.push(message);
    }
    return undefined;
  })().catch((error: unknown) => error);
  const listener = {
    messages,
    ended,
    stop: () => abort.abort(),
    reports: () =>
      messages.flatMap(({ message }) => (message.case === 'report' ? [message.value] : [])),
    async untilReports(count: number): Promise<ExecutionReport[]> {
      const what = `${count} reports`;
      await waitUntil(() => listener.reports().length >= count, { what });
      return listener.reports();
    },
    untilSnapshot: () =>
      waitUntil(
        () =>
          messages
            .flatMap(({ message }) => (message.case === 'snapshot' ? [message.value] : []))
            .at(0),
        { what: 'the snapshot' },
      ),
  };
  opened.push(listener);
  return listener;
}
