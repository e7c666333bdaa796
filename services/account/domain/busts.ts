// BustTrade: a trade is taken back for an operator. The buyer's shard decides and posts the buyer's
// side against the clearing of its own stream; the seller is reversed there too, or by the shard
// that follows the event, as it follows transfers (LED-5). What a side does not have available any
// more comes from suspense (SET-5), so that no balance ever becomes negative (LED-2).
import { slotOfAccountNumber } from '../../lib/routing/slot.ts';
import { notionalOf } from '../../lib/rules/cost.ts';
import type { InstrumentRules } from '../../lib/rules/terms.ts';
import type { CommandContext, Outcome } from '../../lib/shard/state-machine.ts';
import type { Account } from './account.ts';
import { DAY_US } from './account-limits.ts';
import { BustRecord, bustKeyOf, type TradeName } from './bust-record.ts';
import type { BustedParty, BustedTrade, BustTrade } from './command.ts';
import { refused } from './command-checks.ts';
import type { Answer, Emit, TradeBusted } from './event.ts';
import { OWN_STREAM, type Purse } from './ledger.ts';
import { checkNotClosed } from './settings.ts';
import type { LedgerState } from './state.ts';

/** Takes a trade back, or answers with the first bust of it. */
export function bustTrade(
  state: LedgerState,
  command: BustTrade,
  context: CommandContext,
  emit: Emit,
): Outcome<Answer> {
  const { buyer, seller, instrumentNumber } = command;
  const refusal = state.refusalOf(slotOfAccountNumber(buyer.accountNumber));
  if (refusal !== undefined) return { kind: 'refused', refusal };
  const account = state.accountsByNumber.get(buyer.accountNumber);
  if (account === undefined) return refused('ACCOUNT_UNKNOWN');
  const earlier = account.busts.get(bustKeyOf(command, buyer.placement));
  if (earlier !== undefined) return { kind: 'done', answer: answerOf(earlier, true) };
  const instrument = state.instruments.get(instrumentNumber);
  if (instrument === undefined) return refused('INSTRUMENT_UNKNOWN');
  const problem = checkParty(account, command) ?? checkSeller(state, command);
  if (problem !== undefined) return problem;

  // From here on it must succeed.
  const byClearing = !state.ownsAccountNumber(seller.accountNumber);
  const cause = { state, instrument, trade: command, byClearing, stream: OWN_STREAM, emit };
  const record = reverse({ ...cause, logTimeUs: context.logTimeUs }, account, 'BUY');
  if (!byClearing) {
    const other = state.accountsByNumber.get(seller.accountNumber);
    if (other !== undefined) reverse({ ...cause, logTimeUs: context.logTimeUs }, other, 'SELL');
  }
  return { kind: 'done', answer: answerOf(record, false) };
}

/** A trade can be taken back once it is settled, while there is somebody to give it back to. */
function checkParty(account: Account, trade: TradeName): Outcome<Answer> | undefined {
  const settled = account.lastInstrumentSequences.get(trade.instrumentNumber) ?? 0;
  if (settled < trade.instrumentSequence) return refused('SETTLEMENT_LAG');
  return checkNotClosed(account);
}

/** As far as the seller is this shard's; else his shard has said the same to the proposer. */
function checkSeller(state: LedgerState, command: BustTrade): Outcome<Answer> | undefined {
  const { accountNumber } = command.seller;
  const slot = slotOfAccountNumber(accountNumber);
  // Whose clearing it would be is not known before the slot has moved, or stays.
  if (state.isFrozen(slot)) return refused('SLOT_MOVING', { slot: `${slot}` });
  if (!state.ownsSlot(slot)) return undefined;
  const account = state.accountsByNumber.get(accountNumber);
  return account === undefined ? refused('ACCOUNT_UNKNOWN') : checkParty(account, command);
}

function answerOf({ comment, bustedTimeUs }: BustRecord, existing: boolean): Answer {
  return { existing, bust: { comment, bustedTimeUs } };
}

/** Reverses the seller of a trade whose buyer was reversed by another account shard. */
export function receiveBust(
  state: LedgerState,
  received: { readonly sourceShardId: string; readonly logTimeUs: number },
  trade: BustedTrade,
  emit: Emit,
): void {
  const { accountNumber, placement } = trade.seller;
  if (!state.settles(accountNumber)) return;
  const instrument = state.instruments.get(trade.instrumentNumber);
  // Only what was traded here is ever sent here.
  if (instrument === undefined) return;
  const { sourceShardId, logTimeUs } = received;
  const cause = { state, instrument, trade, byClearing: true, stream: sourceShardId, emit };
  const account = state.accountsByNumber.get(accountNumber);
  const isThere = account !== undefined && account.state !== 'CLOSED';
  if (isThere && !account.busts.has(bustKeyOf(trade, placement))) {
    reverse({ ...cause, logTimeUs }, account, 'SELL');
  } else {
    receiveForNobody({ ...cause, logTimeUs });
  }
}

/** What is the same for both sides of a bust. */
type Reversal = {
  readonly state: LedgerState;
  readonly instrument: InstrumentRules;
  readonly trade: BustedTrade;
  readonly byClearing: boolean;
  /** Clearing that stands between the two sides. */
  readonly stream: string;
  readonly logTimeUs: number;
  readonly emit: Emit;
};

type Amounts = {
  readonly baseUnits: bigint;
  readonly notionalUnits: bigint;
  readonly base: { readonly clearing: Purse; readonly suspense: Purse };
  readonly quote: { readonly clearing: Purse; readonly suspense: Purse };
  readonly fees: Purse;
};

