// Bad input in the engine: whatever a command holds, it is refused or rejected and the book stays
// as it was; nothing is thrown.

import { describe, expect, test } from '@jest/globals';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import type { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import { openBook, PLAIN_TERMS, submit, WIDE_RULES } from '../../support/matching/one-book.ts';

const CONTEXT = { logTimeUs: 10, identity: 'x', validUntilUs: 10 };

/** Values that no field that counts something takes. */
const WRONG_NUMBERS = [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 2 ** 53, -(2 ** 53)];

const ORDER = { instrumentNumber: 1, accountNumber: 1, placement: 1 } as const;
const LIMIT = { ...PLAIN_TERMS, priceUnits: 100, quantityUnits: 10 } as const;
const STOP = { ...LIMIT, type: 'STOP', stopPriceUnits: 120, priceUnits: 130 } as const;
const EXIT = { ...STOP, side: 'SELL', quantityUnits: 0, priceUnits: 90 } as const;

/** A book with something of everything in it. */
function busyBook(): MatchingMachine {
  const machine = openBook();
  const place = (placement: number, terms: object): void => {
    const all = { ...LIMIT, ...terms };
    submit(machine, { kind: 'placeOrder', accountNumber: 1, placement, terms: all });
  };
  place(1, {});
  place(2, { side: 'SELL', priceUnits: 110, displayUnits: 2 });
  place(3, { priceUnits: 99, timeInForce: 'GTD', expireTimeUs: 1_000 });
  place(4, STOP);
  const legs = [{ ...LIMIT, priceUnits: 98 }, STOP];
  const group = { kind: 'placeOrderGroup', accountNumber: 1, groupType: 'OCO', legs } as const;
  submit(machine, { ...group, placement: 5 });
  return machine;
}

function stateOf(machine: MatchingMachine): unknown {
  const { instrumentSequence: _, ...view } = machine.viewBook(1, 100) ?? {};
  return [view, machine.openOrders(1), machine.waitingOrders(1), machine.instruments()];
}

/** Applies a command that must not change the book; tells what it was answered. */
function applyWrong(machine: MatchingMachine, command: MatchingCommand): string {
  const before = stateOf(machine);
  const checksum = machine.stateChecksum();
  const events: MatchingEvent[] = [];
  const outcome = machine.apply(command, CONTEXT, (event) => events.push(event));
  machine.assertSound();
  expect(stateOf(machine)).toEqual(before);
  if (outcome.kind === 'refused') {
    expect(events).toEqual([]);
    expect(machine.stateChecksum()).toBe(checksum);
    return outcome.refusal.reason;
  }
  expect(outcome).toEqual({ kind: 'done' });
  expect(events.length).toBeGreaterThan(0);
  for (const event of events) expect(event.kind).toMatch(/Rejected$/);
  return events.map((event) => ('reason' in event ? event.reason : '')).join(' ');
}

/** Every way to put a wrong number into one field of something. */
function withWrongNumbers<T extends object>(whole: T, fields: readonly string[]): [string, T][] {
  return fields.flatMap((field) =>
    WRONG_NUMBERS.map((value): [string, T] => [`${field} ${value}`, { ...whole, [field]: value }]),
  );
}

const NUMBERS_OF_TERMS = [
  'instrumentNumber',
  'quantityUnits',
  'priceUnits',
  'stopPriceUnits',
  'trailingOffsetUnits',
  'trailingOffsetBps',
  'expireTimeUs',
  'displayUnits',
  'minimumUnits',
  'selfTradeGroup',
  'instrumentVersion',
];

describe('BND-2 numbers that are none, negative, broken or too large', () => {
  test.each([
    ['a limit order', LIMIT],
    ['a stop', STOP],
    ['a market order', { ...LIMIT, type: 'MARKET', timeInForce: 'IOC', priceUnits: 120 } as const],
  ])('in %s change nothing', (_, terms) => {
    const machine = busyBook();
    for (const [, wrong] of withWrongNumbers(terms, NUMBERS_OF_TERMS)) {
      const command = { kind: 'placeOrder', accountNumber: 2, placement: 1, terms: wrong } as const;
      expect(applyWrong(machine, command)).toMatch(/^(NUMBER_OUT_OF_RANGE|WRONG_SHARD)$/);
    }
  });

  test('in a leg of a group change nothing', () => {
    const machine = busyBook();
    const group = { kind: 'placeOrderGroup', accountNumber: 2, placement: 1 } as const;
    for (const [, wrong] of withWrongNumbers(EXIT, NUMBERS_OF_TERMS)) {
      const exits = [{ ...EXIT, type: 'TAKE_PROFIT' } as const, wrong];
      const bracket = { ...group, groupType: 'BRACKET', legs: [LIMIT, ...exits] } as const;
      expect(applyWrong(machine, bracket)).toMatch(/^(NUMBER_OUT_OF_RANGE|FIELDS_CONFLICT)$/);
      const oco = { ...group, groupType: 'OCO', legs: [LIMIT, wrong] } as const;
      expect(applyWrong(machine, oco)).toMatch(/^[A-Z_]+$/);
    }
  });

  test('in rates that a record cannot hold change nothing', () => {
    const machine = busyBook();
    for (const field of ['makerRatePpm', 'takerRatePpm', 'auctionRatePpm']) {
      for (const value of [Number.NaN, 0.5, 1_000_001, -1_000_001, 2 ** 32]) {
        const terms = { ...LIMIT, [field]: value };
        const command = { kind: 'placeOrder', accountNumber: 2, placement: 1, terms } as const;
        expect(applyWrong(machine, command)).toBe('NUMBER_OUT_OF_RANGE');
      }
    }
  });

  test('in the names of orders change nothing', () => {
    const machine = busyBook();
    const amend = { quantityUnits: 5, priceUnits: undefined, stopPriceUnits: undefined };
    const more = { displayUnits: undefined, expireTimeUs: undefined, expectedVersion: undefined };
    const hold = { instrumentVersion: 1, amendHoldUnits: 0n, amendHoldId: '' };
    const commands = [
      { kind: 'placeOrder', accountNumber: 2, placement: 1, terms: LIMIT },
      { kind: 'cancelOrder', ...ORDER },
      { kind: 'cancelOrderGroup', ...ORDER },
      { kind: 'amendOrder', ...ORDER, ...amend, ...more, ...hold },
      { kind: 'forbidOrder', ...ORDER, amendHoldId: '', forbiddenValidUntilUs: 1 },
      { kind: 'placeOrderGroup', ...ORDER, groupType: 'OCO', legs: [LIMIT, STOP] },
    ] as const;
    for (const command of commands) {
      for (const [, wrong] of withWrongNumbers(command, ['accountNumber', 'placement'])) {
        expect(applyWrong(machine, wrong as MatchingCommand)).toBe('NUMBER_OUT_OF_RANGE');
      }
    }
    const nobody = { kind: 'placeOrder', accountNumber: 0, placement: 1, terms: LIMIT } as const;
    expect(applyWrong(machine, nobody)).toBe('NUMBER_OUT_OF_RANGE');
    expect(applyWrong(machine, { ...nobody, accountNumber: 2 ** 32 })).toBe('NUMBER_OUT_OF_RANGE');
  });

  test('in an amend change nothing', () => {
    const machine = busyBook();
    const none = { quantityUnits: undefined, priceUnits: undefined, stopPriceUnits: undefined };
    const more = { displayUnits: undefined, expireTimeUs: undefined, expectedVersion: undefined };
    const hold = { instrumentVersion: 1, amendHoldUnits: 2n ** 61n, amendHoldId: 'h' };
    const fields = [
      'quantityUnits',
      'priceUnits',
      'stopPriceUnits',
      'displayUnits',
      'expireTimeUs',
    ];
    for (const placement of [1, 2, 3, 4, 5]) {
      const command = {
        kind: 'amendOrder',
        ...ORDER,
        placement,
        ...none,
        ...more,
        ...hold,
      } as const;
      for (const [, wrong] of withWrongNumbers(command, fields)) {
        expect(applyWrong(machine, wrong)).toBe('NUMBER_OUT_OF_RANGE');
      }
    }
  });

  test('in rules, states, slots and times change nothing', () => {
    const machine = busyBook();
    const fields = Object.keys(WIDE_RULES).filter(
      (field) => typeof WIDE_RULES[field as keyof typeof WIDE_RULES] === 'number',
    );
    const counted = fields.filter((field) => !/Asset|^instrumentNumber$/.test(field));
    for (const [name, rules] of withWrongNumbers({ ...WIDE_RULES, version: 2 }, counted)) {
      if (/RatePpm -1$/.test(name)) continue;
      const command = { kind: 'setInstrument', rules, initialState: 'CONTINUOUS' } as const;
      expect(applyWrong(machine, command)).toBe('NUMBER_OUT_OF_RANGE');
    }
    const state = { kind: 'setInstrumentState', state: 'AUCTION', comment: '' } as const;
    const auction = { ...state, auctionEndTimeUs: 99, stateAfterAuction: 'CONTINUOUS' } as const;
    const ends = withWrongNumbers({ ...auction, instrumentNumber: 1 }, ['auctionEndTimeUs']);
    for (const [, wrong] of ends) {
      expect(applyWrong(machine, wrong)).toMatch(/^(NUMBER_OUT_OF_RANGE|TOO_LATE)$/);
    }
    for (const value of WRONG_NUMBERS) {
      const slots = { kind: 'acquireSlots', slots: [value], generation: 1 } as const;
      expect(applyWrong(machine, slots)).toBe('NUMBER_OUT_OF_RANGE');
      const generation = { kind: 'acquireSlots', slots: [1], generation: value } as const;
      expect(applyWrong(machine, generation)).toBe('NUMBER_OUT_OF_RANGE');
      const all = { instrumentNumber: 1, side: undefined, comment: '', reason: 'MASS' } as const;
      const mass = { kind: 'cancelAllOrders', ...all, accountNumber: value } as const;
      expect(applyWrong(machine, mass)).toBe('NUMBER_OUT_OF_RANGE');
    }
  });
});

describe('names that are none', () => {
  test.each([
    ['side', 'buy'],
    ['type', 'ICEBERG'],
    ['timeInForce', 'FOREVER'],
    ['selfTradePrevention', 'ALWAYS'],
  ])('of %s are refused', (field, value) => {
    const machine = busyBook();
    const terms = { ...LIMIT, [field]: value };
    const command = { kind: 'placeOrder', accountNumber: 2, placement: 1, terms };
    expect(applyWrong(machine, command as MatchingCommand)).toMatch(/^(FIELD|NUMBER)/);
    const legs = [{ ...STOP, [field]: value }, STOP];
    const group = {
      kind: 'placeOrderGroup',
      accountNumber: 2,
      placement: 1,
      groupType: 'OCO',
      legs,
    };
    expect(applyWrong(machine, group as MatchingCommand)).toMatch(/^(FIELD|NUMBER)/);
  });

  test('of states, groups and reasons are refused', () => {
    const machine = busyBook();
    const commands = [
      { kind: 'setInstrumentState', instrumentNumber: 1, state: 'OPEN', comment: '' },
      { kind: 'setInstrumentState', instrumentNumber: 1, state: 'RETIRED', comment: '' },
      { kind: 'placeOrderGroup', ...ORDER, groupType: 'TRIO', legs: [LIMIT, LIMIT, LIMIT] },
      { kind: 'placeOrderGroup', ...ORDER, groupType: 'OCO', legs: [] },
      { kind: 'cancelAllOrders', instrumentNumber: 1, accountNumber: 1, reason: 'OWNER' },
      { kind: 'cancelAllOrders', instrumentNumber: 1, accountNumber: 1, side: 'X', reason: 'MASS' },
    ];
    for (const command of commands) {
      expect(applyWrong(machine, command as MatchingCommand)).toMatch(/^[A-Z_]+$/);
    }
  });
});

test('MAT-4 an id that is in use is refused, of a leg or an exit to come as well', () => {
  const machine = busyBook();
  const bracket = { kind: 'placeOrderGroup', accountNumber: 1, groupType: 'BRACKET' } as const;
  const exits = [{ ...EXIT, type: 'TAKE_PROFIT' } as const, EXIT];
  submit(machine, { ...bracket, placement: 20, legs: [LIMIT, ...exits] });
  for (const placement of [1, 2, 3, 4, 5, 6, 20, 21, 22]) {
    const command = { kind: 'placeOrder', accountNumber: 1, placement, terms: LIMIT } as const;
    expect(applyWrong(machine, command)).toBe('ALREADY_EXISTS');
    const oco = { accountNumber: 1, placement, groupType: 'OCO', legs: [LIMIT, STOP] } as const;
    expect(applyWrong(machine, { kind: 'placeOrderGroup', ...oco })).toBe('ALREADY_EXISTS');
  }
});

test('an instrument that exists gets no second number (REF-1)', () => {
  const machine = busyBook();
  const rules = { ...WIDE_RULES, instrumentNumber: 2, version: 2 };
  const command = { kind: 'setInstrument', rules, initialState: 'CONTINUOUS' } as const;
  expect(applyWrong(machine, command)).toBe('ALREADY_EXISTS');
});

test('LOG-16 a kind of command that nobody knows is refused', () => {
  const command = { kind: 'mergeOrders', ...ORDER } as unknown as MatchingCommand;
  expect(applyWrong(busyBook(), command)).toBe('MESSAGE_MALFORMED');
});

test('an instrument or order that the shard does not know is told so', () => {
  const machine = busyBook();
  const other = { ...ORDER, instrumentNumber: 9 };
  const terms = { ...LIMIT, instrumentNumber: 9 };
  const commands: MatchingCommand[] = [
    { kind: 'placeOrder', accountNumber: 1, placement: 9, terms },
    {
      kind: 'placeOrderGroup',
      accountNumber: 1,
      placement: 9,
      groupType: 'OCO',
      legs: [terms, terms],
    },
    { kind: 'cancelOrder', ...other },
    { kind: 'cancelOrderGroup', ...other },
    { kind: 'retireInstrument', instrumentNumber: 9, comment: '' },
  ];
  for (const command of commands) expect(applyWrong(machine, command)).toBe('WRONG_SHARD');
  expect(applyWrong(machine, { kind: 'cancelOrder', ...ORDER, placement: 99 })).toBe(
    'ORDER_UNKNOWN',
  );
  expect(applyWrong(machine, { kind: 'cancelOrderGroup', ...ORDER, placement: 99 })).toBe(
    'ORDER_UNKNOWN',
  );
});
