// Replicas of a shard on a real PostgreSQL, over real sockets: fail-over, hand-over, a leader that
// was cut off and comes back, a replica that computes otherwise.

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { add, propose, readTotal, type ToyHost } from '../../support/shard/toy-host.ts';
import { openToyLog, type ToyLog } from '../../support/shard/toy-log.ts';
import { ToyMachine } from '../../support/shard/toy-machine.ts';
import { type ToyNode, ToyNodes } from '../../support/shard/toy-nodes.ts';
import { waitUntil } from '../../support/wait.ts';

let postgres: TestPostgres;
let nodes: ToyNodes;
let log: ToyLog;

beforeEach(async () => {
  postgres = await startTestPostgres();
  nodes = new ToyNodes(postgres.url);
  log = await openToyLog(postgres.url);
});

afterEach(async () => {
  await nodes.stop();
  await log.close();
  await postgres.stop();
});

const isWarm = ({ host }: ToyNode): boolean => host.standby?.isWarm === true;
const isLevel = ({ host }: ToyNode): boolean => host.standby?.lagMs === 0;

/** A node that leads at epoch 1, and one that follows it. */
async function startPair(options?: Parameters<ToyNodes['start']>[1]): Promise<[ToyNode, ToyNode]> {
  const first = await nodes.start('node-1');
  const second = await nodes.start('node-2', options);
  await waitUntil(() => isWarm(first) && isWarm(second), { what: 'both to be warm' });
  await lead(first, 1);
  await waitUntil(() => isLevel(second), { what: 'the second to follow' });
  return [first, second];
}

/** Tells a node to lead, and everybody that it does. */
async function lead(node: ToyNode, epoch: number): Promise<void> {
  expect(await node.host.lead(epoch)).toEqual({ kind: 'leading', epoch });
  nodes.showLeader(node, epoch);
}

