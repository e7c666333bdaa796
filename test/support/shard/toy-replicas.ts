// A toy shard with a leader and a warm standby, each in a simulated world of its own.

import { expect } from '@jest/globals';
import { SimulatedWorld } from './simulated-world.ts';
import { createToyHost, type ToyHost } from './toy-host.ts';
import { type StartedLeader, startLeader } from './toy-leader.ts';
import { ToyMachine } from './toy-machine.ts';

export type ToyReplica = {
  readonly world: SimulatedWorld;
  readonly host: ToyHost;
  /** Every machine that was made for it, the last one last. */
  readonly machines: ToyMachine[];
};

type HostOptions = Parameters<typeof createToyHost>[1] & {
  readonly makeMachine?: () => ToyMachine;
};

/** A host that stands by, not yet warm. */
export function startStandby(
  { database }: Pick<StartedLeader, 'database'>,
  { makeMachine = () => new ToyMachine(), ...options }: HostOptions = {},
): ToyReplica {
  const world = new SimulatedWorld(database);
  const machines: ToyMachine[] = [];
  const createMachine = (): ToyMachine => {
    const machine = makeMachine();
    machines.push(machine);
    return machine;
  };
  const host = createToyHost(world, { nodeId: 'node-2', createMachine, ...options });
  host.standBy();
  return { world, host, machines };
}

/** The state that a standby has; shown to nobody but a test. */
export function stateOf({ machines }: ToyReplica): string | undefined {
  return machines.at(-1)?.stateChecksum();
}

export type Pair = StartedLeader & { readonly standby: ToyReplica };

/** A leader at epoch 1, which stands by when it leads no longer, and a warm standby. */
export async function startPair(options: HostOptions = {}): Promise<Pair> {
  const leader = await startLeader();
  leader.host.standBy();
  const standby = startStandby(leader, options);
  await until(leader, () => standby.host.standby?.lagMs === 0);
  expect(standby.host.standby?.isWarm).toBe(true);
  return { ...leader, standby };
}

/** Lets time pass until something holds. */
export async function until(
  { simulation }: Pick<StartedLeader, 'simulation'>,
  holds: () => boolean,
  deadlineUs = 30_000_000,
): Promise<void> {
  const endUs = simulation.timeUs + deadlineUs;
  while (!holds()) {
    if (simulation.timeUs > endUs) throw new Error('it did not come to hold in time');
    await simulation.run(500);
  }
}
