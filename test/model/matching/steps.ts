// What happens next in a random run: a command or a step of the clock, made from a seed of its
// own and from what the book holds. Few accounts, few prices and small quantities, so that orders
// meet; a step that is taken out of a run leaves the choices of the others alone.

import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { InstrumentState, Side } from '../../../services/matching/domain/rules.ts';
import type { Known } from './known.ts';
import type { NaiveOrder, OrderName } from './naive-order.ts';
import { Random } from './random.ts';
import { anyTerms, exitTerms, limitTerms, waitingTerms } from './random-terms.ts';

/** A command, or time that passes. */
export type Step = MatchingCommand | { readonly kind: 'time'; readonly nowUs: number };

const ACCOUNTS = 4;
/** So far behind the first order no run comes. */
const NEVER_PLACED = 900_000;
const SECOND_US = 1_000_000;

/** The step that this seed stands for. */
export function stepOf(seed: number, known: Known): Step {
  const random = new Random(seed);
  const isQuiet = known.book.state !== 'CONTINUOUS';
  const roll = random.below(1_000);
  if (roll < 520) return place(random, known);
  if (roll < 580) return placeGroup(random, known);
  if (roll < 700) return amend(random, known);
  if (roll < 755) return cancel(random, known);
  if (roll < 770) return cancelGroup(random, known);
  if (roll < 777) return cancelAll(random, known);
  if (roll < 790) return forbid(random, known);
  if (roll < 800) return setRules(random, known);
  if (roll < (isQuiet ? 900 : 830)) return changeState(random, known);
  if (roll < 999) return isQuiet || random.onceIn(3) ? pass(random, known) : place(random, known);
  return random.onceIn(4) ? retire(known) : place(random, known);
}

function instrumentOf(known: Known): { instrumentNumber: number } {
  return { instrumentNumber: known.book.rules.instrumentNumber };
}

function nextName(random: Random, known: Known): OrderName {
  const placement = known.firstPlacement + known.placed.length;
  const name = { accountNumber: random.between(1, ACCOUNTS), placement };
  known.placed.push(name);
  return name;
}

function place(random: Random, known: Known): MatchingCommand {
  // Now and then an id that is in use, or was.
  const isRepeat = random.onceIn(25) && known.placed.length > 0;
  const isForbidden = known.coming !== undefined && random.onceIn(2);
  const name = isRepeat
    ? random.pick(known.placed)
    : ((isForbidden ? known.coming : undefined) ?? nextName(random, known));
  if (name === known.coming) known.coming = undefined;
  const terms = anyTerms(random, known, name.accountNumber);
  return { kind: 'placeOrder', ...name, terms };
}

function placeGroup(random: Random, known: Known): MatchingCommand {
  const name = nextName(random, known);
  const { accountNumber } = name;
  const isOco = random.onceIn(2);
  const side: Side = random.pick(['BUY', 'SELL']);
  known.placed.push({ accountNumber, placement: name.placement + 1 });
  const kind = 'placeOrderGroup';
  if (isOco) {
    const leg = () =>
      (random.onceIn(2) ? limitTerms : waitingTerms)(random, known, accountNumber, side);
    return { kind, ...name, groupType: 'OCO', legs: [leg(), leg()] };
  }
  known.placed.push({ accountNumber, placement: name.placement + 2 });
  const entry = anyTerms(random, known, accountNumber, side);
  const exitSide = side === 'BUY' ? 'SELL' : 'BUY';
  const legs = [
    entry,
    exitTerms(random, known, accountNumber, exitSide, true),
    exitTerms(random, known, accountNumber, exitSide, false),
  ];
  return { kind, ...name, groupType: 'BRACKET', legs };
}

/** Mostly an open order, else any; rarely one that never was. */
function pickOrder(random: Random, known: Known): OrderName {
  const open = known.book.open();
  if (open.length > 0 && !random.onceIn(8)) return nameOf(random.pick(open));
  if (known.placed.length > 0 && !random.onceIn(4)) return random.pick(known.placed);
  return { accountNumber: 1, placement: known.firstPlacement + NEVER_PLACED };
}

function nameOf({ accountNumber, placement }: NaiveOrder): OrderName {
  return { accountNumber, placement };
}

function cancel(random: Random, known: Known): MatchingCommand {
  return { kind: 'cancelOrder', ...instrumentOf(known), ...pickOrder(random, known) };
}

function cancelGroup(random: Random, known: Known): MatchingCommand {
  const groups = known.book.open().filter((order) => order.groupPlacement > 0);
  const order = groups.length > 0 ? random.pick(groups) : undefined;
  const name =
    order === undefined
      ? pickOrder(random, known)
      : { accountNumber: order.accountNumber, placement: order.groupPlacement };
  return { kind: 'cancelOrderGroup', ...instrumentOf(known), ...name };
}

