// What a mesh is made of: the launcher's exchange, or one with a network for each process.

import type { Launcher, TestExchange } from '../support/exchange.ts';

export type MeshExchange = Pick<TestExchange, 'addressOf' | 'stop'> & {
  readonly launcher: Pick<Launcher, 'dataFolder' | 'logOf' | 'processIdOf'> & {
    /** Of processes in one network. */
    readonly portOffset?: number;
  };
};
