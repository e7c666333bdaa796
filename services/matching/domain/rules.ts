// What the matching domain shares with the edge: terms, rules and their check (BND-2).
export type {
  CancelReason,
  InstrumentRules,
  InstrumentState,
  OrderTerms,
  RejectReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../lib/rules/terms.ts';
