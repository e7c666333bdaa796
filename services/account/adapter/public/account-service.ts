// AccountService: what an account has, and why, for clients.
import type {
  AccountService,
  ListHoldsRequest,
} from '../../../../gen/bourse/account/v1/service_pb.ts';
import { assertForm } from '../../../lib/platform/rpc/form-error.ts';
import type { Handlers } from '../../../lib/platform/rpc/server.ts';
import { FormCheck } from '../../../lib/rules/form.ts';
import { balancesOf, holdsOf } from '../../domain/queries.ts';
import type { AccountNode } from '../shard/account-node.ts';
import { accountIn, forClient, instrumentNumberIn, settledShard } from './account-reads.ts';
import { listPositions } from './list-positions.ts';
import { listPostings } from './list-postings.ts';
import { DEFAULT_PAGE_SIZE, pageTokenInvalid } from './pages.ts';
import { getFees } from './settings.ts';
import { streamBalances } from './stream-balances.ts';
import { formatToken, parseToken } from './tokens.ts';
import { transferBetween } from './transfers.ts';
import { accountView, balanceViews, type HoldView, holdView } from './views.ts';

export function accountHandlers(node: AccountNode): Handlers<typeof AccountService> {
  return {
    getAccount: ({ accountId }) =>
      forClient(async () => {
        checkAccountId(accountId);
        const shard = node.shardOfAccount(accountId);
        return shard.read((state) => ({
          account: accountView(accountIn(state, accountId), state),
        }));
      }),

    getBalances: ({ accountId }) =>
      forClient(async () => {
        checkAccountId(accountId);
        const shard = await settledShard(node, accountId);
        return shard.read((state) => {
          const account = accountIn(state, accountId);
          return {
            balances: [...balanceViews(state, balancesOf(account))],
            sequence: BigInt(account.accountSequence),
          };
        });
      }),

    listPostings: (request) => forClient(() => listPostings(node, request)),
    listHolds: (request) => forClient(() => listHolds(node, request)),
    listPositions: (request) => forClient(() => listPositions(node, request)),
    getFees: (request) => forClient(() => getFees(node, request)),
    transfer: (request) => forClient(() => transferBetween(node, request)),
    streamBalances: (request, call) => streamBalances(node, request, call),
  };
}

function checkAccountId(accountId: string): void {
  const check = new FormCheck();
  check.requiredId('account_id', accountId);
  assertForm(check);
}

async function listHolds(node: AccountNode, request: ListHoldsRequest) {
  const { accountId, instrumentId, pageToken } = request;
  const check = new FormCheck();
  check.requiredId('account_id', accountId);
  check.optionalId('instrument_id', instrumentId);
  check.pageSize(request.pageSize);
  assertForm(check);
  const place = pageToken === '' ? undefined : parseToken('holds', 3, pageToken);
  if (pageToken !== '' && place === undefined) throw pageTokenInvalid();
  const shard = await settledShard(node, accountId, (state) => {
    if (instrumentId !== '') instrumentNumberIn(state, instrumentId);
  });
  const limit = request.pageSize === 0 ? DEFAULT_PAGE_SIZE : request.pageSize;
  return shard.read((state) => {
    const account = accountIn(state, accountId);
    const { accountNumber } = account;
    const wanted = instrumentId === '' ? 0 : instrumentNumberIn(state, instrumentId);
    const [ofAccount, ofInstrument, before = Infinity] = place ?? [];
    if (place !== undefined && (ofAccount !== accountNumber || ofInstrument !== wanted)) {
      throw pageTokenInvalid();
    }
    const holds: HoldView[] = [];
    let last = 0;
    for (const hold of holdsOf(account)) {
      if (hold.place >= before) continue;
      if (wanted !== 0 && hold.instrumentNumber !== wanted) continue;
      if (holds.length === limit) {
        return { holds, nextPageToken: formatToken('holds', [accountNumber, wanted, last]) };
      }
      holds.push(holdView(state, hold));
      last = hold.place;
    }
    return { holds, nextPageToken: '' };
  });
}
