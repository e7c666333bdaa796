// AccountAdminService: opens accounts and brings money in and out, for operators.

import { hash } from 'node:crypto';
import { PostingKind } from '../../../../gen/bourse/account/v1/account_pb.ts';
import type {
  AccountAdminService,
  DepositRequest,
  WithdrawRequest,
} from '../../../../gen/bourse/account/v1/admin_service_pb.ts';
import { SelfTradePrevention } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { assertDefined } from '../../../lib/base/assert.ts';
import { MAXIMUM_AMOUNT_UNITS, parseAmount } from '../../../lib/base/decimal.ts';
import { selfTradePreventionCodec } from '../../../lib/platform/codec/terms-codec.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { assertForm } from '../../../lib/platform/rpc/form-error.ts';
import type { Handlers } from '../../../lib/platform/rpc/server.ts';
import { currentTraceparent } from '../../../lib/platform/telemetry/trace-context.ts';
import { FormCheck } from '../../../lib/rules/form.ts';
import type { AppliedResult, ProposalResult } from '../../../lib/shard/proposal.ts';
import { HIGHEST_SELF_TRADE_GROUP } from '../../domain/accounts.ts';
import type { Command } from '../../domain/command.ts';
import type { Answer, Event } from '../../domain/event.ts';
import type { AccountNode } from '../shard/account-node.ts';
import type { AccountShard } from '../shard/account-shard.ts';
import { assertApplied, errorOfRefusal } from '../shard/refusals.ts';
import { accountIn, assetIn, forClient } from './account-reads.ts';
import { accountView, balanceView, postingView } from './views.ts';

/** How long a proposal of this service may wait for its turn. */
const VALIDITY_US = 10_000_000;

export function accountAdminHandlers(node: AccountNode): Handlers<typeof AccountAdminService> {
  return {
    createAccount: (request) =>
      forClient(async () => {
        const { accountId } = request;
        const check = new FormCheck();
        check.requiredId('account_id', accountId);
        const sent = request.defaultSelfTradePrevention;
        const number = sent === SelfTradePrevention.UNSPECIFIED ? CANCEL_TAKER : sent;
        const mode = selfTradePreventionCodec.findName(number);
        check.optionalEnum('default_self_trade_prevention', mode ?? 'UNKNOWN');
        assertForm(check);
        const defaultSelfTradePrevention = assertDefined(mode, 'the form was checked');
        const shard = node.shardOfAccount(accountId);
        const { outcome } = await propose(node, shard, {
          kind: 'createAccount',
          accountId,
          defaultSelfTradePrevention,
        });
        const account = await shard.read((state) => accountView(accountIn(state, accountId)));
        return { account, duplicate: outcome.answer?.existing ?? false };
      }),

    setAccountLimits: (request) =>
      forClient(async () => {
        const { accountId, selfTradeGroup } = request;
        const check = new FormCheck();
        check.requiredId('account_id', accountId);
        check.optionalId('client_request_id', request.clientRequestId);
        if (selfTradeGroup === undefined) {
          check.add('self_trade_group', 'FIELD_REQUIRED', 'is required; 0 is no group');
        } else if (selfTradeGroup > HIGHEST_SELF_TRADE_GROUP) {
          check.add('self_trade_group', 'NUMBER_OUT_OF_RANGE', 'must be 0 to 1,000,000,000');
        }
        assertForm(check);
        const shard = node.shardOfAccount(accountId);
        const wanted = assertDefined(selfTradeGroup, 'the form was checked');
        const made = `made-${Buffer.from(node.world.randomBytes(16)).toString('hex')}`;
        const clientRequestId = request.clientRequestId === '' ? made : request.clientRequestId;
        const command = { kind: 'setSelfTradeGroup', accountId, selfTradeGroup: wanted } as const;
        const identity = `l/${hash('sha256', `${accountId}/${clientRequestId}`, 'hex')}`;
        const { outcome, duplicate } = await propose(node, shard, command, identity);
        if ((outcome.answer?.selfTradeGroup ?? 0) !== wanted) {
          throw errorOfRefusal({
            reason: 'CLIENT_REQUEST_ID_ALREADY_EXISTS',
            detail: { client_request_id: clientRequestId },
          });
        }
        const account = await shard.read((state) => accountView(accountIn(state, accountId)));
        const isRepeat = duplicate || outcome.answer?.existing === true;
        return { account, clientRequestId, duplicate: isRepeat };
      }),

    deposit: (request) => forClient(() => transfer(node, 'deposit', request)),
    withdraw: (request) => forClient(() => transfer(node, 'withdraw', request)),
  };
}