function amountsOf({ state, instrument, trade, stream }: Reversal): Amounts {
  const { ledger } = state;
  const { baseAssetNumber, quoteAssetNumber, baseFactor } = instrument;
  const pursesOf = (assetNumber: number) => ({
    clearing: ledger.purse('CLEARING', assetNumber, stream),
    suspense: ledger.purse('SUSPENSE', assetNumber),
  });
  return {
    baseUnits: BigInt(trade.quantityUnits) * BigInt(baseFactor),
    notionalUnits: notionalOf(instrument, trade.priceUnits, trade.quantityUnits),
    base: pursesOf(baseAssetNumber),
    quote: pursesOf(quoteAssetNumber),
    fees: ledger.purse('FEE', quoteAssetNumber),
  };
}

/** Posts one side back, corrects its volume, and says so. */
function reverse(cause: Reversal, account: Account, side: 'BUY' | 'SELL'): BustRecord {
  const { state, instrument, trade, byClearing, logTimeUs, emit } = cause;
  const party = side === 'BUY' ? trade.buyer : trade.seller;
  const amounts = amountsOf(cause);
  const missingUnits =
    side === 'BUY' ? reverseBuyer(cause, account, amounts) : reverseSeller(cause, account, amounts);
  const { baseAssetNumber, quoteAssetNumber } = instrument;
  const volume = account.volumes.get(quoteAssetNumber);
  volume?.takeBack(Math.floor(trade.tradeTimeUs / DAY_US), amounts.notionalUnits);
  if (volume !== undefined) state.digest.mark(volume);
  const key = bustKeyOf(trade, party.placement);
  const { accountNumber, accountId } = account;
  const { comment } = trade;
  const record = new BustRecord({ accountNumber, key, comment, bustedTimeUs: logTimeUs });
  account.busts.set(key, record);
  state.digest.mark(record);
  const previousAccountSequence = account.lastDeclinedSequence;
  account.lastDeclinedSequence = state.nextSequence(account);
  const known = state.findRecord(account, party.placement);
  const said = { side, missingUnits, byClearing, accountId, previousAccountSequence };
  const body: TradeBusted = {
    kind: 'tradeBusted',
    trade: plainTradeOf(trade),
    ...said,
    record: known,
  };
  state.emitFor(account, [baseAssetNumber, quoteAssetNumber], body, emit);
  return record;
}

/** What an event says of the trade, whatever command it came with. */
function plainTradeOf(trade: BustedTrade): BustedTrade {
  const { instrumentNumber, instrumentSequence, priceUnits, quantityUnits } = trade;
  const { buyer, seller, tradeTimeUs, comment } = trade;
  const name = { instrumentNumber, instrumentSequence };
  return { ...name, priceUnits, quantityUnits, buyer, seller, tradeTimeUs, comment };
}

/** @returns base that the buyer does not have any more */
function reverseBuyer({ state, trade }: Reversal, account: Account, amounts: Amounts): bigint {
  const { ledger } = state;
  const base = account.balance(amounts.base.clearing.assetNumber);
  const takenUnits = smallerOf(base.availableUnits, amounts.baseUnits);
  const missingUnits = amounts.baseUnits - takenUnits;
  ledger.move(base, amounts.base.clearing, takenUnits);
  ledger.move(amounts.base.suspense, amounts.base.clearing, missingUnits);
  const quote = account.balance(amounts.quote.clearing.assetNumber);
  ledger.move(amounts.quote.clearing, quote, amounts.notionalUnits);
  const { feeUnits } = trade.buyer;
  // A rebate is never more than the notional, which has just come.
  if (feeUnits >= 0n) ledger.move(amounts.fees, quote, feeUnits);
  else ledger.move(quote, amounts.fees, -feeUnits);
  return missingUnits;
}

/** @returns quote that the seller does not have any more; what lacks of a rebate is in it */
function reverseSeller({ state, trade }: Reversal, account: Account, amounts: Amounts): bigint {
  const { ledger } = state;
  const base = account.balance(amounts.base.clearing.assetNumber);
  ledger.move(amounts.base.clearing, base, amounts.baseUnits);
  const quote = account.balance(amounts.quote.clearing.assetNumber);
  const { feeUnits } = trade.seller;
  if (feeUnits > 0n) ledger.move(amounts.fees, quote, feeUnits);
  let missingUnits = 0n;
  const giveBack = (to: Purse, units: bigint): void => {
    const takenUnits = smallerOf(quote.availableUnits, units);
    ledger.move(quote, to, takenUnits);
    ledger.move(amounts.quote.suspense, to, units - takenUnits);
    missingUnits += units - takenUnits;
  };
  giveBack(amounts.quote.clearing, amounts.notionalUnits);
  if (feeUnits < 0n) giveBack(amounts.fees, -feeUnits);
  return missingUnits;
}

/** There is no such seller here any more: his side stands in suspense (SET-5). */
function receiveForNobody(cause: Reversal): void {
  const { ledger } = cause.state;
  const { base, quote, fees, baseUnits, notionalUnits } = amountsOf(cause);
  const { feeUnits, placement }: BustedParty = cause.trade.seller;
  ledger.move(base.clearing, base.suspense, baseUnits);
  ledger.move(quote.suspense, quote.clearing, notionalUnits);
  if (feeUnits > 0n) ledger.move(fees, quote.suspense, feeUnits);
  else ledger.move(quote.suspense, fees, -feeUnits);
  const { assetNumber } = quote.suspense;
  const units = { assetNumber, amountUnits: notionalUnits, placement };
  const body = { kind: 'suspensePosted', ...units } as const;
  cause.emit({ accountNumber: 0, accountSequence: 0, balances: [], ...body });
}

function smallerOf(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}
