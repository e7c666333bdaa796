// ListPostings: the statement of an account, by asset and time.
import type { ListPostingsRequest } from '../../../../gen/bourse/account/v1/service_pb.ts';
import { assertForm } from '../../../lib/platform/rpc/form-error.ts';
import { FormCheck } from '../../../lib/rules/form.ts';
import type { AccountNode } from '../shard/account-node.ts';
import { accountIn, assetIn, settledShard } from './account-reads.ts';
import { DEFAULT_PAGE_SIZE, pageTokenInvalid } from './pages.ts';
import { postingsOf } from './postings.ts';
import { formatToken, parseToken } from './tokens.ts';
import { originOf, type PostingView, postingView } from './views.ts';

type Time = ListPostingsRequest['startTime'];

function microsecondsOf({ seconds, nanos }: NonNullable<Time>): number {
  return Number(seconds) * 1_000_000 + Math.floor(nanos / 1_000);
}

function checkTimes(check: FormCheck, start: Time, end: Time): void {
  if (start !== undefined) check.timestamp('start_time', start.seconds, start.nanos);
  if (end !== undefined) check.timestamp('end_time', end.seconds, end.nanos);
  if (start === undefined || end === undefined) return;
  if (microsecondsOf(end) >= microsecondsOf(start)) return;
  check.add('end_time', 'TIME_INVALID', 'must not be before start_time');
}

export async function listPostings(node: AccountNode, request: ListPostingsRequest) {
  const { accountId, assetId, startTime, endTime, pageToken } = request;
  const check = new FormCheck();
  check.requiredId('account_id', accountId);
  check.optionalId('asset_id', assetId);
  checkTimes(check, startTime, endTime);
  check.pageSize(request.pageSize);
  assertForm(check);
  const place = pageToken === '' ? undefined : parseToken('postings', 6, pageToken);
  if (pageToken !== '' && place === undefined) throw pageTokenInvalid();
  const startUs = startTime === undefined ? 0 : microsecondsOf(startTime);
  const endUs = endTime === undefined ? Number.MAX_SAFE_INTEGER : microsecondsOf(endTime);
  const shard = await settledShard(node, accountId, (state) => {
    if (assetId !== '') assetIn(state, assetId);
  });
  const lastSequence = await shard.read((_state, { lastSequence: sequence }) => sequence);
  await shard.recall(lastSequence);
  const limit = request.pageSize === 0 ? DEFAULT_PAGE_SIZE : request.pageSize;
  return shard.read((state) => {
    const { accountNumber } = accountIn(state, accountId);
    const assetNumber = assetId === '' ? 0 : assetIn(state, assetId).assetNumber;
    const filters = [accountNumber, assetNumber, startUs, endUs];
    const [beforeSequence = Infinity, beforeLeg = 0] = place?.slice(filters.length) ?? [];
    if (place !== undefined && filters.some((filter, index) => filter !== place[index])) {
      throw pageTokenInvalid();
    }
    const postings: PostingView[] = [];
    let last: readonly number[] = [];
    for (const happening of shard.activity.posted(accountNumber)) {
      // Only what the proof of this read covers (LOG-5).
      if (happening.sequence > lastSequence) continue;
      const { accountSequence } = happening.event;
      if (accountSequence > beforeSequence || happening.logTimeUs >= endUs) continue;
      if (happening.logTimeUs < startUs)
        return { postings, nextPageToken: '', beyondWindow: false };
      const origin = originOf(state, accountId, happening);
      for (const leg of [...postingsOf(happening.event, state.instruments)].reverse()) {
        if (accountSequence === beforeSequence && leg.leg >= beforeLeg) continue;
        if (assetNumber !== 0 && leg.assetNumber !== assetNumber) continue;
        if (postings.length === limit) {
          const nextPageToken = formatToken('postings', [...filters, ...last]);
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
