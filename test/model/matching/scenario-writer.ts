// Writes a run as a scenario in the language of the goldens, so that a failure can be pasted into
// a file, read by a trader, and kept as a golden.

import type { InstrumentRules, OrderTerms } from '../../../services/lib/rules/terms.ts';
import type { AmendOrder, MatchingCommand } from '../../../services/matching/domain/command.ts';
import { OPEN_RULES } from '../../golden/matching/floor.ts';
import type { OrderName } from './naive-order.ts';
import type { Settings } from './settings.ts';
import type { Step } from './steps.ts';

const ACCOUNTS = ['ann', 'bob', 'cat', 'dan'] as const;

/** Lines of a scenario that does what the run did. */
export function scenarioOf(settings: Settings, steps: readonly Step[]): string[] {
  const { rules, state, limits, selfTradeGroups } = settings;
  const bounds = limitWords(limits);
  const owners = [1, 2].flatMap((group) => {
    const names = ACCOUNTS.filter((_, index) => selfTradeGroups[index] === group);
    return names.length === 0 ? [] : [`owners ${names.join(' ')}`];
  });
  const first = rulesWords(rules, { ...OPEN_RULES, version: 1 });
  let before = rules;
  const lines = steps.map((step) => {
    const line = lineOf(step, before);
    if (step.kind === 'setInstrument' && step.rules.version > before.version) before = step.rules;
    return line;
  });
  return [...bounds, `instrument${first} state ${state}`, ...owners, ...lines];
}

function limitWords(limits: Settings['limits']): string[] {
  const words: Record<string, string> = {
    ordersPerBook: 'orders',
    waitingPerBook: 'waiting',
    trailingPerBook: 'trailing',
    eventsPerStep: 'events',
    forbids: 'forbids',
  };
  const said = Object.entries(limits).map(([limit, value]) => `${words[limit]} ${value}`);
  return said.length === 0 ? [] : [`limits ${said.join(' ')}`];
}

function nameOf({ placement }: { placement: number }): string {
  return `o${placement}`;
}

function accountOf(accountNumber: number): string {
  return ACCOUNTS[accountNumber - 1] ?? 'eve';
}

function fullName(order: OrderName): string {
  return `${accountOf(order.accountNumber)}: ${nameOf(order)}`;
}

function lineOf(step: Step, before: InstrumentRules): string {
  switch (step.kind) {
    case 'time':
      return `time ${seconds(step.nowUs)}`;
    case 'placeOrder':
      return `${fullName(step)} ${termsWords(step.terms, before)}`;
    case 'placeOrderGroup': {
      const legs = step.legs.map((terms, leg) => {
        const name = nameOf({ placement: step.placement + leg });
        return `${name} ${termsWords(terms, before)}`;
      });
      const account = accountOf(step.accountNumber);
      return `${account}: ${step.groupType.toLowerCase()} ${legs.join(' | ')}`;
    }
    case 'cancelOrder':
      return `cancel ${fullName(step)}`;
    case 'cancelOrderGroup':
      return `cancel group ${fullName(step)}`;
    case 'cancelAllOrders':
      return cancelAllLine(step);
    case 'amendOrder':
      return amendLine(step, before);
    case 'forbidOrder': {
      const hold = step.amendHoldId === '' ? '' : ` hold ${step.amendHoldId}`;
      return `forbid ${fullName(step)}${hold} until ${seconds(step.forbiddenValidUntilUs)}`;
    }
    case 'setInstrument':
      return `instrument${rulesWords(step.rules, { ...before, version: before.version + 1 })}`;
    case 'setInstrumentState': {
      const end = step.auctionEndTimeUs > 0 ? ` until ${seconds(step.auctionEndTimeUs)}` : '';
      return `state ${step.state}${end} then ${step.stateAfterAuction} ${step.comment}`.trimEnd();
    }
    case 'retireInstrument':
      return `retire ${step.comment}`;
    case 'acquireSlots':
      return `slots ${step.slots[0]} ${step.generation}`;
    default:
      throw new Error('slots do not move in these runs');
  }
}

function cancelAllLine(step: Extract<MatchingCommand, { kind: 'cancelAllOrders' }>): string {
  const isOperator = step.reason === 'OPERATOR';
  const whose = step.accountNumber === 0 ? 'everybody' : accountOf(step.accountNumber);
  const side = step.side === undefined ? '' : step.side === 'BUY' ? ' buys' : ' sells';
  const why =
    step.reason === 'DEAD_MAN_SWITCH' ? ' dead-man' : isOperator ? ` ${step.comment}` : '';
  return `${isOperator ? 'operator ' : ''}cancel all ${whose}${side}${why}`;
}

