// The mesh that all suites of one test file share: it takes seconds to start.

import { afterAll, beforeAll } from '@jest/globals';
import { type Mesh, startMesh } from '../../support/mesh.ts';

/** Started before the first test. */
export let mesh: Mesh;

beforeAll(async () => {
  mesh = await startMesh();
}, 150_000);

afterAll(async () => {
  await mesh?.stop();
}, 30_000);
