// Lanes keep the order of an account's commands, and know who came earlier.

import { describe, expect, test } from '@jest/globals';
import { FlowRegistry } from '../../../services/order/domain/lanes.ts';

describe('lanes', () => {
  test('MOV-9 commands of one account and instrument leave in the order in which they came', () => {
    const registry = new FlowRegistry();
    const sent: string[] = [];
    const first = registry.begin('alice').takePlace(1);
    const second = registry.begin('alice').takePlace(1);
    const third = registry.begin('alice').takePlace(1);

    third.send(() => sent.push('third'));
    second.send(() => sent.push('second'));
    expect(sent).toEqual([]);
    first.send(() => sent.push('first'));

    expect(sent).toEqual(['first', 'second', 'third']);
  });

  test('MOV-9 other accounts and other instruments do not wait', () => {
    const registry = new FlowRegistry();
    const sent: string[] = [];
    registry.begin('alice').takePlace(1);

    registry
      .begin('alice')
      .takePlace(2)
      .send(() => sent.push('alice 2'));
    registry
      .begin('bob')
      .takePlace(1)
      .send(() => sent.push('bob 1'));

    expect(sent).toEqual(['alice 2', 'bob 1']);
  });

  test('MOV-9 who leaves without a command lets the next one through', () => {
    const registry = new FlowRegistry();
    const sent: string[] = [];
    const first = registry.begin('alice').takePlace(1);
    registry
      .begin('alice')
      .takePlace(1)
      .send(() => sent.push('second'));

    first.leave();
    first.leave();

    expect(sent).toEqual(['second']);
  });

  test('MOV-9 leaving after sending changes nothing', () => {
    const registry = new FlowRegistry();
    const sent: string[] = [];
    const first = registry.begin('alice').takePlace(1);
    const second = registry.begin('alice').takePlace(1);
    second.send(() => sent.push('second'));
    second.leave();
    first.send(() => sent.push('first'));
    first.leave();
    expect(sent).toEqual(['first', 'second']);
  });

  test('a long line of places keeps its order while its front is let go', () => {
    const registry = new FlowRegistry();
    const sent: number[] = [];
    const places = Array.from({ length: 5000 }, () => registry.begin('alice').takePlace(1));
    for (const [index, place] of places.entries()) place.send(() => sent.push(index));
    expect(sent).toEqual(places.map((_, index) => index));
  });
});

describe('flows of an account', () => {
  test('SET-4 a flow waits until all earlier flows of its account have ended, not later ones', () => {
    const registry = new FlowRegistry();
    const resumed: string[] = [];
    const first = registry.begin('alice');
    const second = registry.begin('alice');
    const third = registry.begin('alice');
    const fourth = registry.begin('alice');
    expect(first.hasEarlier()).toBe(false);
    expect(third.hasEarlier()).toBe(true);

    third.whenEarlierEnded(() => resumed.push('third'));
    fourth.end();
    second.end();
    expect(resumed).toEqual([]);
    first.end();

    expect(resumed).toEqual(['third']);
    expect(third.hasEarlier()).toBe(false);
  });

  test('SET-4 flows of other accounts are not waited for', () => {
    const registry = new FlowRegistry();
    registry.begin('bob');
    const flow = registry.begin('alice');
    const resumed: string[] = [];
    flow.whenEarlierEnded(() => resumed.push('at once'));
    expect(resumed).toEqual(['at once']);
  });

  test('the open flows are counted, and ending one twice counts once', () => {
    const registry = new FlowRegistry();
    const flow = registry.begin('alice');
    registry.begin('bob').end();
    expect(registry.openCount).toBe(1);
    flow.end();
    flow.end();
    expect(registry.openCount).toBe(0);
  });

  test('an account that was forgotten begins anew', () => {
    const registry = new FlowRegistry();
    registry.begin('alice').end();
    const flow = registry.begin('alice');
    expect(flow.hasEarlier()).toBe(false);
    const next = registry.begin('alice');
    expect(next.hasEarlier()).toBe(true);
  });
});
