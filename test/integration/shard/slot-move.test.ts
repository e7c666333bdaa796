// A slot of a matching shard moves between two hosts on a real PostgreSQL while orders come.

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { copyElsewhere } from '../../../services/lib/platform/moves/copy-process.ts';
import { copyHere } from '../../../services/lib/shard/moves/start-copy.ts';
import { createRealWorld } from '../../../services/lib/shard/real-world.ts';
import type { World } from '../../../services/lib/shard/world.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import {
  BOOK_REPLICA,
  type BookHost,
  createBookHost,
  openBookAt,
  propose,
  pullTo,
  reasonOf,
  resting,
  SLOT,
  SOURCE,
  statusAt,
  step,
  TARGET,
  waitForState,
} from '../../support/moves/moving-book.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

const COPY_PROGRAM = new URL('../../../services/matching/copy-slot.ts', import.meta.url);
const MOVE = { slot: SLOT, generation: 2 } as const;
const ORDER = { sourceShardId: SOURCE, ...MOVE };

let postgres: TestPostgres;
let world: World;
let source: BookHost;
let target: BookHost;

beforeEach(async () => {
  postgres = await startTestPostgres();
  world = createRealWorld({ databaseUrl: postgres.url, requireReplica: false });
  source = createBookHost(world, SOURCE);
  target = createBookHost(world, TARGET);
  expect(await source.lead(1)).toMatchObject({ kind: 'leading' });
  expect(await target.lead(1)).toMatchObject({ kind: 'leading' });
  await openBookAt(source, world);
});

afterEach(async () => {
  await Promise.all([source.end(2_000), target.end(2_000)]);
  await postgres.stop();
});

/** Everything of the book that anybody could see, and the slot's checksum. */
async function bookAt(host: BookHost) {
  const read = await host.read((machine) => ({
    checksum: machine.slots?.checksumOf(SLOT),
    pieces: [...(machine.slots?.piecesOf(SLOT) ?? [])].map((piece) =>
      Buffer.from(piece).toString('hex'),
    ),
  }));
  if (read.kind !== 'answered') throw new Error(read.reason);
  return read.value;
}

async function place(from: number, to: number): Promise<void> {
  const placed = [];
  for (let placement = from; placement <= to; placement += 1) {
    placed.push(propose(source, world, `place ${placement}`, resting(placement)));
  }
  const reasons = (await Promise.all(placed)).map(reasonOf);
  expect(reasons.filter((reason) => reason !== undefined)).toEqual([]);
}

