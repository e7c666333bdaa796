// A schedule is carried out by a real coordinator, and once, although it dies in between (STA-1,
// LOG-11).

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { MatchingService } from '../../../gen/bourse/matching/v1/service_pb.ts';
import { Weekday } from '../../../gen/bourse/reference/v1/reference_pb.ts';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { createMarket, type Market } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

const SECONDS_A_DAY = 86_400;
const EVERY_DAY = [
  ...[Weekday.MONDAY, Weekday.TUESDAY, Weekday.WEDNESDAY, Weekday.THURSDAY],
  ...[Weekday.FRIDAY, Weekday.SATURDAY, Weekday.SUNDAY],
];

let mesh: Mesh;
let market: Market;

beforeAll(async () => {
  mesh = await startMesh();
  market = await createMarket(mesh);
}, 90_000);

afterAll(() => mesh.stop());

/** A change so many seconds from now, in UTC. */
function changeIn(seconds: number, state: InstrumentState) {
  const now = Math.floor(Date.now() / 1_000);
  return { secondOfDay: (now + seconds) % SECONDS_A_DAY, state };
}

async function stateNow(): Promise<InstrumentState | undefined> {
  const { instrumentId } = market;
  return (await mesh.reference.getInstrument({ instrumentId })).instrument?.state;
}

/** Every change of the instrument's state that stands in its shard's log: state and comment. */
async function changesInLog(): Promise<[InstrumentState, string][]> {
  const changes: [InstrumentState, string][] = [];
  for (const shardId of ['matching-1', 'matching-2']) {
    const client = mesh.clientAt(MatchingService, shardId);
    const { sequence } = await client.getPosition({ shardId });
    const end = new AbortController();
    try {
      const request = { shardId, fromSequence: 1n };
      for await (const answer of client.streamEvents(request, { signal: end.signal })) {
        const events = answer.entries.flatMap(({ commands }) => commands.flatMap((c) => c.events));
        for (const { kind } of events) {
          if (kind.case !== 'instrumentStateChanged') continue;
          changes.push([kind.value.state, kind.value.comment]);
        }
        if (answer.throughSequence >= sequence) break;
      }
    } finally {
      end.abort();
    }
  }
  return changes;
}

test('STA-1 LOG-11 changes come at their time, once, although the coordinator dies between them', async () => {
  const lastChangeMs = Date.now() + 7_000;
  const changes = [
    changeIn(2, InstrumentState.CLOSED),
    changeIn(5, InstrumentState.PRE_OPEN),
    changeIn(6, InstrumentState.CONTINUOUS),
  ].sort((one, other) => one.secondOfDay - other.secondOfDay);
  const sessions = { weekly: [{ weekdays: EVERY_DAY, changes }], exceptions: [] };
  // The latest change was yesterday's: it holds at once.
  await mesh.referenceAdmin.updateInstrument({ instrumentId: market.instrumentId, sessions });
  await waitUntil(async () => (await stateNow()) === InstrumentState.CLOSED, {
    what: 'the first change',
    deadlineMs: 20_000,
  });
  await mesh.kill('coordinator', 'SIGKILL');
  await waitUntil(() => Date.now() > lastChangeMs, {
    what: 'the time of the last change',
    deadlineMs: 20_000,
  });
  await mesh.start('coordinator');
  await waitUntil(async () => (await stateNow()) === InstrumentState.CONTINUOUS, {
    what: 'the last change',
    deadlineMs: 30_000,
  });
  // PRE_OPEN was missed: only the latest counts.
  expect(await changesInLog()).toEqual([
    [InstrumentState.CLOSED, 'schedule'],
    [InstrumentState.CONTINUOUS, 'schedule'],
  ]);
}, 90_000);
