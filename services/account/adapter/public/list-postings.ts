// ListPostings: the statement of an account, by asset and time, however old (AUD-1): from memory as
// far as that reaches, then from the logs. A page of the log is what was found in some time.
import type { ListPostingsRequest } from '../../../../gen/bourse/account/v1/service_pb.ts';
import { assertForm } from '../../../lib/platform/rpc/form-error.ts';
import { FormCheck } from '../../../lib/rules/form.ts';
import type { LedgerState } from '../../domain/state.ts';
import { readPast } from '../read-past.ts';
import type { PastPlace } from '../shard/account-history.ts';
import type { AccountNode } from '../shard/account-node.ts';
import type { AccountShard } from '../shard/account-shard.ts';
import type { Happening } from '../shard/happening.ts';
import { accountIn, assetIn, settledShard } from './account-reads.ts';
import { DEFAULT_PAGE_SIZE, pageTokenInvalid } from './pages.ts';
import { postingsOf } from './postings.ts';
import { formatToken, parseToken } from './tokens.ts';
import { originOf, type PostingView, postingView } from './views.ts';

/** How long the logs are read for one page; one stretch is read in any case. */
const LOG_LIMIT_US = 1_500_000;
/** Clocks of shards that an account has been on may differ by this. */
const CLOCKS_US = 60_000_000;

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

/** What is wanted; the numbers stand in this order at the beginning of every token. */
type Filters = readonly [
  accountNumber: number,
  assetNumber: number,
  startUs: number,
  endUs: number,
];

/** Only what was before this posting. */
type Before = { readonly accountSequence: number; readonly leg: number };

const FROM_THE_NEWEST: Before = { accountSequence: Number.MAX_SAFE_INTEGER, leg: 0 };

/** Postings of one page, as they are found: newest first. */
class StatementPage {
  readonly postings: PostingView[] = [];
  readonly #accountId: string;
  readonly #filters: Filters;
  readonly #limit: number;
  #before: Before;
  /** Place in its shard of the change at which the page was full. */
  #fullAt: number | undefined;
  #isOver = false;

  constructor(of: { accountId: string; filters: Filters; limit: number; before: Before }) {
    this.#accountId = of.accountId;
    this.#filters = of.filters;
    this.#limit = of.limit;
    this.#before = of.before;
  }

  get fullAt(): number | undefined {
    return this.#fullAt;
  }

