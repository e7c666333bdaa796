// The language of the matching goldens (test/golden/README.md): one command a line, words apart.

import type {
  CancelReason,
  InstrumentRules,
  InstrumentState,
} from '../../../services/lib/rules/terms.ts';
import type { AmendOrder, MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingLimits } from '../../../services/matching/domain/limits.ts';
import type { Venue } from '../../support/matching/venue.ts';
import { describeBook, describeEvent } from './describe.ts';
import { Floor, OPEN_RULES } from './floor.ts';
import { readPlacing } from './orders.ts';
import { mistake, ScenarioError, Words } from './words.ts';

const STATES: readonly InstrumentState[] = [
  'PRE_OPEN',
  'AUCTION',
  'CONTINUOUS',
  'POST_ONLY',
  'CANCEL_ONLY',
  'HALTED',
  'CLOSED',
  'RETIRED',
];
const AFTER_AUCTION = ['CONTINUOUS', 'POST_ONLY', 'CLOSED'] as const;

const RULE_WORDS: Readonly<Record<string, keyof InstrumentRules>> = {
  tick: 'tickUnits',
  lot: 'lotUnits',
  'min-quantity': 'minimumQuantityUnits',
  'max-quantity': 'maximumQuantityUnits',
  'max-price': 'maximumPriceUnits',
  'collar-ppm': 'collarPpm',
  'max-open': 'maximumOpenOrders',
  reference: 'referencePriceUnits',
  'static-ppm': 'staticBandPpm',
  'far-ppm': 'farBandPpm',
  'dynamic-ppm': 'dynamicBandPpm',
  factor: 'notionalFactor',
  base: 'baseAssetNumber',
  'base-factor': 'baseFactor',
  version: 'version',
};

const LIMIT_WORDS: Readonly<Record<string, string>> = {
  orders: 'ordersPerBook',
  waiting: 'waitingPerBook',
  trailing: 'trailingPerBook',
  events: 'eventsPerStep',
  forbids: 'forbids',
};

type Told = { floor: Floor | undefined; limits: Partial<MatchingLimits>; lines: string[] };

/** Makes the book that a scenario runs against. */
export type OpenVenue = (limits: Partial<MatchingLimits>) => Venue;

/**
 * Everything that the commands of a scenario lead to.
 *
 * @throws ScenarioError with the number of the line that makes no sense
 */
export function interpret(lines: readonly string[], openVenue: OpenVenue): string[] {
  const told: Told = { floor: undefined, limits: {}, lines: [] };
  lines.forEach((line, index) => {
    if (line.startsWith('#') || line.trim() === '') return;
    try {
      interpretLine(told, line, openVenue);
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      throw new ScenarioError(error.message, index + 1);
    }
  });
  const { floor } = told;
  return floor === undefined ? told.lines : [...told.lines, '', ...describeBook(floor)];
}

function interpretLine(told: Told, line: string, openVenue: OpenVenue): void {
  const words = new Words(line);
  if (words.takes('limits')) {
    if (told.floor !== undefined) mistake('limits stand before the first command');
    told.limits = readLimits(words);
    return;
  }
  if (told.floor === undefined) {
    told.floor = new Floor(openVenue(told.limits));
    const isFirst = words.takes('instrument');
    const opening = isFirst ? readRules(words, { ...OPEN_RULES, version: 0 }, true) : undefined;
    told.floor.open(opening?.rules ?? OPEN_RULES, opening?.state ?? 'CONTINUOUS');
    if (isFirst) return;
  }
  told.lines.push(line, ...run(told.floor, words).map((text) => `  ${text}`));
}

function run(floor: Floor, words: Words): string[] {
  if (words.takes('book')) {
    words.end();
    return describeBook(floor);
  }
  if (words.takes('owners')) {
    const first = words.next('an account');
    floor.joinOwners([first, ...words.rest().split(' ')]);
    return [];
  }
  if (words.takes('time')) {
    const nowUs = words.seconds('the time');
    words.end();
    if (nowUs < floor.nowUs) mistake('time does not go back');
    return floor.advanceTo(nowUs).map((event) => describeEvent(floor, event));
  }
  const command = readCommand(floor, words);
  words.end();
  return floor.submit(command).map((event) => describeEvent(floor, event));
}

function readCommand(floor: Floor, words: Words): MatchingCommand {
  if (words.takes('cancel')) return readCancel(floor, words);
  if (words.takes('operator')) {
    if (!words.takes('cancel') || !words.takes('all')) mistake('an operator says "cancel all"');
    return readCancelAll(floor, words, 'OPERATOR');
  }
  if (words.takes('amend')) return readAmend(floor, words);
  if (words.takes('forbid')) return readForbid(floor, words);
  if (words.takes('state')) return readState(words);
  if (words.takes('retire')) {
    return { kind: 'retireInstrument', instrumentNumber: 1, comment: words.rest() };
  }
  if (words.takes('instrument')) {
    const { rules } = readRules(words, floor.rules, false);
    return { kind: 'setInstrument', rules, initialState: 'CONTINUOUS' };
  }
  if (words.takes('slots')) {
    const slots = [words.number('a slot')];
    return { kind: 'acquireSlots', slots, generation: words.number('a generation') };
  }
  return readPlacing(floor, words);
}

function readCancel(floor: Floor, words: Words): MatchingCommand {
  const instrumentNumber = 1;
  if (words.takes('all')) return readCancelAll(floor, words, 'MASS');
  const kind = words.takes('group') ? 'cancelOrderGroup' : 'cancelOrder';
  return { kind, instrumentNumber, ...readName(floor, words) };
}

