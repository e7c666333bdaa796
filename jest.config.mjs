// Tests run as ES modules; swc only strips the types, as Node 24 itself does.

import { availableParallelism } from 'node:os';

const swc = {
  jsc: { target: 'es2024', parser: { syntax: 'typescript' } },
  module: { type: 'es6' },
};

// Many tests start processes and wait for them; on two cores, two at a time still gain.
const workers = Math.min(4, Math.max(2, Math.floor(availableParallelism() / 2)));

export default {
  maxWorkers: workers,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '\\.long\\.test\\.ts$'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', swc] },
  testEnvironment: '<rootDir>/test/support/jest-environment.mjs',
  testTimeout: 30_000, // a bound for a loaded machine; nothing waits for it
  slowTestThreshold: 0, // every suite prints its time
  globalSetup: '<rootDir>/test/support/jest-setup.ts',
  globalTeardown: '<rootDir>/test/support/jest-teardown.ts',
};
