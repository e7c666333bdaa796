// LedgerService through the real RPC stack: proposals, reads and streams as the mesh uses them.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CommandSchema } from '../../../gen/bourse/ledger/v1/command_pb.ts';
import {
  LedgerService,
  type ProposalResult,
  type ProposeRequestSchema,
} from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { ErrorReasonSchema } from '../../../gen/bourse/type/v1/error_pb.ts';
import { RejectReason, SelfTradePrevention } from '../../../gen/bourse/type/v1/order_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { type Mesh, startMesh } from '../../support/mesh.ts';
import { createAccount, createMarket, limit, type Market } from '../../support/trading.ts';

let mesh: Mesh;
let at: Market;
let ledger: ReturnType<typeof clientOf>;
let instrumentNumber = 0;
let assetNumbers: { base: number; quote: number };

const clientOf = (of: Mesh) => of.clientAt(LedgerService, 'account-1');

beforeAll(async () => {
  mesh = await startMesh({ env: { BOURSE_ACCOUNT_SHARDS: '1' } });
  ledger = clientOf(mesh);
  at = await createMarket(mesh);
  await createAccount(mesh, { [at.quoteAssetId]: '1', [at.baseAssetId]: '1' });
  const { instrument } = await mesh.reference.getInstrument({ instrumentId: at.instrumentId });
  instrumentNumber = instrument?.instrumentNumber ?? 0;
  const [base, quote] = await Promise.all(
    [at.baseAssetId, at.quoteAssetId].map((assetId) => mesh.reference.getAsset({ assetId })),
  );
  assetNumbers = {
    base: base?.asset?.assetNumber ?? 0,
    quote: quote?.asset?.assetNumber ?? 0,
  };
}, 120_000);

afterAll(async () => {
  await mesh?.stop();
}, 30_000);

async function reasonOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof OperatingError) return error.reason ?? `code ${error.code}`;
    throw error;
  }
  return 'OK';
}

type CommandKind = Exclude<MessageInitShape<typeof CommandSchema>, { $typeName: string }>['kind'];
type RequestInit = MessageInitShape<typeof ProposeRequestSchema>;

let identities = 0;

/** Proposes commands in one message of one stream; the results in the order of the commands. */
async function propose(
  kinds: readonly NonNullable<CommandKind>[],
  options: { readonly shardId?: string; readonly identity?: string } = {},
): Promise<readonly ProposalResult[]> {
  const results: ProposalResult[] = [];
  const proposals = kinds.map((kind, index) => {
    identities += 1;
    return {
      number: BigInt(index),
      identity: options.identity ?? `test-${identities}`,
      validUntilUs: BigInt(Date.now() + 20_000) * 1000n,
      command: { kind },
    };
  });
  async function* requests(): AsyncGenerator<RequestInit> {
    yield { shardId: options.shardId ?? 'account-1', proposals };
  }
  const signal = AbortSignal.timeout(15_000);
  for await (const response of ledger.propose(requests(), { signal })) {
    results.push(...response.results);
  }
  return results.sort((one, other) => Number(one.number - other.number));
}

const outcomeOf = ({ kind }: ProposalResult): string =>
  kind.case === 'refusal'
    ? (ErrorReasonSchema.value[kind.value.reason]?.localName ?? '')
    : (kind.case ?? '');

function hold(
  accountId: string,
  clientOrderId: string,
  change: object = {},
): NonNullable<CommandKind> {
  const value = {
    accountId,
    clientOrderId,
    terms: {
      instrumentNumber,
      side: 1,
      type: 1,
      timeInForce: 1,
      quantityUnits: 1n,
      priceUnits: 100n,
      selfTradePrevention: SelfTradePrevention.UNSPECIFIED,
      instrumentVersion: 1n,
    },
    bodyHash: new Uint8Array(16).fill(7),
    assetNumber: assetNumbers.quote,
    // One price unit times one quantity unit is 1,000 of the quote's smallest units.
    amountUnits: 100_000n,
    validUntilUs: BigInt(Date.now() + 10_000) * 1000n,
    ...change,
  };
  return { case: 'placeHold', value } as NonNullable<CommandKind>;
}

