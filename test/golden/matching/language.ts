// The language of the matching goldens (test/golden/README.md): one command a line, words apart.

import { assert, assertDefined } from '../../../services/lib/base/assert.ts';
import type { InstrumentRules, OrderTerms } from '../../../services/lib/rules/terms.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingLimits } from '../../../services/matching/domain/limits.ts';
import { describeEvent } from './describe.ts';
import { Floor, OPEN_RULES } from './floor.ts';

/** Words of a line, taken from the front. */
class Words {
  readonly #words: string[];

  constructor(line: string) {
    this.#words = line.split(/\s+/).filter((word) => word !== '');
  }

  get isEmpty(): boolean {
    return this.#words.length === 0;
  }

  next(): string {
    return assertDefined(this.#words.shift(), 'another word');
  }

  number(): number {
    const number = Number(this.next().replaceAll('_', ''));
    assert(!Number.isNaN(number), 'a number');
    return number;
  }

  amount(): bigint {
    return BigInt(this.next().replaceAll('_', ''));
  }

  /** Takes the word when it is the next one. */
  takes(word: string): boolean {
    if (this.#words[0] !== word) return false;
    this.#words.shift();
    return true;
  }
}

const RULE_WORDS: Readonly<Record<string, keyof InstrumentRules>> = {
  tick: 'tickUnits',
  lot: 'lotUnits',
  'min-quantity': 'minimumQuantityUnits',
  'max-quantity': 'maximumQuantityUnits',
  'max-price': 'maximumPriceUnits',
  'collar-ppm': 'collarPpm',
  'max-open': 'maximumOpenOrders',
  factor: 'notionalFactor',
  base: 'baseAssetNumber',
};

/** Everything that the commands of a golden file lead to. */
export function interpret(lines: readonly string[]): string[] {
  const told: string[] = [];
  let floor: Floor | undefined;
  let limits: Partial<MatchingLimits> = {};
  for (const line of lines) {
    if (line.startsWith('#') || line.trim() === '') continue;
    const words = new Words(line);
    if (words.takes('limits')) {
      limits = readLimits(words);
      continue;
    }
    if (floor === undefined) {
      floor = new Floor(limits);
      const first = words.takes('instrument');
      floor.open(first ? readRules(words, { ...OPEN_RULES, version: 0 }) : OPEN_RULES);
      if (first) continue;
    }
    told.push(line, ...run(floor, words).map((text) => `  ${text}`));
  }
  return floor === undefined ? told : [...told, '', ...floor.describeBook()];
}

function run(floor: Floor, words: Words): string[] {
  if (words.takes('book')) return floor.describeBook();
  if (words.takes('time')) {
    floor.timeSeconds = words.number();
    return [];
  }
  const command = readCommand(floor, words);
  assert(words.isEmpty, 'the command is read to its end');
  return floor.submit(command).map((event) => describeEvent(floor, event));
}

function readCommand(floor: Floor, words: Words): MatchingCommand {
  const instrumentNumber = 1;
  if (words.takes('cancel')) {
    if (!words.takes('all')) {
      return { kind: 'cancelOrder', instrumentNumber, ...floor.findOrder(words.next()) };
    }
    const accountNumber = floor.accountNumber(words.next());
    const side = words.takes('buys') ? 'BUY' : words.takes('sells') ? 'SELL' : undefined;
    return { kind: 'cancelAllOrders', instrumentNumber, accountNumber, side };
  }
  if (words.takes('amend')) return readAmend(floor, words);
  if (words.takes('forbid')) return readForbid(floor, words);
  if (words.takes('state')) {
    const state = words.next() as 'CONTINUOUS' | 'CANCEL_ONLY';
    const comment = words.isEmpty ? '' : words.next();
    return { kind: 'setInstrumentState', instrumentNumber, state, comment };
  }
  if (words.takes('instrument')) {
    const rules = readRules(words, floor.rules);
    return { kind: 'setInstrument', rules, initialState: 'CONTINUOUS' };
  }
  if (words.takes('slots')) {
    return { kind: 'acquireSlots', slots: [words.number()], generation: words.number() };
  }
  return readOrder(floor, words);
}

/** `ann: a1 buy 5 @ 100 …`; `for 5` is a budget, `market` instead of a price a market order. */
function readOrder(floor: Floor, words: Words): MatchingCommand {
  const account = words.next();
  assert(account.endsWith(':'), `a command begins with a known word or an account: ${account}`);
  const id = floor.nameOrder(words.next(), account.slice(0, -1));
  const side = words.takes('buy') ? 'BUY' : 'SELL';
  if (side === 'SELL') assert(words.takes('sell'), 'buy or sell');
  const byBudget = words.takes('for');
  const quoteBudgetUnits = byBudget ? words.amount() : 0n;
  const quantityUnits = byBudget ? 0 : words.number();
  const type = words.takes('market') ? 'MARKET' : 'LIMIT';
  if (type === 'LIMIT') assert(words.takes('@'), 'a price');
  const isPriced = type === 'LIMIT' || words.takes('worst');
  let terms: OrderTerms = {
    instrumentNumber: 1,
    side,
    type,
    timeInForce: type === 'MARKET' ? 'IOC' : 'GTC',
    postOnly: false,
    quantityUnits,
    quoteBudgetUnits,
    priceUnits: isPriced ? words.number() : 0,
    selfTradePrevention: 'CANCEL_TAKER',
    makerRatePpm: 0,
    takerRatePpm: 0,
    instrumentVersion: floor.rules.version,
  };
  while (!words.isEmpty) terms = { ...terms, ...readTerm(words) };
  return { kind: 'placeOrder', ...id, terms };
}

const MODES = ['CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT', 'NONE'] as const;

function readTerm(words: Words): Partial<OrderTerms> {
  const word = words.next();
  switch (word) {
    case 'gtc':
      return { timeInForce: 'GTC' };
    case 'ioc':
      return { timeInForce: 'IOC' };
    case 'fok':
      return { timeInForce: 'FOK' };
    case 'post-only':
      return { postOnly: true };
    case 'stp': {
      const mode = words.next().toUpperCase().replace('-', '_');
      return {
        selfTradePrevention: assertDefined(
          MODES.find((one) => one === mode),
          mode,
        ),
      };
    }
    case 'fees-ppm':
      return { makerRatePpm: words.number(), takerRatePpm: words.number() };
    case 'version':
      return { instrumentVersion: words.number() };
    default:
      throw new Error(`no term of an order: ${word}`);
  }
}

function readAmend(floor: Floor, words: Words): MatchingCommand {
  const id = floor.findOrder(words.next());
  let amend = {
    kind: 'amendOrder' as const,
    instrumentNumber: 1,
    ...id,
    quantityUnits: undefined as number | undefined,
    priceUnits: undefined as number | undefined,
    expectedVersion: undefined as number | undefined,
    instrumentVersion: floor.rules.version,
    amendHoldUnits: 0n,
    amendHoldId: '',
  };
  while (!words.isEmpty) {
    if (words.takes('to')) amend = { ...amend, quantityUnits: words.number() };
    else if (words.takes('@')) amend = { ...amend, priceUnits: words.number() };
    else if (words.takes('expecting')) amend = { ...amend, expectedVersion: words.number() };
    else if (words.takes('version')) amend = { ...amend, instrumentVersion: words.number() };
    else {
      assert(words.takes('hold'), 'a part of an amend');
      amend = { ...amend, amendHoldId: words.next(), amendHoldUnits: words.amount() };
    }
  }
  return amend;
}

/** `forbid ann: a1 until 60`, or of an amend: `forbid ann: a1 hold h1 until 60`. */
function readForbid(floor: Floor, words: Words): MatchingCommand {
  const account = words.next().slice(0, -1);
  const id = floor.nameOrder(words.next(), account);
  const amendHoldId = words.takes('hold') ? words.next() : '';
  assert(words.takes('until'), 'until when');
  const forbiddenValidUntilUs = words.number() * 1_000_000;
  return { kind: 'forbidOrder', instrumentNumber: 1, ...id, amendHoldId, forbiddenValidUntilUs };
}

function readRules(words: Words, before: InstrumentRules): InstrumentRules {
  let rules: InstrumentRules = { ...before, version: before.version + 1 };
  while (!words.isEmpty) {
    if (words.takes('min-notional')) rules = { ...rules, minimumNotionalUnits: words.amount() };
    else if (words.takes('version')) rules = { ...rules, version: words.number() };
    else if (words.takes('id')) rules = { ...rules, instrumentId: words.next() };
    else {
      const word = words.next();
      const field = assertDefined(RULE_WORDS[word], `no rule of an instrument: ${word}`);
      rules = { ...rules, [field]: words.number() };
    }
  }
  return rules;
}

function readLimits(words: Words): Partial<MatchingLimits> {
  let limits: Partial<MatchingLimits> = {};
  while (!words.isEmpty) {
    if (words.takes('orders')) limits = { ...limits, ordersPerBook: words.number() };
    else if (words.takes('events')) limits = { ...limits, eventsPerStep: words.number() };
    else {
      assert(words.takes('forbids'), 'a limit');
      limits = { ...limits, forbids: words.number() };
    }
  }
  return limits;
}
