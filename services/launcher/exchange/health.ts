// Asks processes whether they serve (grpc.health.v1).

import { setTimeout as delay } from 'node:timers/promises';
import { createChannel, createClient } from 'nice-grpc';
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../../gen/grpc/health/v1/health_pb.ts';
import { rpcDefinition } from '../../lib/platform/rpc/definition.ts';

const POLL_MS = 50;
const CALL_DEADLINE_MS = 1_000;

/** Whether the server at `address` answers that it serves, within a second. */
export async function isServing(address: string, signal?: AbortSignal): Promise<boolean> {
  const channel = createChannel(address);
  const deadline = AbortSignal.timeout(CALL_DEADLINE_MS);
  try {
    const answer = await createClient(rpcDefinition(Health), channel).check(
      { service: '' },
      { signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]) },
    );
    return answer.status === ServingStatus.SERVING;
  } catch {
    return false;
  } finally {
    channel.close();
  }
}

/** Asks until the server serves; ends with false when the signal says to stop asking. */
export async function waitUntilServing(address: string, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if (await isServing(address, signal)) return true;
    await delay(POLL_MS, undefined, { signal }).catch(() => {});
  }
  return false;
}
