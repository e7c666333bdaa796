// What a process says of its own ability to work.

import { expect, test } from '@jest/globals';
import { HealthBoard } from '../../../services/lib/platform/rpc/health.ts';

test('a name serves only after someone said so', () => {
  const board = new HealthBoard();
  board.add('log');
  expect(board.isServing('log')).toBe(false);
  board.set('log', true);
  expect(board.isServing('log')).toBe(true);
  expect(board.isServing('unheard of')).toBeUndefined();
});

test('the whole server serves exactly when everything on the board does', () => {
  const board = new HealthBoard();
  board.set('log', true);
  board.set('cluster table', false);
  expect(board.isServing('')).toBe(false);
  board.set('cluster table', true);
  expect(board.isServing('')).toBe(true);
});

test('a closed board serves nothing, whatever is said afterwards', () => {
  const board = new HealthBoard();
  board.set('log', true);
  board.close();
  board.set('log', true);
  expect(board.names().map((name) => board.isServing(name))).toEqual([false, false]);
});

test('a watcher hears of changes and of nothing else', () => {
  const board = new HealthBoard();
  let heard = 0;
  const unwatch = board.watch(() => {
    heard += 1;
  });
  board.set('log', true);
  const afterFirst = heard;
  board.set('log', true);
  expect(afterFirst).toBeGreaterThan(0);
  expect(heard).toBe(afterFirst);
  unwatch();
  board.set('log', false);
  expect(heard).toBe(afterFirst);
});

test('a board with too many names says so', () => {
  const board = new HealthBoard();
  expect(() => {
    for (let index = 0; index <= 100; index += 1) board.add(`part ${index}`);
  }).toThrow('more than 100');
});
