// What the order service says of its health while processes that it needs are gone.

import { afterAll, beforeAll, test } from '@jest/globals';
import { Health } from '../../../gen/grpc/health/v1/health_pb.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { waitUntil } from '../../support/wait.ts';

const SERVING = 1;
const NOT_SERVING = 2;

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh();
}, 150_000);
afterAll(async () => {
  await mesh?.stop();
}, 30_000);

async function untilHealthIs(wanted: number): Promise<void> {
  const health = mesh.clientAt(Health, 'order');
  const isThere = async () => (await health.check({})).status === wanted;
  await waitUntil(isThere, { what: `health ${wanted}`, deadlineMs: 30_000 });
}

test.each(['matching-1', 'account-1'])(
  'without %s it serves nobody, and does again when that is back',
  async (nodeId) => {
    await untilHealthIs(SERVING);
    await mesh.kill(nodeId);
    await untilHealthIs(NOT_SERVING);
    await mesh.start(nodeId);
    await untilHealthIs(SERVING);
  },
  90_000,
);