function amendLine(step: AmendOrder, before: InstrumentRules): string {
  const parts: (string | undefined)[] = [
    `amend ${fullName(step)}`,
    step.quantityUnits === undefined ? undefined : `to ${step.quantityUnits}`,
    step.priceUnits === undefined ? undefined : `@ ${step.priceUnits}`,
    step.stopPriceUnits === undefined ? undefined : `stop ${step.stopPriceUnits}`,
    step.displayUnits === undefined ? undefined : `show ${step.displayUnits}`,
    step.expireTimeUs === undefined ? undefined : `until ${seconds(step.expireTimeUs)}`,
    step.expectedVersion === undefined ? undefined : `expecting ${step.expectedVersion}`,
    step.instrumentVersion === before.version ? undefined : `version ${step.instrumentVersion}`,
  ];
  const hasHold = step.amendHoldId !== '' || step.amendHoldUnits > 0n;
  if (hasHold) parts.push(`hold ${step.amendHoldId || '-'} ${step.amendHoldUnits}`);
  return parts.filter((part) => part !== undefined).join(' ');
}

function seconds(timeUs: number): number {
  return timeUs / 1_000_000;
}

function termsWords(terms: OrderTerms, before: InstrumentRules): string {
  const { type, quantityUnits: quantity, quoteBudgetUnits: budget } = terms;
  const words: string[] = [terms.side.toLowerCase()];
  if (budget > 0n) words.push(`for ${budget}`);
  else if (quantity > 0 || !isWaitingExit(terms)) words.push(`${quantity}`);
  words.push(typeWords(terms));
  const isOwnTime = type === 'MARKET' ? terms.timeInForce === 'IOC' : terms.timeInForce === 'GTC';
  if (terms.timeInForce === 'GTD') words.push(`until ${seconds(terms.expireTimeUs)}`);
  else if (!isOwnTime) words.push(terms.timeInForce.toLowerCase());
  if (terms.postOnly) words.push('post-only');
  if (terms.displayUnits > 0) words.push(`show ${terms.displayUnits}`);
  if (terms.minimumUnits > 0) words.push(`at-least ${terms.minimumUnits}`);
  words.push(`stp ${terms.selfTradePrevention.toLowerCase().replace('_', '-')}`);
  const { makerRatePpm, takerRatePpm, auctionRatePpm, instrumentVersion } = terms;
  if (makerRatePpm !== 0 || takerRatePpm !== 0) {
    words.push(`fees-ppm ${makerRatePpm} ${takerRatePpm}`);
  }
  if (auctionRatePpm !== 0) words.push(`auction-fee-ppm ${auctionRatePpm}`);
  if (instrumentVersion !== before.version) words.push(`version ${instrumentVersion}`);
  return words.join(' ');
}

function isWaitingExit(terms: OrderTerms): boolean {
  return terms.type !== 'LIMIT' && terms.type !== 'MARKET';
}

function typeWords(terms: OrderTerms): string {
  const { type, priceUnits, stopPriceUnits } = terms;
  const worst = priceUnits > 0 ? ` worst ${priceUnits}` : '';
  switch (type) {
    case 'LIMIT':
      return `@ ${priceUnits}`;
    case 'MARKET':
      return `market${worst}`;
    case 'STOP':
      return `stop ${stopPriceUnits}${worst}`;
    case 'TAKE_PROFIT':
      return `take-profit ${stopPriceUnits}${worst}`;
    case 'STOP_LIMIT':
      return `stop ${stopPriceUnits} @ ${priceUnits}`;
    case 'TAKE_PROFIT_LIMIT':
      return `take-profit ${stopPriceUnits} @ ${priceUnits}`;
    default: {
      const { trailingOffsetBps: bps, trailingOffsetUnits } = terms;
      return `trailing ${bps > 0 ? `${bps} bps` : trailingOffsetUnits}${worst}`;
    }
  }
}

const RULE_WORDS: readonly (readonly [keyof InstrumentRules, string])[] = [
  ['version', 'version'],
  ['notionalFactor', 'factor'],
  ['baseFactor', 'base-factor'],
  ['tickUnits', 'tick'],
  ['lotUnits', 'lot'],
  ['minimumQuantityUnits', 'min-quantity'],
  ['maximumQuantityUnits', 'max-quantity'],
  ['maximumPriceUnits', 'max-price'],
  ['minimumNotionalUnits', 'min-notional'],
  ['collarPpm', 'collar-ppm'],
  ['maximumOpenOrders', 'max-open'],
  ['referencePriceUnits', 'reference'],
  ['staticBandPpm', 'static-ppm'],
  ['farBandPpm', 'far-ppm'],
  ['dynamicBandPpm', 'dynamic-ppm'],
];

/** What differs from the rules before. */
function rulesWords(rules: InstrumentRules, before: InstrumentRules): string {
  const words = RULE_WORDS.filter(([field]) => rules[field] !== before[field]).map(
    ([field, word]) => ` ${word} ${rules[field]}`,
  );
  if (rules.volatilityAuctionUs !== before.volatilityAuctionUs) {
    words.push(` volatility ${seconds(rules.volatilityAuctionUs)}`);
  }
  if (rules.hasSessions !== before.hasSessions) {
    words.push(rules.hasSessions ? ' sessions' : ' no-sessions');
  }
  return words.join('');
}
