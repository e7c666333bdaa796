// Processes that die between two steps of a flow, each step by its name (HLD-3, HLD-4): here those
// where most is at stake; `npm run kills` does all of them with everybody who may die.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FLOWS, type Flow } from '../../kills/flows.ts';
import { KillFolder } from '../../kills/plan.ts';
import { findMissedSteps, killAt } from '../../kills/run.ts';
import { openVenue, type Venue, type Victim } from '../../kills/venue.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';

const KILLS: readonly (readonly [flow: string, victim: Victim, step: string])[] = [
  ['rest', 'account', 'committed holdPlaced'],
  ['rest', 'order', 'proposed placeOrder'],
  ['rest', 'order', 'applied placeOrder'],
  ['rest', 'matching', 'committed orderAccepted'],
  ['trade', 'matching', 'committed traded'],
  ['trade', 'account', 'committed orderExecuted'],
  ['amend', 'order', 'proposed amendOrder'],
  ['cancel', 'matching', 'committed orderCanceled'],
  ['orphan', 'matching', 'committed orderForbidden'],
  ['transfer', 'account', 'committed transferPosted'],
];

/** A restart shows more than a fail-over: nobody else has what the process had in memory. */
const OPTIONS = { hasStandbys: false };
const folder = new KillFolder();
let mesh: Mesh;
let venue: Venue;

beforeAll(async () => {
  mesh = await startMesh(folder.meshOptions(OPTIONS));
  venue = await openVenue(mesh, OPTIONS);
}, 150_000);
afterAll(async () => {
  await mesh?.stop();
  folder.remove();
}, 30_000);

const flowOf = (name: string): Flow => {
  const flow = FLOWS.find((one) => one.name === name);
  if (flow === undefined) throw new Error(`there is no flow ${name}`);
  return flow;
};

test.each(FLOWS)(
  'the flow $name passes every step that a kill is planned at',
  async (flow) => {
    expect(await findMissedSteps(venue, folder, flow)).toEqual([]);
  },
  60_000,
);

describe('HLD-3 HLD-4 HLD-2 after a kill all is explained, and a repeat gives certainty', () => {
  test.each(KILLS)(
    '%s: %s at %s',
    async (flow, victim, step) => {
      await killAt(venue, folder, { flow: flowOf(flow), victim, step });
    },
    90_000,
  );

  test('LED-3 and in the end no money has come or gone', async () => {
    const { conserved, breaks } = await mesh.accountAdmin.auditLedger({ full: true });
    expect({ conserved, breaks }).toEqual({ conserved: true, breaks: [] });
  }, 60_000);
});
