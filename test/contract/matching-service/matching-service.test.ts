// MatchingService of a real node: proposals, events, books, positions.

import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { CommandSchema } from '../../../gen/bourse/matching/v1/command_pb.ts';
import {
  type CommandEvents,
  MatchingService,
  type ProposalResult,
  type StreamEventsResponse,
} from '../../../gen/bourse/matching/v1/service_pb.ts';
import { ErrorReason } from '../../../gen/bourse/type/v1/error_pb.ts';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { assignSlots } from '../../../services/lib/routing/rendezvous.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import { commandMessage } from '../../../services/matching/adapter/codec/command-codec.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { PLAIN_TERMS } from '../../support/plain.ts';
import { createMarket, type Market } from '../../support/trading.ts';
import { waitUntil } from '../../support/wait.ts';

let mesh: Mesh;
let market: Market;
let shardId: string;
let nodeId: string;
let otherNodeId: string;
/** The only instrument. */
const INSTRUMENT = 1;
let identityCount = 0;

beforeAll(async () => {
  mesh = await startMesh();
  market = await createMarket(mesh);
  shardId = assignSlots(['matching-1', 'matching-2'])[slotOf(market.instrumentId)] ?? '';
  nodeId = await waitUntil(() => findLeader(shardId), { what: 'a leader' });
  otherNodeId = nodeId === 'matching-1' ? 'matching-2' : 'matching-1';
}, 90_000);

afterAll(() => mesh.stop());

async function findLeader(wanted: string): Promise<string | undefined> {
  const { table } = await mesh.clientAt(ClusterAdminService, 'coordinator').getCluster({});
  return table?.shards.find((shard) => shard.shardId === wanted)?.leaderNodeId || undefined;
}

async function findFault(): Promise<string | undefined> {
  const { statuses } = await mesh.clientAt(ClusterAdminService, 'coordinator').getCluster({});
  return statuses.flatMap(({ shards }) => shards).find(({ fault }) => fault !== '')?.fault;
}

async function isForkNoted(): Promise<boolean> {
  const database = new pg.Client({ connectionString: mesh.databaseUrl });
  await database.connect();
  const noted = 'SELECT FROM log_shard WHERE shard_id = $1 AND fork IS NOT NULL';
  const { rowCount } = await database.query(noted, [shardId]).finally(() => database.end());
  return rowCount === 1;
}

const matching = () => mesh.clientAt(MatchingService, nodeId);

function limit(accountNumber: number, placement: number, side: 'BUY' | 'SELL', priceUnits: number) {
  return {
    kind: 'placeOrder',
    accountNumber,
    placement,
    terms: {
      ...{ instrumentNumber: INSTRUMENT, side, priceUnits, quantityUnits: 5, type: 'LIMIT' },
      ...{ timeInForce: 'GTC', postOnly: false, quoteBudgetUnits: 0n, instrumentVersion: 1 },
      ...{ selfTradePrevention: 'CANCEL_TAKER', makerRatePpm: 100, takerRatePpm: 200 },
      ...PLAIN_TERMS,
    },
  } as const satisfies MatchingCommand;
}

type Asked = {
  readonly command: MatchingCommand;
  readonly identity?: string;
  readonly validUntilUs?: bigint;
};

async function propose(
  asked: readonly Asked[],
  shard = shardId,
  node = nodeId,
): Promise<ProposalResult[]> {
  const proposals = asked.map(({ command, identity, validUntilUs }, index) => {
    identityCount += 1;
    return {
      number: BigInt(index + 1),
      identity: identity ?? `test-${identityCount}`,
      validUntilUs: validUntilUs ?? BigInt(Date.now() * 1_000 + 20_000_000),
      command: commandMessage(command),
    };
  });
  return send(shard, proposals, node);
}

async function send(
  shard: string,
  proposals: readonly object[],
  node = nodeId,
): Promise<ProposalResult[]> {
  async function* requests() {
    yield { shardId: shard, proposals: [...proposals] };
  }
  const results: ProposalResult[] = [];
  const client = mesh.clientAt(MatchingService, node);
  for await (const answer of client.propose(requests(), { timeoutMs: 10_000 })) {
    results.push(...answer.results);
  }
  return results.sort((one, other) => Number(one.number - other.number));
}

function eventsOf(result: ProposalResult | undefined): (string | undefined)[] {
  if (result?.kind.case !== 'committed') return [String(result?.kind.case)];
  return result.kind.value.events.map((event) => event.kind.case);
}

function reasonOf(result: ProposalResult | undefined): string {
  if (result?.kind.case !== 'refusal') return String(result?.kind.case);
  const { reason } = result.kind.value;
  return Object.entries(ErrorReason).find(([, value]) => value === reason)?.[0] ?? String(reason);
}

