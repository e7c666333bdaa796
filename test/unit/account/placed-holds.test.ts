// Holds that nobody confirms (HLD-4): when they are overdue, and what makes them not so.

import { describe, expect, test } from '@jest/globals';
import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type { PlaceHold } from '../../../services/account/domain/command.ts';
import { placementCost } from '../../../services/lib/rules/cost.ts';
import { LedgerWorld, RULES } from '../../model/account/ledger-world.ts';

const SECOND_US = 1_000_000;

function start() {
  const world = new LedgerWorld();
  world.deposit('alice', 'USD', 1_000_000n, 'd');
  return world;
}

function place(world: LedgerWorld, clientOrderId: string, validForUs: number) {
  const terms = world.terms('BUY', 1, 10);
  const command: PlaceHold = {
    kind: 'placeHold',
    accountId: 'alice',
    clientOrderId,
    terms,
    bodyHash: '00112233445566778899aabbccddeeff',
    assetNumber: 1,
    amountUnits: placementCost(RULES, terms),
    validUntilUs: timeOf(world) + validForUs,
    declineReason: 'NONE',
    refuseWhenShort: false,
  };
  world.apply(command, 0);
  const account = world.machine.state.accountsById.get('alice');
  const placement = account?.placements ?? 0;
  return { accountNumber: account?.accountNumber ?? 0, placement };
}

const timeOf = ({ machine }: LedgerWorld): number => machine.state.shard.logTimeUs;

/** Lets log time pass without a command, as a tick does. */
function pass(world: LedgerWorld, us: number): void {
  world.machine.advance(timeOf(world) + us, () => {});
}

const overdueIn = (machine: AccountMachine) =>
  machine.state.placedHolds.overdue(100).map(({ placement, amendHoldId }) => {
    return amendHoldId === '' ? `${placement}` : `${placement} ${amendHoldId}`;
  });

describe('a hold that is only placed', () => {
  test('HLD-4 is due work as soon as log time has passed its time, and not before', () => {
    const world = start();
    place(world, 'one', 10 * SECOND_US);
    const dueUs = world.machine.nextDueTimeUs();
    expect(dueUs).toBe(timeOf(world) + 10 * SECOND_US + 1);
    pass(world, 10 * SECOND_US);
    expect(overdueIn(world.machine)).toEqual([]);
    pass(world, 1);
    expect(overdueIn(world.machine)).toEqual(['1']);
    // Its money stays held until the book has answered.
    expect(world.machine.state.accountsById.get('alice')?.balance(1).heldUnits).toBeGreaterThan(0n);
    expect(world.machine.nextDueTimeUs()).toBeUndefined();
  });

  test('HLD-4 is none of it once an event of its book has confirmed it', () => {
    const world = start();
    const order = place(world, 'one', SECOND_US);
    world.settle({ kind: 'orderAccepted', ...order, waiting: undefined });
    expect(world.machine.nextDueTimeUs()).toBeUndefined();
    pass(world, 2 * SECOND_US);
    expect(overdueIn(world.machine)).toEqual([]);
  });

  test('HLD-3 HLD-4 is resolved by the event of the forbid, which releases it', () => {
    const world = start();
    const order = place(world, 'one', SECOND_US);
    pass(world, 2 * SECOND_US);
    world.settle({ kind: 'orderForbidden', ...order, amendHoldId: '' });
    expect(overdueIn(world.machine)).toEqual([]);
    expect(world.machine.state.accountsById.get('alice')?.balance(1).heldUnits).toBe(0n);
  });

  test('HLD-4 an amend that nobody delivered is forbidden by its own name', () => {
    const world = start();
    const order = place(world, 'one', SECOND_US);
    world.settle({ kind: 'orderAccepted', ...order, waiting: undefined });
    const validUntilUs = timeOf(world) + 5 * SECOND_US;
    const amend = { ...order, amendHoldId: 'a1', amountUnits: 5n, validUntilUs };
    world.apply({ kind: 'amendHold', ...amend });
    pass(world, 6 * SECOND_US);
    expect(overdueIn(world.machine)).toEqual(['1 a1']);
    world.settle({ kind: 'orderForbidden', ...order, amendHoldId: 'a1' });
    expect(overdueIn(world.machine)).toEqual([]);
  });

  test('HLD-4 SNAP-1 the same are overdue after a snapshot', () => {
    const world = start();
    place(world, 'soon', SECOND_US);
    place(world, 'late', 60 * SECOND_US);
    pass(world, 2 * SECOND_US);
    const restored = new AccountMachine();
    const restorer = restored.beginRestore();
    for (const piece of world.machine.snapshotPieces()) restorer.take(piece);
    restorer.end();
    expect(overdueIn(restored)).toEqual(['1']);
    expect(restored.nextDueTimeUs()).toBe(world.machine.nextDueTimeUs());
  });

  test('HLD-4 a hundred come in the order of their times, however they were placed', () => {
    const world = start();
    const times = Array.from({ length: 100 }, (_, n) => ((n * 37) % 100) + 1);
    for (const [n, time] of times.entries()) place(world, `o${n}`, time * 1_000);
    pass(world, SECOND_US);
    const found = overdueIn(world.machine).map((placement) => times[Number(placement) - 1]);
    expect(found).toEqual([...times].sort((one, other) => one - other));
  });
});
