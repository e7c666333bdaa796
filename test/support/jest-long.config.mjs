// `npm run test:long`: the long random and fault runs, `*.long.test.ts`.

import base from '../../jest.config.mjs';

export default {
  ...base,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/**/*.long.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  // A worker that is left with gigabytes of a suite makes the next ones several times slower.
  workerIdleMemoryLimit: '1GB',
};