describe('Propose', () => {
  test('answers each command by its events, after the commit (LOG-5)', async () => {
    const results = await propose([
      { command: limit(4097, 1, 'SELL', 1_000) },
      { command: limit(4098, 1, 'BUY', 1_000) },
    ]);
    expect(results.map(eventsOf)).toEqual([['orderAccepted'], ['orderAccepted', 'traded']]);
    const position = await matching().getPosition({ shardId });
    const last = results[1]?.kind.case === 'committed' ? results[1].kind.value : undefined;
    expect(position.sequence).toBe((last?.firstSequence ?? 0n) + 1n);
    expect(position.chainChecksum).toHaveLength(16);
  });

  test('a known identity gets its first answer, marked duplicate (LOG-11)', async () => {
    const asked = { command: limit(4099, 1, 'BUY', 900), identity: 'twice' };
    const [first] = await propose([asked]);
    const [second] = await propose([asked]);
    expect(first?.duplicate).toBe(false);
    expect(second).toEqual({ ...first, duplicate: true });
  });

  test('what came too late, or for another shard, does nothing and says why', async () => {
    const expired = { command: limit(4100, 1, 'BUY', 900), validUntilUs: 1n };
    const unknown = limit(4100, 2, 'BUY', 900);
    const elsewhere = { ...unknown, terms: { ...unknown.terms, instrumentNumber: 99 } };
    const results = await propose([expired, { command: elsewhere }]);
    expect(results.map(reasonOf)).toEqual(['COMMAND_EXPIRED', 'WRONG_SHARD']);
  });

  test('what cannot be read is refused by itself, the commands beside it go on (LOG-16)', async () => {
    const good = commandMessage(limit(4101, 1, 'BUY', 900));
    const newer = create(CommandSchema, { kind: good.kind });
    newer.$unknown = [{ no: 99, wireType: 0, data: new Uint8Array([1]) }];
    const validUntilUs = BigInt(Date.now() * 1_000 + 20_000_000);
    const results = await send(shardId, [
      { number: 1n, identity: 'a', validUntilUs, command: newer },
      { number: 2n, identity: 'b', validUntilUs, command: {} },
      { number: 3n, identity: 'c', validUntilUs },
      { number: 4n, identity: '', validUntilUs, command: good },
      { number: 5n, identity: 'e', validUntilUs, command: good },
    ]);
    expect(results.map(reasonOf)).toEqual([
      ...['MESSAGE_MALFORMED', 'MESSAGE_MALFORMED', 'FIELD_REQUIRED', 'NUMBER_OUT_OF_RANGE'],
      'committed',
    ]);
  });

  test('a node that does not host the shard says NOT_LEADER', async () => {
    const other = propose([{ command: limit(4102, 1, 'BUY', 900) }], shardId, otherNodeId);
    await expect(other).rejects.toMatchObject({
      reason: 'NOT_LEADER',
      metadata: { shard_id: shardId },
    });
  });

  test('more than 1,000 commands in a message are refused', async () => {
    const proposals = Array.from({ length: 1_001 }, (_, index) => ({ number: BigInt(index + 1) }));
    await expect(send(shardId, proposals)).rejects.toMatchObject({ reason: 'TOO_MANY_ITEMS' });
  });
});

describe('GetBook (READ-1)', () => {
  test('shows levels, state, rules and where it stands', async () => {
    await propose([
      { command: limit(4200, 1, 'BUY', 800) },
      { command: limit(4200, 2, 'BUY', 800) },
      { command: limit(4200, 3, 'SELL', 2_000) },
    ]);
    const request = { shardId, instrumentNumber: INSTRUMENT, depth: 10 };
    const book = await matching().getBook(request);
    expect(book.bids.at(-1)).toMatchObject({ priceUnits: 800n, quantityUnits: 10n, orderCount: 2 });
    expect(book.asks[0]).toMatchObject({ priceUnits: 2_000n, orderCount: 1 });
    expect(book).toMatchObject({ state: InstrumentState.CONTINUOUS, lastPriceUnits: 1_000n });
    expect(book.rules).toMatchObject({ instrumentId: market.instrumentId, version: 1n });
    const { sequence } = await matching().getPosition({ shardId });
    expect(book.shardSequence).toBe(sequence);
  });

  test('refuses what it does not have', async () => {
    const unknown = matching().getBook({ shardId, instrumentNumber: 77, depth: 1 });
    await expect(unknown).rejects.toMatchObject({ reason: 'INSTRUMENT_UNKNOWN' });
    const deep = matching().getBook({ shardId, instrumentNumber: INSTRUMENT, depth: 1_001 });
    await expect(deep).rejects.toMatchObject({ reason: 'NUMBER_OUT_OF_RANGE' });
    const elsewhere = matching().getBook({ shardId: 'matching-9', instrumentNumber: 1, depth: 1 });
    await expect(elsewhere).rejects.toMatchObject({ reason: 'NOT_LEADER' });
  });
});

