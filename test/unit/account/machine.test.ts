// The account shard's state machine: which reason comes first, what happens at each limit, how
// long things are remembered.
import { describe, expect, test } from '@jest/globals';
import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type { Command, PlaceHold } from '../../../services/account/domain/command.ts';
import type { Event } from '../../../services/account/domain/event.ts';
import { DEFAULT_LIMITS, type Limits } from '../../../services/account/domain/state.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import { PLAIN_INSTRUMENT, PLAIN_ORDER } from '../../support/plain.ts';

class Shard {
  readonly machine: AccountMachine;
  logTimeUs = 1_700_000_000_000_000;
  events: Event[] = [];

  constructor(limits: Partial<Limits> = {}) {
    this.machine = new AccountMachine({ ...DEFAULT_LIMITS, ...limits });
    // Every slot but that of `elsewhere`.
    const slots = Array.from({ length: 4096 }, (_, slot) => slot);
    const owned = slots.filter((slot) => slot !== slotOf('elsewhere'));
    this.reasonOf({ kind: 'acquireSlots', slots: owned, generation: 1 });
    this.reasonOf({ kind: 'setAsset', assetNumber: 1, assetId: 'USD', scale: 2, version: 1 });
    this.reasonOf({ kind: 'setAsset', assetNumber: 2, assetId: 'BTC', scale: 8, version: 1 });
    this.reasonOf({ kind: 'setInstrument', rules: PLAIN_INSTRUMENT });
    this.create('alice');
    this.deposit('alice', 1_000n, 'first');
  }

  /** Applies a command in an entry of its own; `done`, or why it was refused. */
  reasonOf(command: Command, stepUs = 1_000): string {
    this.logTimeUs += stepUs;
    this.events = [];
    const emit = (event: Event): void => {
      this.events.push(event);
    };
    const { logTimeUs } = this;
    this.machine.advance(logTimeUs, emit);
    const context = { logTimeUs, identity: `${logTimeUs}`, validUntilUs: logTimeUs + 10_000_000 };
    const outcome = this.machine.apply(command, context, emit);
    if (outcome.kind === 'refused') expect(this.events).toEqual([]);
    return outcome.kind === 'refused' ? outcome.refusal.reason : outcome.kind;
  }

  create(accountId: string): string {
    const defaultSelfTradePrevention = 'CANCEL_TAKER';
    return this.reasonOf({ kind: 'createAccount', accountId, defaultSelfTradePrevention });
  }

  deposit(accountId: string, amountUnits: bigint, clientTransferId: string): string {
    const transfer = { accountId, assetNumber: 1, amountUnits, clientTransferId };
    return this.reasonOf({ kind: 'deposit', ...transfer });
  }

  hold(change: Partial<PlaceHold> = {}): PlaceHold {
    return {
      kind: 'placeHold',
      accountId: 'alice',
      clientOrderId: 'order',
      terms: { ...PLAIN_ORDER, priceUnits: 100, selfTradePrevention: undefined },
      bodyHash: '00112233445566778899aabbccddeeff',
      assetNumber: 1,
      amountUnits: 100n,
      validUntilUs: this.logTimeUs + 5_000_000,
      declineReason: 'NONE',
      refuseWhenShort: false,
      ...change,
    };
  }
}

