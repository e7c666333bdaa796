// Snapshots of the account shard's state machine, after any commands.

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type { Command } from '../../../services/account/domain/command.ts';
import type { Event } from '../../../services/account/domain/event.ts';
import { MOST_PIECE_BYTES } from '../../../services/lib/shard/state-machine.ts';
import { act, step } from '../../model/account/ledger-properties.ts';
import { ACCOUNTS, LedgerWorld } from '../../model/account/ledger-world.ts';

type Logged = { readonly command: Command; readonly logTimeUs: number };

/** What a switch is set to, who joins a self-trade group, and how much log time passes. */
const extra = fc.record({
  at: fc.nat({ max: 60 }),
  who: fc.constantFrom(...ACCOUNTS),
  what: fc.constantFrom('switch', 'group', 'cancelUnknown', 'outage'),
  seconds: fc.integer({ min: 1, max: 40 }),
});

/** A random history: orders, groups, trades, switches that go off, orders that are forgotten. */
const history = fc
  .record({
    steps: fc.array(step, { maxLength: 60, size: 'max' }),
    extras: fc.array(extra, { maxLength: 5 }),
  })
  .map(({ steps, extras }): readonly Logged[] => {
    const world = new LedgerWorld();
    for (const accountId of ACCOUNTS) {
      world.deposit(accountId, 'USD', 3_000_000n, `${accountId}-usd`);
      world.deposit(accountId, 'BTC', 3_000n, `${accountId}-btc`);
    }
    for (const [index, each] of steps.entries()) {
      act(world, each, `id-${index}`);
      for (const { at, who: accountId, what, seconds } of extras) {
        if (at !== index) continue;
        if (what === 'switch') {
          world.apply({ kind: 'cancelAllAfter', accountId, timeoutUs: seconds * 1_000_000 });
        } else if (what === 'group') {
          world.apply({ kind: 'setSelfTradeGroup', accountId, selfTradeGroup: seconds });
        } else if (what === 'cancelUnknown') {
          world.apply({ kind: 'prepareCancel', accountId, clientOrderId: `new-${index}` });
        } else {
          // Beyond the window of HLD-2, at one second an entry, by the end of some histories.
          for (let count = 0; count < seconds; count += 1) {
            const timeoutUs = 1_000_000 * (1 + (count % 2));
            world.apply({ kind: 'cancelAllAfter', accountId, timeoutUs }, 1_500_000);
          }
        }
      }
    }
    return world.commands;
  });

function applyAll(machine: AccountMachine, commands: readonly Logged[]): Event[] {
  const events: Event[] = [];
  const emit = (event: Event): void => {
    events.push(event);
  };
  for (const { command, logTimeUs } of commands) {
    const context = { logTimeUs, identity: 'any', validUntilUs: logTimeUs + 60_000_000 };
    machine.advance(logTimeUs, emit);
    machine.apply(command, context, emit);
  }
  return events;
}

const snapshotOf = (machine: AccountMachine): Buffer[] =>
  [...machine.snapshotPieces()].map((piece) => Buffer.from(piece));

function restore(pieces: readonly Uint8Array[]): AccountMachine {
  const machine = new AccountMachine();
  const restorer = machine.beginRestore();
  for (const piece of pieces) restorer.take(piece);
  restorer.end();
  return machine;
}

describe('snapshots of the account machine', () => {
  test('SNAP-1: restoring one and applying the rest equals applying everything', () => {
    const property = fc.property(history, fc.nat(), (commands, place) => {
      const cut = place % (commands.length + 1);
      const everything = new AccountMachine();
      applyAll(everything, commands.slice(0, cut));
      const pieces = snapshotOf(everything);
      const restored = restore(pieces);
      expect(restored.stateChecksum()).toBe(everything.stateChecksum());
      // Whatever led to a state: its bytes are the same, and so is everything that can be seen.
      expect(Buffer.concat(snapshotOf(restored))).toEqual(Buffer.concat(pieces));
      expect(restored.state.accountsById).toEqual(everything.state.accountsById);

      const rest = commands.slice(cut);
      expect(applyAll(restored, rest)).toEqual(applyAll(everything, rest));
      expect(restored.stateChecksum()).toBe(everything.stateChecksum());
      expect(restored.nextDueTimeUs()).toBe(everything.nextDueTimeUs());
      expect(Buffer.concat(snapshotOf(restored))).toEqual(Buffer.concat(snapshotOf(everything)));
    });
    fc.assert(property, { numRuns: 30 });
  }, 60_000);

  test('SNAP-3: a snapshot that is damaged or cut is refused or has another checksum', () => {
    const property = fc.property(history, fc.nat(), fc.nat({ max: 254 }), (commands, at, by) => {
      const machine = new AccountMachine();
      applyAll(machine, commands);
      const whole = Buffer.concat(snapshotOf(machine));
      expect(() => restore([whole.subarray(0, at % whole.length)])).toThrow();
      const damaged = Buffer.from(whole);
      const place = at % whole.length;
      damaged[place] = ((whole[place] as number) + 1 + by) % 256;
      const checksumOf = (): string => restore([damaged]).stateChecksum();
      let found: string;
      try {
        found = checksumOf();
      } catch {
        return;
      }
      // Reasons, the switches' looks and the count of live orders are not in the checksum.
      if (found === machine.stateChecksum()) {
        expect(Buffer.concat(snapshotOf(restore([damaged])))).toEqual(damaged);
      }
    });
    fc.assert(property, { numRuns: 60 });
  }, 60_000);

  test('SNAP-1: every slot, ten thousand accounts and their orders go in pieces of bounded size', () => {
    const world = new LedgerWorld();
    for (let count = 0; count < 10_000; count += 1) {
      const accountId = `account-${count}`;
      world.apply({
        kind: 'createAccount',
        accountId,
        defaultSelfTradePrevention: 'DECREMENT',
      });
    }
    const pieces = snapshotOf(world.machine);
    expect(pieces.length).toBeGreaterThan(10);
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(MOST_PIECE_BYTES);
    expect(restore(pieces).stateChecksum()).toBe(world.machine.stateChecksum());
  });
});
