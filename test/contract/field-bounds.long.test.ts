// Every field of every public request has its bound: whatever lies beyond it is answered with a
// reason that the method's comment names, changes nothing and leaves the stream usable. The fields
// are read off the contracts: a new one without a good request or a rule here fails by its name.

import { create, type DescMethod, type Message } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AccountAdminService } from '../../gen/bourse/account/v1/admin_service_pb.ts';
import { AccountService } from '../../gen/bourse/account/v1/service_pb.ts';
import { ClusterAdminService } from '../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { ShardKind } from '../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { CandleInterval } from '../../gen/bourse/marketdata/v1/market_data_pb.ts';
import { MarketDataService } from '../../gen/bourse/marketdata/v1/service_pb.ts';
import { OrderService } from '../../gen/bourse/order/v1/service_pb.ts';
import { ReferenceAdminService } from '../../gen/bourse/reference/v1/admin_service_pb.ts';
import { Weekday } from '../../gen/bourse/reference/v1/reference_pb.ts';
import { ReferenceService } from '../../gen/bourse/reference/v1/service_pb.ts';
import { InstrumentState } from '../../gen/bourse/type/v1/instrument_pb.ts';
import { Side } from '../../gen/bourse/type/v1/order_pb.ts';
import { OperatingError } from '../../services/lib/platform/errors/operating-error.ts';
import { assignSlots } from '../../services/lib/routing/rendezvous.ts';
import { slotOf } from '../../services/lib/routing/slot.ts';
import { loadFiles } from '../support/contracts.ts';
import {
  brokenTexts,
  commentOf,
  faultsOf,
  fieldsSetIn,
  fieldsWithin,
  wrongTypes,
} from '../support/field-bounds.ts';
import { goodAccounts } from '../support/good-accounts.ts';
import { goodOrders } from '../support/good-orders.ts';
import { type Mesh, startMesh } from '../support/mesh.ts';
import { BUSY, openSubmitStream, reasonOf, type SubmitStream } from '../support/submit-stream.ts';
import { createAccount, createMarket, type Market } from '../support/trading.ts';
import { waitUntil } from '../support/wait.ts';

type Init = Readonly<Record<string, unknown>>;
type Call = (request: unknown, options?: object) => unknown;

/** What serves the public, and which process. */
const PUBLIC = new Map<string, readonly [service: typeof ClusterAdminService, nodeId: string]>(
  (
    [
      [OrderService, 'order'],
      [AccountService, 'account-1'],
      [AccountAdminService, 'account-1'],
      [MarketDataService, 'marketdata'],
      [ReferenceService, 'coordinator'],
      [ReferenceAdminService, 'coordinator'],
      [ClusterAdminService, 'coordinator'],
    ] as never as (readonly [typeof ClusterAdminService, string])[]
  ).map((one) => [one[0].typeName, one]),
);
/** What only processes of the exchange call. */
const INTERNAL = [
  'bourse.coordinator.v1.CoordinatorService',
  'bourse.ledger.v1.LedgerService',
  'bourse.matching.v1.MatchingService',
];

const START_DEADLINE_MS = 150_000;
const METHOD_DEADLINE_MS = 60_000;
const ATTEMPTS = 20;

let mesh: Mesh;
let market: Market;
/** Markets of their own for what stops one. */
let auctioned: Market;
let retired: Market;
let accountId: string;
let stream: SubmitStream;
let created = 0;
let canceledMoveId: string; // it was taken back while it waited for the one before it
const owners = assignSlots(['matching-1', 'matching-2']);

beforeAll(async () => {
  mesh = await startMesh();
  market = await createMarket(mesh);
  auctioned = await createMarket(mesh);
  retired = await createMarket(mesh);
  accountId = await createAccount(mesh, { [market.quoteAssetId]: '1000000' });
  stream = openSubmitStream(mesh);
  canceledMoveId = await cancelSomeMove();
}, START_DEADLINE_MS);
afterAll(async () => {
  await stream?.close();
  await mesh?.stop();
}, START_DEADLINE_MS);

