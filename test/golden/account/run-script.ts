// Runs a ledger script: commands a reader of accounts can follow, one a line, and prints the whole
// outcome of each and the books at the end. The language:
//   account NAME | deposit NAME ASSET AMOUNT ID | withdraw NAME ASSET AMOUNT ID
//   hold NAME ID buy|sell QUANTITY @ PRICE | hold NAME ID buy|sell budget AMOUNT @ PRICE
//   decline NAME ID REASON | amend NAME ID AMENDID AMOUNT | cancel NAME ID | wait SECONDS
//   book accepted|rejected|canceled|filled|forbidden NAME/ID [REASON]
//   book trade MAKER TAKER QUANTITY @ PRICE taker buys|sells [left MAKER TAKER]
//   book amended NAME/ID QUANTITY @ PRICE left QUANTITY [AMENDID]
//   book amend-rejected NAME/ID AMENDID
//   book prevented MAKER TAKER QUANTITY | book repeat
//   stop NAME ID buy|sell QUANTITY @ WORSTPRICE
//   oco NAME buy|sell ID QUANTITY @ PRICE ID QUANTITY @ PRICE (a limit order and a stop-limit)
//   bracket NAME buy|sell ID QUANTITY @ PRICE PROFITID PRICE STOPID PRICE (exits with a limit)
//   group NAME SELFTRADEGROUP | switch NAME SECONDS | switched NAME DUESEQUENCE
//   book waits NAME/ID QUANTITY | book triggered NAME/ID @ PRICE | book expired NAME/ID
//   book auction BUYER SELLER QUANTITY @ PRICE left BUYER SELLER
//   bust SEQUENCE REASON (of the book's event) | close NAME
// Quantities and prices count units; one price unit times one quantity unit is one USD unit, one
// quantity unit one BTC unit. Makers pay 0.1 %, takers 0.2 %, both sides of an uncross 0.05 %.

import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type {
  BustedParty,
  BustedTrade,
  Command,
} from '../../../services/account/domain/command.ts';
import type { Event } from '../../../services/account/domain/event.ts';
import type { MatchingEventBody } from '../../../services/account/domain/matching-event.ts';
import { feeOfFill } from '../../../services/lib/base/fee.ts';
import { notionalOf, placementCost } from '../../../services/lib/rules/cost.ts';
import { groupCost } from '../../../services/lib/rules/group-cost.ts';
import { describeBooks, describeEvent } from './describe.ts';
import { ASSET_NAMES, bracketOf, hashOf, ocoOf, RULES, termsOf } from './script-terms.ts';

type TradeToBust = Omit<BustedTrade, 'comment'>;

function sideOf({ accountNumber, placement, feeUnits }: BustedParty): BustedParty {
  return { accountNumber, placement, feeUnits };
}

export class ScriptWorld {
  readonly machine = new AccountMachine();
  readonly names = new Map<string, string>();
  #logTimeUs = 1_700_000_000_000_000;
  #sequence = 0;
  #commandCount = 0;
  #weighted = new Map<string, bigint>();
  #lastSettle: Command | undefined;
  readonly #trades = new Map<number, TradeToBust>();

  constructor() {
    const slots = Array.from({ length: 4096 }, (_, slot) => slot);
    this.#apply({ kind: 'acquireSlots', slots, generation: 1 });
    this.#apply({ kind: 'setAsset', assetNumber: 1, assetId: 'USD', scale: 2, version: 1 });
    this.#apply({ kind: 'setAsset', assetNumber: 2, assetId: 'BTC', scale: 8, version: 1 });
    this.#apply({ kind: 'setInstrument', rules: RULES });
  }