describe('which reason comes first', () => {
  const otherHash = 'ffffffffffffffffffffffffffffffff';
  const noInstrument = { ...new Shard().hold().terms, instrumentNumber: 9 };
  const tooMuch = { amountUnits: 5_000n, refuseWhenShort: true };

  test.each([
    [{ accountId: 'elsewhere', bodyHash: 'x', ...tooMuch }, 'WRONG_SHARD'],
    [{ accountId: 'nobody', bodyHash: 'x', ...tooMuch }, 'ACCOUNT_UNKNOWN'],
    [{ clientOrderId: 'used', bodyHash: otherHash, ...tooMuch }, 'CLIENT_ORDER_ID_ALREADY_EXISTS'],
    [{ clientOrderId: 'used', terms: noInstrument, ...tooMuch }, 'done'],
    [{ clientOrderId: 'a b', terms: noInstrument, ...tooMuch }, 'ID_INVALID'],
    [{ terms: noInstrument, assetNumber: 2, ...tooMuch }, 'INSTRUMENT_UNKNOWN'],
    [{ assetNumber: 2, ...tooMuch }, 'MESSAGE_MALFORMED'],
    [{ amountUnits: 99n, refuseWhenShort: true }, 'MESSAGE_MALFORMED'],
    [tooMuch, 'INSUFFICIENT_FUNDS'],
    [{}, 'done'],
  ])('a hold with %j: %s', (change: Partial<PlaceHold>, reason) => {
    const shard = new Shard();
    shard.reasonOf(shard.hold({ clientOrderId: 'used' }));
    expect(shard.reasonOf(shard.hold(change))).toBe(reason);
  });

  test.each([
    [{ accountId: 'elsewhere', assetNumber: 9 }, 'WRONG_SHARD'],
    [{ accountId: 'nobody', assetNumber: 9 }, 'ACCOUNT_UNKNOWN'],
    [{ clientTransferId: 'first', assetNumber: 9 }, 'CLIENT_TRANSFER_ID_ALREADY_EXISTS'],
    [{ clientTransferId: 'a b', assetNumber: 9 }, 'ID_INVALID'],
    [{ assetNumber: 9, amountUnits: 0n }, 'DECIMAL_OUT_OF_RANGE'],
    [{ assetNumber: 9, amountUnits: 2n ** 62n - 1n }, 'ASSET_UNKNOWN'],
    [{ amountUnits: 2n ** 62n - 1n }, 'AMOUNT_TOO_LARGE'],
  ])('a deposit with %j: %s', (change, reason) => {
    const shard = new Shard();
    const transfer = { accountId: 'alice', assetNumber: 1, amountUnits: 1n, clientTransferId: 't' };
    expect(shard.reasonOf({ kind: 'deposit', ...transfer, ...change })).toBe(reason);
  });
});

describe('how long things are remembered', () => {
  const forbid = (shard: Shard, sequence: number, placement: number): Command => {
    const accountNumber = shard.machine.state.accountsById.get('alice')?.accountNumber ?? 0;
    const place = { instrumentNumber: 1, instrumentSequence: sequence };
    const names = { accountNumber, placement, amendHoldId: '' };
    const events = [{ kind: 'orderForbidden' as const, ...place, ...names }];
    const entries = [{ logTimeUs: 1, commands: [{ identity: 'f', events }] }];
    const range = { fromSequence: sequence, throughSequence: sequence, sourceEntryIndex: 1 };
    const source = { sourceShardId: 'matching-1', sourceChainChecksum: '' };
    return { kind: 'settle', ...source, ...range, entries };
  };

  test('HLD-2 an outage does not use up the window', () => {
    const shard = new Shard();
    shard.reasonOf(shard.hold());
    shard.reasonOf(forbid(shard, 1, 1));
    // Two days without an entry, and then ten seconds with many.
    shard.reasonOf({ kind: 'setInstrument', rules: PLAIN_INSTRUMENT }, 2 * 86_400_000_000);
    for (let second = 0; second < 10; second += 1) {
      shard.reasonOf({ kind: 'setInstrument', rules: PLAIN_INSTRUMENT }, 1_000_000);
    }
    expect(shard.reasonOf(shard.hold())).toBe('done');
    expect(shard.events).toEqual([]);
    for (let second = 0; second < 600; second += 1) {
      shard.reasonOf({ kind: 'setInstrument', rules: PLAIN_INSTRUMENT }, 1_000_000);
    }
    expect(shard.reasonOf(shard.hold())).toBe('done');
    expect(shard.events.map(({ kind }) => kind)).toEqual(['holdPlaced']);
  });

  test('HLD-2 at the bound the oldest goes, but never before valid_until + 60 s', () => {
    const shard = new Shard({ maximumClosedOrders: 2 });
    const declined = (clientOrderId: string) =>
      shard.reasonOf(shard.hold({ clientOrderId, declineReason: 'TOO_LATE' }));
    expect(['a', 'b', 'c'].map(declined)).toEqual(['done', 'done', 'done']);
    expect(declined('d')).toBe('SHARD_OVERLOADED');
    for (let second = 0; second < 70; second += 1) {
      shard.reasonOf({ kind: 'setInstrument', rules: PLAIN_INSTRUMENT }, 1_000_000);
    }
    expect(declined('d')).toBe('done');
    expect(shard.machine.state.closedOrders.count).toBe(3);
  });

  test('LED-4 a transfer id is known a year later', () => {
    const shard = new Shard();
    shard.reasonOf({ kind: 'setInstrument', rules: PLAIN_INSTRUMENT }, 365 * 86_400_000_000);
    expect(shard.deposit('alice', 1_000n, 'first')).toBe('done');
    expect(shard.events).toEqual([]);
    expect(shard.deposit('alice', 1_001n, 'first')).toBe('CLIENT_TRANSFER_ID_ALREADY_EXISTS');
  });
});