/** Two slots are to move, one after the other; the second is taken back before its turn. */
async function cancelSomeMove(): Promise<string> {
  const cluster = mesh.clientAt(ClusterAdminService, 'coordinator');
  const slots = owners.flatMap((owner, slot) => (owner === 'matching-1' ? [slot] : []));
  const { moves } = await cluster.moveSlots({
    kind: ShardKind.MATCHING,
    slots: slots.slice(-2),
    targetShardId: 'matching-2',
  });
  const moveId = moves[1]?.moveId ?? '';
  await cluster.cancelMove({ moveId });
  return moveId;
}

/** A name that nothing has yet. */
function fresh(noun: string): string {
  created += 1;
  return `${noun}-${created}`;
}

const rules = {
  tickSize: '0.01',
  lotSize: '0.001',
  minimumQuantity: '0.001',
  maximumQuantity: '1000',
  maximumPrice: '1000',
  minimumNotional: '0',
  collarBps: 500,
  maximumOpenOrders: 100,
  makerFeeBps: '1',
  takerFeeBps: '2',
  auctionFeeBps: '1',
  referencePrice: '1',
  staticBandBps: 100_000,
  farBandBps: 100_000,
  dynamicBandBps: 100_000,
  volatilityAuctionDuration: { seconds: 60n, nanos: 0 },
};
const sessions = () => {
  const changes = [{ secondOfDay: 0, state: InstrumentState.CONTINUOUS }];
  return {
    weekly: [{ weekdays: [Weekday.MONDAY], changes }],
    exceptions: [{ date: '2026-12-25', changes }],
  };
};
const newInstrument = () => ({
  instrumentId: fresh('I'),
  baseAssetId: market.baseAssetId,
  quoteAssetId: market.quoteAssetId,
  priceUnit: '0.01',
  quantityUnit: '0.001',
  ...rules,
  sessions: sessions(),
});
const books = () => ({ instrumentIds: [market.instrumentId] });
const times = {
  startTime: { seconds: 1_800_000_000n, nanos: 0 },
  endTime: { seconds: 1_800_000_060n, nanos: 0 },
};

