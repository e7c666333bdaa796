// Accounts, balances, postings and holds in their public form: decimals and public ids.
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type Account as AccountMessage,
  type AccountSchema,
  type Balance as BalanceMessage,
  type BalanceSchema,
  type Hold as HoldMessage,
  type HoldSchema,
  HoldState,
  type Posting as PostingMessage,
  type PostingSchema,
} from '../../../../gen/bourse/account/v1/account_pb.ts';
import { assertDefined } from '../../../lib/base/assert.ts';
import { formatDecimal } from '../../../lib/base/decimal.ts';
import { selfTradePreventionCodec } from '../../../lib/platform/codec/terms-codec.ts';
import type { Account } from '../../domain/account.ts';
import type { Asset } from '../../domain/command.ts';
import type { BalanceAfter } from '../../domain/event.ts';
import type { KnownHold } from '../../domain/queries.ts';
import type { LedgerState } from '../../domain/state.ts';
import { accountStateCodec } from '../codec/settings-codec.ts';
import type { Happening } from '../shard/happening.ts';
import type { Leg } from './postings.ts';

export type BalanceView = Exclude<MessageInitShape<typeof BalanceSchema>, BalanceMessage>;
export type PostingView = Exclude<MessageInitShape<typeof PostingSchema>, PostingMessage>;
export type AccountView = Exclude<MessageInitShape<typeof AccountSchema>, AccountMessage>;
export type HoldView = Exclude<MessageInitShape<typeof HoldSchema>, HoldMessage>;

const US_PER_SECOND = 1_000_000;

export function timestampOf(timeUs: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(timeUs / US_PER_SECOND);
  return { seconds: BigInt(seconds), nanos: (timeUs - seconds * US_PER_SECOND) * 1_000 };
}

/** The asset of a balance or instrument: it was set before anything could be counted in it. */
export function assetOf(state: LedgerState, assetNumber: number): Asset {
  return assertDefined(state.assets.get(assetNumber), `asset ${assetNumber} is known`);
}

export function balanceView(state: LedgerState, balance: BalanceAfter): BalanceView {
  const { assetId, scale } = assetOf(state, balance.assetNumber);
  return {
    assetId,
    total: formatDecimal(balance.totalUnits, scale),
    available: formatDecimal(balance.totalUnits - balance.heldUnits, scale),
    held: formatDecimal(balance.heldUnits, scale),
  };
}

/** Balances by asset id. */
export function balanceViews(
  state: LedgerState,
  balances: readonly BalanceAfter[],
): readonly BalanceView[] {
  return balances
    .map((balance) => balanceView(state, balance))
    .sort((one, other) => ((one.assetId ?? '') < (other.assetId ?? '') ? -1 : 1));
}

/** Where a posting comes from. */
export type PostingOrigin = {
  readonly accountNumber: number;
  readonly accountId: string;
  readonly accountSequence: number;
  readonly timeUs: number;
  readonly clientTransferId: string;
  /** The other account of a transfer between two; empty otherwise. */
  readonly otherAccountId: string;
  readonly trade:
    | { readonly instrumentId: string; readonly tradeId: string; readonly orderId: string }
    | undefined;
};

export function postingView(state: LedgerState, origin: PostingOrigin, leg: Leg): PostingView {
  const { assetId, scale } = assetOf(state, leg.assetNumber);
  return {
    postingId: `${origin.accountNumber}-${origin.accountSequence}-${leg.leg}`,
    accountId: origin.accountId,
    assetId,
    kind: leg.kind,
    amount: formatDecimal(leg.amountUnits, scale),
    totalAfter: formatDecimal(leg.totalAfterUnits, scale),
    clientTransferId: origin.clientTransferId,
    otherAccountId: origin.otherAccountId,
    ...(origin.trade ?? {}),
    postTime: timestampOf(origin.timeUs),
    sequence: BigInt(origin.accountSequence),
  };
}

