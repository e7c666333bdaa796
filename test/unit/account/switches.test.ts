// Dead man's switches: in which order accounts are looked at, and how many in one entry.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type { Command } from '../../../services/account/domain/command.ts';
import { SWITCHES_PER_ENTRY } from '../../../services/account/domain/dead-man-switch.ts';
import { StateDigest } from '../../../services/account/domain/digest.ts';
import type { Event } from '../../../services/account/domain/event.ts';
import { Switches } from '../../../services/account/domain/switches.ts';

describe('switches', () => {
  test('CXL-2 come by time, then by account, each at its earliest time', () => {
    const watch = fc.record({ account: fc.nat({ max: 20 }), timeUs: fc.nat({ max: 50 }) });
    fc.assert(
      fc.property(fc.array(watch, { maxLength: 60 }), (watches) => {
        const switches = new Switches(new StateDigest());
        const earliest = new Map<number, number>();
        for (const { account, timeUs } of watches) {
          switches.watch(account, timeUs);
          earliest.set(account, Math.min(timeUs, earliest.get(account) ?? timeUs));
        }
        const expected = [...earliest].sort(
          ([one, oneUs], [other, otherUs]) => oneUs - otherUs || one - other,
        );
        expect(switches.nextTimeUs()).toBe(expected[0]?.[1]);
        const taken: number[] = [];
        for (let next = switches.take(50); next !== undefined; next = switches.take(50)) {
          taken.push(next);
        }
        expect(taken).toEqual(expected.map(([account]) => account));
      }),
    );
  });

  test('CXL-2 are not looked at before their time', () => {
    const switches = new Switches(new StateDigest());
    switches.watch(1, 10);
    expect(switches.take(9)).toBeUndefined();
    expect(switches.take(10)).toBe(1);
    expect(switches.nextTimeUs()).toBeUndefined();
  });

  test('LOG-17 CXL-2 go off a step at a time, and the rest is due at once', () => {
    const machine = new AccountMachine();
    let logTimeUs = 1;
    const apply = (command: Command): void => {
      const context = { logTimeUs, identity: 'i', validUntilUs: 1e12 };
      machine.apply(command, context, () => {});
    };
    const slots = Array.from({ length: 4096 }, (_, slot) => slot);
    apply({ kind: 'acquireSlots', slots, generation: 1 });
    for (let account = 0; account <= SWITCHES_PER_ENTRY; account += 1) {
      const accountId = `a${account}`;
      apply({ kind: 'createAccount', accountId, defaultSelfTradePrevention: 'NONE' });
      apply({ kind: 'cancelAllAfter', accountId, timeoutUs: 1_000_000 });
    }
    logTimeUs += 1_000_000;
    const events: Event[] = [];
    machine.advance(logTimeUs, (event) => events.push(event));
    expect(events).toHaveLength(SWITCHES_PER_ENTRY);
    expect(machine.nextDueTimeUs()).toBe(logTimeUs);
    machine.advance(logTimeUs, (event) => events.push(event));
    expect(events).toHaveLength(SWITCHES_PER_ENTRY + 1);
    expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(['cancelAfterDue']));
    expect(machine.nextDueTimeUs()).toBeUndefined();
  });
});
