// What operators set for accounts, and the fees that come of it: SetAccountState, the limits of
// SetAccountLimits, SetFeeSchedule, GetFees.

import { hash } from 'node:crypto';
import type { FeeTier as TierMessage } from '../../../../gen/bourse/account/v1/account_pb.ts';
import type {
  SetAccountLimitsRequest,
  SetAccountStateRequest,
  SetFeeScheduleRequest,
} from '../../../../gen/bourse/account/v1/admin_service_pb.ts';
import type { GetFeesRequest } from '../../../../gen/bourse/account/v1/service_pb.ts';
import { formatDecimal, MAXIMUM_AMOUNT_UNITS, parseAmount } from '../../../lib/base/decimal.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { assertForm } from '../../../lib/platform/rpc/form-error.ts';
import { FormCheck } from '../../../lib/rules/form.ts';
import { type AssetLimit, DAY_US } from '../../domain/account-limits.ts';
import type { Command } from '../../domain/command.ts';
import type { FeeTier } from '../../domain/fee-schedules.ts';
import { findTier, MOST_TIERS } from '../../domain/fees.ts';
import { accountStateCodec } from '../codec/settings-codec.ts';
import type { AccountNode } from '../shard/account-node.ts';
import { accountIn, assetIn, instrumentNumberIn, settledShard } from './account-reads.ts';
import { COMMENT_FORM } from './form.ts';
import { madeId, propose, proposeToShard } from './propose.ts';
import { accountView } from './views.ts';

const HIGHEST_OPEN_ORDERS = 4_000_000;
const MOST_ASSET_LIMITS = 1_000;
const VOLUME_SCALE = 9;
/** Rates are decimals of basis points with two places, so units of a millionth. */
const BPS_SCALE = 2;
const HIGHEST_RATE = 100_000n;

function outOf(field: string, problem: 'SCALE_EXCEEDED' | 'DECIMAL_OUT_OF_RANGE'): OperatingError {
  const description =
    problem === 'SCALE_EXCEEDED' ? 'has too many decimal places' : 'is outside of its range';
  return new OperatingError(problem, `${field} ${description}.`, {
    metadata: { field },
    violations: [{ field, description }],
  });
}

/** @throws OperatingError DECIMAL_INVALID, SCALE_EXCEEDED, DECIMAL_OUT_OF_RANGE. */
function unitsOf(
  field: string,
  text: string,
  scale: number,
  bounds: { readonly minimumUnits: bigint; readonly maximumUnits: bigint },
): bigint {
  const parsed = parseAmount(text, scale, bounds);
  if (parsed.ok) return parsed.value;
  if (parsed.problem === 'SCALE_EXCEEDED') throw outOf(field, 'SCALE_EXCEEDED');
  if (parsed.problem === 'DECIMAL_OUT_OF_RANGE') throw outOf(field, 'DECIMAL_OUT_OF_RANGE');
  throw new OperatingError('DECIMAL_INVALID', `${field} is no decimal.`, { metadata: { field } });
}

/** A repeat of an id is answered with the first body; another one used it for something else. */
function assertSame(asked: string | undefined, wanted: string, clientRequestId: string): void {
  if (asked === wanted) return;
  const sentence = 'The client request id was used for another request.';
  throw new OperatingError('CLIENT_REQUEST_ID_ALREADY_EXISTS', sentence, {
    metadata: { client_request_id: clientRequestId },
  });
}

function identityOf(kind: string, whose: string, clientRequestId: string): string {
  return `${kind}/${hash('sha256', `${whose}/${clientRequestId}`, 'hex')}`;
}

const textHash = (value: unknown): string =>
  hash(
    'sha256',
    JSON.stringify(value, (_key, one) => (typeof one === 'bigint' ? `${one}` : one)),
  );