export function originOf(
  state: LedgerState,
  accountId: string,
  happening: Happening,
): PostingOrigin {
  const { event, logTimeUs: timeUs } = happening;
  const { accountNumber, accountSequence } = event;
  const base = { accountNumber, accountId, accountSequence, timeUs };
  if (event.kind === 'tradeBusted') {
    const { trade, side } = event;
    const { placement } = side === 'BUY' ? trade.buyer : trade.seller;
    const { instrumentNumber, instrumentSequence: sequence } = trade;
    const named = { state, instrumentNumber, sequence, accountNumber, placement };
    return { ...base, clientTransferId: '', otherAccountId: '', trade: tradeOf(named) };
  }
  if (event.kind !== 'orderExecuted') {
    const isTransfer = event.kind === 'transferPosted';
    const clientTransferId = isTransfer ? event.clientTransferId : '';
    const otherAccountId = isTransfer ? event.otherAccountId : '';
    return { ...base, clientTransferId, otherAccountId, trade: undefined };
  }
  const instrumentNumber = event.record.terms?.instrumentNumber ?? 0;
  const { instrumentSequence: sequence, record } = event;
  const { placement } = record;
  const trade = tradeOf({ state, instrumentNumber, sequence, accountNumber, placement });
  return { ...base, clientTransferId: '', otherAccountId: '', trade };
}

function tradeOf(of: {
  readonly state: LedgerState;
  readonly instrumentNumber: number;
  readonly sequence: number;
  readonly accountNumber: number;
  readonly placement: number;
}): NonNullable<PostingOrigin['trade']> {
  return {
    instrumentId: of.state.instruments.get(of.instrumentNumber)?.instrumentId ?? '',
    tradeId: `${of.instrumentNumber}-${of.sequence}`,
    orderId: `${of.accountNumber}-${of.placement}`,
  };
}

/** A hold of an order, or of a group for its orders together. */
export function holdView(state: LedgerState, { order, group }: KnownHold): HoldView {
  const held = group ?? order;
  const { assetId, scale } = assetOf(state, held.holdAssetNumber);
  const instrumentNumber = order.terms?.instrumentNumber ?? 0;
  const { accountNumber } = order;
  const whose =
    group === undefined
      ? { orderId: `${accountNumber}-${order.placement}`, clientOrderId: order.clientOrderId }
      : { groupId: `${accountNumber}-g${group.placement}` };
  return {
    ...whose,
    instrumentId: state.instruments.get(instrumentNumber)?.instrumentId ?? '',
    assetId,
    amount: formatDecimal(held.heldUnits, scale),
    state: order.holdState === 'PLACED' ? HoldState.PLACED : HoldState.CONFIRMED,
    validUntilTime: timestampOf(order.validUntilUs),
    createTime: timestampOf(order.placedTimeUs),
  };
}

export function accountView(account: Account, state: LedgerState): AccountView {
  const { accountId, defaultSelfTradePrevention, createdTimeUs, cancelTimeUs } = account;
  return {
    accountId,
    defaultSelfTradePrevention: selfTradePreventionCodec.toNumber(defaultSelfTradePrevention),
    createTime: timestampOf(createdTimeUs),
    selfTradeGroup: account.selfTradeGroup,
    state: accountStateCodec.toNumber(account.state),
    maximumOpenOrders: account.limits.maximumOpenOrders,
    assetLimits: account.limits.assets.map((limit) => {
      const { assetId, scale } = assetOf(state, limit.assetNumber);
      const decimal = (units: bigint): string => (units === 0n ? '' : formatDecimal(units, scale));
      return {
        assetId,
        maximumNotional: decimal(limit.maximumNotionalUnits),
        maximumWithdrawal: decimal(limit.maximumWithdrawalUnits),
      };
    }),
    ...(cancelTimeUs === 0 ? {} : { cancelTime: timestampOf(cancelTimeUs) }),
  };
}
