// Kills one process at one named step of one flow, and says what a client and an auditor must find
// afterwards.

import { OperatingError } from '../../services/lib/platform/errors/operating-error.ts';
import { patiently } from '../../services/simulator/adapter/patience.ts';
import { waitUntil } from '../support/wait.ts';
import type { Certainty, Flow } from './flows.ts';
import type { KillFolder } from './plan.ts';
import { untilExplained, type Venue, type Victim } from './venue.ts';

/** A step is reached as soon as the processes get to it, on a busy machine too. */
const REACHED_DEADLINE_MS = 20_000;

export type Kill = {
  readonly flow: Flow;
  readonly step: string;
  readonly victim: Victim;
};

export const nameOfKill = ({ flow, step, victim }: Kill): string =>
  `${flow.name}: ${victim} at ${step}`;

let runs = 0;

/** @throws Error when the step is not reached, or something afterwards is not as it must be */
export async function killAt(venue: Venue, folder: KillFolder, kill: Kill): Promise<void> {
  const { flow, step, victim } = kill;
  const { mesh } = venue;
  runs += 1;
  await venue.untilLed();
  const call = await flow.prepare(venue, `run-${runs}`, folder);
  const nodeId = await venue.nodeOf(victim);
  folder.plan({ step, pid: mesh.pidOf(nodeId) ?? 0 });
  const first = call().then(
    (certainty) => ({ certainty, error: undefined }),
    (error: unknown) => ({ certainty: undefined, error }),
  );
  try {
    const reached = { what: `step ${step}`, deadlineMs: REACHED_DEADLINE_MS };
    await waitUntil(() => folder.hasFired, reached);
  } finally {
    folder.cancel();
    await mesh.kill(nodeId);
    const dead = venue.nodeIds.filter((id) => mesh.pidOf(id) === undefined);
    await Promise.all(dead.map((id) => mesh.start(id)));
  }
  const { certainty, error } = await first;
  const again = await patiently(call);
  const last = await patiently(call);
  const problem = findUncertainty({ first: certainty, error, again, last });
  if (problem !== undefined) throw new Error(`${nameOfKill(kill)}: ${problem}`, { cause: error });
  await untilExplained(venue);
}

type Answers = {
  readonly first: Certainty | undefined;
  readonly error: unknown;
  readonly again: Certainty;
  readonly last: Certainty;
};

/** What a client could be wrong about (contracts: errors; HLD-2). */
function findUncertainty({ first, error, again, last }: Answers): string | undefined {
  if (!last.isRepeat) return 'the third call was no repeat';
  if (last.id !== again.id) return `the repeats answered ${again.id} and ${last.id}`;
  if (first !== undefined) {
    if (first.id !== again.id) return `the first call answered ${first.id}, then ${again.id}`;
    return again.isRepeat ? undefined : 'an answered call was done again';
  }
  const isRefused = error instanceof OperatingError && !error.isOutcomeUnknown;
  return isRefused && again.isRepeat ? 'a refused call had been done' : undefined;
}

/** One undisturbed run. @returns the steps that no process passed */
export async function findMissedSteps(
  venue: Venue,
  folder: KillFolder,
  flow: Flow,
): Promise<string[]> {
  const { mesh } = venue;
  const call = await flow.prepare(venue, `undisturbed-${flow.name}`, folder);
  folder.forget();
  if (mesh.pidOf('order') === undefined) await mesh.start('order');
  await call();
  await untilExplained(venue);
  const passed = folder.passed();
  const isPassed = (step: string) =>
    passed.some((name) => name === step || name.startsWith(`${step} `));
  return flow.steps.map(([step]) => step).filter((step) => !isPassed(step));
}

/** Every step of every flow with everybody who may die in it. */
export function allKills(flows: readonly Flow[]): Kill[] {
  return flows.flatMap((flow) =>
    flow.steps.flatMap(([step]) => flow.victims.map((victim) => ({ flow, step, victim }))),
  );
}
