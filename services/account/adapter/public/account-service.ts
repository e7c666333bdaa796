// AccountService: what an account has, and why, for clients.
import type {
  AccountService,
  ListHoldsRequest,
  ListPostingsRequest,
} from '../../../../gen/bourse/account/v1/service_pb.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { assertForm } from '../../../lib/platform/rpc/form-error.ts';
import type { Handlers } from '../../../lib/platform/rpc/server.ts';
import { FormCheck } from '../../../lib/rules/form.ts';
import { balancesOf, holdsOf } from '../../domain/queries.ts';
import type { AccountNode } from '../shard/account-node.ts';
import {
  accountIn,
  assetIn,
  forClient,
  instrumentNumberIn,
  settledShard,
} from './account-reads.ts';
import { postingsOf } from './postings.ts';
import { getFees } from './settings.ts';
import { streamBalances } from './stream-balances.ts';
import { formatToken, parseToken } from './tokens.ts';
import { transferBetween } from './transfers.ts';
import {
  accountView,
  balanceViews,
  type HoldView,
  holdView,
  originOf,
  type PostingView,
  postingView,
} from './views.ts';

const DEFAULT_PAGE_SIZE = 100;

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

function pageTokenInvalid(): OperatingError {
  const sentence = 'The page token was not made by this method for the same filters.';
  return new OperatingError('PAGE_TOKEN_INVALID', sentence, { metadata: { field: 'page_token' } });
}

async function listPostings(node: AccountNode, request: ListPostingsRequest) {
  const { accountId, assetId, pageToken } = request;
  const check = new FormCheck();
  check.requiredId('account_id', accountId);
  check.optionalId('asset_id', assetId);
  check.pageSize(request.pageSize);
  assertForm(check);
  const place = pageToken === '' ? undefined : parseToken('postings', 4, pageToken);
  if (pageToken !== '' && place === undefined) throw pageTokenInvalid();
  const shard = await settledShard(node, accountId, (state) => {
    if (assetId !== '') assetIn(state, assetId);
  });
  const lastSequence = await shard.read((_state, { lastSequence: sequence }) => sequence);
  await shard.recall(lastSequence);
  const limit = request.pageSize === 0 ? DEFAULT_PAGE_SIZE : request.pageSize;
  return shard.read((state) => {
    const { accountNumber } = accountIn(state, accountId);
    const assetNumber = assetId === '' ? 0 : assetIn(state, assetId).assetNumber;
    const [ofAccount, ofAsset, beforeSequence = Infinity, beforeLeg = 0] = place ?? [];
    if (place !== undefined && (ofAccount !== accountNumber || ofAsset !== assetNumber)) {
      throw pageTokenInvalid();
    }
    const postings: PostingView[] = [];
    let last: readonly number[] = [];
    for (const happening of shard.activity.posted(accountNumber)) {
      // Only what the proof of this read covers (LOG-5).
      if (happening.sequence > lastSequence) continue;
      const { accountSequence } = happening.event;
      if (accountSequence > beforeSequence) continue;
      const origin = originOf(state, accountId, happening);
      for (const leg of [...postingsOf(happening.event, state.instruments)].reverse()) {
        if (accountSequence === beforeSequence && leg.leg >= beforeLeg) continue;
        if (assetNumber !== 0 && leg.assetNumber !== assetNumber) continue;
        if (postings.length === limit) {
          const nextPageToken = formatToken('postings', [accountNumber, assetNumber, ...last]);
          return { postings, nextPageToken, beyondWindow: false };
        }
        postings.push(postingView(state, origin, leg));
        last = [accountSequence, leg.leg];
      }
    }
    const beyondWindow = shard.activity.hasForgottenPosted(accountNumber);
    return { postings, nextPageToken: '', beyondWindow };
  });
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
