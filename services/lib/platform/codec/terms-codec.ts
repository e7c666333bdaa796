// Terms of orders and rules of instruments between the contract and the domains that share them.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  InstrumentRulesSchema,
  OrderTermsSchema,
  InstrumentRules as RulesMessage,
  OrderTerms as TermsMessage,
} from '../../../../gen/bourse/matching/v1/command_pb.ts';
import * as instrument from '../../../../gen/bourse/type/v1/instrument_pb.ts';
import * as order from '../../../../gen/bourse/type/v1/order_pb.ts';
import type { InstrumentRules, OrderTerms } from '../../rules/terms.ts';
import { enumCodec } from './enum-codec.ts';
import { malformed } from './malformed.ts';
import { amountUnitsOf, safeNumber } from './numbers.ts';

type TermsInit = Exclude<MessageInitShape<typeof OrderTermsSchema>, TermsMessage>;
type RulesInit = Exclude<MessageInitShape<typeof InstrumentRulesSchema>, RulesMessage>;

export const sideCodec = enumCodec('Side', order.Side);
export const orderTypeCodec = enumCodec('OrderType', order.OrderType);
export const groupTypeCodec = enumCodec('GroupType', order.GroupType);
export const timeInForceCodec = enumCodec('TimeInForce', order.TimeInForce);
export const selfTradePreventionCodec = enumCodec('SelfTradePrevention', order.SelfTradePrevention);
export const rejectReasonCodec = enumCodec('RejectReason', order.RejectReason);
export const cancelReasonCodec = enumCodec('CancelReason', order.CancelReason);
export const instrumentStateCodec = enumCodec('InstrumentState', instrument.InstrumentState);

export function encodeTerms(terms: OrderTerms): TermsInit {
  return {
    instrumentNumber: terms.instrumentNumber,
    side: sideCodec.toNumber(terms.side),
    type: orderTypeCodec.toNumber(terms.type),
    timeInForce: timeInForceCodec.toNumber(terms.timeInForce),
    postOnly: terms.postOnly,
    quantityUnits: BigInt(terms.quantityUnits),
    quoteBudgetUnits: terms.quoteBudgetUnits,
    priceUnits: BigInt(terms.priceUnits),
    selfTradePrevention: selfTradePreventionCodec.toNumber(terms.selfTradePrevention),
    makerRatePpm: terms.makerRatePpm,
    takerRatePpm: terms.takerRatePpm,
    instrumentVersion: BigInt(terms.instrumentVersion),
    stopPriceUnits: BigInt(terms.stopPriceUnits),
    trailingOffsetUnits: BigInt(terms.trailingOffsetUnits),
    trailingOffsetBps: terms.trailingOffsetBps,
    expireTimeUs: BigInt(terms.expireTimeUs),
    displayUnits: BigInt(terms.displayUnits),
    minimumUnits: BigInt(terms.minimumUnits),
    selfTradeGroup: terms.selfTradeGroup,
    auctionRatePpm: terms.auctionRatePpm,
  };
}

/** @throws OperatingError MESSAGE_MALFORMED when terms are absent or hold what no domain can. */
export function decodeTerms(terms: TermsMessage | undefined): OrderTerms {
  if (terms === undefined) throw malformed('an order has terms');
  return {
    instrumentNumber: terms.instrumentNumber,
    side: sideCodec.toName(terms.side),
    type: orderTypeCodec.toName(terms.type),
    timeInForce: timeInForceCodec.toName(terms.timeInForce),
    postOnly: terms.postOnly,
    quantityUnits: safeNumber(terms.quantityUnits),
    quoteBudgetUnits: amountUnitsOf(terms.quoteBudgetUnits),
    priceUnits: safeNumber(terms.priceUnits),
    selfTradePrevention: selfTradePreventionCodec.toName(terms.selfTradePrevention),
    makerRatePpm: terms.makerRatePpm,
    takerRatePpm: terms.takerRatePpm,
    instrumentVersion: safeNumber(terms.instrumentVersion),
    stopPriceUnits: safeNumber(terms.stopPriceUnits),
    trailingOffsetUnits: safeNumber(terms.trailingOffsetUnits),
    trailingOffsetBps: terms.trailingOffsetBps,
    expireTimeUs: safeNumber(terms.expireTimeUs),
    displayUnits: safeNumber(terms.displayUnits),
    minimumUnits: safeNumber(terms.minimumUnits),
    selfTradeGroup: terms.selfTradeGroup,
    auctionRatePpm: terms.auctionRatePpm,
  };
}