/** Requests that succeed, as often as they are made; between them they reach every field. */
const GOOD: Readonly<Record<string, readonly (() => Init | Promise<Init>)[]>> = {
  ...goodOrders({
    mesh: () => mesh,
    market: () => market,
    accountId: () => accountId,
    fresh,
  }),
  ...goodAccounts({
    mesh: () => mesh,
    market: () => market,
    accountId: () => accountId,
    fresh,
  }),
  'marketdata.v1.MarketDataService.GetOrderBook': [
    () => ({ instrumentId: market.instrumentId, depth: 10 }),
  ],
  'marketdata.v1.MarketDataService.StreamOrderBook': [books],
  'marketdata.v1.MarketDataService.ListTrades': [() => ({ instrumentId: market.instrumentId })],
  'marketdata.v1.MarketDataService.StreamTrades': [books],
  'marketdata.v1.MarketDataService.ListCandles': [
    () => ({
      instrumentId: market.instrumentId,
      interval: CandleInterval.CANDLE_INTERVAL_1M,
      ...times,
    }),
  ],
  'marketdata.v1.MarketDataService.StreamCandles': [
    () => ({ ...books(), interval: CandleInterval.CANDLE_INTERVAL_1M }),
  ],
  'marketdata.v1.MarketDataService.GetTicker': [() => ({ instrumentId: market.instrumentId })],
  'marketdata.v1.MarketDataService.StreamTickers': [books],
  'reference.v1.ReferenceService.GetAsset': [() => ({ assetId: market.baseAssetId })],
  'reference.v1.ReferenceService.ListAssets': [() => ({ pageSize: 1 })],
  'reference.v1.ReferenceService.GetInstrument': [() => ({ instrumentId: market.instrumentId })],
  'reference.v1.ReferenceService.ListInstruments': [() => ({ pageSize: 1 })],
  'reference.v1.ReferenceService.StreamInstruments': [() => ({})],
  'reference.v1.ReferenceAdminService.CreateAsset': [
    () => ({ assetId: fresh('A'), displayName: 'An asset', scale: 2 }),
  ],
  'reference.v1.ReferenceAdminService.CreateInstrument': [newInstrument],
  'reference.v1.ReferenceAdminService.UpdateInstrument': [
    () => ({ instrumentId: market.instrumentId, ...rules, clientRequestId: fresh('r') }),
    () => ({
      instrumentId: auctioned.instrumentId,
      sessions: sessions(),
      clientRequestId: fresh('r'),
    }),
  ],
  'reference.v1.ReferenceAdminService.SetInstrumentState': [
    () => ({
      instrumentId: market.instrumentId,
      state: InstrumentState.CONTINUOUS,
      comment: 'test',
      clientRequestId: fresh('r'),
    }),
    () => ({
      instrumentId: auctioned.instrumentId,
      state: InstrumentState.AUCTION,
      comment: 'test',
      clientRequestId: fresh('r'),
      auctionEndTime: { seconds: BigInt(Math.floor(Date.now() / 1_000) + 3_600), nanos: 0 },
      stateAfterAuction: InstrumentState.CLOSED,
    }),
  ],
  'reference.v1.ReferenceAdminService.RetireInstrument': [
    () => ({ instrumentId: retired.instrumentId, comment: 'test', clientRequestId: fresh('r') }),
  ],
  'reference.v1.ReferenceAdminService.CancelOrders': [
    () => ({
      instrumentId: auctioned.instrumentId,
      side: Side.BUY,
      comment: 'test',
      clientRequestId: fresh('r'),
    }),
    () => ({ accountId, side: Side.SELL, comment: 'test', clientRequestId: fresh('r') }),
  ],
  'coordinator.v1.ClusterAdminService.GetCluster': [() => ({})],
  'coordinator.v1.ClusterAdminService.AddShard': [
    () => ({ kind: ShardKind.MATCHING, shardId: 'matching-1' }),
  ],
  'coordinator.v1.ClusterAdminService.TransferLeadership': [
    () => ({ shardId: 'matching-1', nodeId: 'matching-1' }),
  ],
  'coordinator.v1.ClusterAdminService.DrainNode': [() => ({ nodeId: 'order', resume: true })],
  // To the shard that owns them, so that nothing moves.
  'coordinator.v1.ClusterAdminService.MoveSlots': [
    () => ({
      clientRequestId: fresh('m'),
      kind: ShardKind.MATCHING,
      slots: [owners.indexOf('matching-1')],
      targetShardId: 'matching-1',
    }),
    () => ({
      instrumentId: market.instrumentId,
      targetShardId: owners[slotOf(market.instrumentId)] ?? '',
    }),
  ],
  'coordinator.v1.ClusterAdminService.ListMoves': [
    () => ({ pageSize: 1, clientRequestId: 'none' }),
  ],
  'coordinator.v1.ClusterAdminService.CancelMove': [() => ({ moveId: canceledMoveId })],
};

const METHODS: readonly DescMethod[] = [...PUBLIC.values()].flatMap(
  ([service]) => (service as never as { methods: DescMethod[] }).methods,
);
const fullName = (method: DescMethod): string => `${method.parent.typeName}.${method.name}`;

/** `OK`, or the reason of a refusal; what the exchange cannot deal with now is asked again. */
async function outcomeOf(method: DescMethod, request: Message | Uint8Array): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await firstOutcomeOf(method, request);
    if (!BUSY.has(outcome) || attempt === ATTEMPTS) return outcome;
  }
}

async function firstOutcomeOf(method: DescMethod, request: Message | Uint8Array): Promise<string> {
  const [service, nodeId] = PUBLIC.get(method.parent.typeName) ?? [];
  if (service === undefined || nodeId === undefined) throw new Error('no such service');
  const client = mesh.clientAt(service, nodeId) as never as Readonly<Record<string, Call>>;
  const call = client[method.localName] as Call;
  try {
    if (method.methodKind === 'unary') await call(request);
    else if (method.methodKind === 'server_streaming') await firstOf(call, request);
    else if (request instanceof Uint8Array) await firstOf(call, [request]);
    else return await outcomeOfBatch(request as never);
    return 'OK';
  } catch (error) {
    if (error instanceof OperatingError) return error.reason ?? `code ${error.code}`;
    throw error;
  }
}

/** Opens a stream, waits for its first message and leaves it. */
async function firstOf(call: Call, request: unknown): Promise<void> {
  const reader = new AbortController();
  const sent = Array.isArray(request) ? messages(request) : request;
  const answers = call(sent, { signal: reader.signal }) as AsyncIterable<unknown>;
  for await (const _ of answers) break;
  reader.abort();
}

