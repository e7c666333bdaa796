// What the process of a snapshot needs to know of the business: its machine and how it is written.

import type { ShardCodec } from '../../shard/proposal.ts';
import type { StateMachine } from '../../shard/state-machine.ts';

export type SnapshotProgram<C, E, A> = {
  readonly createMachine: () => StateMachine<C, E, A>;
  readonly codec: ShardCodec<C, E, A>;
};