export function encodeRules(rules: InstrumentRules): RulesInit {
  return {
    instrumentNumber: rules.instrumentNumber,
    instrumentId: rules.instrumentId,
    version: BigInt(rules.version),
    baseAssetNumber: rules.baseAssetNumber,
    quoteAssetNumber: rules.quoteAssetNumber,
    notionalFactor: BigInt(rules.notionalFactor),
    baseFactor: BigInt(rules.baseFactor),
    tickUnits: BigInt(rules.tickUnits),
    lotUnits: BigInt(rules.lotUnits),
    minimumQuantityUnits: BigInt(rules.minimumQuantityUnits),
    maximumQuantityUnits: BigInt(rules.maximumQuantityUnits),
    maximumPriceUnits: BigInt(rules.maximumPriceUnits),
    minimumNotionalUnits: rules.minimumNotionalUnits,
    collarPpm: rules.collarPpm,
    maximumOpenOrders: rules.maximumOpenOrders,
    makerRatePpm: rules.makerRatePpm,
    takerRatePpm: rules.takerRatePpm,
    auctionRatePpm: rules.auctionRatePpm,
    referencePriceUnits: BigInt(rules.referencePriceUnits),
    staticBandPpm: rules.staticBandPpm,
    farBandPpm: rules.farBandPpm,
    dynamicBandPpm: rules.dynamicBandPpm,
    volatilityAuctionUs: BigInt(rules.volatilityAuctionUs),
    hasSessions: rules.hasSessions,
  };
}

/** @throws OperatingError MESSAGE_MALFORMED when rules are absent or hold what no domain can. */
export function decodeRules(rules: RulesMessage | undefined): InstrumentRules {
  if (rules === undefined) throw malformed('an instrument has rules');
  return {
    instrumentNumber: rules.instrumentNumber,
    instrumentId: rules.instrumentId,
    version: safeNumber(rules.version),
    baseAssetNumber: rules.baseAssetNumber,
    quoteAssetNumber: rules.quoteAssetNumber,
    notionalFactor: safeNumber(rules.notionalFactor),
    baseFactor: safeNumber(rules.baseFactor),
    tickUnits: safeNumber(rules.tickUnits),
    lotUnits: safeNumber(rules.lotUnits),
    minimumQuantityUnits: safeNumber(rules.minimumQuantityUnits),
    maximumQuantityUnits: safeNumber(rules.maximumQuantityUnits),
    maximumPriceUnits: safeNumber(rules.maximumPriceUnits),
    minimumNotionalUnits: amountUnitsOf(rules.minimumNotionalUnits),
    collarPpm: rules.collarPpm,
    maximumOpenOrders: rules.maximumOpenOrders,
    makerRatePpm: rules.makerRatePpm,
    takerRatePpm: rules.takerRatePpm,
    auctionRatePpm: rules.auctionRatePpm,
    referencePriceUnits: safeNumber(rules.referencePriceUnits),
    staticBandPpm: rules.staticBandPpm,
    farBandPpm: rules.farBandPpm,
    dynamicBandPpm: rules.dynamicBandPpm,
    volatilityAuctionUs: safeNumber(rules.volatilityAuctionUs),
    hasSessions: rules.hasSessions,
  };
}
