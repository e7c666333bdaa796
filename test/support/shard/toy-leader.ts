// A toy host that leads in a simulated world, ready for a test.

import { expect } from '@jest/globals';
import { SimulatedDatabase, SimulatedWorld, Simulation } from './simulated-world.ts';
import { createToyHost, type ToyHost, type ToyResult } from './toy-host.ts';

export const SECOND_US = 1_000_000;

export type StartedWorld = {
  readonly simulation: Simulation;
  readonly database: SimulatedDatabase;
  readonly world: SimulatedWorld;
};

export function startWorld(): StartedWorld {
  const simulation = new Simulation(1);
  const database = new SimulatedDatabase(simulation);
  return { simulation, database, world: new SimulatedWorld(database) };
}

export type StartedLeader = StartedWorld & { readonly host: ToyHost };

/** A host that leads at epoch 1. */
export async function startLeader(
  options: Parameters<typeof createToyHost>[1] = {},
): Promise<StartedLeader> {
  const started = startWorld();
  const host = createToyHost(started.world, options);
  const led = await started.simulation.until(host.lead(1));
  expect(led).toEqual({ kind: 'leading', epoch: 1 });
  return { ...started, host };
}

/** The total that an `add` answered with. */
export function total(result: ToyResult): number | undefined {
  if (result.kind !== 'applied' || result.outcome.kind !== 'done') return undefined;
  return result.outcome.answer?.total;
}