describe('StreamEvents', () => {
  test('two followers get the same events, gap-free from the first, and signs of life (CON-2)', async () => {
    const { sequence } = await matching().getPosition({ shardId });
    const [one, two] = [new Follower({}), new Follower({})];
    for (const follower of [one, two]) {
      await waitUntil(() => follower.through >= sequence, { what: 'all events' });
    }
    expect(one.commands).toEqual(two.commands);
    let next = 1n;
    for (const { firstSequence, events } of one.commands) {
      expect(firstSequence).toBe(next);
      next += BigInt(events.length);
    }
    expect(next).toBe(sequence + 1n);
    const before = one.messages.length;
    await waitUntil(() => one.messages.length > before + 1, { what: 'two signs of life' });
    expect(one.messages.at(-1)).toMatchObject({ entries: [], throughSequence: sequence });
    await Promise.all([one.end(), two.end()]);
  });

  test('a filter passes what concerns its accounts, whole commands, and what concerns all', async () => {
    const { sequence } = await matching().getPosition({ shardId });
    const accountSlots = new Uint8Array(512);
    accountSlots[0] = 1 << 2; // the slot of account 4098
    const follower = new Follower({ accountSlots });
    await waitUntil(() => follower.through >= sequence, { what: 'all events' });
    const kinds = follower.commands.map(({ events }) => events.map((event) => event.kind.case));
    expect(kinds).toEqual([['slotsAcquired'], ['instrumentSet'], ['orderAccepted', 'traded']]);
    await follower.end();
  });

  test('goes on behind a place in the log that was seen (LOG-12)', async () => {
    const { sequence, entryIndex, chainChecksum } = await matching().getPosition({ shardId });
    const follower = new Follower({
      fromSequence: sequence,
      seenEntryIndex: entryIndex,
      seenChainChecksum: chainChecksum,
    });
    await waitUntil(() => follower.through >= sequence, { what: 'the last command' });
    await follower.end();
    const [first] = follower.commands;
    const last = (first?.firstSequence ?? 0n) + BigInt(first?.events.length ?? 0) - 1n;
    expect(last).toBe(sequence);
  });

  test.each([
    ['a sequence of zero', { fromSequence: 0n }, 'NUMBER_OUT_OF_RANGE'],
    ['a filter that is too short', { accountSlots: new Uint8Array(3) }, 'NUMBER_OUT_OF_RANGE'],
    ['another shard', { shardId: 'matching-9' }, 'NOT_LEADER'],
  ])('%s is refused', async (_name, more, reason) => {
    await expect(new Follower(more).done).rejects.toMatchObject({ reason });
  });
});

