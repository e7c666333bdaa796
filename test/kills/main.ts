// `npm run kills`: kills the order service, the account leader and the matching leader at every
// named step of every flow, one after the other, and checks after each what clients and auditors
// find. `-- --flow NAME` and `-- --victim order|account|matching` narrow it down; `-- --standbys`
// has a standby of each shard, so that a kill of a leader is a fail-over.

import { startMesh } from '../support/mesh.ts';
import { FLOWS } from './flows.ts';
import { KillFolder } from './plan.ts';
import { allKills, findMissedSteps, killAt, nameOfKill } from './run.ts';
import { openVenue } from './venue.ts';

const USAGE =
  'Usage: npm run kills -- [--flow NAME] [--victim order|account|matching] [--standbys]';

function optionOf(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

async function main(): Promise<boolean> {
  const [flowName, victimName] = [optionOf('--flow'), optionOf('--victim')];
  const flows = FLOWS.filter(({ name }) => flowName === undefined || name === flowName);
  const kills = allKills(flows).filter(
    ({ victim }) => victimName === undefined || victim === victimName,
  );
  if (kills.length === 0) throw new Error(USAGE);
  const folder = new KillFolder();
  const options = { hasStandbys: process.argv.includes('--standbys') };
  const mesh = await startMesh(folder.meshOptions(options));
  const failures: string[] = [];
  try {
    const venue = await openVenue(mesh, options);
    for (const flow of flows) {
      const missed = await findMissedSteps(venue, folder, flow);
      failures.push(...missed.map((step) => `${flow.name}: nobody passed ${step}`));
    }
    for (const kill of kills) {
      const beganMs = performance.now();
      const failure = await killAt(venue, folder, kill).then(
        () => undefined,
        (error: unknown) => String(error),
      );
      const ms = (performance.now() - beganMs).toFixed(0);
      process.stdout.write(`${nameOfKill(kill).padEnd(72)}${ms.padStart(6)} ms\n`);
      if (failure === undefined) continue;
      process.stdout.write(`FAILED  ${failure}\n`);
      failures.push(failure);
    }
    const { conserved, breaks } = await mesh.accountAdmin.auditLedger({ full: true });
    if (!conserved) failures.push(`the audit found ${breaks.length} breaks`);
  } finally {
    await mesh.stop();
    folder.remove();
  }
  const line = { kills: kills.length, failures: failures.length };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  return failures.length === 0;
}

main().then(
  (isGood) => process.exit(isGood ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`kills: ${error instanceof Error ? error.message : error}\n`);
    process.exit(1);
  },
);