  /** Nothing more is wanted: all that follows is older. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Takes changes, newest first, until the page is full or the rest is too old. */
  take(state: LedgerState, happenings: Iterable<Happening>): void {
    const [, assetNumber, startUs, endUs] = this.#filters;
    for (const happening of happenings) {
      const { event, logTimeUs } = happening;
      if (event.accountSequence > this.#before.accountSequence || logTimeUs >= endUs) continue;
      if (logTimeUs < startUs) {
        if (logTimeUs >= startUs - CLOCKS_US) continue;
        this.#isOver = true;
        return;
      }
      const origin = originOf(state, this.#accountId, happening);
      for (const leg of [...postingsOf(event, state.instruments)].reverse()) {
        const { accountSequence, leg: beforeLeg } = this.#before;
        if (event.accountSequence === accountSequence && leg.leg >= beforeLeg) continue;
        if (assetNumber !== 0 && leg.assetNumber !== assetNumber) continue;
        if (this.postings.length === this.#limit) {
          this.#fullAt = happening.sequence;
          return;
        }
        this.postings.push(postingView(state, origin, leg));
        this.#before = { accountSequence: event.accountSequence, leg: leg.leg };
      }
    }
  }

  /** The answer with a next page: in memory, or in a log. */
  withNext(place?: PastPlace) {
    const { accountSequence, leg } = this.#before;
    const numbers = [...this.#filters, accountSequence, leg];
    const nextPageToken =
      place === undefined
        ? formatToken('postings', numbers)
        : formatToken(nameOf(place.shardId), [...numbers, place.beforeSequence]);
    return { postings: this.postings, nextPageToken, beyondWindow: false };
  }

  /** The answer as the last page. */
  asLast(beyondWindow: boolean) {
    return { postings: this.postings, nextPageToken: '', beyondWindow };
  }
}

/** Tokens of pages in a log name it. */
function nameOf(shardId: string): string {
  return `postings-${shardId}`;
}

type Token = {
  readonly filters: readonly number[];
  readonly before: Before;
  readonly place: PastPlace | undefined;
};

/** @throws OperatingError PAGE_TOKEN_INVALID. */
function tokenOf(node: AccountNode, text: string): Token | undefined {
  if (text === '') return undefined;
  const inMemory = parseToken('postings', 6, text);
  if (inMemory !== undefined) return { ...startOf(inMemory), place: undefined };
  for (const shardId of node.shardIdsOf('account')) {
    const numbers = parseToken(nameOf(shardId), 7, text);
    if (numbers === undefined) continue;
    return { ...startOf(numbers), place: { shardId, beforeSequence: numbers[6] as number } };
  }
  throw pageTokenInvalid();
}

function startOf(numbers: readonly number[]): Pick<Token, 'filters' | 'before'> {
  const [accountSequence = 0, leg = 0] = numbers.slice(4);
  return { filters: numbers.slice(0, 4), before: { accountSequence, leg } };
}

export async function listPostings(node: AccountNode, request: ListPostingsRequest) {
  const { accountId, assetId, startTime, endTime } = request;
  const check = new FormCheck();
  check.requiredId('account_id', accountId);
  check.optionalId('asset_id', assetId);
  checkTimes(check, startTime, endTime);
  check.pageSize(request.pageSize);
  assertForm(check);
  const token = tokenOf(node, request.pageToken);
  const startUs = startTime === undefined ? 0 : microsecondsOf(startTime);
  const endUs = endTime === undefined ? Number.MAX_SAFE_INTEGER : microsecondsOf(endTime);
  const shard = await settledShard(node, accountId, (state) => {
    if (assetId !== '') assetIn(state, assetId);
  });
  const filters = await shard.read((state): Filters => {
    const { accountNumber } = accountIn(state, accountId);
    const assetNumber = assetId === '' ? 0 : assetIn(state, assetId).assetNumber;
    return [accountNumber, assetNumber, startUs, endUs];
  });
  if (token !== undefined && filters.some((filter, index) => filter !== token.filters[index])) {
    throw pageTokenInvalid();
  }
  const limit = request.pageSize === 0 ? DEFAULT_PAGE_SIZE : request.pageSize;
  const before = token?.before ?? FROM_THE_NEWEST;
  const page = new StatementPage({ accountId, filters, limit, before });
  const [accountNumber] = filters;
  const place = token?.place ?? (await takeFromMemory(shard, accountNumber, page));
  if (page.fullAt !== undefined) return page.withNext();
  if (page.isOver || place === undefined) return page.asLast(false);
  return takeFromLogs(node, shard, { accountNumber, page, from: place });
}

/** @returns where the past goes on that is not in memory; undefined when there is none */
async function takeFromMemory(
  shard: AccountShard,
  accountNumber: number,
  page: StatementPage,
): Promise<PastPlace | undefined> {
  const lastSequence = await shard.read((_state, { lastSequence: sequence }) => sequence);
  await shard.recall(lastSequence);
  return shard.read((state) => {
    const { activity, host } = shard;
    page.take(state, committed(activity.posted(accountNumber), lastSequence));
    const since = activity.postedSince(accountNumber);
    return since === 0 ? undefined : { shardId: host.shardId, beforeSequence: since + 1 };
  });
}

/** Only what the proof of a read covers (LOG-5). */
function* committed(happenings: Iterable<Happening>, lastSequence: number): Generator<Happening> {
  for (const happening of happenings) if (happening.sequence <= lastSequence) yield happening;
}

async function takeFromLogs(
  node: AccountNode,
  shard: AccountShard,
  of: { readonly accountNumber: number; readonly page: StatementPage; readonly from: PastPlace },
) {
  const { accountNumber, page } = of;
  const limitUs = node.world.monotonicUs() + LOG_LIMIT_US;
  for (let place = of.from; ; ) {
    const { happenings, next } = await readPast(node, accountNumber, place);
    await shard.read((state) => page.take(state, [...happenings].reverse()));
    const { fullAt, isOver } = page;
    if (fullAt !== undefined) return page.withNext({ ...place, beforeSequence: fullAt + 1 });
    if (isOver || next === 'begun') return page.asLast(false);
    if (next === 'gone') return page.asLast(true);
    if (node.world.monotonicUs() > limitUs) return page.withNext(next);
    place = next;
  }
}