describe('Propose', () => {
  test('HLD-2 SET-4 a hold, its repeat, another body, and too little money', async () => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '0.001' });
    const results = await propose([
      hold(accountId, 'a'),
      hold(accountId, 'a'),
      hold(accountId, 'a', { bodyHash: new Uint8Array(16) }),
      hold(accountId, 'b', { refuseWhenShort: true }),
      hold(accountId, 'b'),
      hold(accountId, 'c', { declineReason: RejectReason.TOO_LATE }),
      { case: 'prepareCancel', value: { accountId, clientOrderId: 'd' } },
      hold(accountId, 'd'),
    ]);
    expect(results.map(outcomeOf)).toEqual([
      'committed',
      'committed',
      'CLIENT_ORDER_ID_ALREADY_EXISTS',
      'INSUFFICIENT_FUNDS',
      'committed',
      'committed',
      'committed',
      'committed',
    ]);
    const committed = results.flatMap(({ kind }) => (kind.case === 'committed' ? kind.value : []));
    const events = committed.map((one) => one.events[0]?.kind.case);
    expect(events).toEqual([
      'holdPlaced',
      undefined,
      'orderDeclined',
      'orderDeclined',
      'cancelRecorded',
      undefined,
    ]);
    const placed = committed[0]?.events[0]?.kind;
    if (placed?.case !== 'holdPlaced') throw new Error('no hold');
    expect(placed.value.record?.terms?.selfTradePrevention).toBe(SelfTradePrevention.CANCEL_TAKER);
    expect(committed[1]?.answer).toMatchObject({ existing: true, record: placed.value.record });
    expect(committed[5]?.answer?.record?.rejectReason).toBe(RejectReason.CANCELED_BEFORE_ARRIVAL);
  });

  test('LOG-11 a known identity gets its first answer', async () => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '1' });
    const identity = `again-${accountId}`;
    const [first] = await propose([hold(accountId, 'a')], { identity });
    const [second] = await propose([hold(accountId, 'a')], { identity });
    expect(second).toMatchObject({ duplicate: true, kind: first?.kind });
  });

  test.each([
    ['nothing', { case: undefined }, 'MESSAGE_MALFORMED'],
    ['no terms', { case: 'placeHold', value: { accountId: 'x' } }, 'MESSAGE_MALFORMED'],
    [
      'an unknown account',
      { case: 'prepareCancel', value: { accountId: 'nobody' } },
      'ACCOUNT_UNKNOWN',
    ],
    [
      'a slot that is none',
      { case: 'acquireSlots', value: { slots: [4096], generation: 9n } },
      'NUMBER_OUT_OF_RANGE',
    ],
    [
      'a gap',
      {
        case: 'settle',
        value: { sourceShardId: 'matching-1', fromSequence: 1n << 40n, throughSequence: 1n << 40n },
      },
      'SETTLEMENT_GAP',
    ],
  ] as const)('%s is refused, and the stream goes on', async (_what, kind, reason) => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '1' });
    const results = await propose([kind as NonNullable<CommandKind>, hold(accountId, 'a')]);
    expect(results.map(outcomeOf)).toEqual([reason, 'committed']);
  });

  test('HLD-5 a hold below the worst cost, or of the wrong asset, is refused', async () => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '1' });
    const results = await propose([
      hold(accountId, 'a', { amountUnits: 99_999n }),
      hold(accountId, 'b', { assetNumber: assetNumbers.base }),
      hold(accountId, 'c', { bodyHash: new Uint8Array(3) }),
      hold(accountId, 'not an id'),
    ]);
    expect(results.map(outcomeOf)).toEqual([
      'MESSAGE_MALFORMED',
      'MESSAGE_MALFORMED',
      'MESSAGE_MALFORMED',
      'ID_INVALID',
    ]);
  });

  test('a shard that is not here is NOT_LEADER, too many proposals TOO_MANY_ITEMS', async () => {
    expect(await reasonOf(propose([], { shardId: 'account-9' }))).toBe('NOT_LEADER');
    const many = Array.from({ length: 1001 }, () => hold('nobody', 'a'));
    expect(await reasonOf(propose(many))).toBe('TOO_MANY_ITEMS');
  });
});