describe('limits', () => {
  test('accounts beyond the bound and amends in flight beyond 100 are SHARD_OVERLOADED', () => {
    const shard = new Shard({ maximumAccounts: 2 });
    expect(shard.create('bob')).toBe('done');
    expect(shard.create('carol')).toBe('SHARD_OVERLOADED');
    shard.reasonOf(shard.hold());
    const accountNumber = shard.machine.state.accountsById.get('alice')?.accountNumber ?? 0;
    const amend = (count: number): Command => ({
      kind: 'amendHold',
      accountNumber,
      placement: 1,
      amendHoldId: `m${count}`,
      amountUnits: 1n,
      validUntilUs: shard.logTimeUs + 1_000_000,
    });
    for (let count = 0; count < 100; count += 1) {
      expect(shard.reasonOf(amend(count))).toBe('done');
    }
    expect(shard.reasonOf(amend(100))).toBe('SHARD_OVERLOADED');
  });

  test('open orders beyond the bound are SHARD_OVERLOADED, repeats are answered', () => {
    const shard = new Shard({ maximumLiveOrders: 1 });
    expect(shard.reasonOf(shard.hold())).toBe('done');
    expect(shard.reasonOf(shard.hold({ clientOrderId: 'other' }))).toBe('SHARD_OVERLOADED');
    expect(shard.reasonOf(shard.hold())).toBe('done');
  });
});

describe('reference data', () => {
  test('REF-1 versions only grow, and what is for life does not change', () => {
    const shard = new Shard();
    const asset = {
      kind: 'setAsset',
      assetNumber: 1,
      assetId: 'USD',
      scale: 2,
      version: 2,
    } as const;
    expect(shard.reasonOf(asset)).toBe('done');
    expect(shard.events).toHaveLength(1);
    expect(shard.reasonOf(asset)).toBe('done');
    expect(shard.events).toHaveLength(0);
    expect(shard.reasonOf({ ...asset, scale: 3, version: 3 })).toBe('ASSET_ALREADY_EXISTS');
    const rules = { ...PLAIN_INSTRUMENT, version: 2, baseFactor: 7 };
    expect(shard.reasonOf({ kind: 'setInstrument', rules })).toBe('INSTRUMENT_ALREADY_EXISTS');
  });

  test('MOV-1 slots are taken over once per generation', () => {
    const shard = new Shard();
    const slots = [slotOf('elsewhere'), 1];
    expect(shard.create('elsewhere')).toBe('WRONG_SHARD');
    expect(shard.reasonOf({ kind: 'acquireSlots', slots, generation: 1 })).toBe('done');
    expect(shard.events).toMatchObject([{ slots: [slotOf('elsewhere')] }]);
    expect(shard.create('elsewhere')).toBe('done');
  });
});

describe('the state checksum', () => {
  test('LOG-8 differs when any part of the state differs', () => {
    const seen = new Set<string>();
    const shard = new Shard();
    const note = (): void => {
      const checksum = shard.machine.stateChecksum();
      expect(seen.has(checksum)).toBe(false);
      seen.add(checksum);
    };
    note();
    shard.deposit('alice', 1n, 'second');
    note();
    shard.reasonOf(shard.hold());
    note();
    shard.reasonOf({ kind: 'prepareCancel', accountId: 'alice', clientOrderId: 'z' });
    note();
    shard.create('bob');
    note();
    shard.reasonOf({ kind: 'setAsset', assetNumber: 1, assetId: 'USD', scale: 2, version: 2 });
    note();
  });
});
