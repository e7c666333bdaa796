// What the matching domain shares with the edge: terms, rules and their check (BND-2).
export type {
  CancelReason,
  GroupType,
  InstrumentRules,
  InstrumentState,
  OrderTerms,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../lib/rules/terms.ts';
