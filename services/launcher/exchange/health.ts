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
  return (await askHealth(address, signal)) === ServingStatus.SERVING;
}

/** Undefined when the server does not answer within a second. */
async function askHealth(
  address: string,
  signal?: AbortSignal,
): Promise<ServingStatus | undefined> {
  const channel = createChannel(address);
  const deadline = AbortSignal.timeout(CALL_DEADLINE_MS);
  try {
    const answer = await createClient(rpcDefinition(Health), channel).check(
      { service: '' },
      { signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]) },
    );
    return answer.status;
  } catch {
    return undefined;
  } finally {
    channel.close();
  }
}

/** Asks until the server serves; ends with false when the signal says to stop asking. */
export function waitUntilServing(address: string, signal: AbortSignal): Promise<boolean> {
  return waitFor(() => isServing(address, signal), signal);
}

/** Asks until the server answers, serving or not; ends with false when the signal says so. */
export function waitUntilAnswering(address: string, signal: AbortSignal): Promise<boolean> {
  return waitFor(async () => (await askHealth(address, signal)) !== undefined, signal);
}

async function waitFor(condition: () => Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if (await condition()) return true;
    await delay(POLL_MS, undefined, { signal }).catch(() => {});
  }
  return false;
}