/** Clients that propose one command after the other to whoever leads, until they are told to end. */
function startClients(
  hosts: () => readonly ToyHost[],
  count: number,
  world: ToyNode['world'],
  prefix = 'id',
) {
  const acknowledged: string[] = [];
  let isEnding = false;
  let next = 0;
  const client = async (): Promise<void> => {
    while (!isEnding) {
      const proposal = add(world, `${prefix} ${next++}`);
      for (;;) {
        const host = hosts().find(({ state }) => state.kind === 'leading');
        const result = host === undefined ? undefined : await propose(host, proposal);
        if (result?.kind === 'applied') break;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      acknowledged.push(proposal.identity);
    }
  };
  const clients = Array.from({ length: count }, client);
  const end = async (): Promise<void> => {
    isEnding = true;
    await Promise.all(clients);
  };
  return { acknowledged, end };
}

/** Every acknowledged command is in the log once, and both replicas have the state of it. */
async function expectSound(acknowledged: readonly string[], leader: ToyNode, standby: ToyNode) {
  const identities = await log.fetchIdentities();
  const logged = new Set(identities);
  expect(logged.size).toBe(identities.length);
  expect(acknowledged.filter((identity) => !logged.has(identity))).toEqual([]);
  await waitUntil(
    () => standby.host.standby?.point.entryIndex === leader.host.position?.committed.entryIndex,
    { what: 'the standby to be level' },
  );
  expect(standby.host.standby?.point).toEqual(leader.host.position?.committed);
  const states = [leader, standby].map(({ machines }) => machines.at(-1)?.stateChecksum());
  expect(states[0]).toBe(states[1]);
}

describe('replicas on PostgreSQL', () => {
  test('REP-1, REP-5, LOG-5: leaderships are handed over under load, to and fro, and nothing is lost', async () => {
    const pair = await startPair();
    let [leader, standby] = pair;
    const clients = startClients(() => pair.map(({ host }) => host), 16, leader.world);
    const made = pair.map(({ machines }) => machines.length);
    for (let epoch = 2; epoch <= 5; epoch += 1) {
      const before = clients.acknowledged.length;
      await waitUntil(() => clients.acknowledged.length > before + 30, { what: 'commands' });
      // Once by the word of whoever has promised it, once by that of whoever lets go.
      const nextEpoch = epoch % 2 === 0 ? 0 : epoch;
      await leader.host.release({ ...standby, nextEpoch });
      expect(leader.host.standby).toMatchObject({ isWarm: true });
      const { host } = standby;
      if (nextEpoch > 0) {
        await waitUntil(() => host.state.kind === 'leading', { what: 'the promised leader' });
      }
      await lead(standby, epoch);
      [leader, standby] = [standby, leader];
      await waitUntil(() => isLevel(standby), { what: 'the old leader to follow' });
    }
    await clients.end();
    await expectSound(clients.acknowledged, leader, standby);
    // Nothing was loaded again: the replicas are those of the beginning.
    expect(pair.map(({ machines }) => machines.length)).toEqual(made);
  });

  test('REP-4, REP-7, LOG-1: a leader that is cut off is followed by its standby, and comes back as one', async () => {
    const [first, second] = await startPair();
    const clients = startClients(() => [second.host, first.host], 16, first.world);
    await waitUntil(() => clients.acknowledged.length > 50, { what: 'commands' });
    first.database.setMode('cut');
    await lead(second, 2);
    // Those of before wait for what the first has in flight: nobody can tell them yet.
    const late = startClients(() => [second.host], 4, second.world, 'late');
    await waitUntil(() => late.acknowledged.length > 20, { what: 'the second to serve' });
    expect(first.host.position?.epoch ?? 1).toBe(1);
    first.database.setMode('pass');
    await waitUntil(() => isLevel(first), { what: 'the first to follow', deadlineMs: 30_000 });
    await Promise.all([clients.end(), late.end()]);
    await expectSound([...clients.acknowledged, ...late.acknowledged], second, first);
    expect(await first.host.read(() => 0)).toMatchObject({ reason: 'NOT_LEADER' });
  });

  test('REP-6, REP-7: of two nodes one is cut off from the database: it says so within a second, and the other leads', async () => {
    const [first, second] = await startPair();
    const clients = startClients(() => [second.host, first.host], 8, first.world);
    await waitUntil(() => clients.acknowledged.length > 20, { what: 'commands' });
    // The line stays, but nothing comes over it any more.
    first.database.setMode('loseAnswers');
    await waitUntil(
      () => first.host.state.kind === 'leading' && first.host.state.logTrouble !== undefined,
      { what: 'the leader to say that its append is not answered', deadlineMs: 5_000 },
    );
    await lead(second, 2);
    const late = startClients(() => [second.host], 4, second.world, 'late');
    await waitUntil(() => late.acknowledged.length > 20, { what: 'the second to serve' });
    first.database.setMode('pass');
    first.database.breakConnections();
    await waitUntil(() => isLevel(first), { what: 'the first to follow', deadlineMs: 30_000 });
    await Promise.all([clients.end(), late.end()]);
    await expectSound([...clients.acknowledged, ...late.acknowledged], second, first);
  });

  test('LOG-7: a standby that computes otherwise begins anew from the state of its leader', async () => {
    const diverged: Error[] = [];
    let bias = 0;
    const [first, second] = await startPair({
      makeMachine: () => new ToyMachine(bias),
      onDiverged: (error) => diverged.push(error),
    });
    second.machines.at(-1)?.totals.set('a', 7);
    await propose(first.host, add(first.world, 'one'));
    await waitUntil(() => diverged.length > 0, { what: 'the standby to notice' });
    bias = 1; // whoever repeats the log with it comes to something else again
    await waitUntil(() => isLevel(second), { what: 'the standby to be warm again' });
    expect(diverged[0]?.message).toMatch(/the log records .* this replica computes /);
    expect(second.host.standby?.point).toEqual(first.host.position?.committed);
    expect(await readTotal(first.host)).toEqual({ kind: 'answered', value: 1 });
  });

  test('REP-1: a standby follows whoever leads by the table, and polls the log when nobody does', async () => {
    const [first, second] = await startPair();
    const third = await nodes.start('node-3');
    await waitUntil(() => isLevel(third), { what: 'the third to follow' });
    await first.host.release({ ...second, nextEpoch: 0 });
    await lead(second, 2);
    await propose(second.host, add(second.world, 'one'));
    await waitUntil(() => isLevel(third) && third.host.standby?.epoch === 2, {
      what: 'the third to follow the second',
    });
    nodes.showLeader({ nodeId: 'node-4', address: '127.0.0.1:1' }, 3);
    await propose(second.host, add(second.world, 'two'));
    await waitUntil(() => third.machines.at(-1)?.totals.get('a') === 2, { what: 'a poll' });
    expect(third.host.standby?.lagMs).toBeUndefined();
  });
});