async function* messages(list: readonly unknown[]) {
  yield* list;
}

/** All batches go over one stream, which what is wrong with one of them must leave usable. */
async function outcomeOfBatch(batch: Parameters<typeof stream.submit>[0] & Init): Promise<string> {
  const { items, clientBatchId } = batch as never as { items: []; clientBatchId: string };
  const { error, results } = await stream.submit(items, clientBatchId);
  if (error !== undefined) return reasonOf(error);
  const [first] = results;
  return first?.result.case === 'error' ? reasonOf(first.result.value) : 'OK';
}

const ITEMS = ['PlaceOrder', 'CancelOrder', 'AmendOrder', 'PlaceOrderGroup', 'CancelOrderGroup'];

/** What the comment of a method promises; a batch's items are what their methods say. */
function documentedReasons(method: DescMethod): string {
  const general = commentOf(method.parent.typeName);
  const items = method.name === 'SubmitOrders' ? ITEMS : [];
  const names = [method.name, ...items].map((name) => `${method.parent.typeName}.${name}`);
  return [general, ...names.map(commentOf)].join(' ');
}

/** All that a refused request could have changed, once what was asked before has settled. */
async function state(): Promise<string> {
  const read = () =>
    Promise.all([
      mesh.accounts.getBalances({ accountId }),
      mesh.accounts.listPostings({ accountId }),
      mesh.orders.listOrders({ accountId, openOnly: true }),
      mesh.reference.listAssets({ pageSize: 1_000 }),
      mesh.reference.listInstruments({ pageSize: 1_000 }),
    ]);
  const seen = await waitUntil(read, { what: 'the state', deadlineMs: METHOD_DEADLINE_MS / 2 });
  return JSON.stringify(seen, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
}

describe('the contracts', () => {
  test('have no service that is neither public nor internal', () => {
    const services = loadFiles()
      .filter((file) => file.package.startsWith('bourse.'))
      .flatMap((file) => file.service.map(({ name }) => `${file.package}.${name}`));
    expect(services.sort()).toEqual([...PUBLIC.keys(), ...INTERNAL].sort());
  });

  test('have no public method without a good request', () => {
    const names = METHODS.map((method) => fullName(method).replace('bourse.', ''));
    expect(names.sort()).toEqual(Object.keys(GOOD).sort());
  });
});

describe.each(METHODS.map((method) => [fullName(method), method] as const))(
  '%s',
  (name, method) => {
    const requests = GOOD[name.replace('bourse.', '')] ?? [];
    const make = async (good: () => Init | Promise<Init>) =>
      create(method.input, (await good()) as never);

    test(
      'BND-2 refuses every field beyond its bound, changes nothing and goes on',
      async () => {
        const documented = documentedReasons(method);
        const untried = new Set(fieldsWithin(method.input));
        const wrong: string[] = [];
        const made = await Promise.all(requests.map(make));
        const setByAny = new Set(made.flatMap((one) => [...fieldsSetIn(method.input, one)]));
        for (const good of requests) {
          expect(await outcomeOf(method, await make(good))).toBe('OK');
          const { faults, tried } = faultsOf(method.input, await make(good), setByAny);
          for (const field of tried) untried.delete(field);
          const before = await state();
          for (const { field, what, reasons, request } of faults) {
            const got = await outcomeOf(method, request);
            const isRight = reasons.includes(got) && documented.includes(got);
            if (!isRight) wrong.push(`${field}, ${what}: ${got}, not ${reasons.join(' or ')}`);
          }
          expect(await state()).toBe(before);
          expect(await outcomeOf(method, await make(good))).toBe('OK');
        }
        expect(wrong).toEqual([]);
        expect([...untried]).toEqual([]);
      },
      METHOD_DEADLINE_MS,
    );

    test('refuses bytes that are no message of its kind', async () => {
      const bytes = [...wrongTypes(method.input), ...brokenTexts(method.input)];
      const got = await Promise.all(
        bytes.map(async ({ field, bytes: one }) => [field, await outcomeOf(method, one)]),
      );
      expect(got).toEqual(bytes.map(({ field }) => [field, 'MESSAGE_MALFORMED']));
      for (const good of requests) expect(await outcomeOf(method, await make(good))).toBe('OK');
    });
  },
);