describe('reads', () => {
  test('orders by placement and client order id, lists page by page', async () => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '1000' });
    for (const price of ['10', '11', '12']) {
      await mesh.orders.placeOrder(
        limit(at, accountId, `buy 1 at ${price}`, { clientOrderId: `at-${price}` }),
      );
    }
    const order = { case: 'clientOrderId', value: 'at-11' } as const;
    const found = await ledger.findOrder({ accountId, order });
    expect(found.record).toMatchObject({ clientOrderId: 'at-11', placement: 2n });
    const accountNumber = found.record?.accountNumber ?? 0;
    const placement = { case: 'placement', value: 2n } as const;
    expect(await ledger.findOrder({ accountNumber, order: placement })).toEqual(found);
    const first = await ledger.listOrderRecords({ accountId, limit: 2 });
    expect(first).toMatchObject({ more: true, records: [{ placement: 3n }, { placement: 2n }] });
    const rest = await ledger.listOrderRecords({ accountId, limit: 2, beforePlacement: 2n });
    expect(rest).toMatchObject({ more: false, records: [{ placement: 1n }] });
  });

  test('what is not there, or not a page, is refused with its reason', async () => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '1' });
    const order = { case: 'clientOrderId', value: 'none' } as const;
    expect(await reasonOf(ledger.findOrder({ accountId, order }))).toBe('ORDER_UNKNOWN');
    const nobody = { accountId: 'nobody' };
    expect(await reasonOf(ledger.findOrder({ ...nobody, order }))).toBe('ACCOUNT_UNKNOWN');
    for (const list of [ledger.listOrderRecords, ledger.listFillRecords]) {
      expect(await reasonOf(list({ accountId, limit: 0 }))).toBe('NUMBER_OUT_OF_RANGE');
      expect(await reasonOf(list({ accountId, limit: 1001 }))).toBe('NUMBER_OUT_OF_RANGE');
      expect(await reasonOf(list({ ...nobody, limit: 1 }))).toBe('ACCOUNT_UNKNOWN');
    }
  });
});

describe('StreamAccount', () => {
  test('begins with a snapshot and goes on behind any position', async () => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '1000' });
    await mesh.orders.placeOrder(limit(at, accountId, 'buy 1 at 10'));
    const signal = AbortSignal.timeout(20_000);
    const events: (string | undefined)[] = [];
    const sequences: bigint[] = [];
    let snapshotAt = 0n;
    for await (const { kind, throughSequence } of ledger.streamAccount({ accountId }, { signal })) {
      if (kind.case === 'snapshot') {
        snapshotAt = throughSequence;
        expect(kind.value.orders).toHaveLength(1);
        await mesh.orders.placeOrder(limit(at, accountId, 'buy 1 at 11'));
      } else if (kind.case === 'events') {
        events.push(...kind.value.events.map(({ event }) => event?.kind.case));
        sequences.push(...kind.value.events.map(({ sequence }) => sequence));
      }
      if (events.includes('orderExecuted')) break;
    }
    expect(events).toContain('holdPlaced');
    expect(sequences.every((sequence) => sequence > snapshotAt)).toBe(true);
    const again: bigint[] = [];
    const resumed = ledger.streamAccount({ accountId, afterSequence: snapshotAt }, { signal });
    for await (const { kind } of resumed) {
      if (kind.case === 'events') again.push(...kind.value.events.map(({ sequence }) => sequence));
      if (again.length >= sequences.length) break;
    }
    expect(again.slice(0, sequences.length)).toEqual(sequences);
  }, 30_000);

  test('a position that the log has not reached, or an unknown account, ends it', async () => {
    const accountId = await createAccount(mesh, { [at.quoteAssetId]: '1' });
    const first = async (request: { accountId: string; afterSequence?: bigint }) => {
      for await (const _ of ledger.streamAccount(request)) return 'OK';
      return 'ended';
    };
    expect(await reasonOf(first({ accountId: 'nobody' }))).toBe('ACCOUNT_UNKNOWN');
    const afterSequence = 1n << 40n;
    expect(await reasonOf(first({ accountId, afterSequence }))).toBe('RESUME_TOKEN_TOO_OLD');
  });
});
