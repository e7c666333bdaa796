// Looks ahead: every check of a placement, what it would hold, and what it would trade on the book
// as it is. No effect.

import type { BookLevel as LevelMessage } from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { RejectReason } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { formatDecimal } from '../../../lib/base/decimal.ts';
import { rejectReasonCodec } from '../../../lib/platform/codec/terms-codec.ts';
import { checkOrder, checkState } from '../../../lib/rules/check-order.ts';
import { placementCost, worstPrice } from '../../../lib/rules/cost.ts';
import { isWaitingType } from '../../../lib/rules/order-types.ts';
import { trailingStopPrice } from '../../../lib/rules/stop-price.ts';
import type {
  InstrumentRules,
  OrderTerms,
  RejectReason as RejectReasonName,
} from '../../../lib/rules/terms.ts';
import { type BookLevel, estimateFills } from '../../domain/estimate.ts';
import {
  formatPrice,
  formatQuantity,
  formatQuoteAmount,
  type TradedInstrument,
} from '../../domain/instrument.ts';
import { checkPlacementForm, type PlacementForm, readPlacement } from '../../domain/placement.ts';
import { formError, instrumentUnknown, rulesError } from '../problems.ts';
import type { FlowParts } from './parts.ts';
import { needsWorstPrice } from './worst-price.ts';

/** Levels of the book that are looked at. */
const DEPTH = 1000;

/** The answer to a preview, as the contract has it. */
export type PreviewAnswer = {
  readonly rejectReason: RejectReason;
  readonly holdAmount: string;
  readonly holdAssetId: string;
  readonly worstPrice: string;
  readonly expectedQuantity: string;
  readonly expectedNotional: string;
  readonly expectedFee: string;
  readonly sequence: bigint;
};

export async function previewOrder(
  parts: FlowParts,
  form: PlacementForm | undefined,
): Promise<PreviewAnswer> {
  if (form === undefined) {
    throw formError([{ field: 'order', reason: 'FIELD_REQUIRED', description: 'is required' }]);
  }
  const violations = checkPlacementForm(form);
  if (violations.length > 0) {
    throw formError(violations.map((one) => ({ ...one, field: `order.${one.field}` })));
  }
  const balances = await parts.accounts.getAvailable(form.accountId);
  const instrument = parts.instruments.find(form.instrumentId);
  if (instrument === undefined) throw instrumentUnknown(form.instrumentId);
  const read = readPlacement(form, instrument, parts.world.wallClockUs());
  if (read.problem?.kind === 'error') {
    throw rulesError(read.problem.reason, `order.${read.problem.field}`, instrument);
  }
  const rates = await parts.accounts.getRates(form.accountId, form.instrumentId);
  const book = await parts.matching.getBook(instrument, DEPTH);
  const levels = (read.terms.side === 'BUY' ? book.asks : book.bids).map(decodeLevel);
  // The account shard holds for the account's own rates (HLD-1).
  const rated = { ...read.terms, ...rates };
  const terms = withBookPrice(instrument, rated, {
    best: levels[0],
    lastUnits: Number(book.lastPriceUnits),
  });
  const sequence = book.instrumentSequence;
  const isAdmitted = checkState(instrument.state, terms) === undefined;
  const declined = read.problem?.reason ?? (isAdmitted ? undefined : 'INSTRUMENT_STATE');
  return { ...look(instrument, { terms, declined, balances, levels }), sequence };
}

type View = {
  readonly terms: OrderTerms;
  /** Why the edge declines it. */
  readonly declined: RejectReasonName | undefined;
  /** What is available, in smallest units, by asset id. */
  readonly balances: (assetId: string) => string;
  readonly levels: readonly BookLevel[];
};

function look(
  instrument: TradedInstrument,
  { terms, declined, balances, levels }: View,
): Omit<PreviewAnswer, 'sequence'> {
  const { rules, baseAssetId, baseScale, quoteAssetId, quoteScale } = instrument;
  const isBuy = terms.side === 'BUY';
  const holdAssetId = isBuy ? quoteAssetId : baseAssetId;
  const isPriced = terms.priceUnits > 0;
  const holdUnits = isPriced ? placementCost(rules, terms) : 0n;
  const holdAmount = formatDecimal(holdUnits, isBuy ? quoteScale : baseScale);
  // An order that waits, or is collected for an uncross, trades nothing at once.
  const mayTrade = isPriced && !isWaitingType(terms.type) && instrument.state === 'CONTINUOUS';
  const estimate = estimateFills(rules, terms, mayTrade ? levels : []);
  const reason =
    declined ??
    (isPriced ? undefined : 'NO_REFERENCE_PRICE') ??
    (checkOrder(rules, terms)?.reason as RejectReasonName | undefined) ??
    (isCovered(holdAmount, balances(holdAssetId)) ? undefined : 'INSUFFICIENT_FUNDS') ??
    estimate.rejectReason;
  const isDeclined = reason !== undefined;
  return {
    rejectReason: isDeclined ? rejectReasonCodec.toNumber(reason) : RejectReason.UNSPECIFIED,
    holdAmount: isPriced ? holdAmount : '',
    holdAssetId,
    worstPrice: isPriced ? formatPrice(instrument, terms.priceUnits) : '',
    expectedQuantity: formatQuantity(instrument, isDeclined ? 0 : estimate.quantityUnits),
    expectedNotional: formatQuoteAmount(instrument, isDeclined ? 0n : estimate.notionalUnits),
    expectedFee: formatQuoteAmount(instrument, isDeclined ? 0n : estimate.feeUnits),
  };
}

/** Compares two decimals that are not negative. */
function isCovered(needed: string, available: string): boolean {
  const [neededWhole = '', neededPart = ''] = needed.split('.');
  const [availableWhole = '', availablePart = ''] = available.split('.');
  const scale = Math.max(neededPart.length, availablePart.length);
  const units = (whole: string, part: string) => BigInt(whole + part.padEnd(scale, '0'));
  return units(neededWhole, neededPart) <= units(availableWhole, availablePart);
}

function withBookPrice(
  { rules }: TradedInstrument,
  terms: OrderTerms,
  book: { readonly best: BookLevel | undefined; readonly lastUnits: number },
): OrderTerms {
  if (!needsWorstPrice(terms)) return terms;
  const from = startingPriceOn(rules, terms, book);
  if (from === 0) return terms;
  return { ...terms, priceUnits: worstPrice(rules, terms.side, from) };
}

/** Where the order's worst price starts on this book; 0 when there is no price to start from. */
function startingPriceOn(
  rules: InstrumentRules,
  terms: OrderTerms,
  { best, lastUnits }: { readonly best: BookLevel | undefined; readonly lastUnits: number },
): number {
  if (terms.type === 'MARKET') return best?.priceUnits ?? 0;
  if (terms.type !== 'TRAILING_STOP') return terms.stopPriceUnits;
  return lastUnits === 0 ? 0 : trailingStopPrice(terms, lastUnits, rules.tickUnits);
}

function decodeLevel({ priceUnits, quantityUnits }: LevelMessage): BookLevel {
  return { priceUnits: Number(priceUnits), quantityUnits: Number(quantityUnits) };
}
