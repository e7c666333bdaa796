// Statements that reach further back than memory: the real shard and its log in a simulated world.
import { describe, expect, test } from '@jest/globals';
import { accountHandlers } from '../../../services/account/adapter/public/account-service.ts';
import {
  ACCOUNT_ID,
  type AccountProcess,
  callContext,
  depositOf,
  startAccountShard,
} from '../../support/account-shard.ts';

const COUNT = 2_500;
/** What the account was created with. */
const FIRST_UNITS = 1_000_000_000;

type Time = { readonly seconds: bigint; readonly nanos: number };
type Page = {
  readonly postings: readonly { amount: string; totalAfter: string; postTime: Time }[];
  readonly nextPageToken: string;
  readonly beyondWindow: boolean;
};

async function list(process: AccountProcess, asked: object): Promise<Page> {
  const { listPostings } = accountHandlers(process.node) as unknown as {
    listPostings(request: unknown, call: unknown): Promise<Page>;
  };
  const request = { accountId: ACCOUNT_ID, assetId: '', pageSize: 0, pageToken: '', ...asked };
  return process.world.simulation.until(listPostings(request, callContext().context));
}

/** All pages, and whether the last one says that there was more. */
async function listAll(process: AccountProcess, asked: object = {}) {
  const postings: Page['postings'][number][] = [];
  for (let pageToken = '', pages = 1; ; pages += 1) {
    const page = await list(process, { ...asked, pageToken });
    postings.push(...page.postings);
    pageToken = page.nextPageToken;
    if (pageToken === '') return { postings, pages, beyondWindow: page.beyondWindow };
  }
}

/** A shard whose account has changed more often than memory keeps, in one entry after the other. */
async function busyShard(): Promise<AccountProcess> {
  const process = await startAccountShard();
  for (let from = 0; from < COUNT; from += 100) {
    const ids = Array.from({ length: 100 }, (_, index) => `d${from + index}`);
    await process.propose(ids.map((id) => depositOf(ACCOUNT_ID, id)));
  }
  return process;
}

const microsOf = ({ seconds, nanos }: Time): number => Number(seconds) * 1e6 + nanos / 1e3;

describe('a statement', () => {
  test('AUD-1 has every posting with its running balance, however many there are', async () => {
    const process = await busyShard();
    const { postings, pages, beyondWindow } = await listAll(process, { pageSize: 700 });
    expect(beyondWindow).toBe(false);
    expect(pages).toBeGreaterThan(3);
    const totals = postings.map(({ totalAfter }) => Math.round(Number(totalAfter) * 100));
    const expected = Array.from({ length: COUNT + 1 }, (_, index) => FIRST_UNITS + COUNT - index);
    expect(totals).toEqual(expected);
  });

  test('AUD-1 of a time that memory has forgotten is the same as that part of the whole', async () => {
    const process = await busyShard();
    const whole = (await listAll(process, { pageSize: 1_000 })).postings;
    const [endTime, startTime] = [whole[1_700], whole[2_300]].map((posting) => posting?.postTime);
    const part = await listAll(process, { startTime, endTime, pageSize: 100 });
    const [from, to] = [microsOf(startTime as Time), microsOf(endTime as Time)];
    const wanted = whole.filter(({ postTime }) => {
      const time = microsOf(postTime);
      return time >= from && time < to;
    });
    expect(wanted.length).toBeGreaterThan(300);
    expect(part).toMatchObject({ postings: wanted, beyondWindow: false });
  });

  test('AUD-1 pages stay what they were while postings are added, and a token fits its filters only', async () => {
    const process = await busyShard();
    const whole = (await listAll(process, { pageSize: 1_000 })).postings;
    const first = await list(process, { pageSize: 1_000 });
    const second = await list(process, { pageSize: 1_000, pageToken: first.nextPageToken });
    await process.propose([depositOf(ACCOUNT_ID, 'later')]);
    const { nextPageToken: pageToken } = second;
    const third = await list(process, { pageSize: 1_000, pageToken });
    const all = [...first.postings, ...second.postings, ...third.postings];
    expect(all).toEqual(whole);
    const other = list(process, { assetId: 'USD', pageToken });
    await expect(other).rejects.toMatchObject({ reason: 'PAGE_TOKEN_INVALID' });
  });
});
