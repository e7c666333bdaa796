// AccountAdminService: opens accounts and brings money in and out, for operators.

import { hash } from 'node:crypto';
import type { AccountAdminService } from '../../../../gen/bourse/account/v1/admin_service_pb.ts';
import { SelfTradePrevention } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { assertDefined } from '../../../lib/base/assert.ts';
import { selfTradePreventionCodec } from '../../../lib/platform/codec/terms-codec.ts';
import { assertForm } from '../../../lib/platform/rpc/form-error.ts';
import type { Handlers } from '../../../lib/platform/rpc/server.ts';
import { FormCheck } from '../../../lib/rules/form.ts';
import { HIGHEST_SELF_TRADE_GROUP } from '../../domain/accounts.ts';
import { auditLedger } from '../audit/audit-ledger.ts';
import type { AccountNode } from '../shard/account-node.ts';
import { errorOfRefusal } from '../shard/refusals.ts';
import { accountIn, forClient } from './account-reads.ts';
import { bustTrade } from './bust-trade.ts';
import { madeId, propose } from './propose.ts';
import { checkLimits, setAccountState, setFeeSchedule, setLimits } from './settings.ts';
import { transferOutside } from './transfers.ts';
import { accountView } from './views.ts';

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
        const account = await shard.read((state) =>
          accountView(accountIn(state, accountId), state),
        );
        return { account, duplicate: outcome.answer?.existing ?? false };
      }),

    setAccountLimits: (request) =>
      forClient(async () => {
        const { accountId, selfTradeGroup } = request;
        const check = new FormCheck();
        check.requiredId('account_id', accountId);
        check.optionalId('client_request_id', request.clientRequestId);
        if (selfTradeGroup === undefined && request.maximumOpenOrders === undefined) {
          check.add('self_trade_group', 'FIELD_REQUIRED', 'is required without limits');
        } else if ((selfTradeGroup ?? 0) > HIGHEST_SELF_TRADE_GROUP) {
          check.add('self_trade_group', 'NUMBER_OUT_OF_RANGE', 'must be 0 to 1,000,000,000');
        }
        checkLimits(check, request);
        assertForm(check);
        const shard = node.shardOfAccount(accountId);
        const clientRequestId =
          request.clientRequestId === '' ? madeId(node) : request.clientRequestId;
        const isSet = await setLimits(node, request, clientRequestId);
        const wanted =
          selfTradeGroup ??
          (await shard.read((state) => accountIn(state, accountId).selfTradeGroup));
        const command = { kind: 'setSelfTradeGroup', accountId, selfTradeGroup: wanted } as const;
        const identity = `l/${hash('sha256', `${accountId}/${clientRequestId}`, 'hex')}`;
        const { outcome, duplicate } = await propose(node, shard, command, identity);
        if ((outcome.answer?.selfTradeGroup ?? 0) !== wanted) {
          throw errorOfRefusal({
            reason: 'CLIENT_REQUEST_ID_ALREADY_EXISTS',
            detail: { client_request_id: clientRequestId },
          });
        }
        const account = await shard.read((state) =>
          accountView(accountIn(state, accountId), state),
        );
        const isRepeat = isSet && (duplicate || outcome.answer?.existing === true);
        return { account, clientRequestId, duplicate: isRepeat };
      }),

    setAccountState: (request) => forClient(() => setAccountState(node, request)),
    setFeeSchedule: (request) => forClient(() => setFeeSchedule(node, request)),
    bustTrade: (request) => forClient(() => bustTrade(node, request)),
    auditLedger: (request) => forClient(() => auditLedger(node, request)),
    deposit: (request) => forClient(() => transferOutside(node, 'deposit', request)),
    withdraw: (request) => forClient(() => transferOutside(node, 'withdraw', request)),
  };
}

const { CANCEL_TAKER } = SelfTradePrevention;