export async function setAccountState(node: AccountNode, request: SetAccountStateRequest) {
  const { accountId, comment } = request;
  const accountState = accountStateCodec.findName(request.state);
  const check = new FormCheck();
  check.requiredId('account_id', accountId);
  check.requiredEnum('state', request.state === 0 ? 'UNSPECIFIED' : (accountState ?? 'UNKNOWN'));
  if (!COMMENT_FORM.test(comment))
    check.add('comment', 'TEXT_INVALID', 'has at most 256 characters');
  check.optionalId('client_request_id', request.clientRequestId);
  assertForm(check);
  const shard = node.shardOfAccount(accountId);
  const clientRequestId = request.clientRequestId || madeId(node);
  const asked = textHash([request.state, comment]);
  const identity = identityOf('s', accountId, clientRequestId);
  const command = { kind: 'setAccountState', accountId, comment, asked } as const;
  const wanted = { ...command, accountState: accountState ?? 'ACTIVE' };
  const { outcome, duplicate } = await propose(node, shard, wanted, identity);
  assertSame(outcome.answer?.asked, asked, clientRequestId);
  const account = await shard.read((state) => accountView(accountIn(state, accountId), state));
  return { account, clientRequestId, duplicate: duplicate || outcome.answer?.existing === true };
}

/** The limits of a request, when it has some; true when nothing was changed. */
export async function setLimits(
  node: AccountNode,
  request: SetAccountLimitsRequest,
  clientRequestId: string,
): Promise<boolean> {
  const { accountId, maximumOpenOrders } = request;
  if (maximumOpenOrders === undefined) return true;
  const shard = node.shardOfAccount(accountId);
  const assets = await shard.read((state): AssetLimit[] => {
    accountIn(state, accountId);
    return request.assetLimits.map(({ assetId, maximumNotional, maximumWithdrawal }) => {
      const { assetNumber, scale } = assetIn(state, assetId);
      const bounds = { minimumUnits: 1n, maximumUnits: MAXIMUM_AMOUNT_UNITS };
      const read = (field: string, text: string): bigint =>
        text === '' ? 0n : unitsOf(field, text, scale, bounds);
      return {
        assetNumber,
        maximumNotionalUnits: read('maximum_notional', maximumNotional),
        maximumWithdrawalUnits: read('maximum_withdrawal', maximumWithdrawal),
      };
    });
  });
  const limits = { maximumOpenOrders, assets };
  const asked = textHash([
    request.selfTradeGroup ?? -1,
    maximumOpenOrders,
    request.assetLimits.map((limit) => [
      limit.assetId,
      limit.maximumNotional,
      limit.maximumWithdrawal,
    ]),
  ]);
  const identity = identityOf('m', accountId, clientRequestId);
  const command = { kind: 'setAccountLimits', accountId, limits, asked } as const;
  const { outcome, duplicate } = await propose(node, shard, command, identity);
  assertSame(outcome.answer?.asked, asked, clientRequestId);
  return duplicate || outcome.answer?.existing === true;
}

/** The form of the limits in a request. */
export function checkLimits(check: FormCheck, request: SetAccountLimitsRequest): void {
  const { maximumOpenOrders, assetLimits } = request;
  if (maximumOpenOrders !== undefined && maximumOpenOrders > HIGHEST_OPEN_ORDERS) {
    check.add('maximum_open_orders', 'NUMBER_OUT_OF_RANGE', 'must be 0 to 4,000,000');
  }
  if (assetLimits.length > 0 && maximumOpenOrders === undefined) {
    check.add('maximum_open_orders', 'FIELD_REQUIRED', 'is required with limits by asset');
  }
  if (assetLimits.length > MOST_ASSET_LIMITS) {
    check.add('asset_limits', 'TOO_MANY_ITEMS', 'has more than 1,000 items');
  }
  for (const { assetId } of assetLimits) check.requiredId('asset_id', assetId);
  const ids = new Set(assetLimits.map(({ assetId }) => assetId));
  if (ids.size < assetLimits.length) {
    check.add('asset_limits', 'NUMBER_OUT_OF_RANGE', 'has an asset twice');
  }
}

