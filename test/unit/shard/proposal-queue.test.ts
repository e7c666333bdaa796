// The queue in front of a leader: classes, bounds, order, reserved room.

import { describe, expect, test } from '@jest/globals';
import type { CommandClass } from '../../../services/lib/shard/proposal.ts';
import { ProposalQueue, type Waiting } from '../../../services/lib/shard/proposal-queue.ts';

type Item = Omit<Waiting<string, never, never>, 'reservation'>;

const LIMITS = { internal: 2, cancel: 2, rest: 3 };

function item(
  command: string,
  commandClass: CommandClass,
  orderingKey?: string,
  streamKey?: string,
): Item {
  const proposal = {
    identity: command,
    validUntilUs: 0,
    traceContext: '',
    commandClass,
    command,
    ...(orderingKey === undefined ? {} : { orderingKey }),
    ...(streamKey === undefined ? {} : { streamKey }),
  };
  return { proposal, settle: () => {}, arrivedUs: 0 };
}

function drain(queue: ProposalQueue<string, never, never>): string[] {
  const commands: string[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    commands.push(next.proposal.command);
  }
  return commands;
}

describe('the queue of proposals', () => {
  test('LOG-10: hands out internal commands, then cancels, then the rest', () => {
    const queue = new ProposalQueue<string, never, never>(LIMITS);
    queue.push(item('rest 1', 'rest'));
    queue.push(item('cancel 1', 'cancel'));
    queue.push(item('rest 2', 'rest'));
    queue.push(item('internal 1', 'internal'));
    expect(drain(queue)).toEqual(['internal 1', 'cancel 1', 'rest 1', 'rest 2']);
  });

  test('LOG-10: is bounded by class, and a full class leaves the others their room', () => {
    const queue = new ProposalQueue<string, never, never>(LIMITS);
    for (const name of ['1', '2', '3']) expect(queue.push(item(name, 'rest'))).toBe(true);
    expect(queue.push(item('4', 'rest'))).toBe(false);
    expect(queue.push(item('cancel', 'cancel'))).toBe(true);
    expect(queue.push(item('internal', 'internal'))).toBe(true);
    queue.shift();
    queue.shift();
    expect(queue.push(item('4', 'rest'))).toBe(false);
    queue.shift();
    expect(queue.push(item('4', 'rest'))).toBe(true);
  });

  test('MOV-9: a stream keeps its order over accounts, and each account keeps its own', () => {
    const queue = new ProposalQueue<string, never, never>(LIMITS);
    queue.push(item('take by A', 'rest', 'A', 'stream'));
    queue.push(item('cancel by B', 'cancel', 'B', 'stream'));
    queue.push(item('cancel by C', 'cancel', 'C'));
    queue.push(item('forbid for B', 'internal', 'B'));
    expect(drain(queue)).toEqual(['cancel by C', 'take by A', 'cancel by B', 'forbid for B']);
  });

  test('MOV-9: commands with one key keep their order, whatever their classes', () => {
    const queue = new ProposalQueue<string, never, never>(LIMITS);
    queue.push(item('place A', 'rest', 'A'));
    queue.push(item('cancel A', 'cancel', 'A'));
    queue.push(item('place B', 'rest', 'B'));
    queue.push(item('cancel C', 'cancel', 'C'));
    expect(drain(queue)).toEqual(['cancel C', 'place A', 'cancel A', 'place B']);
    queue.push(item('cancel A again', 'cancel', 'A'));
    queue.push(item('place A again', 'rest', 'A'));
    queue.push(item('cancel last', 'cancel', 'A'));
    expect(drain(queue)).toEqual(['cancel A again', 'place A again', 'cancel last']);
  });

  test('LOG-10: keeps reserved room for its holder, however full the queue is', () => {
    const queue = new ProposalQueue<string, never, never>(LIMITS);
    const reservation = queue.reserve();
    expect(reservation.resize(2)).toBe(2);
    expect(queue.push(item('1', 'rest'))).toBe(true);
    expect(queue.push(item('2', 'rest'))).toBe(false);
    expect(queue.push(item('3', 'rest'), reservation)).toBe(true);
    expect(queue.push(item('4', 'rest'), reservation)).toBe(true);
    expect(queue.push(item('5', 'rest'), reservation)).toBe(false);
    expect(reservation.resize(9)).toBe(2);
    expect(drain(queue)).toEqual(['1', '3', '4']);
    reservation.release();
    for (const name of ['6', '7', '8']) expect(queue.push(item(name, 'rest'))).toBe(true);
  });

  test('LOG-10: room that is released while in use comes free when its command goes', () => {
    const queue = new ProposalQueue<string, never, never>(LIMITS);
    const reservation = queue.reserve();
    reservation.resize(3);
    queue.push(item('1', 'rest'), reservation);
    reservation.release();
    expect(reservation.room).toBe(1);
    expect(drain(queue)).toEqual(['1']);
    reservation.release();
    for (const name of ['2', '3', '4']) expect(queue.push(item(name, 'rest'))).toBe(true);
  });
});