const { CANCEL_TAKER } = SelfTradePrevention;

async function propose(
  node: AccountNode,
  shard: AccountShard,
  command: Command,
  identity = `edge/${Buffer.from(node.world.randomBytes(16)).toString('hex')}`,
): Promise<AppliedResult<Event, Answer> & { outcome: { readonly answer?: Answer } }> {
  const { world } = node;
  const result = await new Promise<ProposalResult<Event, Answer>>((resolve) => {
    const proposal = {
      identity,
      validUntilUs: world.wallClockUs() + VALIDITY_US,
      traceContext: currentTraceparent(),
      commandClass: 'rest' as const,
      command,
    };
    shard.gate.submit(proposal, resolve);
  });
  const { knownLeader: leader } = shard;
  return assertApplied(result, { shardId: shard.host.shardId, leader });
}

async function transfer(
  node: AccountNode,
  kind: 'deposit' | 'withdraw',
  request: DepositRequest | WithdrawRequest,
) {
  const { accountId, assetId, amount } = request;
  const check = new FormCheck();
  check.requiredId('account_id', accountId);
  check.requiredId('asset_id', assetId);
  if (amount === '') check.add('amount', 'FIELD_REQUIRED', 'is required');
  else check.positiveDecimal('amount', amount);
  check.optionalId('client_transfer_id', request.clientTransferId);
  assertForm(check);
  const made = `made-${Buffer.from(node.world.randomBytes(16)).toString('hex')}`;
  const clientTransferId = request.clientTransferId === '' ? made : request.clientTransferId;
  const shard = node.shardOfAccount(accountId);
  const asset = await shard.read((state) => {
    accountIn(state, accountId);
    return assetIn(state, assetId);
  });
  const amountUnits = amountOf(amount, asset.scale);
  const { assetNumber } = asset;
  const command = { kind, accountId, assetNumber, amountUnits, clientTransferId };
  const { outcome } = await propose(node, shard, command);
  const answer = assertDefined(outcome.answer, 'a transfer has an answer');
  return shard.read((state) => {
    const posted = assertDefined(answer.transfer, 'a transfer has a posting');
    const origin = {
      accountNumber: accountIn(state, accountId).accountNumber,
      accountId,
      accountSequence: answer.accountSequence ?? 0,
      timeUs: answer.postedTimeUs ?? 0,
      clientTransferId,
      otherAccountId: '',
      trade: undefined,
    };
    const leg = {
      leg: 1,
      assetNumber,
      kind: kind === 'deposit' ? PostingKind.DEPOSIT : PostingKind.WITHDRAWAL,
      amountUnits: posted.amountUnits,
      totalAfterUnits: answer.totalAfterUnits ?? 0n,
    };
    const balance = assertDefined(answer.balance, 'a transfer has a balance');
    return {
      posting: postingView(state, origin, leg),
      balance: balanceView(state, balance),
      clientTransferId,
      duplicate: answer.existing,
    };
  });
}

/** @throws OperatingError SCALE_EXCEEDED or DECIMAL_OUT_OF_RANGE. */
function amountOf(amount: string, scale: number): bigint {
  const parsed = parseAmount(amount, scale, {
    minimumUnits: 1n,
    maximumUnits: MAXIMUM_AMOUNT_UNITS,
  });
  if (parsed.ok) return parsed.value;
  const isScale = parsed.problem === 'SCALE_EXCEEDED';
  const description = isScale
    ? `has more than ${scale} decimal places`
    : 'must be above 0 and below 2^62 of the asset’s smallest unit';
  throw new OperatingError(
    isScale ? 'SCALE_EXCEEDED' : 'DECIMAL_OUT_OF_RANGE',
    `amount ${description}.`,
    {
      metadata: { field: 'amount', ...(isScale ? { scale: `${scale}` } : {}) },
      violations: [{ field: 'amount', description }],
    },
  );
}