export async function setFeeSchedule(node: AccountNode, request: SetFeeScheduleRequest) {
  const { accountId, instrumentId } = request;
  const check = new FormCheck();
  check.optionalId('account_id', accountId);
  check.optionalId('instrument_id', instrumentId);
  check.optionalId('client_request_id', request.clientRequestId);
  if (request.tiers.length > MOST_TIERS) {
    check.add(
      'tiers',
      request.tiers.length > 1_000 ? 'TOO_MANY_ITEMS' : 'NUMBER_OUT_OF_RANGE',
      'has more than 20 tiers',
    );
  }
  assertForm(check);
  const tiers = request.tiers.map(tierOf);
  const known = accountId === '' ? node.ledShard() : node.shardOfAccount(accountId);
  const instrumentNumber = await known.read((state) => {
    if (accountId !== '') accountIn(state, accountId);
    return instrumentId === '' ? 0 : instrumentNumberIn(state, instrumentId);
  });
  const clientRequestId = request.clientRequestId || madeId(node);
  const scope = { accountId, instrumentNumber };
  const asked = textHash([scope, tiers]);
  const command: Command = { kind: 'setFeeSchedule', scope, tiers, asked };
  const identity = identityOf('y', accountId, clientRequestId);
  let duplicate = true;
  const told = new Set<string>();
  for (;;) {
    // A shard that has been added meanwhile is told, too (MOV-8).
    const shardIds =
      accountId === '' ? node.shardIdsOf('account') : [node.placeOfAccount(accountId)];
    const shardId = shardIds.find((one) => !told.has(one));
    if (shardId === undefined || (accountId !== '' && told.size > 0)) break;
    const done = await proposeToShard(node, shardId, { command, identity });
    assertSame(done.asked, asked, clientRequestId);
    duplicate &&= done.duplicate;
    told.add(shardId);
  }
  return { clientRequestId, duplicate };
}

function tierOf(message: TierMessage): FeeTier {
  const rate = (field: string, text: string): number => {
    if (text === '') {
      throw new OperatingError('FIELD_REQUIRED', `${field} is required.`, { metadata: { field } });
    }
    const bounds = { minimumUnits: -HIGHEST_RATE, maximumUnits: HIGHEST_RATE };
    return Number(unitsOf(field, text, BPS_SCALE, bounds));
  };
  const volume = { minimumUnits: 0n, maximumUnits: MAXIMUM_AMOUNT_UNITS };
  const { minimumNotional: text } = message;
  return {
    minimumVolume: text === '' ? 0n : unitsOf('minimum_notional', text, VOLUME_SCALE, volume),
    makerRatePpm: rate('maker_fee_bps', message.makerFeeBps),
    takerRatePpm: rate('taker_fee_bps', message.takerFeeBps),
    auctionRatePpm: rate('auction_fee_bps', message.auctionFeeBps),
  };
}

export async function getFees(node: AccountNode, { accountId, instrumentId }: GetFeesRequest) {
  const check = new FormCheck();
  check.requiredId('account_id', accountId);
  check.requiredId('instrument_id', instrumentId);
  assertForm(check);
  const shard = await settledShard(node, accountId, (state) => {
    instrumentNumberIn(state, instrumentId);
  });
  return shard.read((state) => {
    const account = accountIn(state, accountId);
    const number = instrumentNumberIn(state, instrumentId);
    const instrument = state.instruments.get(number);
    if (instrument === undefined) throw new OperatingError('INTERNAL', 'The instrument is gone.');
    const { quoteAssetNumber } = instrument;
    const day = Math.floor(state.shard.logTimeUs / DAY_US);
    const tier = findTier(state, account, { instrument, day });
    const rates = tier ?? instrument;
    const bps = (ratePpm: number): string => formatDecimal(BigInt(ratePpm), BPS_SCALE);
    const traded = account.volumes.get(quoteAssetNumber)?.sumAt(day) ?? 0n;
    return {
      tier: {
        minimumNotional: formatDecimal(tier?.minimumVolume ?? 0n, VOLUME_SCALE),
        makerFeeBps: bps(rates.makerRatePpm),
        takerFeeBps: bps(rates.takerRatePpm),
        auctionFeeBps: bps(rates.auctionRatePpm),
      },
      tradedNotional: formatDecimal(traded, state.assets.get(quoteAssetNumber)?.scale ?? 0),
      scheduled: tier !== undefined,
    };
  });
}