  /** Runs one line and returns what came of it, a line each. */
  run(line: string): string[] {
    const words = line.split(' ');
    const [verb = '', name = '', id = ''] = words;
    switch (verb) {
      case 'wait':
        return this.#wait(Number(name));
      case 'stop':
        return this.#hold(name, id, words.slice(3), 'NONE', 'STOP');
      case 'oco':
      case 'bracket':
        return this.#group(verb, name, words.slice(2));
      case 'group':
      case 'switch':
      case 'switched':
        return this.#set(verb, name, id);
      case 'account': {
        const lines = this.#apply({
          kind: 'createAccount',
          accountId: name,
          defaultSelfTradePrevention: 'CANCEL_TAKER',
        });
        const number = this.machine.state.accountsById.get(name)?.accountNumber;
        this.names.set(`${number}`, name);
        return lines;
      }
      case 'deposit':
      case 'withdraw': {
        const assetNumber = ASSET_NAMES.indexOf(id as 'USD');
        const [amount = '0', clientTransferId = ''] = words.slice(3);
        const amountUnits = BigInt(amount);
        return this.#apply({
          kind: verb,
          accountId: name,
          assetNumber,
          amountUnits,
          clientTransferId,
        });
      }
      case 'hold':
        return this.#hold(name, id, words.slice(3), 'NONE');
      case 'decline':
        return this.#hold(name, id, ['buy', '1', '@', '1'], words[3] as 'TOO_LATE');
      case 'amend':
        return this.#apply({
          kind: 'amendHold',
          ...this.#order(`${name}/${id}`),
          amendHoldId: words[3] ?? '',
          amountUnits: BigInt(words[4] ?? '0'),
          validUntilUs: this.#logTimeUs + 10_000_000,
        });
      case 'cancel':
        return this.#apply({ kind: 'prepareCancel', accountId: name, clientOrderId: id });
      case 'book':
        return this.#book(words.slice(1));
      case 'bust':
        return this.#bust(Number(name), words.slice(2).join(' '));
      case 'close':
        return this.#apply({
          ...{ kind: 'setAccountState', accountId: name, accountState: 'CLOSED' },
          ...{ comment: '', asked: '' },
        });
      default:
        throw new Error(`unknown line: ${line}`);
    }
  }

  books(): string[] {
    return describeBooks(this.machine.state);
  }

  #apply(command: Command): string[] {
    this.#commandCount += 1;
    this.#logTimeUs += 1000;
    const events: Event[] = [];
    const emit = (event: Event): void => {
      events.push(event);
    };
    const validUntilUs = this.#logTimeUs + 60_000_000;
    const context = { logTimeUs: this.#logTimeUs, identity: `${this.#commandCount}`, validUntilUs };
    this.machine.advance(this.#logTimeUs, emit);
    const outcome = this.machine.apply(command, context, emit);
    const lines = events.map((event) => describeEvent(event, this.names));
    if (outcome.kind === 'refused') lines.push(`refused ${outcome.refusal.reason}`);
    if (outcome.kind === 'done' && outcome.answer?.existing) {
      const { record, records, transfer, bust } = outcome.answer;
      if (bust !== undefined) return [...lines, `busted before: ${bust.comment}`];
      for (const one of records ?? []) lines.push(`answered #${one.placement} ${one.status}`);
      if (records !== undefined) return lines;
      const reason = record?.rejectReason === 'NONE' ? '' : ` ${record?.rejectReason}`;
      lines.push(
        record ? `answered ${record.status}${reason}` : transfer ? 'duplicate' : 'existing',
      );
    }
    return lines;
  }

  #set(verb: 'group' | 'switch' | 'switched', accountId: string, value: string): string[] {
    switch (verb) {
      case 'group': {
        const selfTradeGroup = Number(value);
        return this.#apply({ kind: 'setSelfTradeGroup', accountId, selfTradeGroup });
      }
      case 'switch': {
        const timeoutUs = Number(value) * 1_000_000;
        return this.#apply({ kind: 'cancelAllAfter', accountId, timeoutUs });
      }
      case 'switched': {
        const { accountNumber } = this.#order(`${accountId}/`);
        const done = { accountNumber, dueSequence: Number(value), instrumentNumber: 1 };
        return this.#apply({ kind: 'finishCancelAfter', ...done });
      }
    }
  }

  #wait(seconds: number): string[] {
    const lines: string[] = [];
    for (let second = 0; second < seconds; second += 1) {
      this.#logTimeUs += 1_000_000;
      const emit = (event: Event): void => {
        lines.push(describeEvent(event, this.names));
      };
      this.machine.advance(this.#logTimeUs, emit);
    }
    return lines;
  }

  #group(verb: 'oco' | 'bracket', accountId: string, words: readonly string[]): string[] {
    const legs = verb === 'oco' ? ocoOf(words) : bracketOf(words);
    const groupType = verb === 'oco' ? 'OCO' : 'BRACKET';
    const terms = legs.map((leg) => leg.terms);
    return this.#apply({
      kind: 'placeGroupHold',
      accountId,
      groupType,
      legs: legs.map((leg) => ({ ...leg, declineReason: 'NONE' })),
      bodyHash: hashOf(words),
      ...groupCost(RULES, groupType, terms),
      validUntilUs: this.#logTimeUs + 10_000_000,
      refuseWhenShort: false,
    });
  }

  #hold(
    accountId: string,
    clientOrderId: string,
    words: readonly string[],
    declineReason: 'NONE' | 'TOO_LATE',
    type: 'LIMIT' | 'STOP' = 'LIMIT',
  ): string[] {
    const side = words[0] === 'buy' ? 'BUY' : 'SELL';
    const byBudget = words[1] === 'budget';
    const terms = termsOf({
      side,
      type: byBudget ? 'MARKET' : type,
      timeInForce: byBudget ? 'IOC' : 'GTC',
      quantityUnits: byBudget ? 0 : Number(words[1]),
      quoteBudgetUnits: byBudget ? BigInt(words[2] ?? '0') : 0n,
      priceUnits: Number(words.at(-1)),
      stopPriceUnits: type === 'STOP' ? Number(words.at(-1)) : 0,
    });
    const bodyHash = hashOf(words);
    return this.#apply({
      kind: 'placeHold',
      accountId,
      clientOrderId,
      terms,
      bodyHash,
      assetNumber: side === 'BUY' ? 1 : 2,
      amountUnits: placementCost(RULES, terms),
      validUntilUs: this.#logTimeUs + 10_000_000,
      declineReason,
      refuseWhenShort: false,
    });
  }

  #order(named: string): { accountNumber: number; placement: number } {
    const [accountId = '', clientOrderId = ''] = named.split('/');
    const account = this.machine.state.accountsById.get(accountId);
    const placement = account?.placementByClientOrderId.get(clientOrderId) ?? 999;
    return { accountNumber: account?.accountNumber ?? 0, placement };
  }

  #book(words: readonly string[]): string[] {
    const [what = '', named = '', third = ''] = words;
    if (what === 'repeat') return this.#apply(this.#lastSettle as Command);
    const order = this.#order(named);
    const left = (at: number): number => Number(words[words.indexOf('left') + at]);
    switch (what) {
      case 'accepted':
        return this.#settle({ kind: 'orderAccepted', ...order, waiting: undefined });
      case 'waits': {
        const waiting = { quantityUnits: Number(third), stopPriceUnits: 7 };
        return this.#settle({ kind: 'orderAccepted', ...order, waiting });
      }
      case 'triggered': {
        const priceUnits = Number(words[3]);
        const triggered = { stopPriceUnits: 7, priceUnits };
        return this.#settle({ kind: 'orderTriggered', ...order, ...triggered });
      }
      case 'expired':
        return this.#settle({ kind: 'orderExpired', ...order });
      case 'rejected':
        return this.#settle({ kind: 'orderRejected', ...order, reason: third as 'BOOK_FULL' });
      case 'canceled':
        return this.#settle({ kind: 'orderCanceled', ...order, reason: third as 'OWNER' });
      case 'filled':
        return this.#settle({ kind: 'orderFilled', ...order });
      case 'forbidden':
        return this.#settle({ kind: 'orderForbidden', ...order, amendHoldId: third });
      case 'amend-rejected':
        return this.#settle({ kind: 'amendRejected', ...order, amendHoldId: third });
      case 'amended':
        return this.#settle({
          kind: 'orderAmended',
          ...order,
          version: 2,
          quantityUnits: Number(third),
          priceUnits: Number(words[4]),
          remainingUnits: left(1),
          ...{ stopPriceUnits: 0, displayUnits: 0, expireTimeUs: 0 },
          amendHoldId: words[7] ?? '',
        });
      case 'prevented': {
        const taker = this.#order(third);
        return this.#settle({
          kind: 'matchPrevented',
          makerAccountNumber: order.accountNumber,
          makerPlacement: order.placement,
          takerAccountNumber: taker.accountNumber,
          takerPlacement: taker.placement,
          decrementedUnits: Number(words[3]),
        });
      }
      case 'auction':
      case 'trade':
        return this.#trade(words);
      default:
        throw new Error(`unknown book event: ${words.join(' ')}`);
    }
  }

  #trade(words: readonly string[]): string[] {
    const [what, maker = '', taker = '', quantity, , price, , direction] = words;
    const trade = { quantityUnits: Number(quantity), priceUnits: Number(price) };
    const isAuction = what === 'auction';
    const aggressor = direction === 'buys' ? 'BUY' : 'SELL';
    const party = (named: string, at: number, ratePpm: number) => ({
      ...this.#order(named),
      remainingUnits: Number(words[words.indexOf('left') + at]),
      feeUnits: this.#fee(named, trade, isAuction ? RULES.auctionRatePpm : ratePpm),
    });
    const traded = {
      kind: 'traded',
      ...trade,
      aggressorSide: isAuction ? undefined : aggressor,
      maker: party(maker, 1, RULES.makerRatePpm),
      taker: party(taker, 2, RULES.takerRatePpm),
    } as const;
    const isBuyTaking = !isAuction && aggressor === 'BUY';
    const [buyer, seller] = isBuyTaking
      ? [traded.taker, traded.maker]
      : [traded.maker, traded.taker];
    const name = { instrumentNumber: 1, instrumentSequence: this.#sequence + 1 };
    this.#trades.set(this.#sequence + 1, {
      ...{ ...name, ...trade, buyer: sideOf(buyer), seller: sideOf(seller) },
      tradeTimeUs: this.#logTimeUs,
    });
    return this.#settle(traded);
  }

  #bust(sequence: number, comment: string): string[] {
    const unknown = { instrumentNumber: 1, instrumentSequence: sequence };
    const trade = this.#trades.get(sequence) ?? {
      ...(this.#trades.values().next().value as TradeToBust),
      ...unknown,
    };
    return this.#apply({ kind: 'bustTrade', ...trade, comment });
  }

  #fee(
    named: string,
    trade: { readonly quantityUnits: number; readonly priceUnits: number },
    ratePpm: number,
  ): bigint {
    const notional = notionalOf(RULES, trade.priceUnits, trade.quantityUnits);
    const fee = feeOfFill(this.#weighted.get(named) ?? 0n, notional, ratePpm);
    this.#weighted.set(named, fee.weightedSum);
    return fee.feeUnits;
  }

  #settle(body: MatchingEventBody): string[] {
    this.#sequence += 1;
    const sequence = this.#sequence;
    const events = [{ instrumentNumber: 1, instrumentSequence: sequence, ...body }];
    this.#lastSettle = {
      kind: 'settle',
      sourceShardId: 'matching-1',
      fromSequence: sequence,
      throughSequence: sequence,
      sourceEntryIndex: sequence,
      sourceChainChecksum: '00',
      entries: [{ logTimeUs: this.#logTimeUs, commands: [{ identity: 'c', events }] }],
    };
    return this.#apply(this.#lastSettle);
  }
}