function cancelAll(random: Random, known: Known): MatchingCommand {
  const reason = random.pick(['MASS', 'MASS', 'DEAD_MAN_SWITCH', 'OPERATOR'] as const);
  const isEverybody = reason === 'OPERATOR' && random.onceIn(2);
  return {
    kind: 'cancelAllOrders',
    ...instrumentOf(known),
    accountNumber: isEverybody ? 0 : random.between(1, ACCOUNTS),
    side: random.pick([undefined, 'BUY', 'SELL'] as const),
    reason,
    comment: reason === 'OPERATOR' ? 'why' : '',
  };
}

function amend(random: Random, known: Known): MatchingCommand {
  const name = pickOrder(random, known);
  const order = known.book.find(name);
  const { tickUnits, lotUnits, version } = known.book.rules;
  const maybe = <T>(many: number, make: () => T): T | undefined =>
    random.onceIn(many) ? make() : undefined;
  const price = () => random.between(92, 108) * (random.onceIn(15) ? 1 : tickUnits);
  const nearPrice = () => (tickUnits === 2 ? random.between(47, 53) * 2 : price());
  const isWaiting = order !== undefined && known.book.waiting.includes(order);
  const isIceberg = (order?.displayUnits ?? 0) > 0;
  return {
    kind: 'amendOrder',
    ...instrumentOf(known),
    ...name,
    quantityUnits: maybe(2, () => random.between(random.onceIn(20) ? 0 : 1, 16) * lotUnits),
    priceUnits: maybe(2, nearPrice),
    stopPriceUnits: maybe(isWaiting ? 2 : 40, nearPrice),
    displayUnits: maybe(isIceberg ? 2 : 30, () => random.between(0, 6) * lotUnits),
    expireTimeUs: maybe((order?.expireTimeUs ?? 0) > 0 ? 3 : 60, () => later(random, known)),
    expectedVersion: maybe(6, () => random.between(1, 2)),
    instrumentVersion: random.onceIn(12) ? version + 1 : version,
    amendHoldUnits: random.pick([0n, 10n, 100_000n, 100_000n, 2n ** 61n]),
    amendHoldId: random.pick(['', 'h1', 'h2']),
  };
}

/** A whole second, mostly to come. */
function later(random: Random, known: Known): number {
  const seconds = Math.floor(known.book.nowUs / SECOND_US) + random.between(0, 6);
  return Math.max(seconds, 1) * SECOND_US;
}

function forbid(random: Random, known: Known): MatchingCommand {
  // Sometimes an order that is still to be placed.
  const isBefore = random.onceIn(2);
  const name = isBefore ? nextName(random, known) : pickOrder(random, known);
  if (isBefore) known.coming = name;
  return {
    kind: 'forbidOrder',
    ...instrumentOf(known),
    ...name,
    amendHoldId: random.pick(['', '', 'h1']),
    forbiddenValidUntilUs: later(random, known),
  };
}

function setRules(random: Random, known: Known): MatchingCommand {
  const { rules } = known.book;
  const changed = random.pick([
    { tickUnits: random.pick([1, 2]) },
    { lotUnits: random.pick([1, 2]) },
    { referencePriceUnits: random.pick([0, 96, 100, 104]) },
    { dynamicBandPpm: random.pick([0, 20_000]) },
    { staticBandPpm: random.pick([0, 50_000]) },
    { maximumOpenOrders: random.pick([3, 12]) },
    { collarPpm: random.pick([10_000, 60_000]) },
    { hasSessions: random.onceIn(2) },
  ]);
  const version = rules.version + (random.onceIn(6) ? 0 : 1);
  return {
    kind: 'setInstrument',
    rules: { ...rules, ...changed, version },
    initialState: 'CONTINUOUS',
  };
}

const STATES: readonly InstrumentState[] = [
  'PRE_OPEN',
  'AUCTION',
  'CONTINUOUS',
  'POST_ONLY',
  'CANCEL_ONLY',
  'HALTED',
  'CLOSED',
];

/** Mostly a way back to continuous trading, so that most of a run is spent there. */
function changeState(random: Random, known: Known): MatchingCommand {
  const { book } = known;
  const back = { HALTED: 'AUCTION', CANCEL_ONLY: book.stateBefore } as const;
  const homeward =
    book.state === 'HALTED' || book.state === 'CANCEL_ONLY' ? back[book.state] : 'CONTINUOUS';
  const goesBack = book.state !== 'CONTINUOUS' && !random.onceIn(4);
  const state = goesBack ? homeward : random.pick(STATES);
  const isAuction = state === 'AUCTION';
  return {
    kind: 'setInstrumentState',
    ...instrumentOf(known),
    state,
    comment: random.pick(['', 'why']),
    auctionEndTimeUs: isAuction ? later(random, known) : 0,
    stateAfterAuction: isAuction
      ? random.pick(['CONTINUOUS', 'CONTINUOUS', 'CONTINUOUS', 'POST_ONLY', 'CLOSED'])
      : 'CONTINUOUS',
  };
}

function pass(random: Random, known: Known): Step {
  const seconds = random.onceIn(20) ? 70 : random.pick([1, 1, 2, 3]);
  return { kind: 'time', nowUs: known.book.nowUs + seconds * SECOND_US };
}

function retire(known: Known): MatchingCommand {
  return { kind: 'retireInstrument', ...instrumentOf(known), comment: 'over' };
}