/** An order that was named before, or `ann: x1`, which may never have been placed. */
function readName(floor: Floor, words: Words): { accountNumber: number; placement: number } {
  const word = words.next('the name of an order');
  if (!word.endsWith(':')) return floor.findOrder(word);
  return floor.nameOrder(words.next('the name of an order'), word.slice(0, -1));
}

/** `cancel all ann buys dead-man`; `operator cancel all [ann] [buys] [why]`. */
function readCancelAll(floor: Floor, words: Words, by: 'MASS' | 'OPERATOR'): MatchingCommand {
  const isOperator = by === 'OPERATOR';
  const isEverybody = isOperator && (words.isEmpty || words.takes('everybody'));
  const accountNumber = isEverybody ? 0 : floor.accountNumber(words.next('an account'));
  const side = words.takes('buys') ? 'BUY' : words.takes('sells') ? 'SELL' : undefined;
  const reason: CancelReason = words.takes('dead-man') ? 'DEAD_MAN_SWITCH' : by;
  const comment = isOperator ? words.rest() : '';
  return { kind: 'cancelAllOrders', instrumentNumber: 1, accountNumber, side, reason, comment };
}

/** `state AUCTION until 60 then CLOSED why`. */
function readState(words: Words): MatchingCommand {
  const state = words.oneOf(STATES, 'the state');
  const auctionEndTimeUs = words.takes('until') ? words.seconds('the end of the auction') : 0;
  const stateAfterAuction = words.takes('then')
    ? words.oneOf(AFTER_AUCTION, 'the state after the auction')
    : 'CONTINUOUS';
  const comment = words.rest();
  const asked = { state, comment, auctionEndTimeUs, stateAfterAuction };
  return { kind: 'setInstrumentState', instrumentNumber: 1, ...asked };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function readAmend(floor: Floor, words: Words): MatchingCommand {
  const amend: Writable<AmendOrder> = {
    kind: 'amendOrder',
    instrumentNumber: 1,
    ...readName(floor, words),
    quantityUnits: undefined,
    priceUnits: undefined,
    stopPriceUnits: undefined,
    displayUnits: undefined,
    expireTimeUs: undefined,
    expectedVersion: undefined,
    instrumentVersion: floor.rules.version,
    amendHoldUnits: 0n,
    amendHoldId: '',
  };
  while (!words.isEmpty) {
    if (words.takes('to')) amend.quantityUnits = words.number('the new quantity');
    else if (words.takes('@')) amend.priceUnits = words.number('the new price');
    else if (words.takes('stop')) amend.stopPriceUnits = words.number('the new stop price');
    else if (words.takes('show')) amend.displayUnits = words.number('what is shown');
    else if (words.takes('until')) amend.expireTimeUs = words.seconds('the time of its end');
    else if (words.takes('expecting')) amend.expectedVersion = words.number('a version');
    else if (words.takes('version')) amend.instrumentVersion = words.number('a version');
    else if (words.takes('hold')) {
      amend.amendHoldId = words.next('the name of a hold');
      amend.amendHoldUnits = words.amount('the amount of the hold');
    } else words.end();
  }
  return amend;
}

/** `forbid ann: a1 until 60`, or of an amend: `forbid ann: a1 hold h1 until 60`. */
function readForbid(floor: Floor, words: Words): MatchingCommand {
  const account = words.next('an account');
  if (!account.endsWith(':')) mistake(`"${account}" is no account; it ends in ":"`);
  const id = floor.nameOrder(words.next('the name of an order'), account.slice(0, -1));
  const amendHoldId = words.takes('hold') ? words.next('the name of a hold') : '';
  if (!words.takes('until')) mistake('a forbid says until when');
  const forbiddenValidUntilUs = words.seconds('a time');
  return { kind: 'forbidOrder', instrumentNumber: 1, ...id, amendHoldId, forbiddenValidUntilUs };
}

type Opening = { readonly rules: InstrumentRules; readonly state: InstrumentState };

function readRules(words: Words, before: InstrumentRules, isFirst: boolean): Opening {
  const rules: Writable<InstrumentRules> = { ...before, version: before.version + 1 };
  let state: InstrumentState = 'CONTINUOUS';
  while (!words.isEmpty) {
    if (words.takes('min-notional')) rules.minimumNotionalUnits = words.amount('a notional');
    else if (words.takes('id')) rules.instrumentId = words.next('an id');
    else if (words.takes('volatility')) rules.volatilityAuctionUs = words.seconds('a length');
    else if (words.takes('sessions')) rules.hasSessions = true;
    else if (words.takes('no-sessions')) rules.hasSessions = false;
    else if (isFirst && words.takes('state')) state = words.oneOf(STATES, 'the state');
    else {
      const word = words.next('a rule');
      const field = RULE_WORDS[word] ?? mistake(`"${word}" is no rule of an instrument`);
      Object.assign(rules, { [field]: words.number(`the rule ${word}`) });
    }
  }
  return { rules, state };
}

function readLimits(words: Words): Partial<MatchingLimits> {
  const limits: Record<string, number> = {};
  while (!words.isEmpty) {
    const word = words.next('a limit');
    const field = LIMIT_WORDS[word] ?? mistake(`"${word}" is no limit`);
    limits[field] = words.number(`the limit ${word}`);
    if (limits[field] < 1) mistake(`the limit ${word} is at least 1`);
  }
  return limits as Partial<MatchingLimits>;
}