describe('a slot of a matching shard', () => {
  test('MOV-2, MOV-3, MOV-4, LOG-11: moves with its orders, sequences and identities while orders come', async () => {
    await place(1, 500);
    const pull = pullTo(
      target,
      world,
      copyElsewhere<MatchingCommand>(postgres.url, COPY_PROGRAM),
      ORDER,
    );
    await place(501, 800);
    await waitForState(pull, 'ready');
    await place(801, 1_000);
    expect(await step(source, world, { ...MOVE, step: 'export' })).toBeUndefined();
    await waitForState(pull, 'imported');
    expect(pull.progress().copiedBytes).toBeGreaterThan(0);
    expect(await bookAt(target)).toEqual(await bookAt(source));

    // The source answers that the slot moves, then that it has none.
    const late = resting(1_001);
    expect(reasonOf(await propose(source, world, 'late', late))).toBe('SLOT_MOVING');
    expect(await step(source, world, { ...MOVE, step: 'done' })).toBeUndefined();
    expect(reasonOf(await propose(source, world, 'late', late))).toBe('WRONG_SHARD');
    // The same command with the same identity goes on at the target, in the book's own numbering.
    const accepted = await propose(target, world, 'late', late);
    expect(accepted).toMatchObject({ kind: 'applied', duplicate: false });
    expect(accepted).toMatchObject({
      events: [{ kind: 'orderAccepted', instrumentSequence: 1_002 }],
    });
    // What the source has answered is answered by its log, and not done again.
    for (const placement of [17, 700, 950]) {
      const again = await propose(target, world, `place ${placement}`, resting(placement));
      expect(again).toMatchObject({ kind: 'applied', duplicate: true });
      expect(again).toMatchObject({ events: [{ kind: 'orderAccepted', placement }] });
    }
    expect(await statusAt(source, SLOT)).toMatchObject({ ownership: 'NONE', generation: 2 });
  }, 60_000);

  test('MOV-5: a move that is rolled back leaves the source as it was, and its target without the slot', async () => {
    await place(1, 200);
    const before = await bookAt(source);
    const startCopy = copyHere({ world, replica: BOOK_REPLICA });
    const pull = pullTo(target, world, startCopy, ORDER);
    await waitForState(pull, 'ready');
    pull.stop();
    expect(await step(source, world, { ...MOVE, step: 'export' })).toBeUndefined();
    expect(await step(target, world, { ...MOVE, step: 'refuseImport' })).toBeUndefined();
    const late = pullTo(target, world, startCopy, ORDER);
    await waitForState(late, 'failed');
    expect(await step(source, world, { ...MOVE, generation: 3, step: 'unfreeze' })).toBeUndefined();
    expect(await bookAt(source)).toEqual(before);
    expect(await statusAt(target, SLOT)).toEqual({
      generation: 2,
      ownership: 'NONE',
      copy: undefined,
    });
    await place(201, 300);
    // A later generation moves.
    const order = { ...ORDER, generation: 4 };
    const again = pullTo(target, world, startCopy, order);
    await waitForState(again, 'ready');
    expect(
      await step(source, world, { slot: SLOT, generation: 4, step: 'export' }),
    ).toBeUndefined();
    await waitForState(again, 'imported');
    const refused = { slot: SLOT, generation: 4, step: 'refuseImport' } as const;
    expect(await step(target, world, refused)).toBe('SLOT_IMPORTED');
    expect(await bookAt(target)).toEqual(await bookAt(source));
  }, 60_000);

  test.each(['this process', 'a process of its own'])(
    'MOV-3: in %s the next slot of a source begins where the last one has ended',
    async (where) => {
      const other = { ...ORDER, slot: SLOT + 1 };
      const slots = { kind: 'acquireSlots', slots: [other.slot], generation: 1 } as const;
      await propose(source, world, 'more slots', slots);
      await place(1, 200);
      let made = 0;
      const createMachine: typeof BOOK_REPLICA.createMachine = () => {
        made += 1;
        return BOOK_REPLICA.createMachine();
      };
      const startCopy =
        where === 'this process'
          ? copyHere({ world, replica: { ...BOOK_REPLICA, createMachine } })
          : copyElsewhere<MatchingCommand>(postgres.url, COPY_PROGRAM);
      const bring = async (order: typeof ORDER): Promise<() => void> => {
        const { slot, generation } = order;
        const pull = pullTo(target, world, startCopy, order);
        await waitForState(pull, 'ready');
        expect(await step(source, world, { slot, generation, step: 'export' })).toBeUndefined();
        await waitForState(pull, 'imported');
        expect(await statusAt(target, slot)).toMatchObject({ ownership: 'OWNED', generation });
        return () => pull.stop();
      };
      const forgetFirst = await bring(ORDER);
      expect(await bookAt(target)).toEqual(await bookAt(source));
      const madeForFirst = made;
      const bringing = bring(other);
      forgetFirst(); // which says nothing about the other
      await bringing;
      expect(made).toBe(madeForFirst);
    },
    60_000,
  );

  test('MOV-2, SNAP-1: another leader of the target begins the copy anew, also when the export has come before', async () => {
    await place(1, 300);
    const startCopy = copyHere({ world, replica: BOOK_REPLICA });
    const first = pullTo(target, world, startCopy, ORDER);
    await waitForState(first, 'ready');
    first.stop();
    expect(await step(source, world, { ...MOVE, step: 'export' })).toBeUndefined();
    const other = createBookHost(world, TARGET, 'another node');
    expect(await other.lead(2)).toMatchObject({ kind: 'leading' });
    expect(await statusAt(other, SLOT)).toMatchObject({ copy: { generation: 2 } });
    const lost = pullTo(target, world, startCopy, ORDER);
    const second = pullTo(other, world, startCopy, ORDER);
    await waitForState(second, 'imported');
    expect(lost.isLost()).toBe(true);
    expect(await bookAt(other)).toEqual(await bookAt(source));
    // And who comes once more hears that it is done.
    await waitForState(pullTo(other, world, startCopy, ORDER), 'imported');
    await other.end(2_000);
  }, 60_000);
});

test('MOV-2: a copy whose process dies begins anew, and the move goes on', async () => {
  await place(1, 100);
  let started = 0;
  const here = copyHere({ world, replica: BOOK_REPLICA });
  const startCopy: typeof here = (order, send) => {
    started += 1;
    if (started > 1) return here(order, send);
    return { ended: Promise.resolve(new Error('its process is gone')), stop: () => {} };
  };
  const pull = pullTo(target, world, startCopy, ORDER);
  await waitForState(pull, 'ready');
  expect(await step(source, world, { ...MOVE, step: 'export' })).toBeUndefined();
  await waitForState(pull, 'imported');
  expect(started).toBe(2);
  expect(await bookAt(target)).toEqual(await bookAt(source));
}, 60_000);