describe('groups, call phases and operators', () => {
  const state = (to: 'AUCTION' | 'CONTINUOUS', more = {}): MatchingCommand => ({
    ...{ kind: 'setInstrumentState', instrumentNumber: INSTRUMENT, state: to, comment: 'why' },
    ...{ auctionEndTimeUs: 0, stateAfterAuction: 'CONTINUOUS', ...more },
  });
  const cancelAll = (accountNumber: number): MatchingCommand => ({
    ...{ kind: 'cancelAllOrders', instrumentNumber: INSTRUMENT, accountNumber, side: undefined },
    ...{ reason: 'OPERATOR', comment: 'why (by ann)' },
  });

  test('TYP-7 a group is entered and canceled as one', async () => {
    const [high, low] = [limit(4300, 1, 'BUY', 700), limit(4300, 2, 'BUY', 701)];
    const [placed, canceled] = await propose([
      {
        command: {
          ...{ kind: 'placeOrderGroup', accountNumber: 4300, placement: 1, groupType: 'OCO' },
          legs: [high.terms, low.terms],
        },
      },
      {
        command: {
          ...{ kind: 'cancelOrderGroup', instrumentNumber: INSTRUMENT },
          ...{ accountNumber: 4300, placement: 1 },
        },
      },
    ]);
    expect(eventsOf(placed)).toEqual(['orderGroupAccepted', 'orderAccepted', 'orderAccepted']);
    expect(eventsOf(canceled)).toEqual(['orderCanceled', 'orderCanceled']);
  });

  test('STA-2 READ-1 a book in a call says when it ends and what an uncross would do', async () => {
    const auctionEndTimeUs = (Date.now() + 60_000) * 1_000;
    const [opened] = await propose([{ command: state('AUCTION', { auctionEndTimeUs }) }]);
    expect(eventsOf(opened)).toEqual(['instrumentStateChanged']);
    await propose([
      { command: limit(4301, 1, 'BUY', 2_500) },
      { command: limit(4302, 1, 'SELL', 2_400) },
    ]);
    const request = { shardId, instrumentNumber: INSTRUMENT, depth: 1 };
    const book = await matching().getBook(request);
    expect(book).toMatchObject({
      state: InstrumentState.AUCTION,
      auctionEndTimeUs: BigInt(auctionEndTimeUs),
      bids: [{ priceUnits: 2_500n }],
      asks: [{ priceUnits: 2_000n }],
      indicativeUncross: { volumeUnits: 5n },
    });
    const [ended] = await propose([{ command: state('CONTINUOUS') }]);
    // The trades of the uncross stand in the stream; the answer is the change alone.
    expect(eventsOf(ended)).toEqual(['instrumentStateChanged']);
    const after = await matching().getBook(request);
    expect(after.indicativeUncross).toBeUndefined();
    expect(after.staticReferencePriceUnits).toBe(book.indicativeUncross?.priceUnits);
    expect(after.lastPriceUnits).toBe(book.indicativeUncross?.priceUnits);
    const past = await propose([{ command: state('AUCTION', { auctionEndTimeUs: 1 }) }]);
    expect(past.map(reasonOf)).toEqual(['TOO_LATE']);
  });

  test('CXL-1 a cancel of all accounts is answered with its count and passes every filter', async () => {
    await propose([
      { command: limit(4303, 1, 'BUY', 600) },
      { command: limit(4304, 1, 'BUY', 601) },
    ]);
    const [canceled] = await propose([{ command: cancelAll(0) }]);
    expect(eventsOf(canceled)).toEqual(['ordersCanceled']);
    const { sequence } = await matching().getPosition({ shardId });
    const accountSlots = new Uint8Array(512);
    accountSlots[100] = 1; // a slot of nobody here
    const follower = new Follower({ accountSlots });
    await waitUntil(() => follower.through >= sequence, { what: 'all events' });
    const last = follower.commands.at(-1)?.events.at(-1)?.kind;
    expect(last?.case === 'ordersCanceled' && last.value.accountNumber).toBe(0);
    const own = cancelAll(4303);
    await propose([{ command: own }]);
    const position = await matching().getPosition({ shardId });
    await waitUntil(() => follower.through >= position.sequence, { what: 'the next event' });
    expect(follower.commands.at(-1)?.events.at(-1)?.kind).toEqual(last);
    await follower.end();
  });
});

describe('a log that is not the one that was seen (LOG-12)', () => {
  test('ends the leadership, for an operator to decide', async () => {
    const { entryIndex, sequence } = await matching().getPosition({ shardId });
    const follower = new Follower({
      fromSequence: sequence + 1n,
      seenEntryIndex: entryIndex,
      seenChainChecksum: new Uint8Array(16),
    });
    await expect(follower.done).rejects.toMatchObject({ reason: 'LOG_FORKED' });
    await waitUntil(() => mesh.logOf(nodeId).includes('LOG_FORKED'), { what: 'the alarm' });
    // Whoever dies before it is noted has it from the next who has seen that place.
    await waitUntil(isForkNoted, { what: 'the note for the next process' });
    // Nor does the next process lead it; it says why.
    await mesh.kill(nodeId);
    void mesh.start(nodeId).catch(() => {});
    const fault = await waitUntil(findFault, { what: 'the fault', deadlineMs: 30_000 });
    expect(fault).toContain('LOG_FORKED');
  });
});

/** Follows the shard's events. */
class Follower {
  readonly messages: StreamEventsResponse[] = [];
  readonly commands: CommandEvents[] = [];
  readonly done: Promise<void>;
  readonly #abort = new AbortController();

  constructor(more: object) {
    this.done = this.#read({ shardId, fromSequence: 1n, ...more });
    this.done.catch(() => {});
  }

  get through(): bigint {
    return this.messages.at(-1)?.throughSequence ?? 0n;
  }

  async #read(request: { shardId: string; fromSequence: bigint }): Promise<void> {
    const stream = matching().streamEvents(request, { signal: this.#abort.signal });
    for await (const message of stream) {
      this.messages.push(message);
      for (const entry of message.entries) this.commands.push(...entry.commands);
    }
  }

  async end(): Promise<void> {
    this.#abort.abort();
    await this.done.catch(() => {});
  }
}
